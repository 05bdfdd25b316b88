//! Applications that others delete, make anew or apply again during a run, and objects that cannot be written to for a while.

use conductor_core::failure::Failure;
use conductor_core::ports::{Deployer, FailureKind, Scaler, Way};
use conductor_kubernetes_bed::{Answer, Effect, Fault, Requests, until};
use futures::future::join_all;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use crate::bed::{Bed, PATIENCE, Restored, text};
use crate::everything::but_for_what_autoscalers_choose;
use crate::plans::{autoscaler, like_production, with_resources};
use crate::scene::{By, Scene};

#[tokio::test]
async fn an_application_that_was_made_anew_is_left_alone_and_its_autoscaler_is_not() {
    join_all([By::Journal, By::Cluster].map(async |by| {
        let name = format!("anew-{by:?}").to_lowercase();
        let scene = Scene::new(&name, &["shop", "other"], true).await;
        scene.perform(&scene.bed.conductor(1).await).await;
        scene.bed.kubectl(&["delete", "deployment/shop"], "").await;
        let made = scene.bed.api().create(&PostParams::default(), &with_resources("shop", 2)).await.unwrap();
        let conductor = scene.bed.conductor(2).await;
        match by {
            By::Journal => {
                let foreign = "shop: it was deleted and made anew during the run; the new one is left alone".to_owned();
                let restored = scene.bed.try_restore(&conductor, &scene.changes).await;
                assert_eq!(restored, Restored { foreign: vec![foreign], failures: Vec::new() });
            }
            By::Cluster => assert!(scene.bed.restore_from_cluster(&conductor).await),
        }
        let mut before = scene.before.clone();
        before.get_mut("Deployment shop").unwrap()["metadata"]["uid"] = json!(made.metadata.uid);
        before.get_mut("Deployment shop").unwrap()["metadata"]["creationTimestamp"] =
            json!(made.metadata.creation_timestamp);
        let before = but_for_what_autoscalers_choose(before);
        // The autoscaler has filled the new one up, and brings it back now that it is not pinned any more.
        until("everything is as before", PATIENCE, async || {
            (but_for_what_autoscalers_choose(scene.bed.everything().await) == before).then_some(())
        })
        .await;
    }))
    .await;
}

#[tokio::test]
async fn what_the_run_has_given_an_application_that_was_made_anew_before_it_is_taken_back_too() {
    let scene = Scene::new("anew-and-scaled", &["shop"], false).await;
    let conductor = scene.bed.conductor(1).await;
    let plan = &scene.changes.plan;
    conductor.roll_out(&scene.bed.run, &plan.rollouts[0], Way::There).await.unwrap();
    scene.bed.kubectl(&["delete", "deployment/shop"], "").await;
    scene.bed.api().create(&PostParams::default(), &with_resources("shop", 2)).await.unwrap();
    let made = scene.bed.everything().await;
    conductor.scale(&scene.bed.run, &plan.scale_steps[0], Way::There).await.unwrap();
    let restored = scene.bed.try_restore(&conductor, &scene.changes).await;
    assert_eq!(restored.failures, [""; 0]);
    assert_eq!(scene.bed.everything().await, made);
}

#[tokio::test]
async fn a_manifest_that_is_applied_again_by_force_leaves_nothing_of_the_run_either() {
    let bed = Bed::new("applied", &["shop"]).await;
    let apply = async || {
        let mut manifest = json!(with_resources("shop", 2));
        manifest["apiVersion"] = json!("apps/v1");
        manifest["kind"] = json!("Deployment");
        let params = PatchParams::apply("gitops").force();
        bed.api::<Deployment>().patch("shop", &params, &Patch::Apply(&manifest)).await.unwrap();
    };
    apply().await;
    bed.api().create(&PostParams::default(), &autoscaler("shop", 1, 4)).await.unwrap();
    let before = bed.everything().await;
    let conductor = bed.conductor(1).await;
    let changes = like_production(&bed.observe(&conductor).await, &["shop"], 6);
    bed.perform(&conductor, &changes.plan).await.unwrap();
    apply().await;
    let during = bed.observe(&conductor).await;
    assert_eq!(during["shop"].release, changes.baseline["shop"].release, "the manifest is back");
    assert_ne!(during["shop"].allocation, changes.baseline["shop"].allocation, "and one limit more than it has");
    assert_eq!(bed.restore(&conductor, &changes).await, [""; 0]);
    let [now, before] = [bed.everything().await, before].map(but_for_what_autoscalers_choose);
    assert_eq!(now, before);
}

