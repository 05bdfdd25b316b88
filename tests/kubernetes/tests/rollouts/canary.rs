//! The steps of a canary, and how it gets past them.

use conductor_kubernetes_bed::Step;
use serde_json::json;

use crate::{Shop, is_promoted};

/// A quarter, and somebody has to go on.
const STEPS: [Step; 2] = [Step::SetWeight(25), Step::pause()];

#[tokio::test]
async fn without_steps_a_version_comes_as_with_a_deployment() {
    let shop = Shop::healthy("rollout-rolling", 4, &[]).await;
    shop.version(2).await;
    shop.phase("Healthy").await;
    shop.has(&[(1, 0), (2, 4)]).await;
}

#[tokio::test]
async fn a_canary_pauses_at_its_weight_until_somebody_promotes_it() {
    let shop = Shop::healthy("rollout-paused", 4, &STEPS).await;
    shop.version(2).await;
    let status = shop.phase("Paused").await;
    shop.has(&[(1, 3), (2, 1)]).await;
    assert_eq!((status.message.as_str(), status.current_step_index), ("CanaryPauseStep", Some(1)));
    assert!(status.controller_pause && !is_promoted(&status));
    assert_eq!(status.pause_conditions[0].reason, "CanaryPauseStep");
    let counts = [status.replicas, status.updated_replicas, status.available_replicas, status.hpa_replicas];
    assert_eq!(counts, [4, 1, 4, 4]);
    shop.change_status(json!({ "promoteFull": true })).await;
    let status = shop.phase("Healthy").await;
    assert_eq!((status.promote_full, status.controller_pause, status.current_step_index), (false, false, Some(2)));
    shop.has(&[(1, 0), (2, 4)]).await;
}

#[tokio::test]
async fn going_back_after_a_promotion_is_a_canary_again() {
    let shop = Shop::healthy("rollout-back", 4, &STEPS).await;
    for version in [2, 1] {
        shop.version(version).await;
        shop.phase("Paused").await;
        shop.change_status(json!({ "promoteFull": true })).await;
        shop.phase("Healthy").await;
    }
    shop.has(&[(1, 4), (2, 0)]).await;
}

#[tokio::test]
async fn going_back_in_the_middle_of_a_canary_is_done_without_steps() {
    let shop = Shop::healthy("rollout-undone", 4, &STEPS).await;
    shop.version(2).await;
    shop.phase("Paused").await;
    shop.version(1).await;
    let status = shop.phase("Healthy").await;
    assert_eq!(status.pause_conditions, []);
    shop.has(&[(1, 4), (2, 0)]).await;
}

#[tokio::test]
async fn a_promotion_that_comes_before_its_version_is_void() {
    let shop = Shop::healthy("rollout-early", 4, &STEPS).await;
    shop.change_status(json!({ "promoteFull": true })).await;
    shop.version(2).await;
    assert!(!shop.phase("Paused").await.promote_full);
}

#[tokio::test]
async fn a_pause_of_some_time_ends_by_itself_and_so_does_one_that_somebody_takes_away() {
    let shop = Shop::healthy("rollout-timed", 4, &[Step::SetWeight(50), Step::pause_for(1), Step::pause()]).await;
    shop.version(2).await;
    let at_last = |step| {
        move |status: &conductor_kubernetes_bed::RolloutStatus, _| {
            status.phase == "Paused" && status.current_step_index == Some(step)
        }
    };
    shop.until("the first pause", at_last(1)).await;
    shop.until("the second pause", at_last(2)).await;
    shop.has(&[(1, 2), (2, 2)]).await;
    shop.change_status(json!({ "pauseConditions": null })).await;
    shop.phase("Healthy").await;
    shop.has(&[(1, 0), (2, 4)]).await;
}
