//! Applications of Argo CD, with automated sync.

use conductor_kubernetes_bed::{Tool, until};
use serde_json::json;

use crate::Shop;
use crate::support::PATIENCE;

const CONTROLLER: &str = "argocd:argocd-application-controller";

#[tokio::test]
async fn what_others_change_is_put_back() {
    let shop = Shop::new("application-drift", Tool::Application).await;
    shop.edit(5, "v1").await;
    shop.has(2, "v1").await;
    shop.edit(2, "v9").await;
    shop.has(2, "v1").await;
    shop.commit("v2");
    shop.has(2, "v2").await;
    shop.is_content().await;
}

#[tokio::test]
async fn one_whose_automated_sync_is_off_leaves_everything_alone_and_applies_afterwards_what_was_committed_meanwhile() {
    let shop = Shop::new("application-off", Tool::Application).await;
    shop.change(json!({ "spec": { "syncPolicy": { "automated": { "enabled": false } } } })).await;
    shop.edit(5, "v1").await;
    shop.keeps(5, "v1").await;
    shop.commit("v2");
    shop.keeps(5, "v1").await;
    shop.edit(2, "v1").await;
    shop.change(json!({ "spec": { "syncPolicy": { "automated": { "enabled": null } } } })).await;
    shop.has(2, "v2").await;
    shop.is_content().await;
}

#[tokio::test]
async fn one_that_goes_on_when_everything_is_as_before_changes_nothing() {
    let shop = Shop::new("application-resumed", Tool::Application).await;
    shop.change(json!({ "spec": { "syncPolicy": { "automated": { "enabled": false } } } })).await;
    shop.edit(5, "v1").await;
    shop.edit(2, "v1").await;
    let before = shop.generation().await;
    shop.change(json!({ "spec": { "syncPolicy": { "automated": { "enabled": null } } } })).await;
    shop.keeps(2, "v1").await;
    assert_eq!(shop.generation().await, before);
}

#[tokio::test]
async fn one_that_goes_on_too_early_puts_everything_back() {
    let shop = Shop::new("application-early", Tool::Application).await;
    shop.change(json!({ "spec": { "syncPolicy": { "automated": { "enabled": false } } } })).await;
    shop.edit(5, "v1").await;
    shop.change(json!({ "spec": { "syncPolicy": { "automated": { "enabled": true } } } })).await;
    shop.has(2, "v1").await;
}

#[tokio::test]
async fn without_self_healing_changes_of_others_stay_until_the_next_commit() {
    let shop = Shop::new("application-unhealed", Tool::Application).await;
    shop.change(json!({ "spec": { "syncPolicy": { "automated": { "selfHeal": false } } } })).await;
    shop.edit(5, "v1").await;
    shop.keeps(5, "v1").await;
    shop.commit("v2");
    shop.has(2, "v2").await;
}

#[tokio::test]
async fn it_says_what_it_keeps_and_objects_name_it_by_an_annotation() {
    let shop = Shop::new("application-names", Tool::Application).await;
    let kept = until("what it keeps", PATIENCE, async || {
        let keeper = shop.keeper().await;
        let resources = keeper["status"]["resources"].as_array()?;
        let words = ["kind", "namespace", "name"].map(|word| resources.first().map(|one| one[word].clone()));
        (resources.len() == 1).then_some(words)
    })
    .await;
    assert_eq!(kept, ["Deployment", "application-names", "shop"].map(|word| Some(json!(word))));
    let [_, annotations] = shop.marks().await;
    let id = "application-names_keeper:apps/Deployment:application-names/shop";
    assert_eq!(annotations["argocd.argoproj.io/tracking-id"], id);
    assert!(shop.writes_by(CONTROLLER).await > 0);
}
