//! Kustomizations of Flux.

use conductor_kubernetes_bed::Tool;
use serde_json::json;

use crate::Shop;
use crate::denial::{DENIED, Denial};

#[tokio::test]
async fn what_others_change_is_put_back() {
    let shop = Shop::new("kustomization-drift", Tool::Kustomization).await;
    shop.edit(5, "v1").await;
    shop.has(2, "v1").await;
    shop.edit(2, "v9").await;
    shop.has(2, "v1").await;
    shop.commit("v2");
    shop.has(2, "v2").await;
    shop.is_content().await;
}

#[tokio::test]
async fn a_suspended_one_leaves_everything_alone_and_applies_afterwards_what_was_committed_meanwhile() {
    let shop = Shop::new("kustomization-suspended", Tool::Kustomization).await;
    shop.change(json!({ "spec": { "suspend": true } })).await;
    shop.edit(5, "v1").await;
    shop.keeps(5, "v1").await;
    shop.commit("v2");
    shop.keeps(5, "v1").await;
    shop.edit(2, "v1").await;
    shop.change(json!({ "spec": { "suspend": null } })).await;
    shop.has(2, "v2").await;
    shop.is_content().await;
}

#[tokio::test]
async fn one_that_goes_on_too_early_puts_everything_back() {
    let shop = Shop::new("kustomization-early", Tool::Kustomization).await;
    shop.change(json!({ "spec": { "suspend": true } })).await;
    shop.edit(5, "v1").await;
    shop.change(json!({ "spec": { "suspend": false } })).await;
    shop.has(2, "v1").await;
}

#[tokio::test]
async fn a_refusal_is_told_and_forgotten() {
    let shop = Shop::new("kustomization-denied", Tool::Kustomization).await;
    let denial = Denial::of(&shop).await;
    shop.commit("v2");
    shop.complains(DENIED).await;
    denial.lift().await;
    shop.has(2, "v2").await;
    shop.is_content().await;
}

#[tokio::test]
async fn it_says_what_it_keeps_and_objects_name_it_by_labels() {
    let shop = Shop::new("kustomization-names", Tool::Kustomization).await;
    // What it keeps it says when it is done.
    shop.is_content().await;
    let entries = shop.keeper().await["status"]["inventory"]["entries"].clone();
    assert_eq!(entries, json!([{ "id": "kustomization-names_shop_apps_Deployment", "v": "v1" }]));
    let [labels, _] = shop.marks().await;
    assert_eq!(labels["kustomize.toolkit.fluxcd.io/name"], "keeper");
    assert_eq!(labels["kustomize.toolkit.fluxcd.io/namespace"], "kustomization-names");
    assert!(shop.writes_by("flux-system:kustomize-controller").await > 0);
}
