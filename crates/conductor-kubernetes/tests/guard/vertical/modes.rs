//! What a VerticalPodAutoscaler does during a run, whatever it did before, and how people are told.

use conductor_core::guard::{Guarded, Standing};
use conductor_core::ports::EnvironmentGuard;
use conductor_kubernetes_bed::until;
use futures::future::join_all;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::scene::{By, Scene};
use crate::bed::{PATIENCE, in_minutes};

/// What its mode is after the freeze, with the run's allocation, and once that is put back.
type Modes = [&'static str; 3];

async fn there_and_back(name: &str, policy: Value, sets_resources: bool, modes: Modes) {
    let scene = Scene::new(&format!("vpa-{name}-{sets_resources}"), &policy, sets_resources).await;
    let (bed, conductor) = (&scene.bed, &scene.bed.conductor);
    let frozen = conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    assert_eq!(frozen, Guarded::Frozen);
    let after_freeze = scene.mode().await;
    for _ in 0..2 {
        scene.scale(conductor).await;
    }
    let scaled = scene.mode().await;
    for _ in 0..2 {
        scene.scale_back(conductor).await;
    }
    assert_eq!([after_freeze.as_str(), &scaled, &scene.mode().await], modes, "{name}, {sets_resources}");
    assert!(scene.restore(conductor, By::Journal).await);
    scene.assert_as_before("after the run").await;
    conductor.thaw(&bed.run).await.unwrap();
    scene.assert_as_before("thawed again").await;
}

#[tokio::test]
async fn a_vertical_autoscaler_evicts_nothing_in_a_run_and_sizes_nothing_that_the_run_sizes() {
    let evicting = [
        ("absent", Value::Null),
        ("empty", json!({})),
        ("modeless", json!({ "minReplicas": 2 })),
        ("recreate", json!({ "updateMode": "Recreate" })),
        ("in-place", json!({ "updateMode": "InPlaceOrRecreate", "minReplicas": 1 })),
    ];
    let mut all = Vec::new();
    for (name, policy) in evicting {
        all.push(there_and_back(name, policy.clone(), true, ["Initial", "Off", "Initial"]));
        all.push(there_and_back(name, policy, false, ["Initial"; 3]));
    }
    for sets_resources in [true, false] {
        all.push(there_and_back("off", json!({ "updateMode": "Off" }), sets_resources, ["Off"; 3]));
    }
    let initial = json!({ "updateMode": "Initial" });
    all.push(there_and_back("initial", initial.clone(), true, ["Initial", "Off", "Initial"]));
    all.push(there_and_back("initial", initial, false, ["Initial"; 3]));
    join_all(all).await;
}

#[tokio::test]
async fn a_vertical_autoscaler_is_told_with_its_mode_in_the_run() {
    for (mode, sets_resources, told) in [
        ("Recreate", true, "(updateMode: Off, since the run sets the resources of its pods)"),
        ("Recreate", false, "(updateMode: Initial, since its pods have the resources that it recommends)"),
        ("Initial", true, "(updateMode: Off, since the run sets the resources of its pods)"),
        ("Initial", false, ", which stands still already"),
        ("Off", true, ", which stands still already"),
    ] {
        let name = format!("vpa-told-{}-{sets_resources}", mode.to_lowercase());
        let scene = Scene::new(&name, &json!({ "updateMode": mode }), sets_resources).await;
        let steps = [scene.step().clone()];
        // It is not a matter of GitOps.
        let conductor = scene.bed.connect(1, &json!({ "pauseGitOps": false })).await;
        let pauses = conductor.pauses(&scene.bed.applications, &steps).await.unwrap();
        let texts: Vec<String> = pauses.iter().map(ToString::to_string).collect();
        let space = if told.starts_with('(') { " " } else { "" };
        assert_eq!(texts, [format!("VerticalPodAutoscaler {name}/checkout of checkout{space}{told}")]);
        conductor.freeze(&scene.bed.run, &scene.bed.applications, in_minutes(15)).await.unwrap();
        scene.scale(&conductor).await;
        let pauses = conductor.pauses(&scene.bed.applications, &steps).await.unwrap();
        let paused = Standing::Paused { by: scene.bed.run.clone() };
        let expected = if told.starts_with('(') { paused } else { Standing::Left };
        assert_eq!(pauses[0].standing, expected, "{mode}, {sets_resources}");
        assert!(scene.restore(&conductor, By::Journal).await);
        scene.assert_as_before("told").await;
    }
}

#[tokio::test]
async fn what_somebody_adds_to_the_policy_of_a_vertical_autoscaler_stays() {
    let scene = Scene::new("vpa-added", &Value::Null, true).await;
    let conductor = scene.open(1).await;
    scene.freeze(&conductor).await;
    scene.scale(&conductor).await;
    let added = json!({ "spec": { "updatePolicy": { "minReplicas": 3 } } });
    scene.objects().patch("checkout", &PatchParams::default(), &Patch::Merge(&added)).await.unwrap();
    assert!(scene.restore(&conductor, By::Journal).await);
    assert_eq!(scene.policy().await, json!({ "minReplicas": 3 }));
}

#[tokio::test]
async fn a_frozen_vertical_autoscaler_is_changed_by_nobody_else_and_no_other_one_aims_at_its_workload() {
    let scene = Scene::new("vpa-frozen", &json!({ "updateMode": "Recreate" }), true).await;
    let (bed, conductor) = (&scene.bed, &scene.bed.conductor);
    scene.freeze(conductor).await;
    scene.scale(conductor).await;
    let mode = r#"{"spec":{"updatePolicy":{"updateMode":"Recreate"}}}"#;
    for change in [&["patch", "vpa/checkout", "--type=merge", "-p", mode][..], &["delete", "vpa/checkout"]] {
        let denied = bed.kubectl(change).await.unwrap_err();
        assert!(denied.contains("frozen by load test run-vpa-frozen until"), "{change:?}: {denied}");
    }
    let another = conductor_kubernetes_bed::vertical_pod_autoscaler("checkout", &Value::Null);
    let mut named = another.clone();
    named.metadata.name = Some("another".to_owned());
    let denied = scene.objects().create(&Default::default(), &named).await.unwrap_err();
    assert!(denied.to_string().contains("frozen by load test run-vpa-frozen until"), "{denied}");
    // The recommender goes on, and others are free.
    let status = r#"{"status":{"recommendation":{}}}"#;
    bed.kubectl(&["patch", "vpa/checkout", "--subresource=status", "--type=merge", "-p", status]).await.unwrap();
    let other = conductor_kubernetes_bed::vertical_pod_autoscaler("other", &Value::Null);
    scene.objects().create(&Default::default(), &other).await.unwrap();
    assert!(scene.restore(conductor, By::Journal).await);
    until("others may change it again", PATIENCE, async || {
        bed.kubectl(&["patch", "vpa/checkout", "--type=merge", "-p", mode]).await.ok()
    })
    .await;
}
