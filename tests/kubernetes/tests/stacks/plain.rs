//! Stacks without an autoscaler.

use conductor_kubernetes_bed::until;
use kube::ResourceExt;
use serde_json::json;

use crate::support::PATIENCE;
use crate::{A_WHILE, Shop, annotated, change};

#[tokio::test]
async fn replicas_and_annotations_of_a_deployment_are_put_back_as_its_stack_has_them() {
    let shop = Shop::plain("stacks-reset").await;
    change(&shop.deployments, "shop-v1", json!({ "metadata": annotated(), "spec": { "replicas": 5 } })).await;
    until("they are put back", PATIENCE, async || (shop.replicas().await == 2).then_some(())).await;
    assert!(!shop.deployment().await.annotations().contains_key("team.example/owner"));
}

#[tokio::test]
async fn replicas_and_annotations_of_a_stack_stay() {
    let shop = Shop::plain("stacks-scaled").await;
    change(&shop.stacks, "shop-v1", json!({ "metadata": annotated(), "spec": { "replicas": 5 } })).await;
    shop.has("shop-v1", 5).await;
    shop.keeps(5).await;
    let stack = shop.stack().await;
    assert_eq!(stack.annotations()["team.example/owner"], "a");
    assert_eq!(stack.spec.replicas, Some(5));
}

#[tokio::test]
async fn an_image_of_a_deployment_stays_until_its_stack_changes() {
    let shop = Shop::plain("stacks-image").await;
    let image = async || shop.deployment().await.spec.unwrap().template.spec.unwrap().containers[0].image.clone();
    let of =
        |image: &str| json!([{ "op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image }]);
    let patch: kube::api::Patch<()> =
        kube::api::Patch::Json(serde_json::from_value(of("registry.example/shop:2")).unwrap());
    shop.deployments.patch("shop-v1", &Default::default(), &patch).await.unwrap();
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(image().await.as_deref(), Some("registry.example/shop:2"));
    change(&shop.stacks, "shop-v1", json!({ "spec": { "replicas": 3 } })).await;
    shop.carried().await;
    assert_eq!(image().await.as_deref(), Some("registry.example/shop:1"));
}

#[tokio::test]
async fn the_pod_template_of_a_stack_is_carried_to_its_deployment() {
    let shop = Shop::plain("stacks-template").await;
    let of = json!([{ "op": "replace", "path": "/spec/podTemplate/spec/containers/0/image", "value": "registry.example/shop:2" }]);
    let patch: kube::api::Patch<()> = kube::api::Patch::Json(serde_json::from_value(of).unwrap());
    shop.stacks.patch("shop-v1", &Default::default(), &patch).await.unwrap();
    let carried = shop.carried().await;
    assert_eq!(
        carried.spec.unwrap().template.spec.unwrap().containers[0].image.as_deref(),
        Some("registry.example/shop:2")
    );
    tokio::time::sleep(A_WHILE).await;
    let container = &shop.stack().await.spec.pod_template.spec.unwrap().containers[0];
    assert_eq!(container.image.as_deref(), Some("registry.example/shop:2"));
}
