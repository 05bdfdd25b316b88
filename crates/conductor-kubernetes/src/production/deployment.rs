//! What one Deployment runs, from what production has listed. Nothing is asked of production here.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::Resource;

use crate::place::Place;
use crate::production::refusal::Refusal;
use crate::production::workload::owned;
use crate::production::{Running, workload};

/// The annotation with which the controller numbers the versions of a Deployment, on it and on its ReplicaSets.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// What a Deployment runs. The lists are those of its namespace; they may be of slightly different moments.
pub(super) fn running(
    place: &Place,
    deployment: &Deployment,
    replica_sets: &[ReplicaSet],
    pods: &[Pod],
    deploy_id: Option<&str>,
) -> Result<Running, Vec<Refusal>> {
    let newest = newest(place, deployment, replica_sets).map_err(|refusal| vec![refusal])?;
    workload::running(place, deployment, wanted(deployment), owned(newest, pods), deploy_id)
}

/// The ReplicaSet that has all replicas of a Deployment.
fn newest<'list>(
    place: &Place,
    deployment: &Deployment,
    replica_sets: &'list [ReplicaSet],
) -> Result<&'list ReplicaSet, Refusal> {
    let status = deployment.status.as_ref();
    if status.and_then(|status| status.observed_generation) < deployment.metadata.generation {
        return Err(Refusal::Unseen { place: place.clone() });
    }
    let wanted = wanted(deployment);
    let total = status.and_then(|status| status.replicas).unwrap_or_default();
    let counted = status.and_then(|status| status.updated_replicas).unwrap_or_default();
    let newest = owned(deployment, replica_sets).max_by_key(|set| revision(*set));
    let mid_rollout = |updated: i32, older: i32| {
        let replicas = wanted.max(total).max(updated.saturating_add(older));
        Err(Refusal::MidRollout { place: place.clone(), updated, replicas })
    };
    let Some(newest) = newest else { return mid_rollout(0, 0) };
    if revision(newest) != revision(deployment) {
        // A rollout began between the two lists.
        return mid_rollout(replicas_of(newest), 0);
    }
    let older = owned(deployment, replica_sets).filter(|set| !std::ptr::eq(*set, newest)).map(replicas_of).sum();
    if older > 0 || counted < total {
        return mid_rollout(counted, older);
    }
    if total != wanted {
        return Err(Refusal::Scaling { place: place.clone(), replicas: total, wanted });
    }
    Ok(newest)
}

fn wanted(deployment: &Deployment) -> i32 {
    deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

fn revision<K: Resource>(object: &K) -> Option<u64> {
    object.meta().annotations.as_ref()?.get(REVISION)?.parse().ok()
}

/// The pods that a ReplicaSet has or is about to have.
fn replicas_of(set: &ReplicaSet) -> i32 {
    let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or_default();
    set.status.as_ref().map_or(wanted, |status| status.replicas.max(wanted))
}

#[cfg(test)]
#[path = "deployment_tests.rs"]
mod tests;
