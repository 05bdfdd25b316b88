//! What a proxy is, whatever its faults.

use std::io::ErrorKind;
use std::net::TcpStream;

use conductor_kubernetes_bed::{Answer, Effect, Fault, Moment, Requests, Seen, User, Verb};
use futures::StreamExt;
use http::Method;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchParams};
use serde_json::json;

use super::support::{PATIENCE, api, namespace};
use super::{code, map, maps, outcome, proxied};

#[tokio::test]
async fn without_a_fault_everything_passes_and_is_seen_as_the_audit_log_sees_it() {
    let (cluster, _) = namespace("plain").await;
    let user = User::Person { name: "proxied".to_owned(), group: Some("system:masters".to_owned()) };
    let proxy = cluster.fault_proxy(&user).await.unwrap();
    let maps: Api<ConfigMap> = api(&proxy.client().await.unwrap(), "plain");
    maps.create(&PostParams::default(), &map("one")).await.unwrap();
    let made = maps.create(&PostParams::default(), &map("two")).await.unwrap();
    let unmade = PostParams { dry_run: true, ..PostParams::default() };
    maps.create(&unmade, &map("three")).await.unwrap();
    maps.patch("one", &PatchParams::default(), &Patch::Merge(json!({ "data": { "key": "1" } }))).await.unwrap();
    maps.replace("two", &PostParams::default(), &made).await.unwrap();
    maps.delete("one", &DeleteParams::default()).await.unwrap();
    maps.delete("two", &DeleteParams::default().dry_run()).await.unwrap();
    assert_eq!(maps.get_opt("one").await.unwrap(), None);
    maps.delete_collection(&DeleteParams::default(), &ListParams::default().labels("bed=none")).await.unwrap();

    let audit = cluster.audit().await.unwrap();
    let written: Vec<_> = audit.by("proxied").map(|entry| (entry.verb.clone(), entry.code)).collect();
    let mut writes = proxy.requests();
    writes.retain(|seen| seen.verb != Verb::Get);
    let seen = |seen: &Seen| (format!("{:?}", seen.verb).to_lowercase(), seen.server.unwrap());
    assert_eq!(writes.iter().map(seen).collect::<Vec<_>>(), written);
    assert_eq!(proxy.writes().len(), writes.len() - 2, "without the dry runs");
    for (entry, seen) in audit.by("proxied").zip(&writes) {
        // The API server takes the name of what is made from its body.
        if seen.verb != Verb::Create {
            assert_eq!(seen.object, entry.object);
        }
    }
    let missed = &proxy.requests()[7];
    assert_eq!((&missed.method, &*missed.path), (&Method::GET, "/api/v1/namespaces/plain/configmaps/one"));
    assert_eq!(outcome(missed), (Some(404), Some(404)));
    assert!(proxy.requests()[2].query.contains("dryRun=All"));
}

#[tokio::test]
async fn the_proxy_has_the_rights_of_its_user_and_no_others() {
    let (cluster, _) = namespace("rightless").await;
    let proxy = cluster.fault_proxy(&User::person("nobody")).await.unwrap();
    let refused = maps(&proxy, "rightless").await.list(&ListParams::default()).await.unwrap_err();
    assert_eq!(code(&refused), 403);
    assert!(refused.to_string().contains("User \"nobody\" cannot list"), "{refused}");
}

#[tokio::test]
async fn a_fault_happens_to_the_requests_that_were_meant() {
    let (proxy, client) = proxied("meant").await;
    let maps: Api<ConfigMap> = api(&client, "meant");
    for name in ["one", "two"] {
        maps.create(&PostParams::default(), &map(name)).await.unwrap();
    }
    let patch = async |name| {
        let change = Patch::Merge(json!({ "metadata": { "labels": { "changed": "yes" } } }));
        maps.patch(name, &PatchParams::default(), &change).await.map_err(|error| code(&error)).map(drop)
    };
    let two = Requests::writes().verb(Verb::Patch).resource("configmaps").namespace("meant").name("two");
    let fault = proxy.inject(Fault::new(two.path("/two"), Effect::Answer(Answer::Conflict)).after(1).times(2));
    assert_eq!(patch("one").await, Ok(()));
    assert_eq!(patch("two").await, Ok(()), "the first is spared");
    assert_eq!(patch("one").await, Ok(()));
    maps.get("two").await.unwrap();
    assert_eq!(fault.met(), 0);
    assert_eq!(patch("two").await, Err(409));
    assert_eq!(fault.met(), 1);
    assert_eq!(patch("two").await, Err(409));
    assert_eq!(patch("two").await, Ok(()), "it happens twice");
    assert_eq!(fault.met(), 2);
    fault.lift();

    let older = proxy.inject(Fault::new(Requests::writes(), Effect::Answer(Answer::InternalError)));
    proxy.inject(Fault::new(Requests::all(), Effect::Answer(Answer::Conflict)));
    assert_eq!(patch("one").await, Err(500), "the oldest fault happens");
    older.lift();
    assert_eq!(patch("one").await, Err(409));
    proxy.lift_all();
    assert_eq!(patch("one").await, Ok(()));
}

#[tokio::test]
async fn a_dropped_proxy_leaves_nothing_behind() {
    let (proxy, client) = proxied("gone").await;
    let maps: Api<ConfigMap> = api(&client, "gone");
    let now = maps.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let mut events = maps.watch(&WatchParams::default(), &now).await.unwrap().boxed();
    let address = proxy.url().strip_prefix("http://").unwrap().to_owned();
    let kubeconfig = proxy.kubeconfig().to_owned();
    let stop = proxy.stop_at(Requests::writes(), 1, Moment::Before);
    let held = tokio::spawn(async move { maps.create(&PostParams::default(), &map("never")).await });
    stop.reached(PATIENCE).await;
    assert!(kubeconfig.exists());
    drop(proxy);
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert!(!kubeconfig.exists());
    held.await.unwrap().unwrap_err();
    assert!(!matches!(events.next().await, Some(Ok(_))));
}
