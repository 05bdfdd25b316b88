//! Production's versions and allocation are put in place, and exactly what was there before is put back.

use conductor_core::restore::ForeignPolicy;
use conductor_ecs_bed::{Pull, Seen};
use serde_json::json;
use std::time::Duration;

use super::scene::*;

#[tokio::test]
async fn everything_is_like_production_and_then_exactly_as_before() {
    let scene = Scene::of(&["cart", "ledger"]).await;
    let (before, conductor) = (scene.state().await, scene.conductor(1).await);
    let changes = plan(&conductor, &[like_production("cart"), like_production("ledger")]).await.unwrap();
    let told: Vec<String> = changes.plan.scale_steps.iter().map(ToString::to_string).collect();
    assert_eq!(
        told[0],
        "cart: 2 replicas, requests.cpu 250m, requests.memory 512Mi → 6 replicas, requests.cpu 500m, requests.memory 1Gi"
    );
    let image = changes.plan.rollouts[0].to.containers()["app"].clone();
    assert!(image.starts_with("registry.example/cart@sha256:"), "{image}");
    there(&conductor, &changes).await.unwrap();
    let found = scene.service("cart").await;
    assert_eq!((&found["desiredCount"], &found["runningCount"]), (&json!(6), &json!(6)));
    let definition = json!({ "taskDefinition": found["taskDefinition"], "include": ["TAGS"] });
    let made = scene.admin("DescribeTaskDefinition", definition).await;
    let content = &made["taskDefinition"];
    assert_eq!(
        (&content["family"], &content["cpu"], &content["memory"]),
        (&json!("cart"), &json!("512"), &json!("1024"))
    );
    assert_eq!(content["containerDefinitions"][0]["image"], json!(image));
    assert_eq!(back(&conductor, &changes, ForeignPolicy::Report).await.unwrap(), [""; 0]);
    assert_eq!(scene.state().await, before);
    let in_production = scene.bed.count(&scene.conductors().cluster(LIVE));
    assert_eq!(in_production, 0, "production was never written to");
}

#[tokio::test]
async fn the_second_run_registers_nothing_that_the_first_has_registered() {
    let scene = Scene::of(&["cart"]).await;
    let registered = || scene.bed.count(&scene.conductors().operation("RegisterTaskDefinition"));
    let mut counts = Vec::new();
    for epoch in 1..=2 {
        let conductor = scene.conductor(epoch).await;
        let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
        there(&conductor, &changes).await.unwrap();
        back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
        counts.push(registered());
    }
    assert_eq!(counts, [2, 2], "one with the images, and one with the resources besides");
}

#[tokio::test]
async fn a_recorded_revision_that_was_deregistered_meanwhile_is_registered_anew() {
    let scene = Scene::of(&["cart"]).await;
    let conductor = scene.conductor(1).await;
    let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
    there(&conductor, &changes).await.unwrap();
    scene.admin("DeregisterTaskDefinition", json!({ "taskDefinition": "cart:1" })).await;
    back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
    let found = scene.service("cart").await;
    assert!(found["taskDefinition"].as_str().unwrap().ends_with("/cart:4"), "{found}");
    let now = scene.admin("DescribeTaskDefinition", json!({ "taskDefinition": "cart:4" })).await;
    assert_eq!(now["taskDefinition"]["containerDefinitions"][0]["image"], json!("registry.example/cart:v1"));
    assert_eq!(now["taskDefinition"]["cpu"], json!("256"));
    assert_eq!(observe(&conductor, &scene.names, false).await.unwrap(), changes.baseline);
}

/// An autoscaler that acts whenever it may moves nothing during a run, which suspends it before its first change and lets it go on after
/// its last one.
async fn stands_still(by: Pull) {
    let scene = Scene::autoscaled().await;
    scene.fight(by);
    let (before, conductor) = (scene.state().await, scene.conductor(1).await);
    let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
    there(&conductor, &changes).await.unwrap();
    scene.bed.clock().advance(Duration::from_secs(60));
    assert_eq!(scene.service("cart").await["desiredCount"], json!(6), "{by:?}");
    back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
    scene.bed.clock().advance(Duration::from_secs(60));
    assert_eq!(scene.state().await, before, "{by:?}");
    assert_eq!(scene.moves(), 0, "{by:?}");
    let written = scene.written();
    let changing =
        written.iter().filter(|seen| ["UpdateService", "RegisterScalableTarget"].contains(&&*seen.operation));
    let order: Vec<&str> = changing.map(|seen| &*seen.operation).collect();
    assert_eq!(
        order,
        ["RegisterScalableTarget", "UpdateService", "UpdateService", "UpdateService", "RegisterScalableTarget"],
        "{by:?}"
    );
    let has_bounds = |seen: &&Seen| !seen.body["MinCapacity"].is_null() || !seen.body["MaxCapacity"].is_null();
    assert_eq!(written.iter().find(has_bounds), None, "bounds are never sent: {by:?}");
    // It would have moved what it does not want.
    scene.admin("UpdateService", json!({ "cluster": TEST, "service": "cart", "desiredCount": 4 })).await;
    scene.bed.clock().advance(Duration::from_secs(60));
    assert_eq!((scene.service("cart").await["desiredCount"].clone(), scene.moves()), (json!(2), 1), "{by:?}");
}

#[tokio::test]
async fn an_autoscaler_that_fights_by_a_schedule_stands_still_throughout() {
    stands_still(Pull::Scheduled).await;
}

#[tokio::test]
async fn an_autoscaler_that_fights_by_a_policy_stands_still_throughout() {
    stands_still(Pull::Dynamic).await;
}
