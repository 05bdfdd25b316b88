//! What cannot come about is told early, in Kubernetes' own words, and the way back works from there.

use std::time::{Duration, Instant};

use conductor_core::app::Allocation;
use conductor_core::phase::Changes;
use conductor_core::ports::{Deployer, FailureKind, Scaler, Way};
use conductor_core::scale::Plan;
use conductor_kubernetes_bed::until;
use futures::future::join_all;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use crate::bed::{PATIENCE, text};
use crate::plans::{autoscaler, production, rollout, step};
use crate::scene::{By, Scene};

/// The longest that a refusal or a way back may take: nobody shall wait for a deadline.
const EARLY: Duration = Duration::from_secs(60);

/// An application of two replicas, and a run that rolls out an image and gives it an allocation.
async fn scene(namespace: &str, tag: &str, to: Allocation) -> Scene {
    let mut scene = Scene::new(namespace, &["shop"], false).await;
    ready(&scene).await;
    let baseline = scene.changes.baseline.clone();
    let rollouts = vec![rollout(&baseline, "shop", format!("registry.example/shop:{tag}"))];
    let plan = Plan { rollouts, scale_steps: vec![step(&baseline, "shop", to)] };
    scene.changes = Changes { baseline, plan };
    scene
}

async fn ready(scene: &Scene) {
    let ready = async || {
        let live = scene.bed.api::<Deployment>().get("shop").await.unwrap();
        live.status.and_then(|status| status.ready_replicas).filter(|ready| *ready == 2)
    };
    until("two replicas are ready", PATIENCE, ready).await;
}

/// The run fails early with this, and everything is back soon.
async fn fails(scene: Scene, begins: &str, parts: &[&str]) {
    let name = &scene.bed.namespace;
    let begun = Instant::now();
    let Err(error) = scene.bed.perform(&scene.bed.conductor(1).await, &scene.changes.plan).await else {
        let shown = scene.bed.kubectl(&["get", "deployments,replicasets,pods", "-o", "yaml"], "").await;
        panic!("{name} has come about:\n{shown}");
    };
    assert!(begun.elapsed() < EARLY, "{name}: {:?}", begun.elapsed());
    let (said, begins) = (text(&error), begins.replace("NAMESPACE", name));
    assert_eq!(error.kind, FailureKind::Unsettled, "{said}");
    let mut rest = said.strip_prefix(&begins).unwrap_or_else(|| panic!("{said}"));
    for part in parts {
        (_, rest) = rest.split_once(part).unwrap_or_else(|| panic!("{part:?} is not in {said:?}"));
    }
    goes_back(&scene).await;
}

async fn goes_back(scene: &Scene) {
    let begun = Instant::now();
    scene.restore(&scene.bed.conductor(2).await, By::Journal).await;
    assert!(begun.elapsed() < EARLY, "{}: {:?}", scene.bed.namespace, begun.elapsed());
    scene.assert_as_before("after the way back").await;
}

const NOT_READY: &str = "Deployment NAMESPACE/shop does not become ready: ";

#[tokio::test]
async fn what_keeps_replicas_from_running_is_told_early_and_gone_back_from() {
    let image = async |name: &str, tag: &str, said: &str| {
        fails(scene(name, tag, production(6)).await, NOT_READY, &["container main of pod shop-", said]).await;
    };
    let cpu = async || {
        let mut to = production(6);
        to.resources.get_mut("main").unwrap().insert("requests.cpu".to_owned(), "5000".parse().unwrap());
        to.resources.get_mut("main").unwrap().remove("limits.cpu");
        let said = ["pod shop-", ": Unschedulable for ", "0/4 nodes are available: 4 Insufficient cpu"];
        fails(scene("nowhere", "2", to).await, NOT_READY, &said).await;
    };
    let quota = async || {
        let mut scene = scene("quota", "2", production(6)).await;
        let quota: ResourceQuota =
            serde_json::from_value(json!({ "metadata": { "name": "small" }, "spec": { "hard": { "pods": "4" } } }))
                .unwrap();
        scene.bed.api().create(&PostParams::default(), &quota).await.unwrap();
        let counted = async || scene.bed.api::<ResourceQuota>().get("small").await.unwrap().status?.used;
        until("the quota counts", PATIENCE, counted).await;
        scene.before = scene.bed.everything().await;
        let said =
            ["ReplicaFailure: FailedCreate: pods \"shop-", "is forbidden: exceeded quota: small, requested: pods=1"];
        fails(scene, NOT_READY, &said).await;
    };
    let paused = async || {
        let mut scene = scene("paused", "2", production(6)).await;
        scene.bed.kubectl(&["rollout", "pause", "deployment/shop"], "").await;
        scene.before = scene.bed.everything().await;
        fails(scene, NOT_READY, &["it is paused (spec.paused), so that nothing is rolled out"]).await;
    };
    tokio::join!(
        image("pull", "imagepull", ": ImagePullBackOff: Back-off pulling image \"registry.example/shop:imagepull\""),
        image(
            "crash",
            "crash",
            ": CrashLoopBackOff: back-off 2m40s restarting failed container main (Error, exit code 1)"
        ),
        cpu(),
        quota(),
        paused(),
    );
}

