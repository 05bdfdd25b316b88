//! Versions that do not come about, and those that nobody wants any more.

use conductor_kubernetes_bed::{Behaviour, Step, rollout};
use serde_json::json;

use crate::{Shop, is_promoted, version};

#[tokio::test]
async fn a_version_that_does_not_get_ready_has_a_deadline() {
    let mut made = rollout("shop", 2, Behaviour::Ready, &[]);
    made.spec.progress_deadline_seconds = Some(2);
    let shop = Shop::of("rollout-late", &made).await;
    shop.phase("Healthy").await;
    let template = rollout("shop", 2, Behaviour::Hang, &[]).spec.template;
    shop.change(json!({ "spec": { "template": template } })).await;
    let status = shop.phase("Degraded").await;
    assert!(status.message.starts_with("ProgressDeadlineExceeded: ReplicaSet \"shop-"), "{}", status.message);
    assert!(status.message.ends_with("\" has timed out progressing."), "{}", status.message);
    let progressing = status.condition("Progressing").unwrap();
    assert_eq!(
        (progressing.status.as_str(), progressing.reason.as_deref()),
        ("False", Some("ProgressDeadlineExceeded"))
    );
    shop.change(json!({ "spec": { "template": { "metadata": { "annotations": null } } } })).await;
    shop.phase("Healthy").await;
}

#[tokio::test]
async fn an_aborted_canary_goes_back_and_says_so_until_its_template_does() {
    let shop = Shop::healthy("rollout-aborted", 4, &[Step::SetWeight(50), Step::pause()]).await;
    shop.version(2).await;
    shop.phase("Paused").await;
    shop.change_status(json!({ "abort": true })).await;
    let status = shop.phase("Degraded").await;
    assert_eq!(status.message, "RolloutAborted: Rollout aborted update to revision 2");
    shop.has(&[(1, 4), (2, 0)]).await;
    assert!(!is_promoted(&shop.status().await));
    shop.version(1).await;
    assert!(!shop.phase("Healthy").await.abort);
}

#[tokio::test]
async fn a_spec_that_contradicts_itself_is_told_and_left_alone() {
    let shop = Shop::healthy("rollout-invalid", 1, &[]).await;
    let mut change = version(2, &json!({}));
    change["spec"]["template"]["metadata"]["labels"]["app"] = json!("another");
    shop.change(change).await;
    let status = shop.phase("Degraded").await;
    assert!(status.message.starts_with("InvalidSpec: The Rollout \"shop\" is invalid: spec.template.metadata.labels"));
    assert_eq!(status.condition("InvalidSpec").unwrap().status, "True");
    shop.has(&[(1, 1)]).await;
    shop.change(version(1, &json!({}))).await;
    assert!(shop.phase("Healthy").await.condition("InvalidSpec").is_none());
}

#[tokio::test]
async fn while_somebody_has_paused_it_no_version_goes_on() {
    let shop = Shop::healthy("rollout-halted", 2, &[]).await;
    shop.change(version(2, &json!({ "paused": true }))).await;
    let status = shop.phase("Paused").await;
    assert_eq!(status.message, "manually paused");
    shop.has(&[(1, 2), (2, 0)]).await;
    shop.change(json!({ "spec": { "paused": null } })).await;
    shop.phase("Healthy").await;
    shop.has(&[(1, 0), (2, 2)]).await;
}
