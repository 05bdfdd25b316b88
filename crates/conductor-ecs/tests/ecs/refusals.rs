//! What could not be done or put back is refused before anything is changed.

use conductor_core::failure::Failure;
use conductor_core::ports::{Capacity, EnvironmentGuard, FailureKind, PortError, ReleaseSource, Scaler};
use conductor_core::spec::{Intent, ScaleChoice, VersionChoice};
use conductor_ecs::EcsEnvironment;
use conductor_ecs_bed::{Requests, ServiceMade, User};
use serde_json::json;

use super::scene::*;

fn told(error: PortError) -> String {
    assert_eq!(error.kind, FailureKind::Rejected);
    Failure::of("", &error).message
}

/// A scene with one service in the test cluster, made like this.
async fn with(change: impl FnOnce(ServiceMade) -> ServiceMade) -> Scene {
    let scene = Scene::of(&[]).await;
    let made = change(ServiceMade::new(TEST, "cart", "registry.example/cart:v1", 2));
    scene.bed.make_service(made).await.unwrap();
    let live = ServiceMade::new(LIVE, "cart", "registry.example/cart:v2", 6).family("live-cart");
    scene.bed.make_service(live).await.unwrap();
    Scene { names: vec!["cart".parse().unwrap()], ..scene }
}

async fn refused(scene: &Scene) -> String {
    let conductor = scene.conductor(1).await;
    let refused = told(plan(&conductor, &[like_production("cart")]).await.unwrap_err());
    assert_eq!(scene.bed.count(&scene.conductors()), 0, "nothing was written");
    refused
}

#[tokio::test]
async fn daemons_and_services_that_are_being_changed_are_refused() {
    assert_eq!(
        refused(&with(ServiceMade::daemon).await).await,
        "cart: its scheduling strategy is DAEMON, with a task on each instance: it cannot be scaled; expected REPLICA"
    );
    let scene = with(|made| made).await;
    scene.bed.clock().hold();
    scene.admin("UpdateService", json!({ "cluster": TEST, "service": "cart", "desiredCount": 4 })).await;
    let text = refused(&scene).await;
    assert!(text.starts_with("cart: ") && text.ends_with("expected a service that is as it shall be"), "{text}");
}

#[tokio::test]
async fn what_others_deploy_is_scaled_and_keeps_its_version() {
    let scene = with(|made| made.controller("CODE_DEPLOY")).await;
    assert_eq!(
        refused(&scene).await,
        "cart: its deployments are those of CODE_DEPLOY, which alone gives it another task definition; expected version: keep \
         (it can be scaled)"
    );
    let (before, conductor) = (scene.state().await, scene.conductor(1).await);
    let scope = [Intent::new(scene.names[0].clone(), VersionChoice::Keep, ScaleChoice::Production)];
    let changes = plan(&conductor, &scope).await.unwrap();
    there(&conductor, &changes).await.unwrap();
    assert_eq!(scene.service("cart").await["desiredCount"], json!(6));
    back(&conductor, &changes, Default::default()).await.unwrap();
    assert_eq!(scene.state().await, before);
}

#[tokio::test]
async fn a_revision_that_is_gone_already_is_refused() {
    let scene = with(|made| made).await;
    scene.admin("DeregisterTaskDefinition", json!({ "taskDefinition": "cart:1" })).await;
    assert_eq!(
        refused(&scene).await,
        "cart: somebody has deregistered cart:1, which it runs, so that it could not be put back; expected a revision that is active"
    );
}

#[tokio::test]
async fn a_service_of_another_run_is_refused_and_paused_for_nobody_else() {
    let scene = Scene::autoscaled().await;
    let conductor = scene.conductor(1).await;
    let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
    there(&conductor, &changes).await.unwrap();
    let other = scene.conductor(1).await;
    let text = told(other.allocated(&scene.names).await.unwrap_err());
    assert_eq!(text, "cart: load test one has changed it and not put it back");
    let two = "two".parse().unwrap();
    let step = &changes.plan.scale_steps[0];
    let text = told(other.scale(&two, step, conductor_core::ports::Way::There).await.unwrap_err());
    assert!(text.ends_with("load test one has changed it and not put it back"), "{text}");
    let pauses = other.pauses(&scene.names, &[]).await.unwrap();
    assert_eq!(pauses[0].to_string(), "Application Auto Scaling (1 to 4 tasks) of cart (SuspendedState: all)");
    back(&conductor, &changes, Default::default()).await.unwrap();
}

#[tokio::test]
async fn sizes_that_fargate_does_not_have_are_told_beforehand() {
    let scene = with(|made| {
        made.of_definition("requiresCompatibilities", json!(["FARGATE"])).of_definition("networkMode", "awsvpc".into())
    })
    .await;
    let conductor = scene.conductor(1).await;
    let scale = ScaleChoice::Exactly { replicas: None, cpu: Some("500m".parse().unwrap()), memory: None };
    let changes = plan(&conductor, &[Intent::new(scene.names[0].clone(), VersionChoice::Keep, scale)]).await.unwrap();
    let shortages = conductor.shortages(&changes.plan.scale_steps).await.unwrap();
    assert_eq!(
        shortages[0].message,
        "cart: Fargate has no task with 512 units of CPU and 512 MiB; expected 1024 to 4096 MiB in steps of 1024 for that CPU"
    );
    assert!(shortages[0].is_final);
}

#[tokio::test]
async fn production_is_not_what_is_written_to_and_is_not_read_while_it_is_deployed_to() {
    let scene = with(|made| made).await;
    let mut settings = scene.settings();
    settings.production.as_mut().unwrap().cluster = Some(TEST.to_owned());
    let conductor = EcsEnvironment::connect(settings, 1).await;
    let text = told(conductor.production(&scene.names).await.unwrap_err());
    assert!(text.starts_with("ecs.production has the very cluster that is written to (arn:aws:ecs:"), "{text}");
    scene.bed.clock().hold();
    scene.admin("UpdateService", json!({ "cluster": LIVE, "service": "cart", "desiredCount": 9 })).await;
    let conductor = scene.conductor(1).await;
    let read = conductor.production(&scene.names).await.unwrap();
    assert_eq!(read[&scene.names[0]].allocation.replicas, 9, "that it scales is in nobody's way");
    let forced = json!({ "cluster": LIVE, "service": "cart", "forceNewDeployment": true });
    scene.admin("UpdateService", forced).await;
    let error = conductor.production(&scene.names).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unavailable, "it passes by itself");
    let text = error.to_string();
    assert!(
        text.starts_with("service cart of cluster shop-live in production cannot be read: it has 2 deploy"),
        "{text}"
    );
}

#[tokio::test]
async fn services_that_do_not_exist_are_absent_and_more_than_ten_are_read() {
    let names: Vec<String> = (0..23).map(|number| format!("app-{number}")).collect();
    let scene = Scene::of(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    scene.admin("DeleteService", json!({ "cluster": TEST, "service": "app-7", "force": true })).await;
    let conductor = scene.conductor(1).await;
    let found = conductor.allocated(&scene.names).await.unwrap();
    assert_eq!((found.len(), conductor.production(&scene.names).await.unwrap().len()), (22, 23));
    let looks =
        scene.bed.count(&Requests::all().operation("DescribeServices").cluster(TEST).by(User::Conductor.access_key()));
    assert_eq!(looks, 5, "ten at a time, and two more for the one that is missing");
}
