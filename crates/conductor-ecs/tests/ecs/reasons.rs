//! Why tasks were stopped is told of those that were waited for, however many others there are.

use std::sync::Arc;
use std::time::Duration;

use conductor_core::failure::Failure;
use conductor_core::ports::{Deployer, EnvironmentGuard, FailureKind, Way};
use conductor_core::restore::ForeignPolicy;
use conductor_core::spec::{Intent, ScaleChoice, VersionChoice};
use conductor_core::units::Span;
use conductor_ecs::EcsEnvironment;
use conductor_ecs_bed::{Moment, Requests, ServiceMade, User};
use serde_json::json;

use super::scene::*;

/// Everything of the bed has time to come about.
const LONG: Duration = Duration::from_secs(900);

async fn of_admin(scene: &Scene, tasks: u32) {
    let update = json!({ "cluster": TEST, "service": "cart", "desiredCount": tasks });
    scene.admin("UpdateService", update).await;
    scene.bed.clock().advance(LONG);
}

#[tokio::test]
async fn a_rollback_between_two_looks_is_told_with_the_reasons_of_its_tasks_among_many_others() {
    let mut scene = Scene::of(&[]).await;
    let cart = ServiceMade::new(TEST, "cart", "registry.example/cart:v1", 2).circuit_breaker(true);
    scene.bed.make_service(cart).await.unwrap();
    scene.names = vec!["cart".parse().unwrap()];
    let before = scene.state().await;
    let mut settings = scene.settings();
    settings.timeout = Span::seconds(60);
    let conductor = Arc::new(EcsEnvironment::connect(settings, 1).await);
    let version = VersionChoice::Release("registry.example/cart:v9-bed-no-pull".to_owned());
    let changes = plan(&conductor, &[Intent::new(scene.names[0].clone(), version, ScaleChoice::Keep)]).await.unwrap();
    conductor.freeze(&run(), &scene.names, until()).await.unwrap();
    scene.bed.clock().hold();
    let sent = scene.bed.stop_at(scene.conductors().operation("UpdateService"), 1, Moment::After);
    let (living, rollout) = (Arc::clone(&conductor), changes.plan.rollouts[0].clone());
    let rolls = tokio::spawn(async move { living.roll_out(&run(), &rollout, Way::There).await });
    sent.reached(PATIENCE).await;
    let looks = Requests::all().operation("DescribeServices").by(User::Conductor.access_key());
    let look = scene.bed.stop_at(looks, 1, Moment::Before);
    sent.go_on();
    look.reached(PATIENCE).await;
    // It is rolled back, and more than a page of other tasks are stopped after those that could not start.
    scene.bed.clock().advance(LONG);
    of_admin(&scene, 130).await;
    of_admin(&scene, 2).await;
    look.go_on();
    let error = rolls.await.unwrap().unwrap_err();
    assert_eq!(error.kind, FailureKind::Unsettled);
    let text = Failure::of("", &error).message;
    assert!(text.contains(" was replaced, and cart:1 is in its place (deployment "), "{text}");
    assert!(text.contains("CannotPullContainerError") && !text.contains("Scaling activity"), "{text}");
    scene.bed.clock().run(30.0);
    back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
    assert_eq!(scene.state().await, before);
}
