//! Who Argo Rollouts is to the API server, what it writes, and what becomes of Rollouts while it is down.

use conductor_kubernetes_bed::{Behaviour, Cluster, ClusterSettings, Rollout, User, rollout, until};
use k8s_openapi::api::apps::v1::ReplicaSet;
use kube::Api;
use kube::api::ListParams;

use crate::Shop;
use crate::support::{PATIENCE, cluster};

const CONTROLLER: &str = "system:serviceaccount:argo-rollouts:argo-rollouts";

#[tokio::test]
async fn replica_sets_and_status_and_the_number_of_a_version_are_written_by_its_service_account() {
    let shop = Shop::healthy("rollout-rights", 1, &[]).await;
    shop.version(2).await;
    shop.phase("Healthy").await;
    let log = cluster().await.audit().await.unwrap();
    let written: Vec<(&str, String)> = log
        .by(CONTROLLER)
        .filter(|entry| entry.object.namespace == "rollout-rights" && entry.code < 300)
        .map(|entry| (entry.verb.as_str(), format!("{}/{}", entry.object.resource, entry.object.subresource)))
        .collect();
    for write in [("create", "replicasets/"), ("update", "rollouts/"), ("patch", "rollouts/status")] {
        assert!(written.iter().any(|(verb, object)| (*verb, object.as_str()) == write), "{write:?}: {written:?}");
    }
    // It may do what it needs, and no more.
    let controller = cluster().await.client(&User::service_account("argo-rollouts", "argo-rollouts")).await.unwrap();
    let rollouts: Api<Rollout> = Api::namespaced(controller, "rollout-rights");
    let error = rollouts.delete("shop", &Default::default()).await.unwrap_err();
    let kube::Error::Api(status) = error else { panic!("{error}") };
    assert_eq!(status.code, 403);
}

#[tokio::test]
async fn what_was_asked_for_while_it_was_down_is_done_when_it_is_back() {
    let cluster = Cluster::start(ClusterSettings::default()).await.unwrap_or_else(|error| panic!("{error}"));
    cluster.rollouts().await.unwrap_or_else(|error| panic!("{error}"));
    cluster.stop_rollouts().await.unwrap_or_else(|error| panic!("{error}"));
    let client = cluster.client(&User::Admin).await.unwrap();
    let rollouts: Api<Rollout> = Api::default_namespaced(client.clone());
    let sets: Api<ReplicaSet> = Api::default_namespaced(client);
    rollouts.create(&Default::default(), &rollout("shop", 2, Behaviour::Ready, &[])).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(sets.list(&ListParams::default()).await.unwrap().items.len(), 0);
    cluster.rollouts().await.unwrap_or_else(|error| panic!("{error}"));
    until("it is healthy", PATIENCE, async || {
        let status = rollouts.get("shop").await.unwrap().status?;
        (status.phase == "Healthy" && status.available_replicas == 2).then_some(())
    })
    .await;
    cluster.stop().await.unwrap_or_else(|error| panic!("{error}"));
}
