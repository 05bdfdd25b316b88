//! Applications that are Rollouts of Argo Rollouts: brought past the pauses of their canaries on both ways, and put back exactly.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use conductor_core::app::{ApplicationId, Bounds};
use conductor_core::ports::{FailureKind, ProgressSink, Readiness, Scaler, Way};
use conductor_kubernetes_bed::{
    Behaviour, BlueGreen, Rollout, RolloutStatus, Step, Trigger, rollout, scaled_object, service, until,
};
use futures::future::join_all;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::bed::{Bed, PATIENCE, Restored, cluster, text};
use crate::plans::{argo_rollout_with_resources, image, production, step};
use crate::scene::{By, Scene};

/// How long nothing is written to a Rollout at rest.
const REST: Duration = Duration::from_millis(400);

impl Bed {
    /// Makes a Rollout, and waits until Argo Rollouts has done with it what it does.
    pub(crate) async fn argo_rollout(&self, made: &Rollout) {
        cluster().await.rollouts().await.unwrap_or_else(|error| panic!("{error}"));
        if let Some(BlueGreen { active_service, preview_service, .. }) = &made.spec.strategy.blue_green {
            for name in [Some(active_service), preview_service.as_ref()].into_iter().flatten() {
                let app = made.metadata.name.as_deref().unwrap();
                self.api().create(&PostParams::default(), &service(name, app)).await.unwrap();
            }
        }
        let rollouts = self.api::<Rollout>();
        rollouts.create(&PostParams::default(), made).await.unwrap();
        let name = made.metadata.name.as_deref().unwrap();
        let mut before = None;
        until("it is healthy", PATIENCE, async || {
            tokio::time::sleep(REST).await;
            let found = rollouts.get(name).await.unwrap();
            let version = found.metadata.resource_version.clone();
            let is_at_rest = std::mem::replace(&mut before, version.clone()) == version;
            let status = found.status?;
            (is_at_rest && status.phase == "Healthy" && Some(status.available_replicas) == made.spec.replicas)
                .then_some(())
        })
        .await;
    }

    pub(crate) async fn status(&self, name: &str) -> RolloutStatus {
        self.api::<Rollout>().get(name).await.unwrap().status.unwrap()
    }

    pub(crate) async fn change(&self, change: &Value) {
        let rollouts = self.api::<Rollout>();
        rollouts.patch("shop", &PatchParams::default(), &Patch::Merge(change)).await.unwrap();
    }

    /// Changes what is said of it, once nothing else has been written to it for a moment.
    pub(crate) async fn change_status(&self, change: &Value) {
        tokio::time::sleep(REST).await;
        let change = Patch::Merge(json!({ "status": change }));
        self.api::<Rollout>().patch_status("shop", &PatchParams::default(), &change).await.unwrap();
    }

    /// The replicas of each image.
    async fn replicas_of_images(&self) -> Vec<(String, i32)> {
        let sets = self.api::<ReplicaSet>().list(&ListParams::default()).await.unwrap().items;
        let of = |set: ReplicaSet| {
            let replicas = set.status?.replicas;
            let image = set.spec?.template?.spec?.containers[0].image.clone()?;
            (replicas > 0).then_some((image, replicas))
        };
        sets.into_iter().filter_map(of).collect()
    }
}

/// A Rollout alone in its namespace, as an application.
pub(crate) async fn bed_of(namespace: &str, made: &Rollout) -> Bed {
    let bed = Bed::of(namespace, &[json!({ "name": "shop", "rollout": "shop" })]).await;
    bed.argo_rollout(made).await;
    bed
}

