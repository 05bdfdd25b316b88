//! Records that a real API server wrote.

use conductor_kubernetes_bed::{Behaviour, Cluster, User, deployment, until};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::*;
use crate::bed::{PATIENCE, create, namespace};

/// A namespace with a Deployment that a pipeline made.
async fn shop(name: &str) -> (&'static Cluster, Client, Api<Deployment>) {
    let (cluster, admin) = namespace(name).await;
    let deployments: Api<Deployment> = Api::namespaced(admin.clone(), name);
    let params = kube::api::PostParams { field_manager: Some("pipeline".to_owned()), ..Default::default() };
    deployments.create(&params, &deployment("web", 1, Behaviour::Ready)).await.unwrap();
    (cluster, admin, deployments)
}

/// Manager, operation and subresource of the last writer.
async fn writer(deployments: &Api<Deployment>, path: &[Step<'_>]) -> (String, String, String) {
    let web = deployments.get("web").await.unwrap();
    let entries = web.metadata.managed_fields.as_deref().unwrap_or_default();
    let writer = last_writer(entries, path).unwrap_or_else(|| panic!("{}", json!(entries)));
    let age = writer.time.map(|time| Timestamp::now().duration_since(time).as_secs());
    assert!(age.map_or(writer.subresource == "scale", |age| (-1..90).contains(&age)), "{writer}: {}", json!(entries));
    (writer.manager, writer.operation, writer.subresource)
}

fn told(manager: &str, operation: &str, subresource: &str) -> (String, String, String) {
    (manager.to_owned(), operation.to_owned(), subresource.to_owned())
}

fn kubectl(cluster: &Cluster, namespace: &str, arguments: &str) {
    let mut kubectl = cluster.kubectl(&User::Admin).unwrap();
    let output = kubectl.args(["--namespace", namespace]).args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

async fn patch(deployments: &Api<Deployment>, params: PatchParams, patch: Patch<Value>) {
    deployments.patch("web", &params, &patch).await.unwrap();
}

fn called(manager: &str) -> PatchParams {
    PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() }
}

#[tokio::test]
async fn people_with_kubectl_are_named_by_what_they_called() {
    let (cluster, _, deployments) = shop("drift-kubectl").await;
    assert_eq!(writer(&deployments, &way(REPLICAS)).await, told("pipeline", "Update", ""));
    assert_eq!(writer(&deployments, &image("main")).await, told("pipeline", "Update", ""));
    kubectl(cluster, "drift-kubectl", "set image deployment web main=registry.example/web:2");
    kubectl(cluster, "drift-kubectl", "scale deployment web --replicas=2");
    assert_eq!(writer(&deployments, &image("main")).await, told("kubectl-set", "Update", ""));
    assert_eq!(writer(&deployments, &way(REPLICAS)).await, told("kubectl", "Update", "scale"));
}

#[tokio::test]
async fn an_autoscaler_is_told_from_people_by_its_manager_and_subresource() {
    let (_, admin, deployments) = shop("drift-autoscaler").await;
    let autoscaler = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": "web", "namespace": "drift-autoscaler" },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" },
            "minReplicas": 3, "maxReplicas": 3,
        },
    });
    create(&admin, &autoscaler.to_string()).await;
    until("three replicas", PATIENCE, async || {
        (deployments.get("web").await.unwrap().spec?.replicas == Some(3)).then_some(())
    })
    .await;
    assert_eq!(writer(&deployments, &way(REPLICAS)).await, told("kube-controller-manager", "Update", "scale"));
    assert_eq!(writer(&deployments, &image("main")).await, told("pipeline", "Update", ""));
    let same = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "spec": { "replicas": 3 } });
    // Who applies what is there already shares the field, but has not changed it.
    patch(&deployments, PatchParams::apply("gitops"), Patch::Apply(same)).await;
    assert_eq!(writer(&deployments, &way(REPLICAS)).await, told("kube-controller-manager", "Update", "scale"));
}

#[tokio::test]
async fn the_last_of_several_programs_is_told_whatever_kind_of_write_it_made() {
    let (_, _, deployments) = shop("drift-patches").await;
    let applied = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "spec": {
            "replicas": 2,
            "template": { "spec": { "containers": [{ "name": "main", "image": "registry.example/web:2" }] } },
        },
    });
    patch(&deployments, PatchParams::apply("gitops").force(), Patch::Apply(applied)).await;
    assert_eq!(writer(&deployments, &way(REPLICAS)).await, told("gitops", "Apply", ""));
    assert_eq!(writer(&deployments, &image("main")).await, told("gitops", "Apply", ""));
    let three = serde_json::from_value(json!([{ "op": "replace", "path": "/spec/replicas", "value": 3 }])).unwrap();
    patch(&deployments, called("load-test-conductor"), Patch::Json(three)).await;
    assert_eq!(writer(&deployments, &way(REPLICAS)).await, told("load-test-conductor", "Update", ""));
    let image_3 =
        json!({ "spec": { "template": { "spec": { "containers": [{ "name": "main", "image": "web:3" }] } } } });
    patch(&deployments, called("bot"), Patch::Strategic(image_3)).await;
    assert_eq!(writer(&deployments, &image("main")).await, told("bot", "Update", ""));
    assert_eq!(writer(&deployments, &way(REPLICAS)).await, told("load-test-conductor", "Update", ""));
}
