//! What others change under load is told, and what the run does itself is not.

use conductor_core::guard::{Drift, Guarded};
use conductor_core::ports::{EnvironmentGuard, FailureKind};
use conductor_core::restore::ForeignPolicy;
use conductor_core::scale::Baseline;
use conductor_ecs::EcsEnvironment;
use conductor_ecs_bed::{Requests, User};
use serde_json::{Value, json};

use super::scene::*;

/// Looks some more times, and there is nothing to be told.
async fn is_quiet(scene: &Scene, conductor: &EcsEnvironment, expected: &Baseline, known: &[Drift]) {
    let all = Requests::all().operation("DescribeServices").by(User::Conductor.access_key());
    // Two alike are told.
    let enough = scene.bed.count(&all) + 4;
    tokio::select! {
        told = conductor.drifted(expected, known) => panic!("{told:?}"),
        () = conductor_ecs_bed::until("four looks", PATIENCE, async || (scene.bed.count(&all) >= enough).then_some(())) => {}
    }
}

/// What is told after somebody has done something.
async fn told(operation: &str, body: Value) -> Vec<String> {
    let scene = Scene::autoscaled().await;
    let conductor = scene.conductor(1).await;
    let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
    there(&conductor, &changes).await.unwrap();
    let expected = changes.expected(None);
    // The run's own way is no drift.
    is_quiet(&scene, &conductor, &expected, &[]).await;
    let watching = tokio::time::timeout(PATIENCE, conductor.drifted(&expected, &[]));
    let (drifts, _) = tokio::join!(watching, scene.admin(operation, body));
    let drifts = drifts.unwrap_or_else(|_| panic!("{operation} is not told")).unwrap();
    // What is known is not told again.
    is_quiet(&scene, &conductor, &expected, &drifts).await;
    drifts.iter().map(ToString::to_string).collect()
}

fn update(field: &str, value: Value) -> Value {
    json!({ "cluster": TEST, "service": "cart", field: value })
}

/// The autoscaling of the cart, with these of its parts suspended.
fn suspended(scale_in: bool, scale_out: bool, scheduled: bool) -> Value {
    json!({ "ServiceNamespace": "ecs", "ResourceId": "service/shop-test/cart",
        "ScalableDimension": "ecs:service:DesiredCount", "SuspendedState": { "DynamicScalingInSuspended": scale_in,
        "DynamicScalingOutSuspended": scale_out, "ScheduledScalingSuspended": scheduled } })
}

#[tokio::test]
async fn tasks_that_somebody_wants_otherwise_are_told() {
    assert_eq!(told("UpdateService", update("desiredCount", json!(3))).await, ["cart: replicas is 3, not 6"]);
}

#[tokio::test]
async fn a_version_that_somebody_deploys_is_told_with_the_resources_of_its_revision() {
    let version = told("UpdateService", update("taskDefinition", "cart:1".into())).await;
    assert_eq!(version.len(), 3, "{version:?}");
    let expected = "cart: version of app is registry.example/cart:v1, not registry.example/cart@sha256:";
    assert!(version[0].starts_with(expected), "{version:?}");
    assert_eq!(
        version[1..],
        ["cart: requests.cpu of whole task is 250m, not 500m", "cart: requests.memory of whole task is 512Mi, not 1Gi"]
            .map(str::to_owned)
    );
}

#[tokio::test]
async fn a_deployment_of_the_same_version_is_told() {
    let anew = told("UpdateService", update("forceNewDeployment", true.into())).await;
    assert_eq!(anew.len(), 1, "{anew:?}");
    let (found, expected) = anew[0].split_once(", not ").expect(&anew[0]);
    let found = found.strip_prefix("cart: deployment is ").expect(&anew[0]);
    assert!(found.starts_with("ecs-svc/") && expected.starts_with("ecs-svc/") && found != expected, "{anew:?}");
}

#[tokio::test]
async fn autoscaling_that_somebody_lets_go_on_is_told_by_its_parts() {
    assert_eq!(
        told("RegisterScalableTarget", suspended(true, false, true)).await,
        [
            "cart: autoscaling is suspended in=true out=false scheduled=true, not suspended in=true out=true scheduled=true"
        ]
    );
}

#[tokio::test]
async fn a_service_that_somebody_deletes_is_told() {
    let gone = json!({ "cluster": TEST, "service": "cart", "force": true });
    assert_eq!(told("DeleteService", gone).await, ["cart was deleted"]);
}

#[tokio::test]
async fn what_is_paused_again_after_somebody_has_resumed_it_goes_on_after_the_run() {
    let scene = Scene::autoscaled().await;
    let (before, conductor) = (scene.state().await, scene.conductor(1).await);
    let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
    there(&conductor, &changes).await.unwrap();
    let during = scene.state().await;
    scene.admin("RegisterScalableTarget", suspended(false, false, false)).await;
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
