//! Applications that are kept as a repository says: who keeps them is paused for the run, and goes on after it.

mod reapplied;
mod resumed;
mod under_way;

use std::time::Duration;

use conductor_core::app::Allocation;
use conductor_core::failure::Failure;
use conductor_core::guard::{Guarded, Standing};
use conductor_core::ports::{EnvironmentGuard, FailureKind, Scaler, Way};
use conductor_core::scale::ScaleStep;
use conductor_kubernetes::KubernetesEnvironment;
use conductor_kubernetes_bed::{Behaviour, GitOps, Tool, deployment, until};
use futures::future::join_all;
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use crate::bed::{Bed, PATIENCE, cluster, in_minutes};

/// Every keeper looks several times in that time, a real one too.
const SEVERAL_LOOKS: Duration = Duration::from_secs(3);

fn kind(tool: Tool) -> &'static str {
    match tool {
        Tool::Kustomization => "kustomizations.kustomize.toolkit.fluxcd.io",
        Tool::HelmRelease => "helmreleases.helm.toolkit.fluxcd.io",
        Tool::Application => "applications.argoproj.io",
    }
}

/// What the repository says of the application, in one of its versions.
fn manifest(namespace: &str, version: &str) -> Value {
    let mut manifest = json!(deployment("checkout", 2, Behaviour::Ready));
    manifest["apiVersion"] = json!("apps/v1");
    manifest["kind"] = json!("Deployment");
    manifest["metadata"]["namespace"] = json!(namespace);
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = json!(format!("registry.example/shop:{version}"));
    manifest
}

/// An application in a namespace of its own, with who keeps it.
struct Scene {
    bed: Bed,
    tool: Tool,
    repository: GitOps,
}

impl Scene {
    async fn new(name: &str, tool: Tool) -> Self {
        let namespace = format!("{name}-{tool:?}").to_lowercase();
        let bed = Bed::of(&namespace, json!({ "name": "checkout" })).await;
        let manifests = vec![manifest(&namespace, "v1")];
        let repository = cluster().await.git_ops(tool, &namespace, "shop", manifests).await.unwrap();
        let scene = Self { bed, tool, repository };
        let deployments = scene.bed.api::<Deployment>();
        until("two replicas, and a keeper that says so", PATIENCE, async || {
            let status = deployments.get_opt("checkout").await.unwrap()?.status?;
            let is_told = tool.is_content(&scene.keeper().await);
            (status.available_replicas == Some(2) && is_told).then_some(())
        })
        .await;
        scene
    }

