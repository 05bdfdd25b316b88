//! ECS goes back to the version before by itself, where its circuit breaker says so: that is no success, however quick it was.

use std::time::Duration;

use conductor_core::failure::Failure;
use conductor_core::phase::Changes;
use conductor_core::ports::FailureKind;
use conductor_core::restore::ForeignPolicy;
use conductor_core::spec::{Intent, ScaleChoice, VersionChoice};
use conductor_ecs::EcsEnvironment;
use conductor_ecs_bed::{Moment, ServiceMade, until};
use serde_json::Value;

use super::scene::*;

/// The time in which one thing happens to a service of the bed.
const STEP: Duration = Duration::from_millis(50);
/// What ECS says of tasks whose image is not there.
const NO_IMAGE: &str = "CannotPullContainerError: pull image manifest has been retried 5 time(s)";

/// A scene whose clock is held, and a run that is about to deploy what cannot be pulled, at a circuit breaker that rolls back.
struct Broken {
    scene: Scene,
    conductor: EcsEnvironment,
    changes: Changes,
    before: Vec<String>,
}

impl Broken {
    async fn new() -> Self {
        let mut scene = Scene::of(&[]).await;
        let cart = ServiceMade::new(TEST, "cart", "registry.example/cart:v1", 2).circuit_breaker(true);
        scene.bed.make_service(cart).await.unwrap();
        scene.names = vec!["cart".parse().unwrap()];
        scene.bed.clock().hold();
        let (before, conductor) = (scene.state().await, scene.conductor(1).await);
        let version = VersionChoice::Release("registry.example/cart:v9-bed-no-pull".to_owned());
        let intent = Intent::new(scene.names[0].clone(), version, ScaleChoice::Keep);
        let changes = plan(&conductor, &[intent]).await.unwrap();
        Self { scene, conductor, changes, before }
    }

    /// The way there, which fails: how it is told.
    async fn fails(&self) -> String {
        let failing = tokio::time::timeout(PATIENCE, there(&self.conductor, &self.changes));
        let error = failing.await.expect("it ends").unwrap_err();
        assert_eq!(error.kind, FailureKind::Unsettled);
        Failure::of("", &error).message
    }

    /// Turns the clock on, step by step, until the deployments of the service are so, and answers with them.
    async fn turned_until(&self, what: &str, are: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        until(what, PATIENCE, async || {
            let found = self.scene.service("cart").await["deployments"].as_array().unwrap().clone();
            if are(&found) {
                return Some(found);
            }
            self.scene.bed.clock().advance(STEP);
            None
        })
        .await
    }

    async fn is_put_back(&self) {
        self.scene.bed.clock().run(30.0);
        self.turned_until("the end of the rollback", is_over).await;
        back(&self.conductor, &self.changes, ForeignPolicy::Report).await.unwrap();
        assert_eq!(self.scene.state().await, self.before);
    }
}

fn runs(deployment: &Value, revision: &str) -> bool {
    deployment["taskDefinition"].as_str().unwrap().ends_with(revision)
}

/// One deployment is there, that of a revision from before.
fn is_over(found: &[Value]) -> bool {
    found.len() == 1 && runs(&found[0], "/cart:1") && found[0]["rolloutState"] == "COMPLETED"
}

#[tokio::test]
async fn a_rollback_that_goes_on_is_told_with_why_tasks_were_stopped() {
    let broken = Broken::new().await;
    let failed = |found: &[Value]| found.iter().any(|one| one["rolloutState"] == "FAILED");
    let (text, found) = tokio::join!(broken.fails(), broken.turned_until("a rollback", failed));
    let own = found.iter().find(|one| one["rolloutState"] == "FAILED").unwrap();
    assert!(
        runs(own, "/cart:2") && runs(&found[0], "/cart:1") && found[0]["rolloutState"] == "IN_PROGRESS",
        "{found:?}"
    );
    let expected = format!(
        "service cart of cluster shop-test does not become ready: deployment {} has failed, and cart:1 is in its place (deployment \
         {}): ECS deployment circuit breaker: tasks failed to start. (",
        own["id"].as_str().unwrap(),
        found[0]["id"].as_str().unwrap()
    );
    assert!(text.starts_with(&expected) && text.contains(NO_IMAGE), "{text}\n{expected}");
    broken.is_put_back().await;
}

#[tokio::test]
async fn a_rollback_that_is_over_before_the_first_look_is_told_as_well_and_at_once() {
    let broken = Broken::new().await;
    let updates = broken.scene.conductors().operation("UpdateService");
    let stop = broken.scene.bed.stop_at(updates, 1, Moment::After);
    let goes_wrong = async {
        stop.reached(PATIENCE).await;
        let own = broken.scene.service("cart").await["deployments"][0].clone();
        assert!(runs(&own, "/cart:2"), "{own}");
        let found = broken.turned_until("the end of the rollback", is_over).await;
        // The conductor hears only now that its deployment was made.
        stop.go_on();
        [own, found[0].clone()].map(|one| one["id"].as_str().unwrap().to_owned())
    };
    let (text, [own, back]) = tokio::join!(broken.fails(), goes_wrong);
    let expected = format!(
        "service cart of cluster shop-test does not become ready: deployment {own} was replaced, and cart:1 is in its place \
         (deployment {back}) ("
    );
    assert!(text.starts_with(&expected) && text.contains(NO_IMAGE), "{text}\n{expected}");
    broken.is_put_back().await;
}
