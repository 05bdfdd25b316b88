//! The shipped RouteGroup, which the real Skipper reads from a real API server: it is proved as the routes of a file are.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Write;
use std::process::{Command, Stdio};

use conductor_bed::until;
use conductor_core::ports::MockProbe;
use conductor_kubernetes_bed::{Cluster, ClusterSettings, User};
use serde_json::json;

use crate::bed::{Chain, SIMULATION, WITHIN, free_port, made, started, tags};

const ROUTE_GROUP: &str = include_str!("../../../../deploy/skipper/routegroup.yaml");
const DEFINITION: &str = include_str!("routegroups-crd.yaml");

#[tokio::test]
async fn the_shipped_route_group_is_proved_and_stops_other_tags() {
    let cluster = Cluster::start(ClusterSettings::default()).await.unwrap();
    kubectl(&cluster, &["create", "namespace", "shop"], "");
    kubectl(&cluster, &["create", "-f", "-"], DEFINITION);
    kubectl(&cluster, &["wait", "--for=condition=Established", "crd/routegroups.zalando.org"], "");
    let mut chain = Chain::without_router(SIMULATION).await;
    let group = chain.addressed(ROUTE_GROUP).replace("payments.example.org", "127.0.0.1");
    kubectl(&cluster, &["create", "-f", "-"], &group);
    // The API server without its certificates, which Skipper has by its ServiceAccount elsewhere.
    let port = free_port();
    let mut proxy = cluster.kubectl(&User::Admin).unwrap();
    proxy.arg("proxy").arg(format!("--port={port}"));
    let _proxy = started("kubectl", proxy);
    let url = format!("http://127.0.0.1:{port}");
    until("kubectl listens", WITHIN, async || chain.client.get(&url).send().await.ok()).await;
    chain.start_skipper(&["-kubernetes", "-kubernetes-url", &url]).await;

    let [mock, leak, real] = [0, 1, 2].map(|route| format!("kube_rg__shop__payments__all__{route}_0"));
    for id in [&mock, &leak, &real] {
        assert!(ROUTE_GROUP.contains(&format!("[{id}]")), "its comment does not name {id}");
        chain.has_route(id).await;
    }
    let mut settings = chain.settings();
    settings["router"]["routes"] = json!({ "mock": [mock], "leak": [leak], "real": [real] });
    let (mock, spec) = made(settings);
    let proof = mock.prove(&tags(), &spec).await.unwrap();
    assert_eq!(proof.faults(&spec), vec![], "{proof:#?}");
    assert_eq!(chain.pay(3, Some("True")).await, 421);
    assert_eq!(mock.look().await.routes.leak, 3);
    cluster.stop().await.unwrap();
}

/// Runs kubectl with that as its input.
fn kubectl(cluster: &Cluster, arguments: &[&str], input: &str) {
    let mut kubectl: Command = cluster.kubectl(&User::Admin).unwrap();
    let mut child =
        kubectl.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
}
