//! What a delivery system says of itself on production's pods, and images that the test cluster pulls from elsewhere.

use std::collections::BTreeMap;

use conductor_core::app::ApplicationId;
use conductor_core::ports::{Deployer, FailureKind, PortError, Production, ReleaseSource};
use conductor_core::release::{Release, Rollout};
use conductor_core::run::RunId;
use conductor_kubernetes::{KubernetesEnvironment, KubernetesSettings};
use conductor_kubernetes_bed::{Behaviour, User, deployment};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::bed::{api, cluster, conductor, namespace, released, settle, text};

const KEY: &str = "delivery.example/deployment-id";

/// What the conductor reads of application checkout in production, with these settings of it.
async fn read(namespace: &str, more: Value) -> Result<BTreeMap<ApplicationId, Production>, PortError> {
    released(cluster().await, namespace, &more, &json!([{ "name": "checkout" }])).await
}

/// Says on each pod which deployment it is of, as a webhook of a delivery system does.
async fn said_by_pods(admin: &Client, namespace: &str, ids: &[&str]) {
    let pods: Api<Pod> = api(admin, namespace);
    let all = pods.list(&ListParams::default()).await.unwrap().items;
    assert_eq!(all.len(), ids.len());
    for (pod, id) in all.iter().zip(ids) {
        let annotation = json!({ "metadata": { "annotations": { KEY: id } } });
        let name = pod.metadata.name.as_deref().unwrap();
        pods.patch(name, &PatchParams::default(), &Patch::Merge(&annotation)).await.unwrap();
    }
}

#[tokio::test]
async fn the_deploy_id_of_the_newest_pods_goes_with_their_images() {
    let (_, admin) = namespace("deploy-ids").await;
    let deployments: Api<Deployment> = api(&admin, "deploy-ids");
    settle(&deployments, deployment("checkout", 2, Behaviour::Ready)).await;
    let asked = || json!({ "deployIdAnnotation": KEY });
    let id = async || read("deploy-ids", asked()).await.unwrap()["checkout"].deploy_id.clone();
    assert_eq!(id().await, None, "nothing tells");
    let label = json!({ "metadata": { "labels": { KEY: "d-7" } } });
    deployments.patch("checkout", &PatchParams::default(), &Patch::Merge(&label)).await.unwrap();
    crate::bed::shows(&deployments, "checkout", |status| status.available_replicas == Some(2)).await;
    assert_eq!(id().await.as_deref(), Some("d-7"));
    said_by_pods(&admin, "deploy-ids", &["d-8", "d-8"]).await;
    assert_eq!(id().await.as_deref(), Some("d-8"));
    assert_eq!(read("deploy-ids", json!({})).await.unwrap()["checkout"].deploy_id, None, "nobody asks");

    said_by_pods(&admin, "deploy-ids", &["d-8", "d-9"]).await;
    let error = read("deploy-ids", asked()).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unavailable);
    assert_eq!(
        text(&error),
        "could not read what production runs: production is in the middle of a rollout of Deployment deploy-ids/checkout: \
         pods of its newest version say delivery.example/deployment-id d-8 and d-9; try again when all of them say the same"
    );
}

#[tokio::test]
async fn a_deploy_id_that_nothing_tells_is_missed_where_productions_version_is_to_be_deployed_and_only_there() {
    let (_, admin) = namespace("no-deploy-id").await;
    settle(&api(&admin, "no-deploy-id"), deployment("checkout", 1, Behaviour::Ready)).await;
    let cluster = cluster().await;
    let [test, reader] = [User::Admin, conductor()].map(|user| cluster.kubeconfig(&user).unwrap());
    let template =
        json!({ "apiVersion": "delivery.example/v1", "kind": "DeploymentTask", "spec": { "id": "{deployId}" } });
    let settings = json!({
        "cluster": { "kubeconfig": test },
        "production": { "kubeconfig": reader, "sameCluster": true, "deployIdAnnotation": KEY },
        "namespace": "no-deploy-id",
        "deploy": { "template": template, "phase": { "succeeded": ["Succeeded"] } },
        "freeze": { "controllers": ["system:serviceaccount:delivery:controller"] },
        "applications": [{ "name": "checkout" }],
    });
    let settings: KubernetesSettings = serde_json::from_value(settings).unwrap();
    assert_eq!(settings.violations(), []);
    let conductor = KubernetesEnvironment::connect(settings, 1).await.unwrap();
    let checkout: ApplicationId = "checkout".parse().unwrap();
    let found = conductor.production(std::slice::from_ref(&checkout)).await.unwrap().remove("checkout").unwrap();
    let run: RunId = "rehearsal-7".parse().unwrap();
    let own = Release::new([("main".to_owned(), "registry.example/checkout:own".to_owned())].into());
    let rollout = |to: Release| Rollout::new(checkout.clone(), own.clone(), to);
    assert_eq!(conductor.try_out(&run, &[]).await.unwrap().len(), 0, "who keeps the version");
    assert_eq!(conductor.try_out(&run, &[rollout(own.clone())]).await.unwrap().len(), 0, "an image of its own");
    let error = conductor.try_out(&run, &[rollout(found.release)]).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected);
    assert_eq!(
        text(&error),
        "nothing tells the deploy id of Deployment no-deploy-id/checkout in production, which the template of its deployment \
         has; expected what production.deployIdAnnotation or the deployId of production.releases names, or deploy: images for it"
    );
}

#[tokio::test]
async fn a_registry_of_the_test_cluster_stands_in_for_productions_with_the_same_digest() {
    let (_, admin) = namespace("registries").await;
    settle(&api(&admin, "registries"), deployment("checkout", 1, Behaviour::Ready)).await;
    let image = async |registries: Value| {
        let found = read("registries", json!({ "registries": registries })).await.unwrap();
        found["checkout"].release.containers()["main"].clone()
    };
    let there = image(json!({})).await;
    let (repository, digest) = there.split_once('@').unwrap();
    assert_eq!(repository, "registry.example/checkout");
    let here = image(json!({ "registry.example": "registry.test.example:5000/live" })).await;
    assert_eq!(here, format!("registry.test.example:5000/live/checkout@{digest}"));
}