    /// The keeper as it is.
    async fn keeper(&self) -> Value {
        let text = self.bed.kubectl(&["get", kind(self.tool), "shop", "-o", "json"]).await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// What a run may have changed of the keeper.
    async fn settings(&self) -> Value {
        let keeper = self.keeper().await;
        json!({ "spec": keeper["spec"], "annotations": keeper["metadata"]["annotations"] })
    }

    async fn deployed(&self) -> (Option<i32>, String) {
        let spec = self.bed.api::<Deployment>().get("checkout").await.unwrap().spec.unwrap();
        (spec.replicas, spec.template.spec.unwrap().containers[0].image.clone().unwrap())
    }
}

async fn keep_out_of_a_run(tool: Tool) {
    let scene = Scene::new("kept", tool).await;
    let (bed, before) = (&scene.bed, scene.settings().await);
    let frozen = bed.conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    assert_eq!(frozen, Guarded::Frozen, "{tool:?}");
    assert_ne!(scene.settings().await, before, "{tool:?}");
    let from = bed.observe().await["checkout"].allocation.clone();
    let step = |from: &Allocation, to: &Allocation| ScaleStep {
        application: bed.applications[0].clone(),
        from: from.clone(),
        to: to.clone(),
    };
    let to = Allocation { replicas: 3, ..from.clone() };
    bed.conductor.scale(&bed.run, &step(&from, &to), Way::There).await.unwrap();
    scene.repository.commit(vec![manifest(&bed.namespace, "v2")]);
    tokio::time::sleep(SEVERAL_LOOKS).await;
    assert_eq!(scene.deployed().await, (Some(3), "registry.example/shop:v1".to_owned()), "{tool:?}");

    bed.conductor.scale(&bed.run, &step(&to, &from), Way::Back).await.unwrap();
    bed.conductor.let_go(&bed.run, &bed.applications).await.unwrap();
    assert_eq!(scene.deployed().await, (Some(2), "registry.example/shop:v1".to_owned()), "{tool:?}");
    for _ in 0..2 {
        bed.conductor.thaw(&bed.run).await.unwrap();
        assert_eq!(scene.settings().await, before, "{tool:?}");
    }
    until("what was pushed meanwhile is applied", PATIENCE, async || {
        (scene.deployed().await == (Some(2), "registry.example/shop:v2".to_owned())).then_some(())
    })
    .await;
    until("the keeper is content", PATIENCE, async || tool.is_content(&scene.keeper().await).then_some(())).await;
}

#[tokio::test]
async fn who_keeps_an_application_is_paused_for_the_run_and_goes_on_afterwards() {
    join_all([Tool::Kustomization, Tool::HelmRelease, Tool::Application].map(keep_out_of_a_run)).await;
}

/// What is said of keepers.
async fn told(bed: &Bed, conductor: &KubernetesEnvironment) -> Vec<(String, Standing)> {
    let pauses = conductor.pauses(&bed.applications, &[]).await.unwrap();
    pauses.into_iter().map(|pause| (pause.to_string(), pause.standing)).collect()
}

async fn tell_of_a_pause(tool: Tool) {
    let scene = Scene::new("told", tool).await;
    let bed = &scene.bed;
    // The repository has more objects than the application's own.
    let mut other = manifest(&bed.namespace, "v1");
    other["metadata"]["name"] = json!("other");
    scene.repository.commit(vec![manifest(&bed.namespace, "v1"), other]);
    let all = until("both", PATIENCE, async || {
        let status = &scene.keeper().await["status"];
        let listed = match tool {
            Tool::Kustomization | Tool::HelmRelease => &status["inventory"]["entries"],
            Tool::Application => &status["resources"],
        };
        (listed.as_array()?.len() == 2).then_some(())
    });
    all.await;
    let setting = match tool {
        Tool::Kustomization | Tool::HelmRelease => "suspend: true",
        Tool::Application => "syncPolicy.automated.enabled: false",
    };
    let whose = format!("{tool:?} {}/shop of checkout and 1 other object", bed.namespace);
    assert_eq!(told(bed, &bed.conductor).await, [(format!("{whose} ({setting})"), Standing::Acts)]);
    let silent = bed.connect(1, &json!({ "pauseGitOps": false })).await;
    assert_eq!(told(bed, &silent).await, []);

    bed.conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    let paused = Standing::Paused { by: bed.run.clone() };
    assert_eq!(told(bed, &bed.conductor).await, [(format!("{whose} ({setting})"), paused)]);
    bed.conductor.thaw(&bed.run).await.unwrap();

    let still = match tool {
        Tool::Kustomization | Tool::HelmRelease => r#"{"spec":{"suspend":true}}"#,
        Tool::Application => r#"{"spec":{"syncPolicy":{"automated":{"enabled":false}}}}"#,
    };
    bed.kubectl(&["patch", kind(tool), "shop", "--type=merge", "-p", still]).await.unwrap();
    let before = scene.settings().await;
    let left = [(format!("{whose}, which stands still already"), Standing::Left)];
    assert_eq!(told(bed, &bed.conductor).await, left);
    bed.conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    assert_eq!(told(bed, &bed.conductor).await, left);
    assert_eq!(scene.settings().await, before, "{tool:?}: it was somebody else who has paused it");
    bed.conductor.thaw(&bed.run).await.unwrap();
    assert_eq!(scene.settings().await, before, "{tool:?}");
}

#[tokio::test]
async fn who_would_be_paused_and_is_and_who_stands_still_already_are_told_by_name() {
    join_all([Tool::Kustomization, Tool::HelmRelease, Tool::Application].map(tell_of_a_pause)).await;
}

#[tokio::test]
async fn without_a_pause_the_run_has_a_keeper_against_it() {
    let scene = Scene::new("unpaused", Tool::Kustomization).await;
    let bed = &scene.bed;
    let conductor = bed.connect(1, &json!({ "pauseGitOps": false })).await;
    conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    let from = bed.observe().await["checkout"].allocation.clone();
    let to = Allocation { replicas: 3, ..from.clone() };
    let step = ScaleStep { application: bed.applications[0].clone(), from, to };
    conductor.scale(&bed.run, &step, Way::There).await.unwrap();
    until("the freeze is in the keeper's way", PATIENCE, async || {
        let keeper = scene.keeper().await;
        scene.tool.message(&keeper).contains("frozen by load test run-unpaused-kustomization until").then_some(())
    })
    .await;
    conductor.let_go(&bed.run, &bed.applications).await.unwrap();
    conductor.thaw(&bed.run).await.unwrap();
    assert_eq!(scene.deployed().await.0, Some(2));
}

async fn die_after_a_pause(tool: Tool) {
    let scene = Scene::new("paused", tool).await;
    let (bed, before) = (&scene.bed, scene.settings().await);
    bed.conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    // It has changed nothing else, and its journal is lost.
    let next = bed.connect(2, &json!({})).await;
    let left = next.left_behind(&bed.applications).await.unwrap();
    let changes = &left[&bed.run].changes;
    let names: Vec<&str> = changes.plan.applications().into_iter().map(|name| name.as_str()).collect();
    assert_eq!(names, ["checkout"], "{tool:?}");
    let other = "other-1".parse().unwrap();
    next.thaw(&other).await.unwrap();
    assert_ne!(scene.settings().await, before, "{tool:?}: another run lets nothing of this one go");
    next.thaw(&bed.run).await.unwrap();
    assert_eq!(scene.settings().await, before, "{tool:?}");
    assert!(next.left_behind(&bed.applications).await.unwrap().is_empty(), "{tool:?}");
}

#[tokio::test]
async fn what_a_conductor_has_paused_that_is_dead_is_found_and_goes_on() {
    join_all([Tool::Kustomization, Tool::HelmRelease, Tool::Application].map(die_after_a_pause)).await;
}

#[tokio::test]
async fn a_pause_ends_whatever_the_settings_say_by_then_and_never_by_a_marker_that_cannot_be_read() {
    let scene = Scene::new("changed-mind", Tool::Kustomization).await;
    let (bed, before) = (&scene.bed, scene.settings().await);
    bed.conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    let paused = scene.settings().await;
    let other = "other-2".parse().unwrap();
    let refused = bed.conductor.freeze(&other, &bed.applications, in_minutes(15)).await.unwrap_err();
    bed.conductor.thaw(&other).await.unwrap();
    assert_eq!(
        Failure::of("", &refused).message,
        "could not pause Kustomization changed-mind-kustomization/shop: load test run-changed-mind-kustomization has changed \
         it and not put it back"
    );
    let snapshot = "loadtest-conductor.dev/snapshot";
    bed.kubectl(&["annotate", kind(scene.tool), "shop", &format!("{snapshot}-")]).await.unwrap();
    let next = bed.connect(2, &json!({ "pauseGitOps": false })).await;
    let told = next.thaw(&bed.run).await.unwrap_err();
    assert_eq!(
        Failure::of("", &told).message,
        "could not read what a load test has left on Kustomization changed-mind-kustomization/shop, which stays paused: it has \
         annotation loadtest-conductor.dev/run and not loadtest-conductor.dev/snapshot, so that nobody can say what it was \
         before"
    );
    assert_eq!(scene.keeper().await["spec"]["suspend"], true);
    let text = paused["annotations"][snapshot].as_str().unwrap();
    bed.kubectl(&["annotate", kind(scene.tool), "shop", &format!("{snapshot}={text}")]).await.unwrap();
    assert!(next.left_behind(&bed.applications).await.unwrap().contains_key(&bed.run));
    next.thaw(&bed.run).await.unwrap();
    assert_eq!(scene.settings().await, before);
}

#[tokio::test]
async fn a_keeper_that_is_in_another_cluster_is_refused_before_anything_is_changed() {
    let bed = Bed::new("kept-elsewhere").await;
    let labels = ["kustomize.toolkit.fluxcd.io/name=apps", "kustomize.toolkit.fluxcd.io/namespace=flux-system"];
    bed.kubectl(&["label", "deployment/checkout", labels[0], labels[1]]).await.unwrap();
    let refused = bed.conductor.allocated(&bed.applications).await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Rejected);
    assert_eq!(
        Failure::of("", &refused).message,
        "Deployment kept-elsewhere/checkout: it is kept by Kustomization flux-system/apps, which is not in this cluster and \
         cannot be paused; expected somebody to pause it, and pauseGitOps: false in the environment's file"
    );
    let told = bed.connect(1, &json!({ "pauseGitOps": false })).await;
    told.allocated(&bed.applications).await.unwrap();
}
