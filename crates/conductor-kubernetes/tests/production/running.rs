//! What production runs, in the states that a Deployment can be in.

use std::collections::BTreeMap;

use conductor_core::ports::FailureKind;
use conductor_kubernetes_bed::{Behaviour, deployment};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::bed::{api, namespace, place, running_in, settle, shows, text, texts};

/// A digest that no text of an image has.
const PINNED: &str = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

#[tokio::test]
async fn a_settled_deployment_runs_what_its_pods_run_in_every_container_of_its_template() {
    let (reader, admin) = namespace("settled").await;
    let resources = json!({ "requests": { "cpu": "0.5", "memory": "1Gi" }, "limits": { "memory": "1024Mi" } });
    let checkout = changed(
        deployment("checkout", 3, Behaviour::Ready),
        json!({ "spec": { "template": { "spec": {
            "containers": [
                { "name": "main", "image": "registry.example:5000/shop/checkout:v1", "resources": resources },
                { "name": "pinned", "image": format!("registry.example/exporter:v9@{PINNED}") },
            ],
            "initContainers": [
                { "name": "migrate", "image": "registry.example/migrate" },
                { "name": "proxy", "image": "registry.example/proxy:2", "restartPolicy": "Always" },
            ],
        } } } }),
    );
    settle(&api(&admin, "settled"), checkout).await;
    let running = running_in(&reader, "settled", &["checkout"]).await.unwrap();
    let [(_, checkout)] = running.iter().collect::<Vec<_>>()[..] else { panic!("{running:?}") };
    assert_eq!(checkout.replicas, 3);
    let of_pods = image_ids(&admin, "settled").await;
    assert!(of_pods["main"].starts_with("registry.example:5000/shop/checkout@sha256:"), "{of_pods:?}");
    assert!(of_pods["migrate"].starts_with("registry.example/migrate@sha256:"), "{of_pods:?}");
    let mut expected = of_pods.clone();
    expected.insert("pinned".to_owned(), format!("registry.example/exporter@{PINNED}"));
    assert_eq!(checkout.images, expected);
    let given = texts([("requests.cpu", "500m"), ("requests.memory", "1Gi"), ("limits.memory", "1Gi")]);
    assert_eq!(checkout.resources["main"], given, "as the API server writes them");
    let all: Vec<&str> = checkout.resources.keys().map(String::as_str).collect();
    assert_eq!(all, ["main", "migrate", "pinned", "proxy"]);
    assert!(checkout.resources["proxy"].is_empty());
}

