//! Production's versions and allocation are put in place, and exactly what was there before is put back.

use conductor_core::restore::ForeignPolicy;
use conductor_ecs_bed::{Autoscaler, Pull};
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

#[tokio::test]
async fn an_autoscaler_stands_still_during_the_run_and_its_bounds_are_never_sent() {
    let scene = Scene::autoscaled().await;
    let before = scene.state().await;
    let conductor = scene.conductor(1).await;
    let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
    let pull = Autoscaler { wants: 1, every: Duration::from_secs(5), by: Pull::Dynamic };
    there(&conductor, &changes).await.unwrap();
    scene.bed.autoscale(TEST, "cart", Some(pull)).unwrap();
    scene.bed.clock().advance(Duration::from_secs(60));
    assert_eq!(scene.service("cart").await["desiredCount"], json!(6));
    scene.bed.autoscale(TEST, "cart", None).unwrap();
    back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
    assert_eq!(scene.state().await, before);
    let sent = scene.bed.requests().into_iter().filter(|seen| scene.conductors().contain(seen));
    let bounds = sent.filter(|seen| !seen.body["MinCapacity"].is_null() || !seen.body["MaxCapacity"].is_null());
    assert_eq!(bounds.count(), 0);
}
