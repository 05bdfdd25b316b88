//! What a keeper applies over what the run has given, where nothing is frozen, is seen with the keeper's name and put back.

use conductor_core::app::Allocation;
use conductor_core::guard::{Drift, Guarded};
use conductor_core::ports::{Deployer, EnvironmentGuard, Scaler, Way};
use conductor_core::release::{Release, Rollout};
use conductor_core::scale::{Observed, ScaleStep};
use conductor_kubernetes::KubernetesEnvironment;
use conductor_kubernetes_bed::{Tool, User, until};
use futures::future::join_all;
use serde_json::json;
use tokio::time::Instant;

use super::resumed::{on, switch_to};
use super::{SEVERAL_LOOKS, Scene, manifest};
use crate::bed::{PATIENCE, cluster, in_minutes};
use crate::drifts::SEEN_WITHIN;

/// Gives the application another version and allocation.
async fn change(scene: &Scene, conductor: &KubernetesEnvironment, [from, to]: [&Observed; 2], way: Way) {
    let (run, application) = (&scene.bed.run, scene.bed.applications[0].clone());
    let rollout = Rollout::new(application.clone(), from.release.clone(), to.release.clone());
    conductor.roll_out(run, &rollout, way).await.unwrap();
    let step = ScaleStep { application, from: from.allocation.clone(), to: to.allocation.clone() };
    conductor.scale(run, &step, way).await.unwrap();
}

/// Every drift until there is one of each of these fields, with when the last of them was seen.
async fn seen(conductor: &KubernetesEnvironment, expected: &Observed, fields: [&str; 2]) -> (Vec<Drift>, Instant) {
    let expected = [("checkout".parse().unwrap(), expected.clone())].into();
    let mut known: Vec<Drift> = Vec::new();
    while !fields.iter().all(|field| known.iter().any(|drift| drift.field == *field)) {
        known.extend(conductor.drifted(&expected, &known).await.unwrap());
    }
    (known, Instant::now())
}

async fn apply_again(tool: Tool, writer: &str) {
    let scene = Scene::new("reapplied", tool).await;
    let (bed, before) = (&scene.bed, scene.settings().await);
    let kubeconfig = cluster().await.kubeconfig(&User::Admin).unwrap();
    let besides = json!({ "cluster": { "kubeconfig": kubeconfig }, "conductorNamespace": "nowhere" });
    let conductor = bed.connect(1, &besides).await;
    let frozen = conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    assert!(matches!(frozen, Guarded::Open { .. }), "{tool:?}: {frozen:?}");
    let original = bed.observe().await["checkout"].clone();
    let given = Observed {
        release: Release::single("registry.example/shop:run"),
        allocation: Allocation { replicas: 3, ..original.allocation.clone() },
        ..original.clone()
    };
    change(&scene, &conductor, [&original, &given], Way::There).await;
    scene.repository.commit(vec![manifest(&bed.namespace, "v2")]);

    let fields = ["version of main", "replicas"];
    let applied = async {
        switch_to(&scene, &on(tool)).await;
        until("what was pushed is applied", PATIENCE, async || {
            (scene.deployed().await == (Some(2), "registry.example/shop:v2".to_owned())).then_some(())
        })
        .await;
        Instant::now()
    };
    let ((drifts, seen), applied) = tokio::join!(seen(&conductor, &given, fields), applied);
    assert!(seen.saturating_duration_since(applied) < SEEN_WITHIN, "{tool:?}: {:?}", seen - applied);
    let values = [["registry.example/shop:v2", "registry.example/shop:run"], ["2", "3"]];
    for (field, [found, expected]) in fields.into_iter().zip(values) {
        let drift = drifts.iter().find(|drift| drift.field == field).unwrap();
        assert_eq!([drift.found.as_str(), &drift.expected], [found, expected], "{tool:?}: {drift}");
        assert!(drift.by.as_ref().is_some_and(|by| by.starts_with(writer)), "{tool:?}: {drift}");
    }

    conductor.pause_again(&bed.run, &bed.applications).await.unwrap();
    let theirs = bed.observe().await["checkout"].clone();
    change(&scene, &conductor, [&theirs, &given], Way::There).await;
    tokio::time::sleep(SEVERAL_LOOKS).await;
    assert_eq!(bed.observe().await["checkout"], given, "{tool:?}: it stays as it was put back");
    change(&scene, &conductor, [&given, &original], Way::Back).await;
    conductor.let_go(&bed.run, &bed.applications).await.unwrap();
    assert!(conductor.left_behind(&bed.applications).await.unwrap().contains_key(&bed.run), "{tool:?}: it is paused");
    assert_eq!(bed.observe().await["checkout"], original, "{tool:?}: not what was applied meanwhile");
    conductor.thaw(&bed.run).await.unwrap();
    assert_eq!(scene.settings().await, before, "{tool:?}");
    if tool == Tool::HelmRelease {
        tokio::time::sleep(SEVERAL_LOOKS).await;
        assert!(scene.deployed().await.1.ends_with(":v1"), "to it the upgrade is done");
        return;
    }
    until("what was pushed meanwhile is applied again", PATIENCE, async || {
        scene.deployed().await.1.ends_with(":v2").then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_a_resumed_keeper_applies_is_seen_with_its_name_and_put_back_once_it_is_paused_again() {
    let tools = [(Tool::Kustomization, "kustomize-controller ("), (Tool::Application, "argocd-")];
    join_all(tools.map(|(tool, writer)| apply_again(tool, writer))).await;
}

#[tokio::test]
async fn a_release_that_a_resumed_keeper_upgrades_is_seen_and_put_back_as_well() {
    apply_again(Tool::HelmRelease, "helm-controller (").await;
}
