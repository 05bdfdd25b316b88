//! What a workload and its autoscaler must not be if a run shall change them and put them back. Pure.

use std::time::Duration;

use conductor_core::phase::Deadlines;
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
        "it is in the middle of a rollout from ReplicaSet {stable} to {current} ({way}); expected it to be promoted or taken \
         back"
    )]
    Unpromoted { way: &'static str, stable: String, current: String },
    /// The same: its template is one that it has given up.
    #[error(
        "its rollout from ReplicaSet {stable} to {current} was aborted; expected another template, or that it is tried again \
         and promoted"
    )]
    Aborted { stable: String, current: String },
    /// It would never be only what was written.
    #[error(
        "Argo Rollouts never takes the replicas of its older versions away (scaleDownDelaySeconds: 0 of its strategy); expected a \
         second or more"
    )]
    OlderStay,
    /// It would not be so in time.
    #[error(
        "Argo Rollouts keeps the replicas of its older versions for {0} s (scaleDownDelaySeconds of its strategy), and a run waits \
         until they are gone; expected less than {limit}, the time of that phase", limit = Deadlines::DEPLOY
    )]
    OlderStayLong(u64),
    /// Its owner would scale it back at once.
    #[error("it belongs to {kind} {name}, which scales it; expected that in its place")]
    ScaledByOwner { kind: String, name: String },
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
    /// It would be lost.
    #[error(
        "Deployment {deployment} is not as its Stack says ({others}), which the first change of the Stack would take back \
         for good; expected the Stack to say it, or nobody to have changed it"
    )]
    UnlikeStack { deployment: String, others: String },
    /// They fight.
    #[error(
        "{0} scales its Stack besides the StackSet's controller, and the two fight; expected none but the autoscaler that \
         the Stack itself says (spec.autoscaler)"
    )]
    ScaledBeside(String),
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
    if rollout.spec.keeps_older_for_ever() {
        found.push(Unfit::OlderStay);
    }
    let too_long = |seconds: &u64| Duration::from_secs(*seconds) >= Deadlines::DEPLOY.as_duration();
    found.extend(rollout.spec.keeps_older_for().filter(too_long).map(Unfit::OlderStayLong));
    if let Some(status) = rollout.status.as_ref().filter(|status| !status.is_promoted())
        && let (Some(stable), Some(current)) = (status.stable.clone(), status.current_pod_hash.clone())
    {
        found.push(match status.abort {
            Some(true) => Unfit::Aborted { stable, current },
            _ => Unfit::Unpromoted { way: rollout.spec.way(), stable, current },
        });
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
