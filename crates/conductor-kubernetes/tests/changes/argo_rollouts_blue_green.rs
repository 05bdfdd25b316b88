//! Rollouts of Argo Rollouts that switch Services: promoted on both ways, and put back with where their Services lead to.

use conductor_core::ports::FailureKind;
use conductor_kubernetes_bed::{BlueGreen, Rollout, until};
use futures::future::join_all;
use serde_json::json;

use crate::argo_rollouts::{autoscaled, bed_of, there_and_back};
use crate::bed::{PATIENCE, text};
use crate::plans::blue_green_with_resources;
use crate::scene::By;

/// What a user may have said of the switch, by name.
fn switches() -> [(&'static str, Rollout); 4] {
    let with = |change: fn(&mut BlueGreen)| {
        let mut made = blue_green_with_resources("shop", 2);
        change(made.spec.strategy.blue_green.as_mut().unwrap());
        made
    };
    [
        ("switch-by-hand", with(|_| {})),
        ("switch-automatic", with(|switched| switched.auto_promotion_enabled = None)),
        ("switch-without-preview", with(|switched| switched.preview_service = None)),
        (
            "switch-in-an-hour",
            with(|switched| {
                (switched.auto_promotion_enabled, switched.auto_promotion_seconds) = (Some(true), Some(3600));
            }),
        ),
    ]
}

#[tokio::test]
async fn an_argo_rollout_is_switched_there_and_back_whoever_would_have_promoted_it() {
    let all = switches();
    let by_journal = all.iter().map(|(name, made)| there_and_back(name, made, By::Journal));
    let by_cluster = all.iter().take(2).map(|(name, made)| there_and_back(name, made, By::Cluster));
    join_all(by_journal.chain(by_cluster)).await;
}

#[tokio::test]
async fn an_argo_rollout_that_is_switched_and_that_an_autoscaler_scales_is_held_by_it_and_put_back() {
    autoscaled("argo-rollout-switch-hpa", &blue_green_with_resources("shop", 2), "hpa").await;
}

#[tokio::test]
async fn an_argo_rollout_that_waits_for_its_switch_or_was_aborted_is_refused_before_anything_is_changed() {
    let bed = bed_of("argo-rollout-unswitched", &blue_green_with_resources("shop", 2)).await;
    let mut template = blue_green_with_resources("shop", 2).spec.template;
    template["spec"]["containers"][0]["image"] = json!("registry.example/shop:2");
    bed.change(&json!({ "spec": { "template": template } })).await;
    until("it pauses", PATIENCE, async || (bed.status("shop").await.phase == "Paused").then_some(())).await;
    let status = bed.status("shop").await;
    let (stable, current) = (&status.stable, &status.current_pod_hash);
    let refused = bed.try_observe(&bed.conductor(1).await).await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Rejected);
    assert_eq!(
        text(&refused),
        format!(
            "Rollout argo-rollout-unswitched/shop: it is in the middle of a rollout from ReplicaSet {stable} to {current} \
             (blue-green); expected it to be promoted or taken back"
        )
    );
    bed.change_status(&json!({ "abort": true })).await;
    until("it is aborted", PATIENCE, async || (bed.status("shop").await.phase == "Degraded").then_some(())).await;
    let refused = bed.try_observe(&bed.conductor(1).await).await.unwrap_err();
    assert_eq!(
        text(&refused),
        format!(
            "Rollout argo-rollout-unswitched/shop: its rollout from ReplicaSet {stable} to {current} was aborted; expected \
             another template, or that it is tried again and promoted"
        )
    );
}
