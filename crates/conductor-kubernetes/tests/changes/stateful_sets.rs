//! StatefulSets: there and back as Deployments are, and told before anything is changed where that would not come about.

use std::collections::BTreeSet;

use conductor_core::app::{Allocation, Bounds};
use conductor_core::ports::{FailureKind, Scaler, Way};
use conductor_core::scale::Plan;
use conductor_kubernetes_bed::{Behaviour, stateful_set, until};
use futures::future::join_all;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::bed::{Bed, PATIENCE, Restored, text};
use crate::plans::{image, production, step};
use crate::scene::{By, Scene};

/// The images of all pods.
async fn running(bed: &Bed) -> Vec<String> {
    let pods = bed.api::<Pod>().list(&Default::default()).await.unwrap();
    let images = pods.into_iter().map(|pod| pod.spec.unwrap().containers[0].image.clone().unwrap());
    images.collect()
}

#[tokio::test]
async fn versions_and_replicas_and_resources_and_autoscalers_are_back_exactly() {
    join_all([("sets", false), ("autoscaled-sets", true)].map(async |(name, is_autoscaled)| {
        let scene = Scene::of_stateful_sets(name, &["ledger", "orders"], is_autoscaled).await;
        let conductor = scene.bed.conductor(1).await;
        scene.perform(&conductor).await;
        let during = scene.bed.observe(&conductor).await;
        let autoscaling = is_autoscaled.then(|| Bounds::pinned(6));
        assert_eq!(during["ledger"].allocation, Allocation { autoscaling, ..production(6) });
        let pods = running(&scene.bed).await;
        assert_eq!(pods.len(), 12, "{name}");
        let images: BTreeSet<String> = pods.into_iter().collect();
        assert_eq!(images, [image("ledger"), image("orders")].into(), "{name}");
        scene.restore(&conductor, By::Journal).await;
        scene.assert_as_before(name).await;
        let images: BTreeSet<String> = running(&scene.bed).await.into_iter().collect();
        let before = ["ledger", "orders"].map(|name| format!("registry.example/{name}-db:1"));
        assert_eq!(images, before.into(), "{name}");
    }))
    .await;
}