#[tokio::test]
async fn a_version_that_never_becomes_ready_does_not_keep_the_way_back_waiting() {
    join_all([By::Journal, By::Cluster].map(async |by| {
        let scene = scene(&format!("hangs-{by:?}").to_lowercase(), "hang", production(6)).await;
        let conductor = scene.bed.conductor(1).await;
        let Plan { rollouts, scale_steps } = &scene.changes.plan;
        // Two old replicas are ready all along, and no new one.
        let hanging = async |replicas: i32| {
            let live = scene.bed.api::<Deployment>().get("shop").await.unwrap();
            let (spec, status) = (live.spec.unwrap(), live.status.unwrap_or_default());
            let is_rolled =
                spec.template.spec.unwrap().containers[0].image.as_deref() == Some("registry.example/shop:hang");
            let is_seen = status.observed_generation >= live.metadata.generation && status.updated_replicas > Some(0);
            (is_rolled && is_seen && spec.replicas == Some(replicas)).then_some(())
        };
        tokio::select! {
            () = until("the rollout hangs", PATIENCE, async || hanging(2).await) => {}
            done = conductor.roll_out(&scene.bed.run, &rollouts[0], Way::There) => panic!("{done:?}"),
        }
        tokio::select! {
            () = until("the scaling hangs", PATIENCE, async || hanging(6).await) => {}
            done = conductor.scale(&scene.bed.run, &scale_steps[0], Way::There) => panic!("{done:?}"),
        }
        let begun = Instant::now();
        scene.restore(&conductor, by).await;
        assert!(begun.elapsed() < EARLY, "{by:?}: {:?}", begun.elapsed());
        scene.assert_as_before("after the way back").await;
        assert_eq!(scene.bed.older_replicas().await, 0);
    }))
    .await;
}

#[tokio::test]
async fn what_the_api_server_finds_invalid_is_told_in_its_words_and_nothing_is_changed() {
    let scene = Scene::new("invalid-values", &["shop"], true).await;
    let conductor = scene.bed.conductor(1).await;
    let mut much = production(2);
    much.resources.get_mut("main").unwrap().insert("requests.cpu".to_owned(), "5".parse().unwrap());
    for (to, said) in [
        (
            Allocation::of_replicas(0),
            "could not change HorizontalPodAutoscaler invalid-values/shop-cpu: \
            HorizontalPodAutoscaler.autoscaling \"shop-cpu\" is invalid: ",
        ),
        (
            much,
            "could not change Deployment invalid-values/shop: Deployment.apps \"shop\" is invalid: \
            spec.template.spec.containers[0].resources.requests: Invalid value: \"5\": must be less than or equal to cpu limit of 4 (422)",
        ),
    ] {
        let step = step(&scene.changes.baseline, "shop", to);
        let error = conductor.scale(&scene.bed.run, &step, Way::There).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Rejected);
        assert!(text(&error).starts_with(said), "{}", text(&error));
        let changes = Changes { plan: Plan { rollouts: vec![], scale_steps: vec![step] }, ..scene.changes.clone() };
        assert_eq!(scene.bed.restore(&conductor, &changes).await, [""; 0]);
        scene.assert_as_before("nothing was changed, or it was put back").await;
    }
}

#[tokio::test]
async fn two_autoscalers_of_one_application_are_refused_before_anything_is_changed() {
    let scene = Scene::new("two-autoscalers", &["shop"], true).await;
    let mut second = autoscaler("shop", 2, 3);
    second.metadata.name = Some("second".to_owned());
    scene.bed.api().create(&PostParams::default(), &second).await.unwrap();
    let conductor = scene.bed.conductor(1).await;
    let said = "Deployment two-autoscalers/shop is scaled by several autoscalers (HorizontalPodAutoscaler \
                two-autoscalers/second, HorizontalPodAutoscaler two-autoscalers/shop-cpu), which fight; expected one at most";
    let looked = scene.bed.try_observe(&conductor).await.unwrap_err();
    let scaled = conductor.scale(&scene.bed.run, &scene.changes.plan.scale_steps[0], Way::There).await.unwrap_err();
    for error in [looked, scaled] {
        assert_eq!((error.kind, text(&error).as_str()), (FailureKind::Rejected, said));
    }
    // As another conductor sees it that takes the run over when everything is back.
    let later = scene.bed.conductor(2).await.still_allocated(&scene.bed.applications).await.unwrap();
    assert!(later.contains_key("shop"));
    scene.bed.api::<HorizontalPodAutoscaler>().delete("second", &Default::default()).await.unwrap();
    scene.assert_as_before("nothing was changed").await;
}

#[tokio::test]
async fn an_autoscaler_that_is_off_at_no_replicas_scales_and_is_off_again() {
    let mut scene = Scene::new("none", &["shop"], true).await;
    let patch = PatchParams::default();
    scene
        .bed
        .api::<Deployment>()
        .patch("shop", &patch, &Patch::Merge(json!({ "spec": { "replicas": 0 } })))
        .await
        .unwrap();
    scene.before = scene.bed.everything().await;
    let conductor = scene.bed.conductor(1).await;
    let baseline = scene.bed.observe(&conductor).await;
    let scale_steps = vec![step(&baseline, "shop", production(6))];
    scene.changes = Changes { baseline, plan: Plan { rollouts: vec![], scale_steps } };
    for by in [By::Journal, By::Cluster] {
        scene.perform(&conductor).await;
        assert_eq!(scene.bed.observe(&conductor).await["shop"].allocation.replicas, 6);
        scene.restore(&conductor, by).await;
        assert_eq!(scene.bed.everything().await, scene.before, "{by:?}");
    }
}
