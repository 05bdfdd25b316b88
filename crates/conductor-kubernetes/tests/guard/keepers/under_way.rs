//! What a keeper is at when a run pauses it has ended before anything is frozen or changed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::guard::Guarded;
use conductor_core::ports::{EnvironmentGuard, ProgressSink, Readiness, Scaler, Way};
use conductor_core::scale::ScaleStep;
use conductor_kubernetes_bed::{Tool, two_waves, until};
use futures::future::join_all;
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::json;

use super::{SEVERAL_LOOKS, Scene, kind, manifest};
use crate::bed::{PATIENCE, in_minutes};

/// How long a replica takes to become ready, one after the other.
const SLOW: Duration = Duration::from_secs(2);

/// Everything that was told.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl ProgressSink for Heard {
    fn told(&self, application: &ApplicationId, Readiness { text, .. }: Readiness) {
        self.0.lock().unwrap().push(format!("{application} {text}"));
    }
}

async fn end_first_what_it_is_at(tool: Tool) {
    let scene = Scene::new("at-work", tool).await;
    let bed = &scene.bed;
    if tool == Tool::Kustomization {
        bed.kubectl(&["patch", kind(tool), "shop", "--type=merge", "-p", r#"{"spec":{"wait":true}}"#]).await.unwrap();
    }
    let before = scene.settings().await;
    let heard = Arc::new(Heard::default());
    let conductor = bed.connect(1, &json!({})).await.telling(Some(heard.clone()));
    scene.repository.commit(two_waves(manifest(&bed.namespace, "v2"), SLOW).unwrap());
    let version = async || scene.deployed().await.1;
    until("at work", PATIENCE, async || {
        (version().await.ends_with(":v2") && tool.is_at_work(&scene.keeper().await)).then_some(())
    })
    .await;
    let frozen = conductor.freeze(&bed.run, &bed.applications, in_minutes(15)).await.unwrap();
    assert_eq!(frozen, Guarded::Frozen, "{tool:?}");
    let keeper = scene.keeper().await;
    assert!(!tool.is_at_work(&keeper) && tool.is_content(&keeper), "{tool:?}: {}", keeper["status"]);
    assert!(bed.api::<Deployment>().get_opt("late").await.unwrap().is_some(), "{tool:?}");
    let told = format!("checkout waits until {tool:?} {}/shop has ended what it was at (", bed.namespace);
    let heard = heard.0.lock().unwrap().clone();
    assert!(heard.iter().any(|text| text.starts_with(&told)), "{heard:?}");

    let from = bed.observe().await["checkout"].allocation.clone();
    let to = Allocation { replicas: 3, ..from.clone() };
    let step = |from: &Allocation, to: &Allocation| ScaleStep {
        application: bed.applications[0].clone(),
        from: from.clone(),
        to: to.clone(),
    };
    conductor.scale(&bed.run, &step(&from, &to), Way::There).await.unwrap();
    tokio::time::sleep(SEVERAL_LOOKS).await;
    assert_eq!(scene.deployed().await.0, Some(3), "{tool:?}");
    conductor.scale(&bed.run, &step(&to, &from), Way::Back).await.unwrap();
    conductor.let_go(&bed.run, &bed.applications).await.unwrap();
    conductor.thaw(&bed.run).await.unwrap();
    assert_eq!(scene.settings().await, before, "{tool:?}");
    until("the keeper is content", PATIENCE, async || tool.is_content(&scene.keeper().await).then_some(())).await;
}

#[tokio::test]
async fn what_is_under_way_ends_before_anything_is_frozen_and_is_told_meanwhile() {
    join_all([Tool::Kustomization, Tool::HelmRelease, Tool::Application].map(end_first_what_it_is_at)).await;
}
