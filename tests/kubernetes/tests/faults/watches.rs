//! Watches that end before their time.

use conductor_kubernetes_bed::{Answer, Effect, Fault, Requests, Verb, until};
use futures::stream::BoxStream;
use futures::{AsyncBufReadExt, StreamExt, TryStreamExt};
use http::Request;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, PostParams, WatchEvent, WatchParams};
use kube::{Api, ResourceExt};

use super::support::{PATIENCE, api};
use super::{map, outcome, proxied};

#[tokio::test]
async fn a_watch_goes_on_until_it_is_dropped() {
    let (proxy, client) = proxied("watched").await;
    let maps: Api<ConfigMap> = api(&client, "watched");
    let mut events = watch(&maps).await;
    // Kube's client takes a dropped watch for one that ended in order. This one tells them apart.
    let path = "/api/v1/namespaces/watched/configmaps?watch=true&resourceVersion=0&fieldSelector=metadata.name=one";
    let mut lines = client.request_stream(Request::get(path).body(Vec::new()).unwrap()).await.unwrap().lines();
    maps.create(&PostParams::default(), &map("one")).await.unwrap();
    assert_eq!(added(&mut events).await, "one");
    assert!(lines.next().await.unwrap().unwrap().contains("ADDED"));
    assert_eq!(proxy.open_watches(), 2);
    proxy.drop_watches();
    assert!(matches!(next(&mut events).await, None | Some(Err(_))));
    lines.next().await.unwrap().unwrap_err();
    assert_eq!(proxy.open_watches(), 0);
    // The next one is not concerned.
    let mut events = watch(&maps).await;
    maps.create(&PostParams::default(), &map("two")).await.unwrap();
    assert_eq!(added(&mut events).await, "two");
    drop(events);
    until("the proxy has seen that the client left", PATIENCE, async || (proxy.open_watches() == 0).then_some(()))
        .await;
}

#[tokio::test]
async fn a_watch_expires_while_it_runs_or_at_its_start() {
    let (proxy, client) = proxied("expired").await;
    let maps: Api<ConfigMap> = api(&client, "expired");
    let mut running = watch(&maps).await;
    let mut another = watch(&maps).await;
    proxy.expire_watches();
    expires(&mut running).await;
    expires(&mut another).await;
    proxy.inject(Fault::new(Requests::all().verb(Verb::Watch), Effect::Answer(Answer::Expired)).once());
    expires(&mut watch(&maps).await).await;
    assert_eq!(outcome(proxy.requests().last().unwrap()), (None, Some(200)));
    let mut events = watch(&maps).await;
    maps.create(&PostParams::default(), &map("one")).await.unwrap();
    assert_eq!(added(&mut events).await, "one");
}

type Events = BoxStream<'static, kube::Result<WatchEvent<ConfigMap>>>;

/// The changes from now on.
async fn watch(maps: &Api<ConfigMap>) -> Events {
    let now = maps.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    maps.watch(&WatchParams::default(), &now).await.unwrap().boxed()
}

async fn next(events: &mut Events) -> Option<kube::Result<WatchEvent<ConfigMap>>> {
    tokio::time::timeout(PATIENCE, events.next()).await.unwrap()
}

async fn added(events: &mut Events) -> String {
    let event = next(events).await.unwrap().unwrap();
    let WatchEvent::Added(map) = event else { panic!("{event:?}") };
    map.name_any()
}

/// The stream says that it is expired, and ends in order.
async fn expires(events: &mut Events) {
    let event = next(events).await.unwrap().unwrap();
    let WatchEvent::Error(status) = event else { panic!("{event:?}") };
    assert_eq!((status.code, &*status.reason), (410, "Expired"));
    assert!(tokio::time::timeout(PATIENCE, events.try_next()).await.unwrap().unwrap().is_none());
}