/// The strategies that a user may have, by name.
fn strategies() -> [(&'static str, Vec<Step>); 4] {
    [
        ("plain", vec![]),
        ("paused", vec![Step::SetWeight(50), Step::pause()]),
        ("paused-first", vec![Step::pause(), Step::SetWeight(20), Step::pause()]),
        ("hour", vec![Step::SetWeight(20), Step::pause_for(3600), Step::SetWeight(60), Step::pause()]),
    ]
}

pub(crate) async fn there_and_back(name: &str, made: &Rollout, by: By) {
    let namespace = format!("argo-rollout-{name}-{by:?}").to_lowercase();
    let scene = Scene::of(bed_of(&namespace, made).await, &["shop"]).await;
    let bed = &scene.bed;
    let conductor = bed.conductor(1).await;
    scene.perform(&conductor).await;
    let during = bed.observe(&conductor).await["shop"].clone();
    assert_eq!(during.release.containers()["main"], image("shop"), "{name}");
    assert_eq!(during.allocation, production(6), "{name}");
    assert_eq!(bed.replicas_of_images().await, [(image("shop"), 6)], "{name}");
    let status = bed.status("shop").await;
    assert_eq!((status.phase.as_str(), &status.stable), ("Healthy", &status.current_pod_hash), "{name}");
    scene.restore(&bed.conductor(2).await, by).await;
    scene.assert_exactly_as_before(name).await;
    assert_eq!(bed.replicas_of_images().await, [("registry.example/shop:1".to_owned(), 2)], "{name}");
    let status = bed.status("shop").await;
    assert_eq!((status.phase.as_str(), &status.stable), ("Healthy", &status.current_pod_hash), "{name}");
    assert!(bed.left_behind(&bed.conductor(3).await).await.is_empty(), "{name}");
}

#[tokio::test]
async fn an_argo_rollout_is_promoted_there_and_back_whatever_its_steps_are() {
    let all = strategies().map(|(name, steps)| (name, argo_rollout_with_resources("shop", 2, &steps)));
    let by_journal = all.iter().map(|(name, made)| there_and_back(name, made, By::Journal));
    let by_cluster = all.iter().take(2).map(|(name, made)| there_and_back(name, made, By::Cluster));
    join_all(by_journal.chain(by_cluster)).await;
}

#[tokio::test]
async fn amounts_of_an_argo_rollout_that_are_numbers_are_changed_and_put_back() {
    let mut made = argo_rollout_with_resources("shop", 2, &[Step::SetWeight(50), Step::pause()]);
    let requests = json!({ "cpu": 1, "memory": "64Mi" });
    made.spec.template["spec"]["containers"][0]["resources"]["requests"] = requests;
    let bed = bed_of("argo-rollout-numbers", &made).await;
    // As somebody applies it again: its controller has written the numbers of the first one as texts.
    bed.change(&json!({ "spec": { "template": made.spec.template } })).await;
    let generation = async || bed.api::<Rollout>().get("shop").await.unwrap().metadata.generation.unwrap().to_string();
    until("it is seen", PATIENCE, async || {
        (bed.status("shop").await.observed_generation == generation().await).then_some(())
    })
    .await;
    let scene = Scene::of(bed, &["shop"]).await;
    scene.goes_there_and_back().await;
}

pub(crate) async fn autoscaled(namespace: &str, made: &Rollout, by: &str) {
    let bed = bed_of(namespace, made).await;
    let (api_version, kind) = ("argoproj.io/v1alpha1".to_owned(), "Rollout".to_owned());
    if by == "keda" {
        let mut made = scaled_object("shop", 1..=4, Trigger::active());
        let target = &mut made.spec.scale_target_ref;
        (target.api_version, target.kind) = (Some(api_version), Some(kind));
        bed.scaled_object(made).await;
    } else {
        let target = json!({ "apiVersion": api_version, "kind": kind, "name": "shop" });
        let spec = json!({ "minReplicas": 1, "maxReplicas": 4, "scaleTargetRef": target });
        let made = serde_json::from_value(json!({ "metadata": { "name": "shop-cpu" }, "spec": spec })).unwrap();
        bed.api::<HorizontalPodAutoscaler>().create(&PostParams::default(), &made).await.unwrap();
    }
    let scene = Scene::of(bed, &["shop"]).await;
    let conductor = scene.bed.conductor(1).await;
    assert_eq!(scene.changes.baseline["shop"].allocation.autoscaling, Some(Bounds { min: 1, max: 4 }), "{by}");
    scene.perform(&conductor).await;
    let during = scene.bed.observe(&conductor).await["shop"].allocation.clone();
    assert_eq!((during.replicas, during.autoscaling), (6, Some(Bounds::pinned(6))), "{by}");
    scene.restore(&conductor, By::Journal).await;
    scene.assert_as_before(by).await;
}

#[tokio::test]
async fn an_argo_rollout_that_an_autoscaler_scales_is_held_by_it_and_put_back() {
    let made = argo_rollout_with_resources("shop", 2, &[Step::pause()]);
    join_all(["hpa", "keda"].map(async |by| autoscaled(&format!("argo-rollout-{by}"), &made, by).await)).await;
}

#[tokio::test]
async fn an_argo_rollout_that_could_not_be_put_back_is_refused_before_anything_is_changed() {
    let steps = [Step::SetWeight(50), Step::pause()];
    let canary = bed_of("argo-rollout-canary", &argo_rollout_with_resources("shop", 2, &steps)).await;
    let mut template = argo_rollout_with_resources("shop", 2, &steps).spec.template;
    template["spec"]["containers"][0]["image"] = json!("registry.example/shop:2");
    canary.change(&json!({ "spec": { "template": template } })).await;
    until("it pauses", PATIENCE, async || (canary.status("shop").await.phase == "Paused").then_some(())).await;
    let RolloutStatus { stable, current_pod_hash, .. } = canary.status("shop").await;
    let refused = canary.try_observe(&canary.conductor(1).await).await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Rejected);
    assert_eq!(
        text(&refused),
        format!(
            "Rollout argo-rollout-canary/shop: it is in the middle of a rollout from ReplicaSet {stable} to {current_pod_hash} \
             (canary); expected it to be promoted or taken back"
        )
    );
    let paused = bed_of("argo-rollout-halted", &argo_rollout_with_resources("shop", 2, &[])).await;
    paused.change(&json!({ "spec": { "paused": true } })).await;
    let refused = paused.try_observe(&paused.conductor(1).await).await.unwrap_err();
    assert_eq!(
        text(&refused),
        "Rollout argo-rollout-halted/shop: it is paused (spec.paused), so that nothing is rolled out; expected it not to be"
    );
}

