//! Who the controller is to the API server.

use serde_json::json;

use crate::support::cluster;
use crate::{Shop, change};

const CONTROLLER: &str = "system:serviceaccount:kube-system:stackset-controller";

#[tokio::test]
async fn what_is_made_of_stacks_is_written_by_its_service_account() {
    let shop = Shop::autoscaled("stacks-rights").await;
    change(&shop.stacks, "shop-v1", json!({ "spec": { "autoscaler": { "minReplicas": 3 } } })).await;
    shop.bounds(3, 4).await;
    shop.has("shop-v1", 3).await;
    let log = cluster().await.audit().await.unwrap();
    let written: Vec<(&str, String)> = log
        .by(CONTROLLER)
        .filter(|entry| entry.object.namespace == "stacks-rights" && entry.code < 300)
        .map(|entry| (entry.verb.as_str(), format!("{}/{}", entry.object.resource, entry.object.subresource)))
        .collect();
    for write in [
        ("create", "stacks/"),
        ("create", "deployments/"),
        ("create", "horizontalpodautoscalers/"),
        ("update", "deployments/"),
        ("update", "horizontalpodautoscalers/"),
    ] {
        assert!(written.iter().any(|(verb, object)| (*verb, object.as_str()) == write), "{write:?}: {written:?}");
    }
}
