//! Triggers that are not active: to none, to the idle replicas, and back.

use conductor_kubernetes_bed::{Trigger, scaled_object};
use serde_json::json;

use crate::Shop;

#[tokio::test]
async fn without_a_least_number_it_goes_to_none_and_back() {
    let shop = Shop::scaled("keda-zero", 3, scaled_object("shop", 0..=5, Trigger::inactive())).await;
    shop.bounds(1, 5).await;
    shop.has(0).await;
    shop.condition("Active", "False").await;
    // Whoever scales it up has it for a moment only.
    shop.scale(3).await;
    shop.has(0).await;
    shop.change(json!({ "spec": { "triggers": [Trigger::active()] } })).await;
    shop.has(1).await;
    shop.condition("Active", "True").await;
    shop.change(json!({ "spec": { "triggers": [Trigger::inactive()] } })).await;
    shop.has(0).await;
}

#[tokio::test]
async fn a_pinned_one_keeps_its_replicas() {
    let shop = Shop::scaled("keda-zero-pinned", 3, scaled_object("shop", 0..=5, Trigger::inactive())).await;
    shop.has(0).await;
    shop.change(json!({ "spec": { "minReplicaCount": 4, "maxReplicaCount": 4 } })).await;
    shop.bounds(4, 4).await;
    shop.has(4).await;
    shop.keeps(4).await;
    shop.change(json!({ "spec": { "minReplicaCount": 0, "maxReplicaCount": 5 } })).await;
    shop.has(0).await;
}

#[tokio::test]
async fn one_that_was_paused_goes_to_none_again() {
    let shop = Shop::scaled("keda-zero-paused", 3, scaled_object("shop", 0..=5, Trigger::inactive())).await;
    shop.has(0).await;
    shop.annotate(json!({ "autoscaling.keda.sh/paused": "true" })).await;
    shop.no_autoscaler().await;
    shop.condition("Paused", "True").await;
    shop.scale(4).await;
    shop.keeps(4).await;
    shop.annotate(json!({ "autoscaling.keda.sh/paused": null })).await;
    shop.bounds(1, 5).await;
    shop.has(0).await;
}

#[tokio::test]
async fn idle_replicas_are_taken_even_where_it_is_pinned() {
    let mut object = scaled_object("shop", 2..=5, Trigger::inactive());
    object.spec.idle_replica_count = Some(0);
    let shop = Shop::scaled("keda-idle", 3, object).await;
    shop.bounds(2, 5).await;
    shop.has(0).await;
    shop.change(json!({ "spec": { "minReplicaCount": 4, "maxReplicaCount": 4 } })).await;
    shop.bounds(4, 4).await;
    shop.keeps(0).await;
    shop.change(json!({ "spec": { "idleReplicaCount": null } })).await;
    shop.has(4).await;
    shop.change(json!({ "spec": { "idleReplicaCount": 0 } })).await;
    shop.has(0).await;
    shop.change(json!({ "spec": { "triggers": [Trigger::active()] } })).await;
    shop.has(4).await;
}

#[tokio::test]
async fn what_was_active_cools_down_first() {
    let mut object = scaled_object("shop", 0..=5, Trigger::active());
    object.spec.cooldown_period = Some(10);
    let shop = Shop::scaled("keda-cooldown", 3, object).await;
    shop.condition("Active", "True").await;
    shop.change(json!({ "spec": { "triggers": [Trigger::inactive()] } })).await;
    shop.condition("Active", "False").await;
    shop.keeps(3).await;
    shop.has(0).await;
}
