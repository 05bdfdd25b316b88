//! A keeper that the run has paused and that somebody lets go on meanwhile, or makes anew, is seen and can be paused again.

use conductor_core::app::Allocation;
use conductor_core::ports::{EnvironmentGuard, Scaler, Way};
use conductor_core::scale::ScaleStep;
use conductor_kubernetes_bed::Tool;
use futures::future::join_all;
use serde_json::{Value, json};

use super::{SEVERAL_LOOKS, Scene, kind};
use crate::bed::in_minutes;
use crate::drifts::seen;

const ALL: [Tool; 3] = [Tool::Kustomization, Tool::HelmRelease, Tool::Application];

/// What pauses a keeper, and the value of that.
const fn pause(tool: Tool) -> (&'static str, &'static str) {
    match tool {
        Tool::Kustomization | Tool::HelmRelease => ("suspend", "true"),
        Tool::Application => ("syncPolicy.automated.enabled", "false"),
    }
}

/// A keeper's switch with a value, or without one.
fn switch(tool: Tool, value: &Value) -> Value {
    match tool {
        Tool::Kustomization | Tool::HelmRelease => json!({ "suspend": value }),
        Tool::Application => json!({ "syncPolicy": { "automated": { "enabled": value } } }),
    }
}

/// As its owner lets it go on.
pub(super) fn on(tool: Tool) -> Value {
    switch(tool, &json!(tool == Tool::Application))
}

/// Sets it, as its owner does.
pub(super) async fn switch_to(scene: &Scene, spec: &Value) {
    let patch = json!({ "spec": spec }).to_string();
    scene.bed.kubectl(&["patch", kind(scene.tool), "shop", "--type=merge", "-p", &patch]).await.unwrap();
}

/// An application of two replicas to which the run has given three, and a keeper that is paused for it, with what that was
/// before.
async fn running(name: &str, tool: Tool) -> (Scene, ScaleStep, Value) {
    let scene = Scene::new(name, tool).await;
    let (bed, before) = (&scene.bed, scene.settings().await);
    bed.conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    let from = bed.observe().await["checkout"].allocation.clone();
    let to = Allocation { replicas: 3, ..from.clone() };
    let step = ScaleStep { application: bed.applications[0].clone(), from, to };
    bed.conductor.scale(&bed.run, &step, Way::There).await.unwrap();
    (scene, step, before)
}

/// The way back.
async fn end(scene: &Scene, step: ScaleStep) {
    let (bed, ScaleStep { application, from, to }) = (&scene.bed, step);
    let back = ScaleStep { application, from: to, to: from };
    bed.conductor.scale(&bed.run, &back, Way::Back).await.unwrap();
    bed.conductor.let_go(&bed.run, &bed.applications).await.unwrap();
    bed.conductor.thaw(&bed.run).await.unwrap();
}

/// What is seen of a patch of the keeper.
async fn seen_of(scene: &Scene, spec: &Value) -> Vec<String> {
    let patch = json!({ "spec": spec }).to_string();
    seen(&scene.bed, &["patch", kind(scene.tool), "shop", "--type=merge", "-p", &patch]).await
}

async fn resume(tool: Tool) {
    let (scene, step, before) = running("resumed", tool).await;
    let (bed, paused) = (&scene.bed, scene.settings().await);
    let ((field, value), keeper) = (pause(tool), format!("{tool:?} {}/shop", bed.namespace));
    let is_on = tool == Tool::Application;
    assert_eq!(
        seen_of(&scene, &on(tool)).await,
        [format!("checkout: {field} of {keeper} is {is_on}, not {value}; changed by kubectl-patch (Update)")]
    );
    let silent = bed.connect(2, &json!({ "pauseGitOps": false })).await;
    let expected = bed.observe().await;
    let unseen = tokio::time::timeout(SEVERAL_LOOKS, silent.drifted(&expected, &[])).await;
    assert!(unseen.is_err(), "{tool:?}: {unseen:?}");
    for _ in 0..2 {
        bed.conductor.pause_again(&bed.run, &bed.applications).await.unwrap();
        assert_eq!(scene.settings().await, paused, "{tool:?}: the same pause, with the same marker");
    }
    // Both tools' own programs take the field away, and the API server notes nobody who does that.
    assert_eq!(
        seen_of(&scene, &switch(tool, &Value::Null)).await,
        [format!("checkout: {field} of {keeper} is absent, not {value}")]
    );
    bed.conductor.pause_again(&bed.run, &bed.applications).await.unwrap();
    assert_eq!(scene.settings().await, paused, "{tool:?}");
    end(&scene, step).await;
    assert_eq!(scene.settings().await, before, "{tool:?}: it goes on as before the run");
}

#[tokio::test]
async fn a_keeper_that_somebody_resumes_is_seen_and_paused_again_with_what_it_was_before_the_run() {
    join_all(ALL.map(resume)).await;
}

async fn keep_resumed(tool: Tool) {
    let (scene, step, _) = running("resumed-for-good", tool).await;
    assert_eq!(seen_of(&scene, &on(tool)).await.len(), 1, "{tool:?}");
    let theirs = scene.keeper().await["spec"].clone();
    end(&scene, step).await;
    let settings = scene.settings().await;
    assert_eq!(settings["spec"], theirs, "{tool:?}: as they want it");
    assert!(!settings["annotations"].to_string().contains("loadtest-conductor.dev/"), "{tool:?}: {settings}");
    assert!(scene.bed.conductor.left_behind(&scene.bed.applications).await.unwrap().is_empty(), "{tool:?}");
}

#[tokio::test]
async fn a_keeper_that_somebody_resumes_and_the_run_leaves_alone_stays_as_they_want_it() {
    join_all(ALL.map(keep_resumed)).await;
}

async fn remake(tool: Tool) {
    let scene = Scene::new("remade", tool).await;
    let (bed, mut manifest) = (&scene.bed, scene.keeper().await);
    let before = scene.settings().await;
    manifest["metadata"]["resourceVersion"].take();
    manifest["metadata"]["managedFields"].take();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keeper.json");
    std::fs::write(&file, manifest.to_string()).unwrap();
    bed.conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    let (field, value) = pause(tool);
    let told = format!("checkout: {field} of {tool:?} {}/shop is absent, not {value}", bed.namespace);
    assert_eq!(
        seen(bed, &["replace", "--force", "-f", file.to_str().unwrap()]).await,
        [format!("{told}; changed by kubectl-replace (Update)")]
    );
    bed.conductor.pause_again(&bed.run, &bed.applications).await.unwrap();
    assert_ne!(scene.settings().await, before, "{tool:?}");
    let left = bed.conductor.left_behind(&bed.applications).await.unwrap();
    assert!(left.contains_key(&bed.run), "{tool:?}: it says who has paused it");
    bed.conductor.let_go(&bed.run, &bed.applications).await.unwrap();
    bed.conductor.thaw(&bed.run).await.unwrap();
    assert_eq!(scene.settings().await, before, "{tool:?}: as it was made");
}

#[tokio::test]
async fn a_keeper_that_somebody_makes_anew_is_seen_with_who_made_it_and_paused_for_the_run() {
    join_all(ALL.map(remake)).await;
}
