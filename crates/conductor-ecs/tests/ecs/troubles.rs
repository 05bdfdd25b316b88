//! What goes wrong on the way: told early in the words of ECS, or got over, and put back in any case.

use std::time::Duration;

use conductor_core::failure::Failure;
use conductor_core::ports::{FailureKind, PortError};
use conductor_core::restore::ForeignPolicy;
use conductor_core::spec::{Intent, ScaleChoice, VersionChoice};
use conductor_ecs::EcsEnvironment;
use conductor_ecs_bed::{Effect, Fault, Moment, Rate};
use serde_json::json;

use super::scene::*;

/// Several services.
const SHOP: [&str; 4] = ["cart", "ledger", "search", "shop"];

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
async fn tasks_that_crash_are_told_where_ecs_would_try_for_ever() {
    let scene = Scene::of(&["cart"]).await;
    // Faster, the bed would forget stopped tasks between the call that lists them and the one that describes them.
    scene.bed.clock().run(1.0);
    let (kind, text) = deployed(&scene, "v9-bed-crash").await;
    assert_eq!(kind, FailureKind::Unsettled);
    let (said, why) = text.split_once(" tasks in a row have not started (").expect(&text);
    let failed = said.strip_prefix("service cart of cluster shop-test does not become ready: ").expect(&text);
    assert!(failed.parse::<u32>().unwrap() >= 3, "{text}");
    assert_eq!(why, "Essential container in task exited; container app exited with 1)");
}

#[tokio::test]
async fn tasks_that_find_no_room_are_told_in_the_words_of_ecs() {
    let scene = Scene::of(&["cart"]).await;
    let (kind, text) = deployed(&scene, "v9-bed-no-capacity").await;
    assert_eq!(kind, FailureKind::Unsettled);
    assert_eq!(
        text,
        "service cart of cluster shop-test does not become ready: (service cart) was unable to place a task because no container \
         instance met all of its requirements. Reason: No Container Instances were found in your cluster."
    );
}

/// A run there and back, in which this happens to one request of each kind that writes.
async fn is_got_over(effect: Effect) {
    let scene = Scene::autoscaled().await;
    let before = scene.state().await;
    let written = ["TagResource", "UpdateService", "RegisterTaskDefinition", "RegisterScalableTarget", "UntagResource"];
    let fault = |operation| Fault::new(scene.conductors().operation(operation), effect.clone());
    let once = written.map(|operation| (operation, scene.bed.inject(fault(operation).once())));
    let mut faults = Vec::from(once);
    faults.push(("a later TagResource", scene.bed.inject(fault("TagResource").after(2).once())));
    let conductor = scene.conductor(1).await;
    let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
    there(&conductor, &changes).await.unwrap();
    assert_eq!(scene.service("cart").await["desiredCount"], json!(6));
    back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
    assert_eq!(scene.state().await, before, "{effect:?}");
    for (operation, fault) in faults {
        assert_eq!(fault.met(), 1, "{operation}: {effect:?}");
    }
    let list = json!({ "familyPrefix": "cart" });
    let made = scene.admin("ListTaskDefinitions", list).await["taskDefinitionArns"].as_array().unwrap().len();
    assert_eq!(made, 3, "a lost answer registers nothing twice: {effect:?}");
}

#[tokio::test]
async fn lost_requests_lost_answers_and_refusals_for_now_are_got_over() {
    let effects = [
        Effect::Drop(Moment::Before),
        Effect::Drop(Moment::After),
        Effect::throttle(),
        Effect::refuse(500, "ServerException", "try again"),
    ];
    futures::future::join_all(effects.map(is_got_over)).await;
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
async fn a_low_limit_of_calls_is_got_over() {
    let scene = Scene::of(&SHOP).await;
    let before = scene.state().await;
    scene.bed.throttle("UpdateService", Some(Rate { burst: 1, per_second: 4.0 }));
    let conductor = scene.conductor(1).await;
    let changes = plan(&conductor, &SHOP.map(like_production)).await.unwrap();
    there(&conductor, &changes).await.unwrap();
    assert!(scene.bed.throttled("UpdateService") > 0, "it was met");
    for name in SHOP {
        assert_eq!(scene.service(name).await["desiredCount"], json!(6), "{name}");
    }
    back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
    assert_eq!(scene.state().await, before);
}

#[tokio::test]
async fn calls_go_slower_once_some_were_too_many() {
    let scene = Scene::of(&SHOP).await;
    // What the bed notes is the time of the machine.
    scene.bed.clock().run(1.0);
    let mut settings = scene.settings();
    settings.rates.update = 10.0;
    let conductor = EcsEnvironment::connect(settings, 1).await;
    let updates = scene.conductors().operation("UpdateService");
    let refused = scene.bed.inject(Fault::new(updates.clone(), Effect::throttle()).times(4));
    let changes = plan(&conductor, &SHOP.map(like_production)).await.unwrap();
    there(&conductor, &changes).await.unwrap();
    assert_eq!(refused.met(), 4);
    let sent = scene.written().into_iter().filter(|seen| updates.contain(seen) && seen.body["desiredCount"] == 6);
    let sent: Vec<Duration> = sent.map(|seen| seen.at).collect();
    assert_eq!(sent.len(), SHOP.len());
    // At their rate it would be 0.3 s. After four refusals they go at a sixteenth of it, and after each that is let through a tenth
    // faster again.
    let took = sent[SHOP.len() - 1] - sent[0];
    assert!(took > Duration::from_secs(1), "{took:?}");
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
