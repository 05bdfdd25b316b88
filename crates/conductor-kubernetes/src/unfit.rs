//! What a workload and its autoscaler must not be if a run shall change them and put them back. Pure.

use k8s_openapi::api::apps::v1::StatefulSet;

use crate::argo_rollout::ArgoRollout;
use crate::rollout::{is_by_hand, partition};

/// Why an object cannot be changed and put back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// Nothing is rolled out until somebody deletes pods.
    #[error("its pods are replaced by hand (updateStrategy: OnDelete); expected RollingUpdate")]
    OnDelete,
    /// Some pods keep the older version.
    #[error(
        "its pods with a number below {0} keep the older version (updateStrategy.rollingUpdate.partition: {0}); \
         expected no partition"
    )]
    Partition(u32),
    /// Scaling is not undone by scaling back.
    #[error(
        "scaling it down, as on the way back, deletes the volumes of the replicas that go \
         (persistentVolumeClaimRetentionPolicy.whenScaled: Delete); expected Retain, or allowVolumeDeletion: true in the \
         environment's file"
    )]
    VolumeDeletion,
    /// What is changed elsewhere.
    #[error("its pod template is that of {kind} {name} (workloadRef); expected a template of its own")]
    WorkloadRef { kind: String, name: String },
    /// What there is could not be made again: some replicas of either version.
    #[error(
        "it is in the middle of a rollout from ReplicaSet {stable} to {current} (canary); expected it to be promoted or taken \
         back"
    )]
    Canary { stable: String, current: String },
    /// Nothing would be rolled out.
    #[error("it is paused (spec.paused), so that nothing is rolled out; expected it not to be")]
    Paused,
    /// A ScaledObject's bounds would have no effect.
    #[error(
        "KEDA holds it at {0} replicas (annotation autoscaling.keda.sh/paused-replicas), whatever its bounds are; \
         expected no such annotation"
    )]
    HeldByKeda(String),
    /// The same.
    #[error(
        "KEDA scales it to {0} while no trigger is active, whatever its bounds are (idleReplicaCount); expected \
         minReplicaCount alone"
    )]
    IdleByKeda(u32),
    /// There is none that production's allocation could be given to.
    #[error(
        "none of its Stacks has traffic ({0}), and their controller scales such ones to none; expected one with all of \
         it, for which the StackSet needs an ingress"
    )]
    NoTraffic(String),
    /// Traffic is being switched.
    #[error("several of its Stacks have traffic ({0}); expected one with all of it")]
    SplitTraffic(String),
    /// Bounds would have no effect.
    #[error(
        "its Stack {0} is switched off (spec.replicas: 0), so that its controller keeps it at none whatever the bounds of \
         its autoscaler are; expected another number, or none said"
    )]
    SwitchedOff(String),
}

/// Everything that speaks against changing a StatefulSet.
pub(crate) fn unfit(set: &StatefulSet, may_delete_volumes: bool) -> Vec<Unfit> {
    let Some(spec) = &set.spec else { return Vec::new() };
    let partition = partition(spec);
    let policy = spec.persistent_volume_claim_retention_policy.as_ref();
    let is_deleting = policy.and_then(|policy| policy.when_scaled.as_deref()) == Some("Delete");
    // Without claims of its own there is nothing to delete.
    let has_volumes = spec.volume_claim_templates.as_ref().is_some_and(|claims| !claims.is_empty());
    let mut found = Vec::new();
    found.extend(is_by_hand(spec).then_some(Unfit::OnDelete));
    found.extend((partition > 0).then_some(Unfit::Partition(partition)));
    found.extend((is_deleting && has_volumes && !may_delete_volumes).then_some(Unfit::VolumeDeletion));
    found
}

/// Everything that speaks against changing a Rollout of Argo Rollouts.
pub(crate) fn unfit_rollout(rollout: &ArgoRollout) -> Vec<Unfit> {
    let mut found = Vec::new();
    if let Some(of) = &rollout.spec.workload_ref {
        found.push(Unfit::WorkloadRef { kind: of.kind.clone(), name: of.name.clone() });
    }
    if rollout.spec.paused == Some(true) {
        found.push(Unfit::Paused);
    }
    if let Some(status) = rollout.status.as_ref().filter(|status| !status.is_promoted())
        && let (Some(stable), Some(current)) = (status.stable.clone(), status.current_pod_hash.clone())
    {
        found.push(Unfit::Canary { stable, current });
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn set(spec: &Value) -> StatefulSet {
        let mut whole = json!({ "serviceName": "any", "selector": {}, "template": {} });
        json_patch::merge(&mut whole, spec);
        serde_json::from_value(json!({ "metadata": {}, "spec": whole })).unwrap()
    }

    #[test]
    fn only_what_keeps_it_from_being_put_back_speaks_against_it() {
        let deleting = json!({ "persistentVolumeClaimRetentionPolicy": { "whenScaled": "Delete" } });
        let claims = json!([{ "metadata": { "name": "data" }, "spec": {} }]);
        let with_claims = |mut spec: Value| {
            spec["volumeClaimTemplates"] = claims.clone();
            spec
        };
        let partition = |number: i32| json!({ "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": number } } });
        for (name, spec, may_delete_volumes, expected) in [
            ("nothing said", with_claims(json!({})), false, vec![]),
            ("no partition", partition(0), false, vec![]),
            ("a partition", partition(2), false, vec![Unfit::Partition(2)]),
            ("by hand", json!({ "updateStrategy": { "type": "OnDelete" } }), false, vec![Unfit::OnDelete]),
            ("deleting volumes", with_claims(deleting.clone()), false, vec![Unfit::VolumeDeletion]),
            ("deleting volumes, which is allowed", with_claims(deleting.clone()), true, vec![]),
            ("deleting volumes, of which it has none", deleting.clone(), false, vec![]),
            (
                "keeping them, but for when all of it is deleted",
                with_claims(
                    json!({ "persistentVolumeClaimRetentionPolicy": { "whenDeleted": "Delete", "whenScaled": "Retain" } }),
                ),
                false,
                vec![],
            ),
        ] {
            assert_eq!(unfit(&set(&spec), may_delete_volumes), expected, "{name}");
        }
    }
}
