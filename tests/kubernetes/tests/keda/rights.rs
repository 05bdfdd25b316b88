//! Who KEDA is to the API server, and what becomes of ScaledObjects while it is down.

use conductor_kubernetes_bed::{
    Behaviour, Cluster, ClusterSettings, ScaledObject, Trigger, User, deployment, scaled_object, until,
};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::Shop;
use crate::support::{PATIENCE, cluster};

const OPERATOR: &str = "system:serviceaccount:keda:keda-operator";

#[tokio::test]
async fn autoscalers_and_replicas_are_written_by_its_service_account() {
    let shop = Shop::scaled("keda-rights", 3, scaled_object("shop", 0..=5, Trigger::inactive())).await;
    shop.has(0).await;
    shop.annotate(json!({ "autoscaling.keda.sh/paused": "true" })).await;
    shop.no_autoscaler().await;
    let log = cluster().await.audit().await.unwrap();
    let written: Vec<(&str, String)> = log
        .by(OPERATOR)
        .filter(|entry| entry.object.namespace == "keda-rights" && entry.code < 300)
        .map(|entry| (entry.verb.as_str(), format!("{}/{}", entry.object.resource, entry.object.subresource)))
        .collect();
    for write in [
        ("create", "horizontalpodautoscalers/"),
        ("delete", "horizontalpodautoscalers/"),
        ("update", "deployments/scale"),
        ("patch", "scaledobjects/status"),
    ] {
        assert!(written.iter().any(|(verb, object)| (*verb, object.as_str()) == write), "{write:?}: {written:?}");
    }
    let by_others = log.entries().iter().filter(|entry| {
        entry.object.namespace == "keda-rights"
            && entry.object.resource == "horizontalpodautoscalers"
            && entry.object.subresource.is_empty()
            && entry.user != OPERATOR
    });
    assert_eq!(by_others.count(), 0);
    // It may do what it needs, and no more.
    let operator = cluster().await.client(&User::service_account("keda", "keda-operator")).await.unwrap();
    let deployments: Api<k8s_openapi::api::apps::v1::Deployment> = Api::namespaced(operator, "keda-rights");
    let error = deployments.delete("shop", &Default::default()).await.unwrap_err();
    let kube::Error::Api(status) = error else { panic!("{error}") };
    assert_eq!(status.code, 403);
}

#[tokio::test]
async fn what_was_asked_for_while_it_was_down_is_done_when_it_is_back() {
    let cluster = Cluster::start(ClusterSettings::default()).await.unwrap_or_else(|error| panic!("{error}"));
    cluster.keda().await.unwrap_or_else(|error| panic!("{error}"));
    let client = cluster.client(&User::Admin).await.unwrap();
    let objects: Api<ScaledObject> = Api::default_namespaced(client.clone());
    let autoscalers: Api<HorizontalPodAutoscaler> = Api::default_namespaced(client.clone());
    Api::default_namespaced(client)
        .create(&Default::default(), &deployment("shop", 2, Behaviour::Ready))
        .await
        .unwrap();
    objects.create(&Default::default(), &scaled_object("shop", 2..=5, Trigger::active())).await.unwrap();
    let autoscaler = async || autoscalers.get_opt("keda-hpa-shop").await.unwrap();
    until("an autoscaler", PATIENCE, async || autoscaler().await).await;

    cluster.stop_keda().await.unwrap();
    let paused = |text| Patch::Merge(json!({ "metadata": { "annotations": { "autoscaling.keda.sh/paused": text } } }));
    objects.patch("shop", &PatchParams::default(), &paused(Some("true"))).await.unwrap();
    tokio::time::sleep(crate::A_WHILE).await;
    assert!(autoscaler().await.is_some());
    cluster.keda().await.unwrap();
    until("no autoscaler", PATIENCE, async || autoscaler().await.is_none().then_some(())).await;

    cluster.stop_keda().await.unwrap();
    objects.patch("shop", &PatchParams::default(), &paused(None)).await.unwrap();
    cluster.keda().await.unwrap();
    until("an autoscaler again", PATIENCE, async || autoscaler().await).await;
    cluster.stop().await.unwrap();
}
