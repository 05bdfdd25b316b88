//! Stops between two writes.

use std::process::Stdio;
use std::time::Duration;

use conductor_kubernetes_bed::{Moment, Requests, User, until};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::support::{PATIENCE, api, namespace};
use super::{kubectl, map, outcome, proxied};

#[tokio::test]
async fn a_process_can_be_killed_between_two_writes() {
    for (name, at, made) in
        [("killed-before", Moment::Before, &["one"][..]), ("killed-after", Moment::After, &["one", "two"])]
    {
        let (cluster, admin) = namespace(name).await;
        let proxy = cluster.fault_proxy(&User::Admin).await.unwrap();
        let stop = proxy.stop_at(Requests::writes().resource("configmaps"), 2, at);
        let file = cluster.folder().join(format!("{name}.json"));
        let object = |name| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name } });
        let items = ["one", "two", "three"].map(object);
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
        std::fs::write(&file, list.to_string()).unwrap();
        let mut kubectl = kubectl(cluster, &proxy);
        kubectl.args(["--namespace", name, "create", "--filename"]).arg(&file).stdout(Stdio::null());
        let mut process = kubectl.spawn().unwrap();
        stop.reached(PATIENCE).await;
        process.kill().unwrap();
        process.wait().unwrap();
        drop(stop);
        let found = api::<ConfigMap>(&admin, name).list(&ListParams::default()).await.unwrap();
        let found: Vec<String> =
            found.iter().map(ResourceExt::name_any).filter(|name| name != "kube-root-ca.crt").collect();
        assert_eq!(found, made, "{name}");
        let server = (at == Moment::After).then_some(201);
        assert_eq!(proxy.writes().iter().map(outcome).collect::<Vec<_>>(), [(Some(201), Some(201)), (server, None)]);
    }
}

#[tokio::test]
async fn a_stop_holds_later_requests_too_until_it_lets_go() {
    let (proxy, client) = proxied("held").await;
    let maps: Api<ConfigMap> = api(&client, "held");
    let create = |name: &'static str| {
        let maps = maps.clone();
        tokio::spawn(async move { maps.create(&PostParams::default(), &map(name)).await.map(drop) })
    };
    for (names, at, goes_on) in [
        (["a", "b"], Moment::Before, true),
        (["c", "d"], Moment::After, true),
        (["e", "f"], Moment::Before, false),
        (["g", "h"], Moment::After, false),
    ] {
        let seen = proxy.writes().len();
        let stop = proxy.stop_at(Requests::writes(), 1, at);
        let first = create(names[0]);
        stop.reached(PATIENCE).await;
        let second = create(names[1]);
        until("both have come", PATIENCE, async || (proxy.writes().len() == seen + 2).then_some(())).await;
        // Reads are not held, and show what is done.
        assert_eq!(maps.get_opt(names[0]).await.unwrap().is_some(), at == Moment::After, "{names:?}");
        assert_eq!(maps.get_opt(names[1]).await.unwrap(), None, "{names:?}");
        if goes_on {
            stop.go_on();
        } else {
            drop(stop);
        }
        assert_eq!(first.await.unwrap().is_ok(), goes_on, "{names:?}");
        assert_eq!(second.await.unwrap().is_ok(), goes_on, "{names:?}");
        assert_eq!(maps.get_opt(names[1]).await.unwrap().is_some(), goes_on, "{names:?}");
    }
    create("last").await.unwrap().unwrap();
}

#[tokio::test]
#[should_panic(expected = "no request came to the stop within")]
async fn a_stop_that_nothing_comes_to_says_so() {
    let (proxy, _) = proxied("unreached").await;
    proxy.stop_at(Requests::writes(), 1, Moment::Before).reached(Duration::from_millis(10)).await;
}