#[tokio::test]
async fn what_somebody_changed_before_the_run_could_is_told_and_not_overwritten() {
    let scene = Scene::new("quicker", &["shop", "other"], true).await;
    scene.bed.kubectl(&["set", "image", "deployment/shop", "main=registry.example/shop:ci"], "").await;
    scene.bed.kubectl(&["patch", "hpa/other-cpu", r#"--patch={"spec":{"maxReplicas":9}}"#], "").await;
    let theirs = scene.bed.everything().await;
    let conductor = scene.bed.conductor(1).await;
    let rolled = conductor.roll_out(&scene.bed.run, &scene.changes.plan.rollouts[0], Way::There).await.unwrap_err();
    let scaled = conductor.scale(&scene.bed.run, &scene.changes.plan.scale_steps[1], Way::There).await.unwrap_err();
    assert_eq!([rolled.kind, scaled.kind], [FailureKind::Rejected; 2]);
    assert_eq!(
        [text(&rolled), text(&scaled)],
        [
            "could not change Deployment quicker/shop: somebody else changed the image of main: it is \
             registry.example/shop:ci, and neither registry.example/shop:1 nor registry.example/shop@sha256:2",
            "could not change HorizontalPodAutoscaler quicker/other-cpu: somebody else changed maxReplicas: it is 9, and \
             neither 4 nor 6",
        ]
    );
    scene.bed.kubectl(&["delete", "hpa/shop-cpu"], "").await;
    let gone = conductor.scale(&scene.bed.run, &scene.changes.plan.scale_steps[0], Way::There).await.unwrap_err();
    assert_eq!(Failure::of("", &gone).message, "Deployment quicker/shop has no autoscaler any more");
    scene.bed.try_restore(&conductor, &scene.changes).await;
    let mut now = scene.bed.everything().await;
    now.insert("HorizontalPodAutoscaler shop-cpu".to_owned(), theirs["HorizontalPodAutoscaler shop-cpu"].clone());
    assert_eq!(now, theirs);
}

#[tokio::test]
async fn an_object_that_cannot_be_written_to_stops_no_other_and_is_put_back_later() {
    let objects = [("deployments", "shop"), ("horizontalpodautoscalers", "shop-cpu")];
    join_all(objects.map(async |(resource, name)| {
        let scene = Scene::new(&format!("unwritable-{resource}"), &["shop", "other"], true).await;
        scene.perform(&scene.bed.conductor(1).await).await;
        let proxy = scene.bed.proxy().await;
        let requests = Requests::writes().resource(resource).name(name);
        let fault = proxy.inject(Fault::new(requests, Effect::Answer(Answer::InternalError)));
        let conductor = scene.bed.behind(&proxy, 2).await;
        let restored = scene.bed.try_restore(&conductor, &scene.changes).await;
        assert!(!restored.failures.is_empty());
        let [now, before] = [scene.bed.everything().await, scene.before.clone()].map(but_for_what_autoscalers_choose);
        assert_eq!(now["Deployment other"], before["Deployment other"]);
        assert_eq!(now["HorizontalPodAutoscaler other-cpu"], before["HorizontalPodAutoscaler other-cpu"]);
        if resource != "deployments" {
            // What can be put back of the workload is, although its autoscaler still keeps six replicas.
            let template = |all: &crate::everything::Everything| all["Deployment shop"]["spec"]["template"].clone();
            assert_eq!(template(&now), template(&before));
        }
        fault.lift();
        scene.restore(&scene.bed.conductor(3).await, By::Cluster).await;
        scene.assert_as_before("the next time").await;
    }))
    .await;
}

#[tokio::test]
async fn restores_may_be_repeated_in_any_order() {
    let scene = Scene::new("repeated", &["shop", "other"], true).await;
    let mut epoch = 0;
    let mut next = async || {
        epoch += 1;
        scene.bed.conductor(epoch).await
    };
    for order in [[By::Journal, By::Cluster, By::Journal], [By::Cluster, By::Journal, By::Cluster]] {
        scene.perform(&next().await).await;
        for by in order {
            scene.restore(&next().await, by).await;
            scene.assert_as_before(&format!("{order:?}")).await;
        }
    }
}
