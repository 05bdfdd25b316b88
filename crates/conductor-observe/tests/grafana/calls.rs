//! What a Grafana gets, and what comes of its answers.

use std::time::{Duration, Instant};

use conductor_core::annotation::Annotation;
use conductor_core::failure::{Failure, FailureKind};
use conductor_core::ports::Annotator;
use serde_json::json;

use crate::service::{Mood, Service, annotator, phase};

async fn written(annotator: &dyn Annotator) -> Result<(), (FailureKind, String)> {
    annotator.annotate(&phase()).await.map_err(|error| (error.kind, Failure::of("", &error).message))
}

#[tokio::test]
async fn a_phase_is_a_region_with_the_tags_of_its_run() {
    let service = Service::new(Mood::Well).await;
    written(&*service.annotator(&json!({ "tags": ["team:checkout"] }))).await.unwrap();
    let [look, write]: [_; 2] = service.calls().try_into().unwrap();
    assert_eq!((look.method.as_str(), look.path.as_str()), ("GET", "/ops/api/annotations"));
    assert_eq!(
        look.query,
        "type=annotation&tags=loadtest&tags=run%3Acyber-week-1&from=1795528800500&to=1795536000000&limit=1000"
    );
    assert_eq!((write.method.as_str(), write.authorization.as_str()), ("POST", "Bearer a-token"));
    let tags = [
        "loadtest",
        "run:cyber-week-1",
        "load_test:cyber week",
        "environment:shop-test",
        "kind:phase",
        "team:checkout",
    ];
    let text = "GENERATE_LOAD of cyber week";
    let (from, to) = (1_795_528_800_500_i64, 1_795_536_000_000_i64);
    assert_eq!(write.body, json!({ "time": from, "timeEnd": to, "tags": tags, "text": text }));
}

#[tokio::test]
async fn what_has_no_duration_ends_when_it_begins() {
    let service = Service::new(Mood::Well).await;
    let alert = Annotation { to: None, ..phase() };
    service.annotator(&json!({})).annotate(&alert).await.unwrap();
    let body = service.calls().pop().unwrap().body;
    assert_eq!((&body["time"], &body["timeEnd"]), (&json!(1_795_528_800_500_i64), &json!(1_795_528_800_500_i64)));
}

#[tokio::test]
async fn what_is_there_is_not_written_again_by_whomever() {
    let service = Service::new(Mood::Well).await;
    for _ in 0..3 {
        written(&*service.annotator(&json!({}))).await.unwrap();
    }
    assert_eq!(service.written(), 1);
    let other = Annotation { text: "another one at the same time".to_owned(), ..phase() };
    service.annotator(&json!({})).annotate(&other).await.unwrap();
    assert_eq!(service.written(), 2);
}

#[tokio::test]
async fn what_was_written_though_it_was_said_that_it_was_not_is_found() {
    let service = Service::new(Mood::Forgetful).await;
    let annotator = service.annotator(&json!({}));
    let (kind, text) = written(&*annotator).await.unwrap_err();
    assert_eq!(kind, FailureKind::Unavailable);
    assert_eq!(
        text,
        "could not write an annotation into Grafana: 500 Internal Server Error: Failed to save annotation"
    );
    service.becomes(Mood::Well);
    written(&*annotator).await.unwrap();
    assert_eq!(service.written(), 1);
}

#[tokio::test]
async fn what_is_refused_is_told_with_what_would_be_right() {
    let cases = [
        (
            401,
            r#"{"message":"invalid API key"}"#,
            "expected the token of a service account that it knows, in tokenEnv or auth",
        ),
        (
            403,
            r#"{"message":"Access denied"}"#,
            "expected a service account that may annotations:create and annotations:read, as those with the role Editor may",
        ),
        (404, "not found", "expected url or apiUrl to be the address of a Grafana, with its path prefix"),
        (200, "<html>a proxy</html>", "expected url or apiUrl to be the address of a Grafana"),
        (200, r#"{"message":"no list"}"#, "expected url or apiUrl to be the address of a Grafana"),
    ];
    for (status, answer, expected) in cases {
        let service = Service::new(Mood::Says(status, answer)).await;
        let (kind, text) = written(&*service.annotator(&json!({}))).await.unwrap_err();
        assert_eq!(kind, FailureKind::Rejected, "{text}");
        assert!(text.starts_with("could not look for an annotation in Grafana: "), "{text}");
        assert!(text.contains(answer) && text.ends_with(&format!("; {expected}")), "{text}");
        assert!(!text.contains("a-token"), "{text}");
    }
}

#[tokio::test]
async fn what_may_be_better_later_is_told_apart() {
    for status in [429, 500, 503] {
        let service = Service::new(Mood::Says(status, "busy")).await;
        let (kind, text) = written(&*service.annotator(&json!({}))).await.unwrap_err();
        assert_eq!(kind, FailureKind::Unavailable, "{text}");
    }
    // Nobody listens there.
    let (kind, text) = written(&*annotator("http://127.0.0.1:1", &json!({}))).await.unwrap_err();
    assert!(kind == FailureKind::Unavailable && text.contains("refused"), "{text}");
}

#[tokio::test]
async fn one_that_is_silent_is_not_waited_for_longer_than_its_time() {
    let service = Service::new(Mood::Silent).await;
    let begun = Instant::now();
    let (kind, text) = written(&*service.annotator(&json!({ "timeout": "200ms" }))).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(kind, FailureKind::Unavailable);
    assert_eq!(text, "could not look for an annotation in Grafana: no answer within 200ms");
}

#[tokio::test]
async fn it_is_called_where_the_conductor_reaches_it_with_the_secret_of_a_file() {
    let service = Service::new(Mood::Well).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "of-a-file\n").unwrap();
    let mut settings: conductor_observe::GrafanaSettings = serde_json::from_value(json!({
        "url": "https://grafana.example", "apiUrl": format!("{}/", service.url), "auth": { "bearerFile": "token" },
    }))
    .unwrap();
    settings.resolve(folder.path());
    written(&*settings.annotator(None).unwrap().unwrap()).await.unwrap();
    let calls = service.calls();
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|call| call.authorization == "Bearer of-a-file"), "{calls:?}");
    assert_eq!(calls[1].body["tags"].as_array().map_or(0, Vec::len), 5);
}