#[tokio::test]
async fn an_argo_rollout_that_never_gets_ready_ends_early_and_is_put_back() {
    let steps = [Step::SetWeight(50), Step::pause()];
    let scene = Scene::of_argo_rollouts("argo-rollout-crash", &["shop"], &steps).await;
    let conductor = scene.bed.conductor(1).await;
    let mut changes = scene.changes.clone();
    changes.plan.scale_steps.clear();
    changes.plan.rollouts =
        vec![crate::plans::rollout(&changes.baseline, "shop", "registry.example/shop:crash".to_owned())];
    let error = scene.bed.perform(&conductor, &changes.plan).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unsettled);
    let failed = "Rollout argo-rollout-crash/shop does not become ready: container main of pod shop-";
    assert!(text(&error).starts_with(failed), "{}", text(&error));
    assert_eq!(scene.bed.restore(&conductor, &changes).await, [""; 0]);
    scene.assert_exactly_as_before("crash").await;
}

#[tokio::test]
async fn what_the_controller_of_an_argo_rollout_says_ends_it_early() {
    let steps = [Step::SetWeight(50), Step::pause()];
    let scene = Scene::of_argo_rollouts("argo-rollout-abort", &["shop"], &steps).await;
    let conductor = scene.bed.conductor(1).await;
    let hang = "registry.example/shop:hang".to_owned();
    let mut changes = scene.changes.clone();
    changes.plan.scale_steps.clear();
    changes.plan.rollouts = vec![crate::plans::rollout(&changes.baseline, "shop", hang)];
    let abort = async {
        until("it goes there", PATIENCE, async || {
            let status = scene.bed.status("shop").await;
            (status.stable != status.current_pod_hash).then_some(())
        })
        .await;
        scene.bed.change_status(&json!({ "abort": true })).await;
    };
    let (error, ()) = tokio::join!(scene.bed.perform(&conductor, &changes.plan), abort);
    assert_eq!(
        text(&error.unwrap_err()),
        "Rollout argo-rollout-abort/shop does not become ready: Progressing: RolloutAborted: Rollout aborted update to \
         revision 2"
    );
    assert_eq!(scene.bed.restore(&conductor, &changes).await, [""; 0]);
    scene.assert_exactly_as_before("aborted").await;
}

#[tokio::test]
async fn a_version_that_somebody_else_has_given_an_argo_rollout_stays_and_is_promoted_with_what_is_put_back() {
    let steps = [Step::SetWeight(50), Step::pause()];
    let scene = Scene::of_argo_rollouts("argo-rollout-foreign", &["shop"], &steps).await;
    let conductor = scene.bed.conductor(1).await;
    scene.perform(&conductor).await;
    let mut template = scene.bed.api::<Rollout>().get("shop").await.unwrap().spec.template;
    template["spec"]["containers"][0]["image"] = json!("registry.example/shop:9");
    scene.bed.change(&json!({ "spec": { "template": template } })).await;
    until("it pauses", PATIENCE, async || (scene.bed.status("shop").await.phase == "Paused").then_some(())).await;
    let Restored { foreign, failures } = scene.bed.try_restore(&conductor, &scene.changes).await;
    assert!(foreign.iter().any(|one| one.contains("registry.example/shop:9")), "{foreign:?}");
    assert_eq!(failures, [""; 0]);
}

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<Readiness>>);

impl ProgressSink for Heard {
    fn told(&self, _: &ApplicationId, readiness: Readiness) {
        self.0.lock().unwrap().push(readiness);
    }
}

#[tokio::test]
async fn an_argo_rollout_that_starts_slowly_is_told_replica_by_replica() {
    let slow = rollout("shop", 1, Behaviour::Slow(Duration::from_millis(700)), &[]);
    let bed = bed_of("argo-rollout-told", &slow).await;
    let heard = Arc::new(Heard::default());
    let conductor = bed.conductor(1).await.telling(Some(heard.clone()));
    let baseline = bed.observe(&conductor).await;
    let to = conductor_core::app::Allocation { replicas: 3, ..baseline["shop"].allocation.clone() };
    let scaled = conductor.scale(&bed.run, &step(&baseline, "shop", to), Way::There).await;
    scaled.unwrap_or_else(|error| panic!("{}", text(&error)));
    let heard = heard.0.lock().unwrap();
    let of_three: Vec<u32> = heard.iter().filter(|one| one.wanted == 3).map(|one| one.ready).collect();
    assert_eq!([of_three.first(), of_three.last()], [Some(&1), Some(&3)], "{of_three:?}");
    assert!(of_three.is_sorted(), "{of_three:?}");
    assert!(heard.last().unwrap().text.starts_with("3 of 3 replicas ready"));
}
