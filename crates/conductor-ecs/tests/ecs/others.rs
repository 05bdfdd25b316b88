//! What others do to services in the middle of a run: nothing of theirs is lost, and nothing of the run is left.

use conductor_core::failure::Failure;
use conductor_core::ports::{Deployer, EnvironmentGuard, FailureKind, Scaler, Way};
use conductor_core::restore::ForeignPolicy;
use serde_json::json;

use super::scene::*;

/// Takes all tags of the conductor from the service.
async fn strip(scene: &Scene) {
    let found = scene.service("cart").await;
    let keys: Vec<&str> = found["tags"].as_array().unwrap().iter().map(|tag| tag["key"].as_str().unwrap()).collect();
    let keys: Vec<&str> = keys.into_iter().filter(|key| key.starts_with("loadtest-conductor.dev/")).collect();
    assert!(!keys.is_empty(), "{found}");
    scene.admin("UntagResource", json!({ "resourceArn": found["serviceArn"], "tagKeys": keys })).await;
}

async fn resume(scene: &Scene, scale_in: bool, scale_out: bool) {
    let state = json!({ "DynamicScalingInSuspended": !scale_in, "DynamicScalingOutSuspended": !scale_out,
        "ScheduledScalingSuspended": true });
    let resumed = json!({ "ServiceNamespace": "ecs", "ResourceId": format!("service/{TEST}/cart"),
        "ScalableDimension": "ecs:service:DesiredCount", "SuspendedState": state });
    scene.admin("RegisterScalableTarget", resumed).await;
}

#[tokio::test]
async fn tags_that_somebody_takes_away_keep_nothing_from_being_put_back() {
    let scene = Scene::autoscaled().await;
    let (before, conductor) = (scene.state().await, scene.conductor(1).await);
    let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
    there(&conductor, &changes).await.unwrap();
    strip(&scene).await;
    back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
    assert_eq!(scene.state().await, before);
}

#[tokio::test]
async fn an_autoscaling_that_nobody_can_say_anything_of_is_told_once_its_tags_are_gone() {
    let scene = Scene::autoscaled().await;
    let conductor = scene.conductor(1).await;
    let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
    there(&conductor, &changes).await.unwrap();
    strip(&scene).await;
    let next = scene.conductor(2).await;
    let error = back(&next, &changes, ForeignPolicy::Report).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected);
    assert_eq!(
        Failure::of("", &error).message,
        "could not resume the autoscaling of service cart of cluster shop-test: all of it is suspended, and the tags that \
         would say by whom are gone: load test one may have done so; expected that somebody resumes it who knows what it was before"
    );
    let found = scene.service("cart").await;
    assert_eq!(found["desiredCount"], json!(2), "all else is back");
    resume(&scene, true, true).await;
    next.thaw(&run()).await.unwrap();
}

#[tokio::test]
async fn what_somebody_resumes_goes_on_and_the_rest_is_resumed_after_the_run() {
    let scene = Scene::autoscaled().await;
    let (before, conductor) = (scene.state().await, scene.conductor(1).await);
    let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
    there(&conductor, &changes).await.unwrap();
    resume(&scene, false, true).await;
    back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
    assert_eq!(scene.state().await, before);
}

#[tokio::test]
async fn what_others_deploy_between_two_steps_is_not_lost() {
    let scene = Scene::of(&["cart"]).await;
    let conductor = scene.conductor(1).await;
    let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
    conductor.freeze(&run(), &scene.names, until()).await.unwrap();
    conductor.roll_out(&run(), &changes.plan.rollouts[0], Way::There).await.unwrap();
    let theirs = json!({ "family": "cart", "cpu": "256", "memory": "512",
        "containerDefinitions": [{ "name": "app", "image": "registry.example/cart:v7" }] });
    let made = scene.admin("RegisterTaskDefinition", theirs).await;
    let revision = &made["taskDefinition"]["taskDefinitionArn"];
    scene.admin("UpdateService", json!({ "cluster": TEST, "service": "cart", "taskDefinition": revision })).await;
    let error = conductor.scale(&run(), &changes.plan.scale_steps[0], Way::There).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected);
    let text = Failure::of("", &error).message;
    let expected = "could not change service cart of cluster shop-test: somebody else changed its version: it is \
                    registry.example/cart:v7, and not registry.example/cart@sha256:";
    assert!(text.starts_with(expected), "{text}");
    let foreign = back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
    assert_eq!(foreign.len(), 1, "{foreign:?}");
    assert_eq!(&scene.service("cart").await["taskDefinition"], revision, "it stays");
}
