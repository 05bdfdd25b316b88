//! What annotations do that pause a ScaledObject.

use conductor_kubernetes_bed::{Trigger, scaled_object, until};
use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::{Shop, uid};

const PAUSED: &str = "autoscaling.keda.sh/paused";
const PAUSED_REPLICAS: &str = "autoscaling.keda.sh/paused-replicas";

fn paused(text: &str) -> Value {
    json!({ PAUSED: text })
}

fn not_paused() -> Value {
    json!({ PAUSED: null, PAUSED_REPLICAS: null })
}

#[tokio::test]
async fn a_paused_one_has_no_autoscaler_and_leaves_replicas_alone() {
    let shop = Shop::usual("keda-paused").await;
    let before = uid(&shop.bounds(2, 5).await);
    shop.annotate(paused("true")).await;
    shop.no_autoscaler().await;
    shop.condition("Paused", "True").await;
    shop.condition("Ready", "True").await;
    assert_eq!(shop.replicas().await, 2);
    shop.scale(9).await;
    shop.keeps(9).await;

    // The clean way back: replicas first.
    shop.scale(3).await;
    shop.annotate(not_paused()).await;
    assert_ne!(uid(&shop.bounds(2, 5).await), before);
    shop.condition("Paused", "False").await;
    shop.keeps(3).await;
}

#[tokio::test]
async fn replicas_are_clamped_before_a_pause_and_by_a_way_back_in_the_wrong_order() {
    let shop = Shop::usual("keda-order").await;
    shop.bounds(2, 5).await;
    shop.scale(9).await;
    shop.has(5).await;
    shop.annotate(paused("true")).await;
    shop.no_autoscaler().await;
    shop.scale(9).await;
    shop.annotate(not_paused()).await;
    shop.has(5).await;
}

#[tokio::test]
async fn any_text_pauses_but_one_that_says_false() {
    let shop = Shop::usual("keda-words").await;
    let mut autoscaler = uid(&shop.bounds(2, 5).await);
    for text in ["false", "False", "FALSE", "f", "F", "0"] {
        shop.annotate(paused(text)).await;
    }
    shop.keeps(2).await;
    assert_eq!(uid(&shop.autoscaler().await.unwrap()), autoscaler);
    for text in ["banana", "1", "no"] {
        shop.annotate(paused(text)).await;
        shop.no_autoscaler().await;
        shop.annotate(paused("false")).await;
        let next = uid(&shop.bounds(2, 5).await);
        assert_ne!(next, autoscaler, "{text}");
        autoscaler = next;
    }
}

#[tokio::test]
async fn an_empty_text_pauses_at_the_next_change_of_something_else() {
    let shop = Shop::usual("keda-empty").await;
    shop.bounds(2, 5).await;
    // What is new is looked at more than once.
    shop.keeps(2).await;
    shop.annotate(paused("")).await;
    shop.keeps(2).await;
    shop.bounds(2, 5).await;
    shop.change(json!({ "spec": { "maxReplicaCount": 6 } })).await;
    shop.no_autoscaler().await;
    shop.condition("Paused", "True").await;
    shop.keeps(2).await;
    // And it does not end by itself when the empty text goes.
    shop.annotate(not_paused()).await;
    shop.keeps(2).await;
    assert!(shop.autoscaler().await.is_none());
    shop.change(json!({ "spec": { "maxReplicaCount": 5 } })).await;
    shop.bounds(2, 5).await;
}

#[tokio::test]
async fn one_is_paused_at_a_number_of_replicas() {
    let shop = Shop::usual("keda-paused-replicas").await;
    shop.bounds(2, 5).await;
    shop.annotate(json!({ PAUSED_REPLICAS: "7" })).await;
    shop.no_autoscaler().await;
    shop.has(7).await;
    shop.condition("Paused", "True").await;
    says_paused_at(&shop, Some(7)).await;
    shop.annotate(json!({ PAUSED_REPLICAS: "0" })).await;
    shop.has(0).await;
    shop.annotate(not_paused()).await;
    shop.bounds(2, 5).await;
    shop.has(2).await;
    shop.condition("Paused", "False").await;
    says_paused_at(&shop, None).await;
}

#[tokio::test]
async fn replicas_are_kept_from_becoming_fewer_or_more_alone() {
    let mut object = scaled_object("shop", 0..=5, Trigger::inactive());
    object.spec.advanced = Some(json!({
        "horizontalPodAutoscalerConfig": { "behavior": { "scaleDown": { "stabilizationWindowSeconds": 7 } } },
    }));
    object.metadata.annotations = Some([("autoscaling.keda.sh/paused-scale-in".to_owned(), "true".to_owned())].into());
    let shop = Shop::scaled("keda-directions", 3, object).await;
    let policies = async || {
        let autoscaler = shop.bounds(1, 5).await;
        let behaviour = json!(autoscaler.spec.behavior);
        assert_eq!(behaviour["scaleDown"]["stabilizationWindowSeconds"], 7);
        ["scaleDown", "scaleUp"].map(|way| behaviour[way]["selectPolicy"] == "Disabled")
    };
    assert_eq!(policies().await, [true, false]);
    shop.keeps(3).await;
    shop.annotate(json!({
        "autoscaling.keda.sh/paused-scale-in": null,
        "autoscaling.keda.sh/paused-scale-out": "true",
    }))
    .await;
    shop.has(0).await;
    until("it follows", PATIENCE, async || (policies().await == [false, true]).then_some(())).await;
    shop.change(json!({ "spec": { "triggers": [Trigger::active()] } })).await;
    shop.condition("Active", "True").await;
    shop.keeps(0).await;
    // The bounds count all the same.
    shop.scale(9).await;
    shop.has(5).await;
    shop.annotate(json!({ "autoscaling.keda.sh/paused-scale-out": null })).await;
    until("it follows", PATIENCE, async || (policies().await == [false, false]).then_some(())).await;
}

async fn says_paused_at(shop: &Shop, replicas: Option<i32>) {
    until(&format!("paused at {replicas:?}"), PATIENCE, async || {
        (shop.object().await.status?.paused_replica_count == replicas).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_paused_from_the_beginning_gets_no_autoscaler() {
    let mut object = scaled_object("shop", 2..=5, Trigger::active());
    object.metadata.annotations = Some([(PAUSED.to_owned(), "true".to_owned())].into());
    let shop = Shop::scaled("keda-born-paused", 1, object).await;
    shop.condition("Paused", "True").await;
    shop.keeps(1).await;
    assert!(shop.autoscaler().await.is_none());
    shop.annotate(not_paused()).await;
    shop.bounds(2, 5).await;
    shop.has(2).await;
}