/// A StatefulSet without replicas that claims volumes, with a change to its spec.
async fn create(bed: &Bed, name: &str, change: &Value) {
    let mut object = serde_json::to_value(stateful_set(name, 0, Behaviour::Ready)).unwrap();
    let claim = json!({ "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } });
    object["spec"]["volumeClaimTemplates"] = json!([{ "metadata": { "name": "data" }, "spec": claim }]);
    json_patch::merge(&mut object["spec"], change);
    let set: StatefulSet = serde_json::from_value(object).unwrap();
    bed.api().create(&PostParams::default(), &set).await.unwrap();
}

#[tokio::test]
async fn what_could_not_be_put_back_is_refused_before_anything_is_changed() {
    let deleting = json!({ "persistentVolumeClaimRetentionPolicy": { "whenScaled": "Delete" } });
    let partition = json!({ "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 2 } } });
    let bed = Bed::of(
        "unfit",
        &[
            json!({ "name": "fine", "statefulSet": "fine" }),
            json!({ "name": "canary", "statefulSet": "canary" }),
            json!({ "name": "by-hand", "statefulSet": "by-hand" }),
            json!({ "name": "deleting", "statefulSet": "deleting" }),
            json!({ "name": "allowed", "statefulSet": "allowed", "allowVolumeDeletion": true }),
        ],
    )
    .await;
    create(&bed, "fine", &json!({})).await;
    create(&bed, "canary", &partition).await;
    create(&bed, "by-hand", &json!({ "updateStrategy": { "type": "OnDelete" } })).await;
    create(&bed, "deleting", &deleting).await;
    create(&bed, "allowed", &deleting).await;
    let error = bed.try_observe(&bed.conductor(1).await).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected);
    assert_eq!(
        text(&error),
        "StatefulSet unfit/by-hand: its pods are replaced by hand (updateStrategy: OnDelete); expected RollingUpdate; \
         StatefulSet unfit/canary: its pods with a number below 2 keep the older version \
         (updateStrategy.rollingUpdate.partition: 2); expected no partition; \
         StatefulSet unfit/deleting: scaling it down, as on the way back, deletes the volumes of the replicas that go \
         (persistentVolumeClaimRetentionPolicy.whenScaled: Delete); expected Retain, or allowVolumeDeletion: true in the \
         environment's file"
    );
    // As another conductor sees them that takes a run over when everything is back.
    let later = bed.conductor(2).await.still_allocated(&bed.applications).await.unwrap();
    assert_eq!(later.len(), 5);
}

#[tokio::test]
async fn what_would_be_refused_before_a_run_keeps_nothing_from_being_put_back_after_it() {
    let partition = json!({ "updateStrategy": { "rollingUpdate": { "partition": 1 } } });
    let by_hand = json!({ "updateStrategy": { "type": "OnDelete", "rollingUpdate": null } });
    let older = "StatefulSet by-hand-meanwhile/ledger-db does not become ready: its pods are replaced by hand \
                 (updateStrategy: OnDelete), and 2 replicas of an older template are left";
    let cases = [("partition-meanwhile", partition, None), ("by-hand-meanwhile", by_hand, Some(older))];
    join_all(cases.map(async |(name, meanwhile, failure)| {
        let scene = Scene::of_stateful_sets(name, &["ledger"], false).await;
        let conductor = scene.bed.conductor(1).await;
        scene.perform(&conductor).await;
        let patch = json!({ "spec": meanwhile }).to_string();
        scene.bed.kubectl(&["patch", "statefulset/ledger-db", "--type=merge", "--patch", &patch], "").await;
        let restored = scene.bed.try_restore(&conductor, &scene.changes).await;
        let failures = failure.into_iter().map(str::to_owned).collect();
        assert_eq!(restored, Restored { foreign: Vec::new(), failures });
        let [mut now, mut before] = [scene.bed.everything().await, scene.before.clone()];
        for all in [&mut now, &mut before] {
            all.get_mut("StatefulSet ledger-db").unwrap()["spec"]["updateStrategy"].take();
        }
        assert_eq!(now, before, "{name}: all but what they have changed");
    }))
    .await;
}

#[tokio::test]
async fn a_pod_that_its_controller_waits_for_is_told_of_although_everything_is_back() {
    let scene = Scene::of_stateful_sets("stuck-set", &["ledger"], false).await;
    let conductor = scene.bed.conductor(1).await;
    let mut to = production(2);
    let resources = to.resources.get_mut("main").unwrap();
    resources.remove("limits.cpu");
    resources.insert("requests.cpu".to_owned(), "100000".parse().unwrap());
    let mut changes = scene.changes.clone();
    changes.plan = Plan { rollouts: Vec::new(), scale_steps: vec![step(&changes.baseline, "ledger", to)] };
    let error = conductor.scale(&scene.bed.run, &changes.plan.scale_steps[0], Way::There).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unsettled);
    let trouble = "StatefulSet stuck-set/ledger-db does not become ready: pod ledger-db-1: Unschedulable for ";
    assert!(text(&error).starts_with(trouble), "{error:?}");

    let Restored { foreign, failures } = scene.bed.try_restore(&conductor, &changes).await;
    assert_eq!(foreign, [""; 0]);
    let [failure] = &failures[..] else { panic!("{failures:?}") };
    let advice = "; it is of an older version, which is not replaced before it is ready (podManagementPolicy: \
                  OrderedReady): delete the pod, and its controller goes on";
    assert!(failure.starts_with(trouble) && failure.ends_with(advice), "{failure}");
    scene.assert_as_before("all but the pod").await;
    scene.bed.kubectl(&["delete", "pod", "ledger-db-1"], "").await;
    until("it goes on", PATIENCE, async || {
        let status = scene.bed.api::<StatefulSet>().get("ledger-db").await.unwrap().status?;
        let is_done = status.ready_replicas == Some(2) && status.current_revision == status.update_revision;
        is_done.then_some(())
    })
    .await;
    assert_eq!(scene.bed.restore(&conductor, &changes).await, [""; 0]);
}
