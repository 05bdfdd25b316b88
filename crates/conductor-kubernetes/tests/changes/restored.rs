//! There and back: every field that was changed is as before, and nothing is left of the run.

use std::collections::BTreeMap;

use conductor_core::app::{Allocation, Bounds};
use conductor_core::phase::Changes;
use conductor_core::release::{Release, Rollout};
use conductor_core::scale::{Plan, ScaleStep};
use conductor_kubernetes_bed::{Behaviour, deployment};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::PostParams;
use serde_json::json;

use crate::bed::{Bed, text};

/// A Deployment with resources.
pub(crate) fn with_resources(name: &str, replicas: i32) -> Deployment {
    let mut made = deployment(name, replicas, Behaviour::Ready);
    let resources = json!({ "requests": { "cpu": "0.5", "memory": "64Mi" }, "limits": { "memory": "128Mi" } });
    let spec = made.spec.as_mut().unwrap().template.spec.as_mut().unwrap();
    spec.containers[0].resources = Some(serde_json::from_value(resources).unwrap());
    made
}

/// An autoscaler of a Deployment.
pub(crate) fn autoscaler(name: &str, min: i32, max: i32) -> HorizontalPodAutoscaler {
    let target = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": name });
    let metric = json!({ "type": "Resource", "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 60 } } });
    let spec = json!({ "minReplicas": min, "maxReplicas": max, "scaleTargetRef": target, "metrics": [metric] });
    serde_json::from_value(json!({ "metadata": { "name": format!("{name}-cpu") }, "spec": spec })).unwrap()
}

fn production(replicas: u32) -> Allocation {
    let given = [("requests.cpu", "2"), ("requests.memory", "1Gi"), ("limits.memory", "1Gi"), ("limits.cpu", "4")];
    let given = given.map(|(name, text)| (name.to_owned(), text.parse().unwrap()));
    let resources = BTreeMap::from([("main".to_owned(), BTreeMap::from(given))]);
    Allocation { resources, ..Allocation::of_replicas(replicas) }
}

#[tokio::test]
async fn versions_and_replicas_and_resources_and_autoscalers_are_back_exactly() {
    let bed = Bed::new("there-and-back", &["checkout", "ledger"]).await;
    let create = PostParams::default();
    bed.api().create(&create, &with_resources("checkout", 2)).await.unwrap();
    bed.api().create(&create, &with_resources("ledger", 1)).await.unwrap();
    bed.api().create(&create, &autoscaler("checkout", 1, 4)).await.unwrap();
    let before = bed.everything().await;

    let conductor = bed.conductor(1).await;
    let baseline = bed.observe(&conductor).await;
    let [checkout, ledger] = ["checkout", "ledger"].map(|name| &baseline[name]);
    assert_eq!(
        checkout.to_string(),
        "registry.example/checkout:1 with 2 replicas, autoscaled from 1 to 4, limits.memory 128Mi, requests.cpu 500m, requests.memory 64Mi"
    );
    let image =
        |name: &str| Release::new(BTreeMap::from([("main".to_owned(), format!("registry.example/{name}@sha256:2"))]));
    let step = |name: &str, from: &Allocation, to: Allocation| ScaleStep {
        application: name.parse().unwrap(),
        from: from.clone(),
        to,
    };
    let pinned = Allocation { autoscaling: Some(Bounds::pinned(6)), ..production(6) };
    let plan = Plan {
        rollouts: vec![
            Rollout { application: "checkout".parse().unwrap(), from: checkout.release.clone(), to: image("checkout") },
            Rollout { application: "ledger".parse().unwrap(), from: ledger.release.clone(), to: image("ledger") },
        ],
        scale_steps: vec![
            step("checkout", &checkout.allocation, pinned.clone()),
            step("ledger", &ledger.allocation, production(3)),
        ],
    };
    bed.perform(&conductor, &plan).await.unwrap_or_else(|error| panic!("{}", text(&error)));
    let during = bed.observe(&conductor).await;
    assert_eq!(during["checkout"].allocation, pinned);
    assert_eq!((&during["ledger"].release, &during["ledger"].allocation), (&image("ledger"), &production(3)));

    let foreign = bed.restore(&conductor, &Changes { baseline, plan }).await;
    assert_eq!(foreign, [""; 0]);
    assert_eq!(bed.everything().await, before);
}
