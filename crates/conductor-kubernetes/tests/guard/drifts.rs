//! What others change without a freeze is seen at once, with who has changed it.

use std::time::Duration;

use conductor_core::guard::Drift;
use conductor_core::ports::EnvironmentGuard;
use conductor_core::scale::Baseline;
use conductor_kubernetes_bed::{ScaledObject, Trigger, scaled_object};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use serde_json::json;

use crate::bed::{Bed, cluster};

/// How long it may take to be seen, as is promised.
pub(crate) const SEEN_WITHIN: Duration = Duration::from_secs(5);

/// What is seen of a change that kubectl makes.
pub(crate) async fn seen(bed: &Bed, arguments: &[&str]) -> Vec<String> {
    seen_against(bed, &bed.observe().await, arguments).await
}

/// The same, where this is expected.
pub(crate) async fn seen_against(bed: &Bed, expected: &Baseline, arguments: &[&str]) -> Vec<String> {
    let change = async {
        // The watch stands before the change is made.
        tokio::task::yield_now().await;
        bed.kubectl(arguments).await.unwrap();
        tokio::time::Instant::now()
    };
    let watch = bed.conductor.drifted(expected, &[]);
    let watch = async { (watch.await.unwrap(), tokio::time::Instant::now()) };
    let (changed, (drifts, seen)) = tokio::join!(change, watch);
    assert!(seen.saturating_duration_since(changed) < SEEN_WITHIN, "{arguments:?}: {:?}", seen - changed);
    drifts.iter().map(without_time).collect()
}

/// A drift without the time at the end of its text.
pub(crate) fn without_time(drift: &Drift) -> String {
    let text = drift.to_string();
    match text.rsplit_once(", ") {
        Some((text, time)) if time.ends_with("Z)") => format!("{text})"),
        _ => text,
    }
}

#[tokio::test]
async fn a_version_that_somebody_sets_is_seen_with_the_tool_that_did_it() {
    let bed = Bed::new("version").await;
    let seen = seen(&bed, &["set", "image", "deployment/checkout", "main=registry.example/checkout:9"]).await;
    assert_eq!(
        seen,
        [
            "checkout: version of main is registry.example/checkout:9, not registry.example/checkout:1; changed by kubectl-set (Update)"
        ]
    );
}

#[tokio::test]
async fn replicas_and_resources_are_seen() {
    let bed = Bed::new("scaled").await;
    assert_eq!(
        seen(&bed, &["scale", "deployment/checkout", "--replicas=7"]).await,
        ["checkout: replicas is 7, not 2; changed by kubectl (Update of scale)"]
    );
    assert_eq!(
        seen(&bed, &["set", "resources", "deployment/checkout", "--limits=memory=1Gi"]).await,
        ["checkout: limits.memory of main is 1Gi, not absent; changed by kubectl-set (Update)"]
    );
}

#[tokio::test]
async fn autoscalers_that_are_made_or_changed_or_deleted_are_seen() {
    let bed = Bed::new("autoscaled").await;
    let target = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout" });
    let made = json!({ "metadata": { "name": "cpu" }, "spec": { "minReplicas": 2, "maxReplicas": 4, "scaleTargetRef": target } });
    let autoscaler: HorizontalPodAutoscaler = serde_json::from_value(made).unwrap();
    let expected = bed.observe().await;
    bed.api().create(&Default::default(), &autoscaler).await.unwrap();
    let drifts = bed.conductor.drifted(&expected, &[]).await.unwrap();
    assert!(
        drifts[0].to_string().starts_with("checkout: autoscaling is autoscaled from 2 to 4, not absent"),
        "{drifts:?}"
    );
    let patch = r#"{"spec":{"maxReplicas":9}}"#;
    assert_eq!(
        seen(&bed, &["patch", "hpa", "cpu", "--type=merge", "-p", patch]).await,
        [
            "checkout: autoscaling is autoscaled from 2 to 9, not autoscaled from 2 to 4; changed by kubectl-patch (Update)"
        ]
    );
    assert_eq!(
        seen(&bed, &["delete", "hpa", "cpu"]).await,
        ["checkout: autoscaling is absent, not autoscaled from 2 to 9"]
    );
}

