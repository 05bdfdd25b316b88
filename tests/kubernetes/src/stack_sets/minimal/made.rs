//! What is made of a Stack. Pure.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::{Resource, ResourceExt};
use serde_json::{Value, json};

use crate::stack_sets::{Stack, StackAutoscaler};

/// The annotation with the generation of the Stack that an object was made of.
const GENERATION: &str = "stackset-controller.zalando.org/stack-generation";
/// The labels by which the pods of a Stack are known.
pub(super) const OF_PODS: [&str; 2] = ["stackset", "stack-version"];

/// True for what was made of the Stack as it is.
pub(super) fn is_of(stack: &Stack, made: &impl ResourceExt) -> bool {
    made.annotations().get(GENERATION) == Some(&generation(stack))
}

fn generation(stack: &Stack) -> String {
    stack.metadata.generation.unwrap_or_default().to_string()
}

/// The replicas that its Deployment shall want.
pub(super) fn replicas(stack: &Stack, present: i32, is_scaled_down: bool) -> i32 {
    let own = stack.spec.replicas.unwrap_or(1);
    match own {
        _ if own == 0 || is_scaled_down => 0,
        _ if present == 0 || stack.spec.autoscaler.is_none() => own,
        _ => present,
    }
}

/// Its Deployment, in place of one that is there.
pub(super) fn deployment(stack: &Stack, replicas: i32, present: Option<&Deployment>) -> Deployment {
    let labels = stack.labels().clone();
    let of_pods = labels.iter().filter(|(key, _)| OF_PODS.contains(&key.as_str()));
    let own = LabelSelector {
        match_labels: Some(of_pods.map(|(key, value)| (key.clone(), value.clone())).collect()),
        match_expressions: None,
    };
    let selector = present.and_then(|present| present.spec.as_ref()).map_or(own, |spec| spec.selector.clone());
    let mut template = stack.spec.pod_template.clone();
    let of_template = template.metadata.get_or_insert_default().labels.get_or_insert_default();
    for (key, value) in labels {
        of_template.entry(key).or_insert(value);
    }
    let spec = DeploymentSpec { replicas: Some(replicas), selector, template, ..DeploymentSpec::default() };
    Deployment { metadata: meta(stack, present), spec: Some(spec), status: None }
}

/// Its autoscaler, in place of one that is there.
///
/// # Errors
/// When it has a metric that is not understood.
pub(super) fn autoscaler(
    stack: &Stack,
    of: &StackAutoscaler,
    present: Option<&HorizontalPodAutoscaler>,
) -> Result<HorizontalPodAutoscaler, String> {
    let metrics: Vec<Value> = of.metrics.iter().map(metric).collect::<Result<_, _>>()?;
    let made = json!({
        "metadata": meta(stack, present),
        "spec": {
            "minReplicas": of.min_replicas,
            "maxReplicas": of.max_replicas,
            "metrics": metrics,
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": stack.name_any() },
        },
    });
    serde_json::from_value(made).map_err(|error| error.to_string())
}

fn metric(metric: &Value) -> Result<Value, String> {
    let name = match metric["type"].as_str() {
        Some("CPU") => "cpu",
        Some("Memory") => "memory",
        _ => return Err(format!("metric {metric} is not understood; expected CPU or Memory")),
    };
    let target = json!({ "type": "Utilization", "averageUtilization": metric["averageUtilization"] });
    Ok(json!({ "type": "Resource", "resource": { "name": name, "target": target } }))
}

/// It is called as its Stack. Whatever else somebody has written there goes.
fn meta(stack: &Stack, present: Option<&impl ResourceExt>) -> ObjectMeta {
    let owner = stack.owner_ref(&()).into_iter().collect();
    ObjectMeta {
        name: Some(stack.name_any()),
        namespace: stack.namespace(),
        labels: Some(stack.labels().clone()),
        annotations: Some([(GENERATION.to_owned(), generation(stack))].into()),
        owner_references: Some(owner),
        uid: present.and_then(ResourceExt::uid),
        resource_version: present.and_then(ResourceExt::resource_version),
        ..ObjectMeta::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_the_stacks_own_unless_an_autoscaler_rules_or_nobody_uses_it() {
        for (own, bounds, present, is_scaled_down, expected) in [
            (Some(3), false, 0, false, 3),
            (Some(3), false, 7, false, 3),
            (None, false, 7, false, 1),
            (Some(3), true, 7, false, 7),
            (Some(3), true, 0, false, 3),
            (Some(0), true, 7, false, 0),
            (Some(3), false, 7, true, 0),
            (Some(3), true, 7, true, 0),
        ] {
            let autoscaler = bounds.then_some(json!({ "maxReplicas": 9, "metrics": [] }));
            let spec = json!({ "replicas": own, "autoscaler": autoscaler, "podTemplate": {} });
            let stack: Stack = serde_json::from_value(
                json!({ "apiVersion": "zalando.org/v1", "kind": "Stack", "metadata": {}, "spec": spec }),
            )
            .unwrap();
            let said = format!("{own:?} {bounds} {present} {is_scaled_down}");
            assert_eq!(replicas(&stack, present, is_scaled_down), expected, "{said}");
        }
    }
}
