//! What one Rollout of Argo Rollouts runs, from what production has listed. Nothing is asked of production here.

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;

use crate::argo_rollout::{ArgoRollout, POD_TEMPLATE_HASH};
use crate::place::Place;
use crate::production::refusal::Refusal;
use crate::production::workload::owned;
use crate::production::{Running, workload};

/// What a Rollout runs: the version that it was promoted to. The lists are those of its namespace; they may be of slightly
/// different moments.
pub(super) fn running(
    place: &Place,
    rollout: &ArgoRollout,
    replica_sets: &[ReplicaSet],
    pods: &[Pod],
    deploy_id: Option<&str>,
) -> Result<Running, Vec<Refusal>> {
    let stable = stable(place, rollout, replica_sets).map_err(|refusal| vec![refusal])?;
    workload::running(place, rollout, wanted(rollout), owned(stable, pods), deploy_id)
}

/// The ReplicaSet that has all replicas.
fn stable<'list>(
    place: &Place,
    rollout: &ArgoRollout,
    replica_sets: &'list [ReplicaSet],
) -> Result<&'list ReplicaSet, Refusal> {
    if let Some(of) = rollout.spec.workload_ref.clone() {
        return Err(Refusal::WorkloadRef { place: place.clone(), of });
    }
    let unseen = || Refusal::Unseen { place: place.clone() };
    let status = rollout.status.as_ref().ok_or_else(unseen)?;
    if status.observed() < rollout.metadata.generation {
        return Err(unseen());
    }
    if !status.is_promoted() {
        let hash = |hash: &Option<String>| hash.clone().filter(|hash| !hash.is_empty());
        let [stable, current] =
            [&status.stable, &status.current_pod_hash].map(|found| hash(found).unwrap_or_else(|| "none".to_owned()));
        let place = place.clone();
        return Err(match status.abort {
            Some(true) => Refusal::Aborted { place, stable, current },
            _ => Refusal::Unpromoted { place, way: rollout.spec.way(), stable: stable.into(), current: current.into() },
        });
    }
    let label =
        |set: &&ReplicaSet| set.metadata.labels.as_ref().and_then(|labels| labels.get(POD_TEMPLATE_HASH)).cloned();
    let newest = owned(rollout, replica_sets).find(|set| label(set) == status.stable).ok_or_else(unseen)?;
    let (total, updated) = (status.replicas.unwrap_or_default(), status.updated_replicas.unwrap_or_default());
    let wanted = wanted(rollout);
    // Replicas of an older version that wait for their end serve nobody.
    let serving = if rollout.spec.keeps_older() { updated } else { total };
    if updated < serving {
        return Err(Refusal::MidRollout { place: place.clone(), updated, replicas: wanted.max(total) });
    }
    if serving != wanted {
        return Err(Refusal::Scaling { place: place.clone(), replicas: serving, wanted });
    }
    Ok(newest)
}

fn wanted(rollout: &ArgoRollout) -> i32 {
    rollout.spec.replicas.unwrap_or(1)
}

#[cfg(test)]
#[path = "argo_rollout_tests.rs"]
mod tests;
