//! What becomes of the annotations of a run when others get at them: removed, halved, broken, copied, of another run.

use conductor_core::ports::{Deployer, FailureKind, Scaler, Way};
use futures::future::join_all;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{ObjectMeta, PostParams};
use serde_json::json;

use crate::bed::{Restored, text};
use crate::scene::{By, Scene};

const SNAPSHOT: &str = "loadtest-conductor.dev/snapshot";
const RUN: &str = "loadtest-conductor.dev/run";

/// Applications that a run has changed.
async fn performed(name: &str, is_autoscaled: bool) -> Scene {
    let scene = Scene::new(name, &["shop", "other"], is_autoscaled).await;
    scene.perform(&scene.bed.conductor(1).await).await;
    scene
}

impl Scene {
    async fn annotate(&self, object: &str, annotation: &str) {
        self.bed.kubectl(&["annotate", "--overwrite", object, annotation], "").await;
    }
}

#[tokio::test]
async fn whatever_is_missing_of_a_marker_the_journal_leads_back_and_nothing_is_left() {
    let remove = |key: &str| format!("{key}-");
    let cases = [
        ("no-marker", vec![remove(SNAPSHOT), remove(RUN)]),
        ("no-snapshot", vec![remove(SNAPSHOT)]),
        ("no-run", vec![remove(RUN)]),
        ("broken-snapshot", vec![format!("{SNAPSHOT}=x")]),
        ("broken-run", vec![format!("{RUN}=x")]),
    ];
    join_all(cases.map(async |(name, annotations)| {
        let scene = performed(name, true).await;
        for annotation in &annotations {
            scene.annotate("deployment/shop", annotation).await;
            scene.annotate("hpa/shop-cpu", annotation).await;
        }
        scene.restore(&scene.bed.conductor(2).await, By::Journal).await;
        scene.assert_as_before(name).await;
        assert!(scene.bed.left_behind(&scene.bed.conductor(3).await).await.is_empty());
    }))
    .await;
}

#[tokio::test]
async fn half_a_marker_goes_even_if_nothing_else_is_to_be_done() {
    let scene = performed("half-back", false).await;
    scene.restore(&scene.bed.conductor(2).await, By::Journal).await;
    scene.annotate("deployment/shop", &format!("{SNAPSHOT}={{}}")).await;
    let run = json!({ "run": scene.bed.run, "epoch": 1, "uid": uid(&scene, "other").await, "applied": [] });
    scene.annotate("deployment/other", &format!("{RUN}={run}")).await;
    scene.restore(&scene.bed.conductor(3).await, By::Journal).await;
    scene.assert_as_before("nothing but halves were left").await;
}

async fn uid(scene: &Scene, name: &str) -> Option<String> {
    scene.bed.api::<Deployment>().get(name).await.unwrap().metadata.uid
}

#[tokio::test]
async fn without_a_journal_a_broken_marker_is_told_by_name_and_keeps_nothing_else_from_being_put_back() {
    let scene = performed("broken", false).await;
    scene.annotate("deployment/shop", &format!("{SNAPSHOT}-")).await;
    let conductor = scene.bed.conductor(2).await;
    assert!(scene.bed.restore_from_cluster(&conductor).await);
    let error = conductor.left_behind(&scene.bed.applications).await.unwrap_err();
    assert_eq!(
        (error.kind, text(&error).as_str()),
        (
            FailureKind::Rejected,
            "could not read what a load test has left on Deployment broken/shop: it has annotation \
             loadtest-conductor.dev/run and not loadtest-conductor.dev/snapshot, so that nobody can say what it was before"
        )
    );
    assert_eq!(scene.bed.everything().await["Deployment other"], scene.before["Deployment other"]);
    // Nobody adds to what cannot be read.
    let error = scene.bed.perform(&conductor, &scene.changes.plan).await.unwrap_err();
    assert!(
        text(&error).starts_with("could not change Deployment broken/shop: it has annotation "),
        "{}",
        text(&error)
    );
    scene.restore(&conductor, By::Journal).await;
    scene.assert_as_before("the journal knows").await;
}

#[tokio::test]
async fn a_marker_that_was_copied_to_another_object_means_nothing_there() {
    let scene = performed("copied", false).await;
    let copy = async |from: &str, to: &str| {
        let mut copy = scene.bed.api::<Deployment>().get(from).await.unwrap();
        let ObjectMeta { labels, annotations, .. } = copy.metadata;
        copy.metadata = ObjectMeta { name: Some(to.to_owned()), labels, annotations, ..ObjectMeta::default() };
        copy.status = None;
        scene.bed.api().create(&PostParams::default(), &copy).await.unwrap();
    };
    copy("shop", "copy").await;
    // One of them takes the place of an application.
    scene.bed.kubectl(&["delete", "deployment/other"], "").await;
    copy("shop", "other").await;
    let [copied, replaced] = {
        let now = scene.bed.everything().await;
        ["copy", "other"].map(|name| now[&format!("Deployment {name}")].clone())
    };
    let conductor = scene.bed.conductor(2).await;
    let left = scene.bed.left_behind(&conductor).await;
    let names: Vec<&str> =
        left[&scene.bed.run].changes.plan.applications().into_iter().map(|name| name.as_str()).collect();
    assert_eq!(names, ["shop"]);
    let foreign = vec!["other: it was deleted and made anew during the run; the new one is left alone".to_owned()];
    let restored = scene.bed.try_restore(&conductor, &scene.changes).await;
    assert_eq!(restored, Restored { foreign, failures: Vec::new() });
    let now = scene.bed.everything().await;
    assert_eq!(now["Deployment shop"], scene.before["Deployment shop"]);
    assert_eq!(now["Deployment copy"], copied);
    assert_eq!(now["Deployment other"]["spec"], replaced["spec"]);
}

#[tokio::test]
async fn what_another_run_has_changed_is_refused_there_and_back_and_stays_its_own() {
    let scene = performed("held", true).await;
    let (rollout, step) = (scene.changes.plan.rollouts[0].clone(), scene.changes.plan.scale_steps[0].clone());
    let during = scene.bed.everything().await;
    let other = "another-run".parse().unwrap();
    let conductor = scene.bed.conductor(9).await;
    for way in [Way::There, Way::Back] {
        let rolled = conductor.roll_out(&other, &rollout, way).await.unwrap_err();
        let scaled = conductor.scale(&other, &step, way).await.unwrap_err();
        let why = format!("load test {} has changed it and not put it back", scene.bed.run);
        assert_eq!(text(&rolled), format!("could not change Deployment held/shop: {why}"));
        let of = if way == Way::There { "HorizontalPodAutoscaler held/shop-cpu" } else { "Deployment held/shop" };
        assert_eq!(text(&scaled), format!("could not change {of}: {why}"), "{way:?}");
        assert_eq!([rolled.kind, scaled.kind], [FailureKind::Rejected; 2]);
    }
    conductor.let_go(&other, &scene.bed.applications).await.unwrap();
    assert_eq!(scene.bed.everything().await, during);
    // And so is an older conductor of the run itself.
    scene.bed.conductor(3).await.roll_out(&scene.bed.run, &rollout, Way::There).await.unwrap();
    let error = scene.bed.conductor(2).await.roll_out(&scene.bed.run, &rollout, Way::There).await.unwrap_err();
    assert_eq!(
        text(&error),
        "could not change Deployment held/shop: a newer conductor drives load test run-held (epoch 3, this one has 2)"
    );
    scene.restore(&scene.bed.conductor(4).await, By::Journal).await;
    scene.assert_as_before("nobody else has changed anything").await;
}
