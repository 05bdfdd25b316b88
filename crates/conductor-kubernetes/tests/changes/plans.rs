//! The applications of these tests, and what a run plans for them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use conductor_core::app::{Allocation, Bounds};
use conductor_core::phase::Changes;
use conductor_core::release::{Release, Rollout};
use conductor_core::scale::{Baseline, Plan, ScaleStep};
use conductor_kubernetes_bed::{
    Behaviour, BlueGreen, Rollout as ArgoRollout, StackSet, Step, blue_green, deployment, rollout as argo_rollout,
    stack_set, stateful_set,
};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::json;

/// A Deployment with resources.
pub(crate) fn with_resources(name: &str, replicas: i32) -> Deployment {
    let mut made = deployment(name, replicas, Behaviour::Ready);
    give_resources(&mut made.spec.as_mut().unwrap().template);
    made
}

/// A StatefulSet like it.
pub(crate) fn stateful_set_with_resources(name: &str, replicas: i32) -> StatefulSet {
    let mut made = stateful_set(name, replicas, Behaviour::Ready);
    give_resources(&mut made.spec.as_mut().unwrap().template);
    made
}

/// A StackSet like it.
pub(crate) fn stack_set_with_resources(name: &str, replicas: i32, bounds: Option<RangeInclusive<i32>>) -> StackSet {
    let mut made = stack_set(name, replicas, bounds);
    give_resources(&mut made.spec.stack_template.spec.stack.pod_template);
    made
}

/// A Rollout of Argo Rollouts like it, with the steps of a canary.
pub(crate) fn argo_rollout_with_resources(name: &str, replicas: i32, steps: &[Step]) -> ArgoRollout {
    argo_rollout_of(argo_rollout(name, replicas, Behaviour::Ready, steps))
}

/// The same, which switches Services NAME and NAME-preview when somebody promotes it; the older replicas go after a second.
pub(crate) fn blue_green_with_resources(name: &str, replicas: i32) -> ArgoRollout {
    let switched = BlueGreen {
        active_service: name.to_owned(),
        preview_service: Some(format!("{name}-preview")),
        auto_promotion_enabled: Some(false),
        scale_down_delay_seconds: Some(1),
        ..BlueGreen::default()
    };
    argo_rollout_of(blue_green(name, replicas, Behaviour::Ready, switched))
}

fn argo_rollout_of(mut made: ArgoRollout) -> ArgoRollout {
    let mut template = serde_json::from_value(made.spec.template).unwrap();
    give_resources(&mut template);
    made.spec.template = json!(template);
    made
}

fn give_resources(template: &mut PodTemplateSpec) {
    let resources = json!({ "requests": { "cpu": "0.5", "memory": "64Mi" }, "limits": { "memory": "128Mi" } });
    let spec = template.spec.as_mut().unwrap();
    spec.containers[0].resources = Some(serde_json::from_value(resources).unwrap());
}

/// An autoscaler of a Deployment, NAME-cpu. There are no metrics: it keeps replicas within its bounds and does no more.
pub(crate) fn autoscaler(name: &str, min: i32, max: i32) -> HorizontalPodAutoscaler {
    autoscaler_of("Deployment", name, min, max)
}

/// The same, of a workload of another kind.
pub(crate) fn autoscaler_of(kind: &str, name: &str, min: i32, max: i32) -> HorizontalPodAutoscaler {
    let target = json!({ "apiVersion": "apps/v1", "kind": kind, "name": name });
    let metric = json!({ "type": "Resource", "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 60 } } });
    let spec = json!({ "minReplicas": min, "maxReplicas": max, "scaleTargetRef": target, "metrics": [metric] });
    serde_json::from_value(json!({ "metadata": { "name": format!("{name}-cpu") }, "spec": spec })).unwrap()
}

/// What production gives: other requests and limits than [`with_resources`] has, and one more.
pub(crate) fn production(replicas: u32) -> Allocation {
    let given = [("requests.cpu", "2"), ("requests.memory", "1Gi"), ("limits.memory", "1Gi"), ("limits.cpu", "4")];
    let given = given.map(|(name, text)| (name.to_owned(), text.parse().unwrap()));
    let resources = BTreeMap::from([("main".to_owned(), BTreeMap::from(given))]);
    Allocation { resources, ..Allocation::of_replicas(replicas) }
}

/// The image that a run rolls out.
pub(crate) fn image(name: &str) -> String {
    format!("registry.example/{name}@sha256:2")
}

/// An application's step to another allocation. What an autoscaler manages is pinned.
pub(crate) fn step(baseline: &Baseline, name: &str, mut to: Allocation) -> ScaleStep {
    let from = baseline[name].allocation.clone();
    to.autoscaling = from.autoscaling.map(|_| Bounds::pinned(to.replicas));
    ScaleStep { application: name.parse().unwrap(), from, to }
}

/// An application's rollout of another image.
pub(crate) fn rollout(baseline: &Baseline, name: &str, image: String) -> Rollout {
    let to = Release::new(BTreeMap::from([("main".to_owned(), image)]));
    Rollout::new(name.parse().unwrap(), baseline[name].release.clone(), to)
}

/// What a run does that takes all of these applications to production's versions and allocation.
pub(crate) fn like_production(baseline: &Baseline, names: &[&str], replicas: u32) -> Changes {
    let rollouts = names.iter().map(|name| rollout(baseline, name, image(name))).collect();
    let scale_steps = names.iter().map(|name| step(baseline, name, production(replicas))).collect();
    Changes { baseline: baseline.clone(), plan: Plan { rollouts, scale_steps } }
}
