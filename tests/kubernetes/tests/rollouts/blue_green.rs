//! The switch of Services to a new version, and how long the older one stays.

use std::time::Duration;

use conductor_kubernetes_bed::{BlueGreen, until};
use serde_json::json;

use crate::support::PATIENCE;
use crate::{HASH, Shop, is_promoted};

/// How long it is looked whether nothing is done.
const A_WHILE: Duration = Duration::from_secs(3);

/// It is switched when all replicas are there, and the older ones go after a second.
fn automatic() -> BlueGreen {
    BlueGreen {
        active_service: "shop".to_owned(),
        preview_service: Some("shop-preview".to_owned()),
        scale_down_delay_seconds: Some(1),
        ..BlueGreen::default()
    }
}

/// Somebody has to promote it.
fn by_hand() -> BlueGreen {
    BlueGreen { auto_promotion_enabled: Some(false), ..automatic() }
}

impl Shop {
    /// The hash of the version that a Service leads to.
    async fn behind(&self, service: &str) -> String {
        let found = self.services.get(service).await.unwrap();
        found.spec.unwrap().selector.unwrap().remove(HASH).unwrap_or_default()
    }

    /// Waits until it says so of the switch of its Services, at these.
    async fn leads(&self, active: &str, preview: &str) {
        until("the Services are switched", PATIENCE, async || {
            let seen = self.status().await.blue_green;
            let found = [self.behind("shop").await, self.behind("shop-preview").await];
            ([&seen.active_selector, &seen.preview_selector] == [active, preview] && found == [active, preview])
                .then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_version_is_switched_to_when_all_of_it_is_there_and_the_older_one_goes_later() {
    let shop = Shop::blue_green("rollout-switch", 2, automatic()).await;
    let first = shop.status().await;
    shop.leads(&first.stable, &first.stable).await;
    assert_eq!(first.selector, format!("app=shop,{HASH}={}", first.stable));
    shop.version(2).await;
    shop.has(&[(1, 2), (2, 2)]).await;
    let status = shop.phase("Healthy").await;
    assert_ne!(status.stable, first.stable);
    assert_eq!((status.hpa_replicas, status.current_step_index), (2, None));
    shop.leads(&status.stable, &status.stable).await;
    shop.has(&[(1, 0), (2, 2)]).await;
    // Going back is a version like any other, and has the same hash again.
    shop.version(1).await;
    assert_eq!(shop.phase("Healthy").await.stable, first.stable);
    shop.has(&[(1, 2), (2, 0)]).await;
}

#[tokio::test]
async fn one_that_is_not_promoted_by_itself_pauses_before_the_switch() {
    let shop = Shop::blue_green("rollout-held", 2, by_hand()).await;
    let first = shop.status().await.stable;
    shop.version(2).await;
    let status = shop.phase("Paused").await;
    assert_eq!((status.message.as_str(), status.controller_pause), ("BlueGreenPause", true));
    assert_eq!(status.pause_conditions[0].reason, "BlueGreenPause");
    assert!(!is_promoted(&status));
    shop.leads(&first, &status.current_pod_hash).await;
    shop.until("all of both", |status, _| {
        let counts = [status.replicas, status.updated_replicas, status.available_replicas, status.hpa_replicas];
        counts == [4, 2, 2, 2]
    })
    .await;
    // Both are scaled meanwhile.
    shop.change(json!({ "spec": { "replicas": 3 } })).await;
    shop.has(&[(1, 3), (2, 3)]).await;
    shop.until("still paused", |status, _| status.phase == "Paused" && status.available_replicas == 3).await;
    shop.change_status(json!({ "promoteFull": true })).await;
    let status = shop.phase("Healthy").await;
    assert_eq!((status.promote_full, status.controller_pause), (false, false));
    shop.leads(&status.stable, &status.stable).await;
    shop.has(&[(1, 0), (2, 3)]).await;
}

#[tokio::test]
async fn a_pause_before_a_switch_ends_by_itself_or_when_somebody_takes_it_away() {
    let timed = BlueGreen { auto_promotion_seconds: Some(1), ..automatic() };
    let shop = Shop::blue_green("rollout-switch-timed", 1, timed).await;
    shop.version(2).await;
    shop.until("paused, or past it", |status, _| status.phase == "Paused" || is_promoted(status)).await;
    shop.phase("Healthy").await;
    shop.has(&[(1, 0), (2, 1)]).await;
    let shop = Shop::blue_green("rollout-switch-resumed", 1, by_hand()).await;
    shop.version(2).await;
    shop.phase("Paused").await;
    shop.change_status(json!({ "pauseConditions": null })).await;
    shop.phase("Healthy").await;
    shop.has(&[(1, 0), (2, 1)]).await;
}

#[tokio::test]
async fn going_back_before_the_switch_needs_none() {
    let shop = Shop::blue_green("rollout-unswitched", 2, by_hand()).await;
    let first = shop.status().await.stable;
    shop.version(2).await;
    shop.phase("Paused").await;
    shop.version(1).await;
    let status = shop.phase("Healthy").await;
    assert_eq!((status.pause_conditions.len(), &status.stable), (0, &first));
    shop.leads(&first, &first).await;
    shop.has(&[(1, 2), (2, 0)]).await;
}

#[tokio::test]
async fn going_back_to_replicas_that_are_still_there_is_done_without_a_pause() {
    let slow = BlueGreen { scale_down_delay_seconds: Some(600), ..by_hand() };
    let shop = Shop::blue_green("rollout-switched-back", 2, slow).await;
    let first = shop.status().await.stable;
    shop.version(2).await;
    shop.phase("Paused").await;
    shop.change_status(json!({ "promoteFull": true })).await;
    shop.until("promoted", |status, _| is_promoted(status) && status.phase == "Healthy" && status.stable != first)
        .await;
    shop.has(&[(1, 2), (2, 2)]).await;
    shop.version(1).await;
    shop.until("back", |status, _| is_promoted(status) && status.phase == "Healthy" && status.stable == first).await;
    shop.leads(&first, &first).await;
    shop.has(&[(1, 2), (2, 2)]).await;
}

#[tokio::test]
async fn a_service_that_is_not_there_is_told_and_waited_for() {
    let shop = Shop::blue_green("rollout-serviceless", 1, automatic()).await;
    let change = |service: &str| json!({ "spec": { "strategy": { "blueGreen": { "previewService": service } } } });
    shop.change(change("absent")).await;
    let status = shop.phase("Degraded").await;
    let said = "spec.strategy.blueGreen.previewService: Invalid value: \"absent\": service \"absent\" not found";
    assert_eq!(status.message, format!("InvalidSpec: The Rollout \"shop\" is invalid: {said}"));
    shop.make_service("absent").await;
    assert!(shop.phase("Healthy").await.condition("InvalidSpec").is_none());
}

#[tokio::test]
async fn without_a_delay_the_older_replicas_stay_for_ever() {
    let undelayed = BlueGreen { scale_down_delay_seconds: Some(0), ..automatic() };
    let shop = Shop::blue_green("rollout-undelayed", 1, undelayed).await;
    let first = shop.status().await.stable;
    shop.version(2).await;
    shop.until("promoted", |status, _| status.phase == "Healthy" && is_promoted(status) && status.stable != first)
        .await;
    tokio::time::sleep(A_WHILE).await;
    shop.has(&[(1, 1), (2, 1)]).await;
}
