//! What goes wrong on the way: told early in the words of ECS, or got over, and put back in any case.

use std::time::Duration;

use conductor_core::failure::Failure;
use conductor_core::ports::{FailureKind, PortError};
use conductor_core::restore::ForeignPolicy;
use conductor_core::spec::{Intent, ScaleChoice, VersionChoice};
use conductor_ecs_bed::{Effect, Fault, Moment, Rate, ServiceMade};
use serde_json::json;

use super::scene::*;

fn told(error: PortError) -> (FailureKind, String) {
    (error.kind, Failure::of("", &error).message)
}

/// What is told of a version of the cart, after which everything is as before.
async fn deployed(scene: &Scene, version: &str) -> (FailureKind, String) {
    let before = scene.state().await;
    let conductor = scene.conductor(1).await;
    let version = VersionChoice::Release(format!("registry.example/cart:{version}"));
    let changes = plan(&conductor, &[Intent::new(scene.names[0].clone(), version, ScaleChoice::Keep)]).await.unwrap();
    let error = told(there(&conductor, &changes).await.unwrap_err());
    back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
    assert_eq!(scene.state().await, before);
    error
}

#[tokio::test]
async fn a_rollback_by_the_circuit_breaker_is_a_failure_and_told_with_why_tasks_were_stopped() {
    let mut scene = Scene::of(&[]).await;
    let cart = ServiceMade::new(TEST, "cart", "registry.example/cart:v1", 2).circuit_breaker(true);
    scene.bed.make_service(cart).await.unwrap();
    scene.names = vec!["cart".parse().unwrap()];
    let (kind, text) = deployed(&scene, "v9-bed-no-pull").await;
    assert_eq!(kind, FailureKind::Unsettled);
    assert!(text.starts_with("service cart of cluster shop-test does not become ready: "), "{text}");
    assert!(text.contains("CannotPullContainerError") || text.contains("cart:1"), "{text}");
}

#[tokio::test]
async fn tasks_that_crash_are_told_where_ecs_would_try_for_ever() {
    let scene = Scene::of(&["cart"]).await;
    let (kind, text) = deployed(&scene, "v9-bed-crash").await;
    assert_eq!(kind, FailureKind::Unsettled);
    assert!(text.contains("tasks in a row have not started"), "{text}");
    assert!(text.contains("exited") || text.contains("Essential container"), "{text}");
}

#[tokio::test]
async fn tasks_that_find_no_room_are_told_in_the_words_of_ecs() {
    let scene = Scene::of(&["cart"]).await;
    let (kind, text) = deployed(&scene, "v9-bed-no-capacity").await;
    assert_eq!(kind, FailureKind::Unsettled);
    assert!(text.contains("unable to place a task"), "{text}");
}

#[tokio::test]
async fn lost_requests_lost_answers_and_refusals_for_now_are_got_over() {
    for effect in [
        Effect::Drop(Moment::Before),
        Effect::Drop(Moment::After),
        Effect::throttle(),
        Effect::refuse(500, "ServerException", "try again"),
    ] {
        let scene = Scene::autoscaled().await;
        let before = scene.state().await;
        for operation in
            ["TagResource", "UpdateService", "RegisterTaskDefinition", "RegisterScalableTarget", "UntagResource"]
        {
            scene.bed.inject(Fault::new(scene.conductors().operation(operation), effect.clone()).once());
        }
        scene.bed.inject(Fault::new(scene.conductors().operation("TagResource"), effect.clone()).after(2).once());
        let conductor = scene.conductor(1).await;
        let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
        there(&conductor, &changes).await.unwrap();
        assert_eq!(scene.service("cart").await["desiredCount"], json!(6));
        back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
        assert_eq!(scene.state().await, before, "{effect:?}");
        let list = json!({ "familyPrefix": "cart" });
        let made = scene.admin("ListTaskDefinitions", list).await["taskDefinitionArns"].as_array().unwrap().len();
        assert_eq!(made, 3, "a lost answer registers nothing twice: {effect:?}");
    }
}

#[tokio::test]
async fn answers_that_lag_behind_are_waited_for() {
    let scene = Scene::of(&["cart"]).await;
    let before = scene.state().await;
    scene.bed.set_lag(Duration::from_secs(60));
    let conductor = scene.conductor(1).await;
    let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
    there(&conductor, &changes).await.unwrap();
    assert_eq!(scene.service("cart").await["desiredCount"], json!(6));
    back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
    scene.bed.set_lag(Duration::ZERO);
    assert_eq!(scene.state().await, before);
}

#[tokio::test]
async fn a_low_limit_of_calls_is_kept_after_it_was_met() {
    let scene = Scene::of(&["cart", "ledger", "search", "shop"]).await;
    let before = scene.state().await;
    scene.bed.throttle("UpdateService", Some(Rate { burst: 1, per_second: 2.0 }));
    let conductor = scene.conductor(1).await;
    let scope = ["cart", "ledger", "search", "shop"].map(like_production);
    let changes = plan(&conductor, &scope).await.unwrap();
    there(&conductor, &changes).await.unwrap();
    assert!(scene.bed.throttled("UpdateService") > 0);
    scene.bed.throttle("UpdateService", None);
    back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
    assert_eq!(scene.state().await, before);
}

#[tokio::test]
async fn what_others_have_changed_is_told_and_left_or_put_back_as_the_policy_says() {
    for (policy, tasks, end) in
        [(ForeignPolicy::Report, 4, "left alone"), (ForeignPolicy::Force, 2, "put back all the same")]
    {
        let scene = Scene::of(&["cart"]).await;
        let conductor = scene.conductor(1).await;
        let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
        there(&conductor, &changes).await.unwrap();
        scene.admin("UpdateService", json!({ "cluster": TEST, "service": "cart", "desiredCount": 4 })).await;
        let foreign = back(&conductor, &changes, policy).await.unwrap();
        let text = format!("cart: replicas is 4, which is neither 2 (before the run) nor 6 (during it); {end}");
        assert_eq!(foreign, [text]);
        let found = scene.service("cart").await;
        assert_eq!(found["desiredCount"], json!(tasks));
        assert!(found["taskDefinition"].as_str().unwrap().ends_with("/cart:1"), "what is the run's is put back");
        assert_eq!(found["tags"].as_array().unwrap().len(), 1, "no tag of the run is left: {found}");
    }
}
