//! How many replicas there are, whoever wants them.

use conductor_kubernetes_bed::{Step, User, until};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

use crate::support::{PATIENCE, api, cluster};
use crate::{Shop, version};

#[tokio::test]
async fn replicas_are_followed_and_never_written() {
    let shop = Shop::healthy("rollout-scaled", 2, &[]).await;
    for replicas in [5, 0, 3] {
        shop.change(json!({ "spec": { "replicas": replicas } })).await;
        shop.phase("Healthy").await;
        shop.has(&[(1, replicas)]).await;
    }
    // Through the subresource, as autoscalers do.
    let scale = shop.rollouts.get_scale("shop").await.unwrap();
    assert_eq!(scale.status.as_ref().unwrap().replicas, 3);
    assert_eq!(scale.status.unwrap().selector.as_deref(), Some("app=shop"));
    let scale = kube::api::Patch::Merge(json!({ "spec": { "replicas": 4 } }));
    shop.rollouts.patch_scale("shop", &Default::default(), &scale).await.unwrap();
    shop.phase("Healthy").await;
    shop.has(&[(1, 4)]).await;
}

#[tokio::test]
async fn both_versions_of_a_paused_canary_are_scaled() {
    let shop = Shop::healthy("rollout-both", 4, &[Step::SetWeight(25), Step::pause()]).await;
    shop.version(2).await;
    shop.phase("Paused").await;
    shop.change(json!({ "spec": { "replicas": 8 } })).await;
    shop.has(&[(1, 6), (2, 2)]).await;
    shop.until("still paused", |status, replicas| status.phase == "Paused" && status.available_replicas == replicas)
        .await;
}

#[tokio::test]
async fn replicas_and_template_at_once_are_not_done_when_it_says_so() {
    let shop = Shop::healthy("rollout-at-once", 2, &[]).await;
    let before = shop.status().await.stable;
    shop.change(version(2, &json!({ "replicas": 6 }))).await;
    let status = shop.phase("Healthy").await;
    assert_ne!(status.stable, before);
    shop.has(&[(1, 0), (2, 6)]).await;
}

#[tokio::test]
async fn an_autoscaler_keeps_it_within_its_bounds() {
    let shop = Shop::healthy("rollout-autoscaled", 2, &[]).await;
    let client = cluster().await.client(&User::Admin).await.unwrap();
    let autoscalers: Api<HorizontalPodAutoscaler> = api(&client, "rollout-autoscaled");
    let target = json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "shop" });
    let spec = json!({ "minReplicas": 4, "maxReplicas": 6, "scaleTargetRef": target });
    let made = serde_json::from_value(json!({ "metadata": { "name": "cpu" }, "spec": spec })).unwrap();
    autoscalers.create(&PostParams::default(), &made).await.unwrap();
    until("its fewest", PATIENCE, async || (shop.get().await.spec.replicas == Some(4)).then_some(())).await;
    shop.phase("Healthy").await;
}
