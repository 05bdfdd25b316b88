//! What others change under load is told, and what the run does itself is not.

use std::time::Duration;

use conductor_core::guard::Guarded;
use conductor_core::ports::{EnvironmentGuard, FailureKind};
use conductor_core::restore::ForeignPolicy;
use serde_json::{Value, json};

use super::scene::*;

/// What is told after somebody has done something.
async fn told(operation: &str, body: Value) -> Vec<String> {
    let scene = Scene::autoscaled().await;
    let conductor = scene.conductor(1).await;
    let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
    there(&conductor, &changes).await.unwrap();
    let expected = changes.expected(None);
    let quiet = tokio::time::timeout(Duration::from_secs(3), conductor.drifted(&expected, &[])).await;
    assert!(quiet.is_err(), "the run's own way is no drift: {quiet:?}");
    let (drifts, _) = tokio::join!(conductor.drifted(&expected, &[]), scene.admin(operation, body));
    let drifts = drifts.unwrap();
    let again = tokio::time::timeout(Duration::from_secs(3), conductor.drifted(&expected, &drifts)).await;
    assert!(again.is_err(), "what is known is not told again: {again:?}");
    drifts.iter().map(ToString::to_string).collect()
}

fn update(field: &str, value: Value) -> Value {
    json!({ "cluster": TEST, "service": "cart", field: value })
}

#[tokio::test]
async fn every_field_that_somebody_changes_is_told() {
    assert_eq!(told("UpdateService", update("desiredCount", json!(3))).await, ["cart: replicas is 3, not 6"]);
    let version = told("UpdateService", update("taskDefinition", "cart:1".into())).await;
    assert!(
        version[0].starts_with("cart: version of app is registry.example/cart:v1, not registry.example/cart@sha256:"),
        "{version:?}"
    );
    assert_eq!(version.len(), 3, "cpu and memory of that revision too: {version:?}");
    let anew = told("UpdateService", update("forceNewDeployment", true.into())).await;
    assert!(anew[0].starts_with("cart: deployment is ecs-svc/") && anew.len() == 1, "{anew:?}");
    let resumed = json!({ "ServiceNamespace": "ecs", "ResourceId": "service/shop-test/cart",
        "ScalableDimension": "ecs:service:DesiredCount", "SuspendedState": { "DynamicScalingInSuspended": true,
        "DynamicScalingOutSuspended": false, "ScheduledScalingSuspended": true } });
    assert_eq!(
        told("RegisterScalableTarget", resumed).await,
        [
            "cart: autoscaling is suspended in=true out=false scheduled=true, not suspended in=true out=true scheduled=true"
        ]
    );
    let gone = json!({ "cluster": TEST, "service": "cart", "force": true });
    assert_eq!(told("DeleteService", gone).await[0], "cart was deleted");
}

#[tokio::test]
async fn what_is_paused_again_after_somebody_has_resumed_it_goes_on_after_the_run() {
    let scene = Scene::autoscaled().await;
    let (before, conductor) = (scene.state().await, scene.conductor(1).await);
    let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
    there(&conductor, &changes).await.unwrap();
    let during = scene.state().await;
    let resumed = json!({ "ServiceNamespace": "ecs", "ResourceId": "service/shop-test/cart",
        "ScalableDimension": "ecs:service:DesiredCount", "SuspendedState": { "DynamicScalingInSuspended": false,
        "DynamicScalingOutSuspended": false, "ScheduledScalingSuspended": false } });
    scene.admin("RegisterScalableTarget", resumed).await;
    conductor.pause_again(&run(), &scene.names).await.unwrap();
    assert_eq!(scene.state().await, during);
    back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
    assert_eq!(scene.state().await, before);
}

#[tokio::test]
async fn signs_of_life_are_renewed_and_their_absence_is_told_once() {
    let scene = Scene::autoscaled().await;
    let conductor = scene.conductor(1).await;
    let guarded = conductor.freeze(&run(), &scene.names, until()).await.unwrap();
    assert!(matches!(guarded, Guarded::Open { .. }), "{guarded:?}");
    conductor.extend(&run(), until()).await.unwrap();
    let cluster = scene.admin("DescribeClusters", json!({ "clusters": [TEST] })).await;
    let key = "loadtest-conductor.dev/alive/one";
    let untag = json!({ "resourceArn": cluster["clusters"][0]["clusterArn"], "tagKeys": [key] });
    scene.admin("UntagResource", untag).await;
    let lapsed = conductor.extend(&run(), until()).await.unwrap_err();
    assert_eq!(lapsed.kind, FailureKind::NotFound);
    assert_eq!(
        lapsed.to_string(),
        "load test one had no sign of life in its clusters: somebody else has put it back, or has taken the sign away; it is given \
         again"
    );
    conductor.extend(&run(), until()).await.unwrap();
    conductor.thaw(&run()).await.unwrap();
}
