//! Another conductor has put the run back meanwhile: what others have given services since is theirs, whoever of the run comes late.

use conductor_core::failure::Failure;
use conductor_core::phase::Changes;
use conductor_core::ports::{Deployer, EnvironmentGuard, FailureKind, Scaler, Way};
use conductor_core::restore::{ForeignPolicy, RestorePlan};
use conductor_ecs::EcsEnvironment;
use serde_json::{Value, json};

use super::scene::*;

/// A run that another conductor has put back, after which somebody has given the service the run's values by themselves.
struct Late {
    scene: Scene,
    changes: Changes,
    /// That of the run, which has stood still since the way there.
    sleeper: EcsEnvironment,
}

impl Late {
    async fn new() -> Self {
        let scene = Scene::autoscaled().await;
        let (before, sleeper) = (scene.state().await, scene.conductor(1).await);
        let changes = plan(&sleeper, &[like_production("cart")]).await.unwrap();
        there(&sleeper, &changes).await.unwrap();
        let theirs = scene.service("cart").await["taskDefinition"].clone();
        let other = scene.conductor(2).await;
        other.extend(&run(), until()).await.unwrap();
        back(&other, &left(&other, &scene.names).await.unwrap(), ForeignPolicy::Report).await.unwrap();
        assert_eq!(scene.state().await, before);
        let update = json!({ "cluster": TEST, "service": "cart", "desiredCount": 6, "taskDefinition": theirs });
        scene.admin("UpdateService", update).await;
        suspend(&scene, "cart").await;
        Self { scene, changes, sleeper }
    }

    /// The way back, as it seems to be.
    async fn plan(&self, conductor: &EcsEnvironment) -> RestorePlan {
        let found = observe(conductor, &self.scene.names, true).await.unwrap();
        RestorePlan::make(&self.changes, &found, ForeignPolicy::Report)
    }

    /// What is refused on the way back of a conductor, which changes nothing of the service.
    async fn refused(&self, conductor: &EcsEnvironment) {
        let before = self.scene.state().await[0].clone();
        let told = |error| Failure::of("", &error).message;
        let begin = "could not change service cart of cluster shop-test: load test one has no tags there and no sign of life: \
                     somebody else has put it back, and set ";
        let plan = self.plan(conductor).await;
        let scaled = conductor.scale(&run(), &plan.scale_steps[0], Way::Back).await.unwrap_err();
        assert_eq!(scaled.kind, FailureKind::Rejected);
        let scaled = told(scaled);
        assert!(scaled.starts_with(begin) && scaled.ends_with(" since: it is theirs and stays"), "{scaled}");
        let rolled = told(conductor.roll_out(&run(), &plan.rollouts[0], Way::Back).await.unwrap_err());
        assert!(rolled.starts_with(&format!("{begin}the task definition to cart:")), "{rolled}");
        conductor.let_go(&run(), &self.scene.names).await.unwrap();
        let resumed = told(conductor.thaw(&run()).await.unwrap_err());
        assert!(resumed.contains("all of it is suspended, and the tags that would say by whom are gone"), "{resumed}");
        assert_eq!(self.scene.state().await[0], before);
    }
}

async fn suspend(scene: &Scene, service: &str) {
    let state: Value = json!({ "DynamicScalingInSuspended": true, "DynamicScalingOutSuspended": true,
        "ScheduledScalingSuspended": true });
    let target = json!({ "ServiceNamespace": "ecs", "ResourceId": format!("service/{TEST}/{service}"),
        "ScalableDimension": "ecs:service:DesiredCount", "SuspendedState": state });
    scene.admin("RegisterScalableTarget", target).await;
}

#[tokio::test]
async fn a_conductor_that_wakes_up_takes_nothing_away() {
    let late = Late::new().await;
    late.refused(&late.sleeper).await;
}

#[tokio::test]
async fn one_that_comes_back_by_its_journal_takes_nothing_away_and_neither_does_the_next() {
    let late = Late::new().await;
    for (epoch, is_first) in [(3, true), (4, false)] {
        let conductor = late.scene.conductor(epoch).await;
        // It gives the sign anew, so that the next one finds one again.
        let extended = conductor.extend(&run(), until()).await;
        assert_eq!(extended.is_err(), is_first, "{extended:?}");
        let step = &late.plan(&conductor).await.scale_steps[0];
        let error = conductor.scale(&run(), step, Way::Back).await.unwrap_err();
        assert!(Failure::of("", &error).message.ends_with("since: it is theirs and stays"), "{error:?}");
        if !is_first {
            late.refused(&conductor).await;
        }
    }
}

#[tokio::test]
async fn a_sign_that_somebody_has_taken_away_keeps_nothing_from_being_put_back_by_its_tags() {
    let scene = Scene::autoscaled().await;
    let (before, conductor) = (scene.state().await, scene.conductor(1).await);
    let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
    there(&conductor, &changes).await.unwrap();
    let cluster = scene.admin("DescribeClusters", json!({ "clusters": [TEST] })).await;
    let key = "loadtest-conductor.dev/alive/one";
    let untag = json!({ "resourceArn": cluster["clusters"][0]["clusterArn"], "tagKeys": [key] });
    scene.admin("UntagResource", untag).await;
    assert_eq!(conductor.extend(&run(), until()).await.unwrap_err().kind, FailureKind::NotFound);
    back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
    assert_eq!(scene.state().await, before);
}

#[tokio::test]
async fn what_comes_late_after_its_own_end_is_put_back_once_more() {
    let scene = Scene::of(&["cart"]).await;
    let (before, conductor) = (scene.state().await, scene.conductor(1).await);
    let changes = plan(&conductor, &[like_production("cart")]).await.unwrap();
    there(&conductor, &changes).await.unwrap();
    back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
    scene.admin("UpdateService", json!({ "cluster": TEST, "service": "cart", "desiredCount": 6 })).await;
    back(&conductor, &changes, ForeignPolicy::Report).await.unwrap();
    assert_eq!(scene.state().await, before);
}
