//! The shipped manifests of what makes load: all of it is on the nodes of one pool, and nothing else is.

use conductor_kubernetes_bed::{Behaviour, User, deployment, until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::ListParams;

use crate::bed::{Bed, PATIENCE, cluster};

/// Calls kubectl as an administrator. It must succeed.
async fn kubectl(arguments: &[&str]) {
    let mut command = cluster().await.kubectl(&User::Admin).unwrap();
    command.args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The nodes of the pods in a namespace once so many of them have one.
async fn nodes(bed: &Bed, namespace: &str, number: usize) -> Vec<String> {
    let pods: Api<Pod> = Api::namespaced(bed.admin.clone(), namespace);
    until("pods on nodes", PATIENCE, async || {
        let pods = pods.list(&ListParams::default()).await.unwrap().items;
        let nodes: Vec<String> = pods.into_iter().filter_map(|pod| pod.spec?.node_name).collect();
        (nodes.len() == number).then_some(nodes)
    })
    .await
}

#[tokio::test]
async fn load_and_mocks_and_the_reaper_are_on_nodes_of_their_own() {
    let bed = Bed::of("layout", serde_json::json!({ "name": "checkout" })).await;
    let all: Vec<String> = Api::<Node>::all(bed.admin.clone())
        .list(&ListParams::default())
        .await
        .unwrap()
        .into_iter()
        .filter_map(|node| node.metadata.name)
        .collect();
    let pool = all.first().unwrap();
    kubectl(&["label", "node", pool, "loadtest-conductor.dev/pool=load"]).await;
    kubectl(&["taint", "node", pool, "loadtest-conductor.dev/pool=load:NoSchedule"]).await;
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/kubernetes");
    kubectl(&["apply", "-k", &format!("{shipped}/load")]).await;
    kubectl(&["apply", "-f", &format!("{shipped}/reaper.yaml")]).await;
    let namespace = ["-n", "loadtest-conductor"];
    let job = ["create", "job", "reap-now", "--from=cronjob/loadtest-conductor-reaper"];
    kubectl(&[&namespace[..], &job[..]].concat()).await;
    // Master, two workers, Hoverfly, two of Skipper; and the reaper.
    for (namespace, number) in [("load", 6), ("loadtest-conductor", 1)] {
        assert_eq!(nodes(&bed, namespace, number).await, vec![pool.clone(); number], "{namespace}");
    }
    let many = deployment("checkout", 9, Behaviour::Ready);
    bed.api::<Deployment>().create(&Default::default(), &many).await.unwrap();
    let found = nodes(&bed, "layout", 9).await;
    assert!(!found.contains(pool), "{found:?}");
    // It would reap what other tests do.
    kubectl(&[&namespace[..], &["delete", "cronjob/loadtest-conductor-reaper"]].concat()).await;
}
