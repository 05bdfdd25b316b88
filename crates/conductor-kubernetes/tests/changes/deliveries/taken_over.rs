//! What becomes of a workload once it is taken over from its delivery.

use std::collections::BTreeMap;

use conductor_core::ports::{Deployer, Scaler, Way};
use conductor_core::release::{Release, Rollout};
use conductor_kubernetes_bed::Deliver;
use serde_json::json;

use super::{Delivered, by_id, settings};
use crate::bed::text;
use crate::plans::{image, production, step};

#[tokio::test]
async fn a_drift_that_is_reverted_runs_no_delivery_anew() {
    let mut template = by_id();
    template["spec"] = json!({ "application": "{application}", "images": { "main": "{images.main}" } });
    let shop = Delivered::new("reverted", &settings(&template, &json!({}))).await;
    let conductor = shop.bed.conductor(1).await;
    shop.roll_out(&conductor).await.unwrap_or_else(|error| panic!("{}", text(&error)));
    assert_eq!(shop.phases().await, ["run-reverted-checkout Succeeded"]);
    // Another one would be seen.
    shop.tasks().delete("run-reverted-checkout", &Default::default()).await.unwrap();
    shop.bed.kubectl(&["set", "image", "deployment/checkout", "main=registry.example/checkout:9"], "").await;
    let found = shop.bed.observe(&conductor).await["checkout"].release.clone();
    let wanted = shop.rollout().to.clone();
    assert_ne!(found, wanted);
    // As the engine reverts.
    let revert = Rollout::new("checkout".parse().unwrap(), found, wanted.clone());
    conductor.roll_out(&shop.bed.run, &revert, Way::There).await.unwrap_or_else(|error| panic!("{}", text(&error)));
    assert_eq!(shop.bed.observe(&conductor).await["checkout"].release, wanted);
    assert_eq!(shop.phases().await, [""; 0], "nothing was delivered");
    assert_eq!(shop.bed.restore(&conductor, &shop.changes).await, [""; 0]);
    shop.assert_back("after the way back").await;
}

#[tokio::test]
async fn a_container_that_a_new_version_brings_keeps_what_its_delivery_gives_it_and_gets_production_s_allocation() {
    let mut shop = Delivered::new("sidecar", &settings(&by_id(), &json!({}))).await;
    let containers = json!([
        { "name": "main", "image": "registry.example/checkout:2" },
        { "name": "proxy", "image": "registry.example/proxy:2", "resources": { "limits": { "cpu": "250m" } } },
    ]);
    let manifests = json!({ "spec": { "template": { "spec": { "containers": containers } } } });
    shop.delivery.say("d-7", Deliver::Manifests(manifests));
    let images = [("main", image("checkout")), ("proxy", image("proxy"))];
    let to = Release::new(images.map(|(name, image)| (name.to_owned(), image)).into());
    shop.changes.plan.rollouts[0].to = to.clone();
    let limit = |text: &str| BTreeMap::from([("limits.cpu".to_owned(), text.parse().unwrap())]);
    let mut given = production(3);
    given.resources.insert("proxy".to_owned(), limit("500m"));
    let scale = step(&shop.changes.baseline, "checkout", given.clone());

    let conductor = shop.bed.conductor(1).await;
    shop.roll_out(&conductor).await.unwrap_or_else(|error| panic!("{}", text(&error)));
    let during = shop.bed.observe(&conductor).await["checkout"].clone();
    assert_eq!(during.release, to);
    assert_eq!(during.allocation.resources["proxy"], limit("250m"));
    conductor.scale(&shop.bed.run, &scale, Way::There).await.unwrap_or_else(|error| panic!("{}", text(&error)));
    assert_eq!(shop.bed.observe(&conductor).await["checkout"].allocation.resources, given.resources);
}
