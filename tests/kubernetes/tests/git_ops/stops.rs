//! The end of a cluster that is kept.

use conductor_kubernetes_bed::{Cluster, ClusterSettings, Tool, User, until};
use kube::Api;
use kube::api::DynamicObject;
use serde_json::json;

use crate::manifest;
use crate::support::PATIENCE;

#[tokio::test]
async fn who_keeps_it_stops_in_order_and_leaves_nothing_behind() {
    let cluster = Cluster::start(ClusterSettings::default()).await.unwrap_or_else(|error| panic!("{error}"));
    let admin = cluster.client(&User::Admin).await.unwrap();
    let mut repositories = Vec::new();
    for (name, tool) in
        [("kustomize", Tool::Kustomization), ("helm", Tool::HelmRelease), ("argo-cd", Tool::Application)]
    {
        cluster.namespace(name).await.unwrap();
        repositories.push(cluster.git_ops(tool, name, "keeper", vec![manifest(name, "v1")]).await.unwrap());
        let keepers: Api<DynamicObject> = Api::namespaced_with(admin.clone(), name, &tool.resource());
        until("a content keeper", PATIENCE, async || {
            tool.is_content(&json!(keepers.get("keeper").await.unwrap())).then_some(())
        })
        .await;
    }
    let folder = cluster.folder().to_owned();
    assert!(folder.exists());
    cluster.stop().await.unwrap();
    assert!(!folder.exists());
    drop(repositories);
    assert!(!folder.exists());
}
