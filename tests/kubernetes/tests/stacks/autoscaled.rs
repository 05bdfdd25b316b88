//! Stacks with an autoscaler.

use conductor_kubernetes_bed::until;
use kube::ResourceExt;
use serde_json::json;

use crate::support::PATIENCE;
use crate::{A_WHILE, GENERATION, Shop, annotated, change};

fn bounds(least: i32, most: i32) -> serde_json::Value {
    json!({ "spec": { "autoscaler": { "minReplicas": least, "maxReplicas": most } } })
}

#[tokio::test]
async fn a_stack_gets_an_autoscaler_of_its_name() {
    let shop = Shop::autoscaled("stacks-autoscaler").await;
    let autoscaler = shop.bounds(1, 4).await;
    let [owner] = autoscaler.owner_references() else { panic!("{:?}", autoscaler.owner_references()) };
    assert_eq!((owner.kind.as_str(), Some(&owner.uid)), ("Stack", shop.stack().await.uid().as_ref()));
    let target = &autoscaler.spec.scale_target_ref;
    assert_eq!((target.kind.as_str(), target.name.as_str()), ("Deployment", "shop-v1"));
    shop.keeps(2).await;
}

#[tokio::test]
async fn a_minimum_of_the_autoscaler_is_put_back_and_a_maximum_alone_is_not() {
    let shop = Shop::autoscaled("stacks-hpa").await;
    let changed = json!({ "metadata": annotated(), "spec": { "minReplicas": 3, "maxReplicas": 3 } });
    change(&shop.autoscalers, "shop-v1", changed).await;
    let back = shop.bounds(1, 4).await;
    assert!(!back.annotations().contains_key("team.example/owner"));
    change(&shop.autoscalers, "shop-v1", json!({ "spec": { "maxReplicas": 9 } })).await;
    tokio::time::sleep(A_WHILE).await;
    shop.bounds(1, 9).await;
    change(&shop.stacks, "shop-v1", bounds(2, 4)).await;
    shop.bounds(2, 4).await;
}

#[tokio::test]
async fn a_pinned_stack_pins_its_autoscaler_and_replicas_stay_high_until_somebody_sets_them() {
    let shop = Shop::autoscaled("stacks-pin").await;
    change(&shop.stacks, "shop-v1", bounds(6, 6)).await;
    shop.bounds(6, 6).await;
    shop.has("shop-v1", 6).await;
    change(&shop.stacks, "shop-v1", bounds(1, 9)).await;
    let generation = shop.stack().await.metadata.generation.unwrap().to_string();
    assert_eq!(shop.bounds(1, 9).await.annotations()[GENERATION], generation);
    shop.carried().await;
    shop.keeps(6).await;
    change(&shop.deployments, "shop-v1", json!({ "spec": { "replicas": 2 } })).await;
    shop.keeps(2).await;
    change(&shop.stacks, "shop-v1", bounds(1, 4)).await;
    shop.carried().await;
    shop.keeps(2).await;
}

#[tokio::test]
async fn replicas_of_an_autoscaled_stack_are_of_no_effect() {
    let shop = Shop::autoscaled("stacks-no-effect").await;
    change(&shop.stacks, "shop-v1", json!({ "spec": { "replicas": 4 } })).await;
    shop.carried().await;
    shop.keeps(2).await;
}

#[tokio::test]
async fn bounds_that_contradict_each_other_are_taken_and_come_to_nothing() {
    let shop = Shop::autoscaled("stacks-contradiction").await;
    change(&shop.stacks, "shop-v1", json!({ "spec": { "autoscaler": { "minReplicas": 9 } } })).await;
    shop.carried().await;
    tokio::time::sleep(A_WHILE).await;
    let before = shop.bounds(1, 4).await;
    change(&shop.stacks, "shop-v1", json!({ "spec": { "autoscaler": { "minReplicas": 1 } } })).await;
    until("it is made of the newest Stack", PATIENCE, async || {
        let found = shop.autoscalers.get("shop-v1").await.unwrap();
        (found.annotations()[GENERATION] != before.annotations()[GENERATION]).then_some(())
    })
    .await;
    shop.bounds(1, 4).await;
}
