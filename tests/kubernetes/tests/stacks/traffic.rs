//! Which Stack has the traffic, and what becomes of one that has none.

use conductor_kubernetes_bed::{stack_set, until};
use serde_json::json;

use crate::support::PATIENCE;
use crate::{Shop, change};

fn of(stack: &str) -> serde_json::Value {
    json!({ "spec": { "traffic": [{ "stackName": stack, "weight": 100 }] } })
}

fn version(version: &str) -> serde_json::Value {
    json!({ "spec": { "stackTemplate": { "spec": { "version": version } } } })
}

#[tokio::test]
async fn a_new_version_is_another_stack_and_gets_traffic_when_somebody_says_so() {
    let shop = Shop::plain("stacks-switched").await;
    change(&shop.sets, "shop", version("v2")).await;
    shop.has("shop-v2", 2).await;
    shop.serves("shop-v1").await;
    change(&shop.sets, "shop", of("shop-v2")).await;
    shop.serves("shop-v2").await;
    until("the other one has none", PATIENCE, async || {
        let status = shop.stack().await.status?;
        (status.actual_traffic_weight == 0.0 && status.no_traffic_since.is_some()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_stack_without_traffic_is_scaled_to_none_after_its_time_and_its_autoscaler_goes() {
    let mut set = stack_set("shop", 2, Some(1..=4));
    set.spec.stack_lifecycle.scaledown_ttl_seconds = Some(2);
    let shop = Shop::of("stacks-ttl", set).await;
    change(&shop.sets, "shop", version("v2")).await;
    shop.has("shop-v2", 2).await;
    change(&shop.sets, "shop", of("shop-v2")).await;
    shop.serves("shop-v2").await;
    shop.has("shop-v1", 0).await;
    until("no autoscaler", PATIENCE, async || {
        shop.autoscalers.get_opt("shop-v1").await.unwrap().is_none().then_some(())
    })
    .await;
    change(&shop.deployments, "shop-v1", json!({ "spec": { "replicas": 3 } })).await;
    until("none again", PATIENCE, async || (shop.replicas().await == 0).then_some(())).await;
    shop.serves("shop-v2").await;
}

#[tokio::test]
async fn without_an_ingress_no_stack_has_traffic_and_none_is_scaled_to_none() {
    let (cluster, client) = crate::support::namespace("stacks-no-ingress").await;
    cluster.stack_sets().await.unwrap_or_else(|error| panic!("{error}"));
    let shop = Shop {
        sets: crate::support::api(&client, "stacks-no-ingress"),
        stacks: crate::support::api(&client, "stacks-no-ingress"),
        deployments: crate::support::api(&client, "stacks-no-ingress"),
        autoscalers: crate::support::api(&client, "stacks-no-ingress"),
    };
    let mut set = stack_set("shop", 2, None);
    set.spec.external_ingress = None;
    set.spec.stack_lifecycle.scaledown_ttl_seconds = Some(1);
    shop.sets.create(&Default::default(), &set).await.unwrap();
    shop.has("shop-v1", 2).await;
    shop.keeps(2).await;
    assert_eq!(shop.stack().await.status.map_or(0.0, |status| status.actual_traffic_weight), 0.0);
}