#[tokio::test]
async fn a_rollout_that_hangs_is_refused_and_one_that_is_done_gives_the_newest_digest() {
    let (reader, admin) = namespace("rollout").await;
    let deployments: Api<Deployment> = api(&admin, "rollout");
    settle(&deployments, deployment("checkout", 4, Behaviour::Ready)).await;
    let before = running_in(&reader, "rollout", &["checkout"]).await.unwrap();
    // A surge of one and nothing unavailable: there are five replicas, and the new one is never ready.
    let strategy = json!({ "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } });
    release(&deployments, "checkout", Behaviour::Hang, Some(strategy)).await;
    shows(&deployments, "checkout", |status| status.updated_replicas == Some(1) && status.replicas == Some(5)).await;
    let error = running_in(&reader, "rollout", &["checkout"]).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unavailable);
    assert_eq!(
        text(&error),
        "could not read what production runs: production is in the middle of a rollout of Deployment rollout/checkout: \
         1 of 5 replicas run the newest version; try again when it is done"
    );
    release(&deployments, "checkout", Behaviour::Ready, None).await;
    shows(&deployments, "checkout", |status| {
        let all = [status.updated_replicas, status.replicas, status.available_replicas];
        all.iter().all(|count| *count == Some(4))
    })
    .await;
    let after = running_in(&reader, "rollout", &["checkout"]).await.unwrap();
    let image = |running: &BTreeMap<_, conductor_kubernetes::Running>| {
        running[&place("rollout", "checkout")].images["main"].clone()
    };
    assert_ne!(image(&before), image(&after));
    let sets = api::<ReplicaSet>(&admin, "rollout").list(&ListParams::default()).await.unwrap();
    assert!(sets.items.len() > 1, "older ones are kept, without pods");
}

#[tokio::test]
async fn many_namespaces_are_read_at_once_and_what_does_not_exist_is_absent() {
    let (reader, admin) = namespace("bank").await;
    namespace("find").await;
    settle(&api(&admin, "bank"), deployment("ledger", 1, Behaviour::Ready)).await;
    settle(&api(&admin, "find"), deployment("search", 2, Behaviour::Ready)).await;
    settle(&api(&admin, "find"), deployment("of-others", 1, Behaviour::Ready)).await;
    let places = [
        place("bank", "ledger"),
        place("find", "search"),
        place("find", "absent"),
        place("bank", "search"),
        place("nowhere", "ledger"),
        place("bank", "ledger"),
    ];
    let running = conductor_kubernetes::running(&reader, &places, None).await.unwrap();
    let found: Vec<_> = running.iter().map(|(place, running)| (place.to_string(), running.replicas)).collect();
    assert_eq!(found, [("Deployment bank/ledger".to_owned(), 1), ("Deployment find/search".to_owned(), 2)]);
    assert!(conductor_kubernetes::running(&reader, &[], None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_deployment_without_replicas_is_known_by_its_template_only_if_that_is_pinned() {
    let (reader, admin) = namespace("zero").await;
    let deployments: Api<Deployment> = api(&admin, "zero");
    let image = format!("registry.example/pinned:1@{PINNED}");
    let pinned = json!({ "spec": { "template": { "spec": { "containers": [
        { "name": "main", "image": image, "resources": { "limits": { "cpu": "2" } } },
    ] } } } });
    settle(&deployments, changed(deployment("pinned", 0, Behaviour::Ready), pinned)).await;
    settle(&deployments, deployment("tagged", 0, Behaviour::Ready)).await;
    let running = running_in(&reader, "zero", &["pinned"]).await.unwrap();
    let found = &running[&place("zero", "pinned")];
    assert_eq!(found.images, texts([("main", &format!("registry.example/pinned@{PINNED}"))]));
    assert_eq!((found.replicas, &found.resources["main"]), (0, &texts([("limits.cpu", "2")])));
    let error = running_in(&reader, "zero", &["pinned", "tagged"]).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected);
    assert_eq!(
        text(&error),
        "could not read what production runs: Deployment zero/tagged is scaled to 0 in production, so no pod says which \
         digest container main would run; expected a replica, or a digest in its image \"registry.example/tagged:1\""
    );
}

#[tokio::test]
async fn everything_that_is_in_the_way_is_told_at_once() {
    let (reader, admin) = namespace("in-the-way").await;
    let deployments: Api<Deployment> = api(&admin, "in-the-way");
    settle(&deployments, deployment("fine", 1, Behaviour::Ready)).await;
    settle(&deployments, deployment("asleep", 0, Behaviour::Ready)).await;
    deployments.create(&Default::default(), &deployment("stuck", 1, Behaviour::Hang)).await.unwrap();
    shows(&deployments, "stuck", |status| status.updated_replicas == Some(1)).await;
    let error = running_in(&reader, "in-the-way", &["asleep", "fine", "stuck"]).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected, "one of them does not pass by itself");
    let told = text(&error);
    assert!(told.contains("Deployment in-the-way/asleep is scaled to 0 in production"), "{told}");
    assert!(told.contains("; no pod of the newest version of Deployment in-the-way/stuck is running"), "{told}");
    assert!(!told.contains("fine"), "{told}");
    let error = running_in(&reader, "in-the-way", &["stuck"]).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unavailable);
}

/// The Deployment with a JSON merge patch put into it.
fn changed(deployment: Deployment, change: Value) -> Deployment {
    let mut object = serde_json::to_value(deployment).unwrap();
    json_patch::merge(&mut object, &change);
    serde_json::from_value(object).unwrap()
}

/// Rolls the second version of a Deployment of the bed out.
async fn release(deployments: &Api<Deployment>, name: &str, behaviour: Behaviour, strategy: Option<Value>) {
    let mut deployment = deployments.get(name).await.unwrap();
    // Its controller writes the status meanwhile.
    deployment.metadata.resource_version = None;
    let spec = deployment.spec.as_mut().unwrap();
    behaviour.write_to(&mut spec.template);
    spec.template.spec.as_mut().unwrap().containers[0].image = Some(format!("registry.example/{name}:2"));
    if let Some(strategy) = strategy {
        spec.strategy = Some(serde_json::from_value(strategy).unwrap());
    }
    deployments.replace(name, &Default::default(), &deployment).await.unwrap();
}

/// What every pod of a namespace says that its containers run.
async fn image_ids(admin: &Client, namespace: &str) -> BTreeMap<String, String> {
    let pods = api::<Pod>(admin, namespace).list(&ListParams::default()).await.unwrap();
    let statuses = pods.into_iter().filter_map(|pod| pod.status);
    let containers = statuses.flat_map(|status| {
        status.container_statuses.into_iter().chain(status.init_container_statuses).flatten().collect::<Vec<_>>()
    });
    containers.map(|one| (one.name, one.image_id)).collect()
}
