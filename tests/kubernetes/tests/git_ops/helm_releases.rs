//! HelmReleases of Flux, without drift detection.

use conductor_kubernetes_bed::Tool;
use serde_json::json;

use crate::Shop;
use crate::denial::{DENIED, Denial};

#[tokio::test]
async fn what_others_change_stays_until_the_next_release() {
    let shop = Shop::new("helm-release-drift", Tool::HelmRelease).await;
    shop.edit(5, "v1").await;
    shop.keeps(5, "v1").await;
    shop.commit("v2");
    shop.has(2, "v2").await;
    shop.is_content().await;
}

#[tokio::test]
async fn a_suspended_one_leaves_everything_alone_and_releases_afterwards_what_was_committed_meanwhile() {
    let shop = Shop::new("helm-release-suspended", Tool::HelmRelease).await;
    shop.change(json!({ "spec": { "suspend": true } })).await;
    shop.edit(5, "v1").await;
    shop.commit("v2");
    shop.keeps(5, "v1").await;
    shop.edit(2, "v1").await;
    shop.change(json!({ "spec": { "suspend": null } })).await;
    shop.has(2, "v2").await;
    shop.is_content().await;
}

#[tokio::test]
async fn one_that_goes_on_with_nothing_new_writes_nothing() {
    let shop = Shop::new("helm-release-resumed", Tool::HelmRelease).await;
    let before = shop.writes_by("flux-system:helm-controller").await;
    shop.change(json!({ "spec": { "suspend": true } })).await;
    shop.edit(5, "v1").await;
    shop.change(json!({ "spec": { "suspend": false } })).await;
    shop.keeps(5, "v1").await;
    assert_eq!(shop.writes_by("flux-system:helm-controller").await, before);
}

#[tokio::test]
async fn a_release_that_is_refused_is_given_up() {
    let shop = Shop::new("helm-release-denied", Tool::HelmRelease).await;
    let denial = Denial::of(&shop).await;
    shop.commit("v2");
    shop.complains(DENIED).await;
    denial.lift().await;
    shop.keeps(2, "v1").await;
    shop.complains(DENIED).await;
    assert!(is_stalled(&shop).await);
    shop.commit("v3");
    shop.has(2, "v3").await;
    shop.is_content().await;
    assert!(!is_stalled(&shop).await);
}

#[tokio::test]
async fn suspended_before_a_refusal_it_never_hears_of_it() {
    let shop = Shop::new("helm-release-clean", Tool::HelmRelease).await;
    shop.change(json!({ "spec": { "suspend": true } })).await;
    let denial = Denial::of(&shop).await;
    shop.commit("v2");
    shop.keeps(2, "v1").await;
    denial.lift().await;
    shop.is_content().await;
    shop.change(json!({ "spec": { "suspend": false } })).await;
    shop.has(2, "v2").await;
    shop.is_content().await;
}

#[tokio::test]
async fn it_says_what_it_keeps_and_objects_name_it_by_labels() {
    let shop = Shop::new("helm-release-names", Tool::HelmRelease).await;
    let entries = shop.keeper().await["status"]["inventory"]["entries"].clone();
    assert_eq!(entries, json!([{ "id": "helm-release-names_shop_apps_Deployment", "v": "v1" }]));
    let [labels, _] = shop.marks().await;
    assert_eq!(labels["helm.toolkit.fluxcd.io/name"], "keeper");
    assert_eq!(labels["helm.toolkit.fluxcd.io/namespace"], "helm-release-names");
    assert!(shop.writes_by("flux-system:helm-controller").await > 0);
}

async fn is_stalled(shop: &Shop) -> bool {
    let keeper = shop.keeper().await;
    let conditions = keeper["status"]["conditions"].as_array().unwrap();
    conditions.iter().any(|condition| condition["type"] == "Stalled" && condition["status"] == "True")
}
