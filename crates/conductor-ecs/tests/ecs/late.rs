//! What was sent comes about after its sender was cancelled, or is shown long after: nothing of the run is left all the same.

use std::sync::Arc;
use std::time::Duration;

use conductor_core::phase::Changes;
use conductor_core::ports::{Deployer, EnvironmentGuard, Scaler, Way};
use conductor_core::restore::ForeignPolicy;
use conductor_core::scale::{Plan, ScaleStep};
use conductor_core::units::Span;
use conductor_ecs::{EcsEnvironment, EcsSettings};
use conductor_ecs_bed::{Answers, Effect, Fault, Moment, Requests, User};
use serde_json::json;
use tokio::task::JoinHandle;

use super::scene::*;

/// For how long a request is held up: longer than it takes to believe that it never came.
const HELD_UP: Duration = Duration::from_secs(4);

/// A conductor that gives what was sent more time to show than a request is held up.
async fn patient(scene: &Scene, epoch: u64) -> Arc<EcsEnvironment> {
    let settings = EcsSettings { shown_within: Span::seconds(30), ..scene.settings() };
    Arc::new(EcsEnvironment::connect(settings, epoch).await)
}

/// Lets a task be cancelled while its first request for this operation is under way.
async fn cancelled<T>(scene: &Scene, operation: &str, at: Moment, begin: impl FnOnce() -> JoinHandle<T>) {
    let requests = scene.conductors().operation(operation);
    let held_up = scene.bed.inject(Fault::new(requests, Effect::Delay(at, HELD_UP)).once());
    let task = begin();
    held_up.happened(1).await;
    task.abort();
}

/// Waits until every request for this operation was done that was ever sent.
async fn all_are_done(scene: &Scene, operation: &str) {
    let of = Requests::all().operation(operation).by(User::Conductor.access_key());
    let is_done = || scene.bed.requests().iter().filter(|seen| of.contain(seen)).all(|seen| seen.server.is_some());
    let waited = tokio::time::timeout(PATIENCE, async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while !is_done() {
            ticks.tick().await;
        }
    });
    waited.await.unwrap();
}

/// Scales there, and is cancelled while `UpdateService` is under way.
async fn scaled(scene: &Scene, conductor: &Arc<EcsEnvironment>, at: Moment) -> Changes {
    let changes = plan(conductor, &[like_production("cart")]).await.unwrap();
    conductor.freeze(&run(), &scene.names, until()).await.unwrap();
    let step = changes.plan.scale_steps[0].clone();
    let step = ScaleStep { to: step.from.with_replicas(6), ..step };
    let (living, scaled) = (Arc::clone(conductor), step.clone());
    cancelled(scene, "UpdateService", at, || {
        tokio::spawn(async move { living.scale(&run(), &scaled, Way::There).await })
    })
    .await;
    changes
}

#[tokio::test]
async fn an_update_that_arrives_after_its_sender_was_cancelled_is_put_back() {
    let scene = Scene::of(&["cart"]).await;
    let (before, conductor) = (scene.state().await, patient(&scene, 1).await);
    let changes = scaled(&scene, &conductor, Moment::Before).await;
    back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
    all_are_done(&scene, "UpdateService").await;
    assert_eq!(scene.state().await, before);
    let updates = scene.bed.count(&scene.conductors().operation("UpdateService"));
    assert_eq!(updates, 2, "it has come, and was put back");
}

#[tokio::test]
async fn an_update_that_is_shown_after_its_sender_was_cancelled_is_put_back() {
    let scene = Scene::of(&["cart"]).await;
    let (before, conductor) = (scene.state().await, patient(&scene, 1).await);
    // Four seconds of the machine.
    scene.bed.set_lag(Duration::from_secs(120));
    let changes = scaled(&scene, &conductor, Moment::After).await;
    back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
    all_are_done(&scene, "UpdateService").await;
    scene.bed.set_lag(Duration::ZERO);
    scene.bed.clock().advance(Duration::from_secs(120));
    assert_eq!(scene.state().await, before);
}

#[tokio::test]
async fn an_update_of_a_dead_conductor_that_arrives_while_the_next_puts_back_is_put_back() {
    let scene = Scene::of(&["cart"]).await;
    let (before, conductor) = (scene.state().await, patient(&scene, 1).await);
    scaled(&scene, &conductor, Moment::Before).await;
    let next = patient(&scene, 2).await;
    let left = left(&next, &scene.names).await.unwrap();
    back(&next, &left, ForeignPolicy::Report).await.unwrap();
    all_are_done(&scene, "UpdateService").await;
    assert_eq!(scene.state().await, before);
}

#[tokio::test]
async fn an_update_that_never_comes_is_waited_for_no_longer_than_it_may_take_to_show() {
    let scene = Scene::of(&["cart"]).await;
    let (before, conductor) = (scene.state().await, Arc::new(scene.conductor(1).await));
    let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
    conductor.freeze(&run(), &scene.names, until()).await.unwrap();
    let hangs = scene.bed.inject(Fault::new(scene.conductors().operation("UpdateService"), Effect::Hang).once());
    let (living, rollout) = (Arc::clone(&conductor), changes.plan.rollouts[0].clone());
    let task = tokio::spawn(async move { living.roll_out(&run(), &rollout, Way::There).await });
    hangs.happened(1).await;
    task.abort();
    let began = tokio::time::Instant::now();
    back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
    assert!(began.elapsed() > Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(scene.state().await, before);
}

#[tokio::test]
async fn a_suspension_that_arrives_after_its_sender_was_cancelled_is_lifted() {
    let scene = Scene::autoscaled().await;
    let (before, conductor) = (scene.state().await, patient(&scene, 1).await);
    let (living, names) = (Arc::clone(&conductor), scene.names.clone());
    cancelled(&scene, "RegisterScalableTarget", Moment::Before, || {
        tokio::spawn(async move { living.freeze(&run(), &names, until()).await })
    })
    .await;
    conductor.thaw(&run()).await.unwrap();
    all_are_done(&scene, "RegisterScalableTarget").await;
    assert_eq!(scene.state().await, before);
}

#[tokio::test]
async fn what_waits_for_its_turn_has_as_long_to_be_shown_as_what_is_sent_at_once() {
    let scene = Scene::of(&["cart", "ledger"]).await;
    let mut settings = scene.settings();
    settings.shown_within = Span::seconds(8);
    // One tag in five seconds: the sign of life, then those of one service, then those of the other.
    settings.rates.tag = 0.2;
    let conductor = EcsEnvironment::connect(settings, 1).await;
    // A second of the machine.
    scene.bed.set_lag_of(Answers::Tags, Duration::from_secs(30));
    let changes = plan(&conductor, &["cart", "ledger"].map(like_production)).await.unwrap();
    there(&conductor, &Changes { plan: Plan { rollouts: Vec::new(), ..changes.plan }, ..changes }).await.unwrap();
    for name in ["cart", "ledger"] {
        assert_eq!(scene.service(name).await["desiredCount"], json!(6));
    }
}
