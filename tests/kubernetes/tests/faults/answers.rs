//! Answers that the API server never gave.

use std::time::{Duration, Instant};

use conductor_kubernetes_bed::{Answer, Behaviour, Effect, Fault, Moment, Requests, User, Verb, deployment};
use http::{Method, Request};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::{Value, json};

use super::support::{api, namespace};
use super::{config, kubectl, map, maps, outcome, proxied};

#[tokio::test]
async fn a_conflict_and_a_failed_test_are_worded_as_the_api_server_words_them() {
    let (proxy, client) = proxied("worded").await;
    let shop = json!(deployment("shop", 0, Behaviour::Ready));
    for (path, mut object) in [
        ("/api/v1/namespaces/worded/configmaps", json!(map("shop"))),
        ("/apis/apps/v1/namespaces/worded/deployments", shop),
    ] {
        assert_eq!(sent(&client, request(Method::POST, path, "json", &object)).await.0, 201);
        let path = format!("{path}/shop");
        // Newer is every object than that.
        object["metadata"]["resourceVersion"] = "1".into();
        let replace = || request(Method::PUT, &path, "json", &object);
        let test = json!([{ "op": "test", "path": "/metadata/name", "value": "other" }]);
        let patch = || request(Method::PATCH, &path, "json-patch+json", &test);
        let (real_conflict, real_failure) = (sent(&client, replace()).await, sent(&client, patch()).await);
        assert_eq!((real_conflict.0, real_failure.0), (409, 422));
        proxy.inject(Fault::new(Requests::all().verb(Verb::Update), Effect::Answer(Answer::Conflict)).once());
        proxy.inject(Fault::new(Requests::all().verb(Verb::Patch), Effect::Answer(Answer::FailedTest)).once());
        assert_eq!(sent(&client, replace()).await, real_conflict);
        assert_eq!(sent(&client, patch()).await, real_failure);
        let seen = proxy.writes();
        assert_eq!(outcome(&seen[seen.len() - 2]), (None, Some(409)));
        assert_eq!(outcome(&seen[seen.len() - 1]), (None, Some(422)));
    }
}

#[tokio::test]
async fn every_answer_is_given_with_its_status_and_nothing_is_done() {
    let (proxy, client) = proxied("answers").await;
    let create = || request(Method::POST, "/api/v1/namespaces/answers/configmaps", "json", &json!(map("shop")));
    for (answer, code, reason, details) in [
        (Answer::Conflict, 409, "Conflict", "/name"),
        (Answer::Invalid, 422, "Invalid", "/causes/0/field"),
        (Answer::FailedTest, 422, "Invalid", ""),
        (Answer::TooManyRequests(Duration::from_secs(7)), 429, "TooManyRequests", "/retryAfterSeconds"),
        (Answer::InternalError, 500, "InternalError", "/causes/0/message"),
        (Answer::Expired, 410, "Expired", "none"),
        (Answer::Unavailable, 503, "ServiceUnavailable", "none"),
    ] {
        proxy.inject(Fault::new(Requests::writes(), Effect::Answer(answer)).once());
        let (status, retry_after, said) = sent(&client, create()).await;
        assert_eq!((status, said["code"].as_u64(), said["reason"].as_str()), (code, Some(code.into()), Some(reason)));
        assert_eq!(said["details"].pointer(details).is_some(), details != "none", "{said}");
        assert_eq!(retry_after.as_deref(), (code == 429).then_some("7"));
    }
    assert_eq!(maps(&proxy, "answers").await.get_opt("shop").await.unwrap(), None);
    assert_eq!(sent(&client, create()).await.0, 201, "each happened once");
}

#[tokio::test]
async fn a_client_that_is_sent_away_for_a_second_comes_back() {
    let (proxy, _) = proxied("patient").await;
    let second = Duration::from_secs(1);
    proxy.inject(Fault::new(Requests::writes(), Effect::Answer(Answer::TooManyRequests(second))).times(2));
    let mut config = config(&proxy).await;
    config.default_retry = true;
    let maps: Api<ConfigMap> = api(&Client::try_from(config).unwrap(), "patient");
    let begun = Instant::now();
    maps.create(&PostParams::default(), &map("shop")).await.unwrap();
    assert!(begun.elapsed() >= 2 * second, "{:?}", begun.elapsed());
    let writes: Vec<_> = proxy.writes().iter().map(outcome).collect();
    assert_eq!(writes, [(None, Some(429)), (None, Some(429)), (Some(201), Some(201))]);
}

#[tokio::test]
async fn kubectl_goes_through_the_proxy_and_says_what_it_was_told() {
    let (cluster, _) = namespace("told").await;
    let proxy = cluster.fault_proxy(&User::Admin).await.unwrap();
    let run = |arguments: &[&str]| {
        let ended = kubectl(cluster, &proxy).args(["--namespace", "told"]).args(arguments).output().unwrap();
        (ended.status.success(), String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned())
    };
    let (made, said) = run(&["create", "configmap", "shop"]);
    assert!(made && said.contains("configmap/shop created"), "{said}");
    let label = ["label", "configmap", "shop", "a=b"];
    for (effect, words) in [
        (Effect::Answer(Answer::Conflict), "the object has been modified"),
        (Effect::Answer(Answer::Invalid), "is invalid: spec: Invalid value"),
        (Effect::Answer(Answer::Unavailable), "unavailable, says the fault proxy"),
        (Effect::Drop(Moment::Before), "EOF"),
    ] {
        let writes = proxy.writes().len();
        let fault = proxy.inject(Fault::new(Requests::writes(), effect));
        let (done, said) = run(&label);
        assert!(!done && said.contains(words), "{effect:?}: {said}");
        assert_eq!(proxy.writes().len(), writes + 1);
        fault.lift();
    }
    let (done, said) = run(&label);
    assert!(done, "{said}");
}

fn request(method: Method, path: &str, kind: &str, body: &Value) -> Request<Vec<u8>> {
    let request = Request::builder().method(method).uri(path).header("content-type", format!("application/{kind}"));
    request.body(body.to_string().into_bytes()).unwrap()
}

/// The status, Retry-After header and document of an answer.
async fn sent(client: &Client, request: Request<Vec<u8>>) -> (u16, Option<String>, Value) {
    let response = client.send(request.map(Into::into)).await.unwrap();
    let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    let status = response.status();
    let body = response.into_body().collect_bytes().await.unwrap();
    (status.as_u16(), retry_after, serde_json::from_slice(&body).unwrap())
}