#[tokio::test]
async fn a_deployment_that_is_deleted_or_made_anew_is_seen() {
    let bed = Bed::new("deleted").await;
    assert_eq!(seen(&bed, &["delete", "deployment", "--all"]).await, ["checkout was deleted"]);
    let anew = Bed::new("anew").await;
    let manifest = anew.kubectl(&["get", "deployment", "checkout", "-o", "json"]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkout.json");
    std::fs::write(&file, manifest).unwrap();
    let replaced = seen(&anew, &["replace", "--force", "-f", file.to_str().unwrap()]).await;
    assert!(
        replaced == ["checkout was deleted"] || replaced == ["checkout was deleted and made anew"],
        "whichever is seen first: {replaced:?}"
    );
}

#[tokio::test]
async fn what_becomes_of_a_stateful_set_is_seen_as_well() {
    let bed = Bed::with_stateful_set("set-drifts").await;
    assert_eq!(
        seen(&bed, &["scale", "statefulset/checkout", "--replicas=7"]).await,
        ["checkout: replicas is 7, not 2; changed by kubectl (Update of scale)"]
    );
    assert_eq!(
        seen(&bed, &["set", "image", "statefulset/checkout", "main=registry.example/checkout:9"]).await,
        [
            "checkout: version of main is registry.example/checkout:9, not registry.example/checkout:1; changed by kubectl-set (Update)"
        ]
    );
    assert_eq!(
        seen(&bed, &["autoscale", "statefulset/checkout", "--min=7", "--max=9"]).await,
        ["checkout: autoscaling is autoscaled from 7 to 9, not absent; changed by kubectl-autoscale (Update)"]
    );
    assert_eq!(seen(&bed, &["delete", "statefulset", "checkout"]).await, ["checkout was deleted"]);
}

#[tokio::test]
async fn what_is_known_is_not_told_again_and_what_nobody_changes_is_not_told_at_all() {
    let bed = Bed::new("known").await;
    let expected = bed.observe().await;
    bed.kubectl(&["scale", "deployment/checkout", "--replicas=7"]).await.unwrap();
    let known = bed.conductor.drifted(&expected, &[]).await.unwrap();
    assert_eq!(known.len(), 1, "{known:?}");
    bed.kubectl(&["annotate", "deployment/checkout", "a=b"]).await.unwrap();
    bed.kubectl(&["label", "deployment/checkout", "c=d"]).await.unwrap();
    let image = ["set", "image", "deployment/checkout", "main=registry.example/checkout:9"];
    let (next, _) = tokio::join!(bed.conductor.drifted(&expected, &known), bed.kubectl(&image));
    let next = next.unwrap();
    assert_eq!(next.iter().map(|drift| drift.field.as_str()).collect::<Vec<_>>(), ["version of main"], "{next:?}");
}

#[tokio::test]
async fn a_scaled_object_that_somebody_changes_is_seen_and_what_keda_makes_of_it_is_not() {
    let mut bed = Bed::new("keda-drifts").await;
    cluster().await.keda().await.unwrap();
    let made = scaled_object("checkout", 2..=4, Trigger::active());
    bed.api::<ScaledObject>().create(&Default::default(), &made).await.unwrap();
    bed.conductor = bed.connect(1, &json!({})).await;
    let patch = r#"{"spec":{"maxReplicaCount":9}}"#;
    assert_eq!(
        seen(&bed, &["patch", "scaledobject", "checkout", "--type=merge", "-p", patch]).await,
        [
            "checkout: autoscaling is autoscaled from 2 to 9, not autoscaled from 2 to 4; changed by kubectl-patch (Update)"
        ]
    );
    assert_eq!(
        seen(&bed, &["delete", "scaledobject", "checkout"]).await,
        ["checkout: autoscaling is absent, not autoscaled from 2 to 9"]
    );
}
