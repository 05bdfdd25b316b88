//! Controllers stand still when they are told to, and catch up afterwards; and what is written meanwhile is told as it comes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod support;

use std::time::Duration;

use conductor_kubernetes_bed::{Behaviour, User, deployment, until};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;
use support::{PATIENCE, api, namespace};

#[tokio::test]
async fn nothing_happens_while_controllers_are_paused_and_all_of_it_afterwards() {
    let (cluster, client) = namespace("paused").await;
    let deployments: Api<Deployment> = api(&client, "paused");
    deployments.create(&PostParams::default(), &deployment("before", 1, Behaviour::Ready)).await.unwrap();
    let available = async |name: &str| {
        let status = deployments.get(name).await.unwrap().status?;
        (status.available_replicas == Some(1)).then_some(())
    };
    until("an available replica", PATIENCE, async || available("before").await).await;
    let paused = cluster.pause_controllers().unwrap();
    let mut tail = cluster.audit_tail();
    deployments.create(&PostParams::default(), &deployment("meanwhile", 1, Behaviour::Ready)).await.unwrap();
    let patch = Patch::Merge(json!({ "metadata": { "labels": { "seen": "true" } } }));
    deployments.patch("meanwhile", &PatchParams::default(), &patch).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let status = deployments.get("meanwhile").await.unwrap().status.unwrap_or_default();
    assert_eq!((status.observed_generation, status.replicas), (None, None));
    let admin = User::Admin.name();
    let told = |entries: Vec<conductor_kubernetes_bed::Entry>| {
        let mine = entries.into_iter().filter(|entry| entry.user == admin && entry.object.namespace == "paused");
        mine.map(|entry| {
            assert!(entry.answered >= entry.time, "{entry:?}");
            entry.verb
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(told(tail.news().unwrap()), ["create", "patch"]);
    assert_eq!(told(tail.news().unwrap()), Vec::<String>::new(), "nothing is told twice");
    drop(paused);
    until("an available replica", PATIENCE, async || available("meanwhile").await).await;
}
