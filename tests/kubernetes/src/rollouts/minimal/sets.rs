//! The ReplicaSets of a Rollout.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use k8s_openapi::api::apps::v1::ReplicaSet;
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::rollouts::minimal::counts::Count;
use crate::rollouts::rollout::Rollout;

/// The label with the hash of a template.
pub(super) const HASH: &str = "rollouts-pod-template-hash";
/// The annotation with the number of a version, of a Rollout and of its ReplicaSets.
pub(super) const REVISION: &str = "rollout.argoproj.io/revision";
/// The annotation with the replicas that the Rollout has when a ReplicaSet is scaled.
pub(super) const DESIRED: &str = "rollout.argoproj.io/desired-replicas";

/// A template in the one form in which it is compared, and which Argo Rollouts writes back.
pub(super) fn normal(template: &Value) -> Value {
    let mut template = template.clone();
    for list in ["containers", "initContainers"] {
        for container in template["spec"][list].as_array_mut().into_iter().flatten() {
            let resources = container.as_object_mut().map(|fields| fields.entry("resources").or_insert(json!({})));
            let kinds = resources.and_then(Value::as_object_mut).into_iter().flatten();
            for amount in kinds.filter_map(|(_, amounts)| amounts.as_object_mut()).flatten().map(|(_, amount)| amount) {
                if amount.is_number() {
                    *amount = json!(amount.to_string());
                }
            }
        }
        if template["spec"][list].is_null() {
            template["spec"].as_object_mut().and_then(|spec| spec.remove(list));
        }
    }
    template
}

/// The hash of a template.
pub(super) fn hash(template: &Value) -> String {
    let mut hasher = DefaultHasher::new();
    normal(template).to_string().hash(&mut hasher);
    format!("{:010x}", hasher.finish()).chars().take(10).collect()
}

/// A ReplicaSet for the template of a Rollout, without replicas yet.
pub(super) fn made(rollout: &Rollout, hash: &str, revision: u64) -> Result<ReplicaSet, serde_json::Error> {
    let name = rollout.name_any();
    let mut template = normal(&rollout.spec.template);
    template["metadata"]["labels"][HASH] = json!(hash);
    let mut selector = json!(rollout.spec.selector);
    selector["matchLabels"][HASH] = json!(hash);
    serde_json::from_value(json!({
        "metadata": {
            "name": format!("{name}-{hash}"),
            "namespace": rollout.namespace(),
            "labels": template["metadata"]["labels"],
            "annotations": { REVISION: revision.to_string(), DESIRED: wanted(rollout).to_string() },
            "ownerReferences": [{
                "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": name, "uid": rollout.uid(),
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": { "replicas": 0, "selector": selector, "template": template },
    }))
}

/// Which pods are a Rollout's own, in one text.
pub(super) fn selector(rollout: &Rollout) -> String {
    let chosen = rollout.spec.selector.match_labels.iter().flatten();
    chosen.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// The replicas that a Rollout wants.
pub(super) fn wanted(rollout: &Rollout) -> i32 {
    rollout.spec.replicas.unwrap_or(1)
}

pub(super) fn label(set: &ReplicaSet) -> &str {
    set.labels().get(HASH).map(String::as_str).unwrap_or_default()
}

pub(super) fn revision(object: &impl ResourceExt) -> u64 {
    object.annotations().get(REVISION).and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// True for one that was scaled when the Rollout had other replicas.
pub(super) fn is_scaled_for_others(set: &ReplicaSet, rollout: &Rollout) -> bool {
    let desired = set.annotations().get(DESIRED);
    count(set).wanted > 0 && desired.is_some_and(|desired| *desired != wanted(rollout).to_string())
}

pub(super) fn count(set: &ReplicaSet) -> Count {
    let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or_default();
    let available = set.status.as_ref().and_then(|status| status.available_replicas).unwrap_or_default();
    Count { wanted, available }
}

/// The counts of some, all together.
pub(super) fn sum<'s>(sets: impl Iterator<Item = &'s ReplicaSet>) -> Count {
    sets.map(count).fold(Count::default(), |sum, one| Count {
        wanted: sum.wanted + one.wanted,
        available: sum.available + one.available,
    })
}

/// The replicas that there are, and that are ready.
pub(super) fn actual(set: &ReplicaSet) -> (i32, i32) {
    set.status.as_ref().map_or((0, 0), |status| (status.replicas, status.ready_replicas.unwrap_or_default()))
}
