//! What one StatefulSet runs, from what production has listed. Nothing is asked of production here.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetStatus};
use k8s_openapi::api::core::v1::Pod;

use crate::place::Place;
use crate::production::refusal::Refusal;
use crate::production::workload::owned;
use crate::production::{Running, workload};
use crate::rollout::{is_complete, of_revision};

/// What a StatefulSet runs. The pods are those of its namespace; they may be of a slightly different moment.
pub(super) fn running(
    place: &Place,
    set: &StatefulSet,
    pods: &[Pod],
    deploy_id: Option<&str>,
) -> Result<Running, Vec<Refusal>> {
    let revision = newest(place, set).map_err(|refusal| vec![refusal])?;
    workload::running(place, set, wanted(set), of_revision(owned(set, pods), revision), deploy_id)
}

/// The revision that all replicas have.
fn newest<'set>(place: &Place, set: &'set StatefulSet) -> Result<&'set str, Refusal> {
    let is_seen = |status: &&StatefulSetStatus| status.observed_generation >= set.metadata.generation;
    let Some(status) = set.status.as_ref().filter(is_seen) else {
        return Err(Refusal::Unseen { place: place.clone() });
    };
    let (wanted, total) = (wanted(set), status.replicas);
    let updated = status.updated_replicas.unwrap_or_default();
    let is_complete = set.spec.as_ref().is_some_and(|spec| is_complete(spec, status));
    if updated < total || !is_complete {
        return Err(Refusal::MidRollout { place: place.clone(), updated, replicas: wanted.max(total) });
    }
    if total != wanted {
        return Err(Refusal::Scaling { place: place.clone(), replicas: total, wanted });
    }
    Ok(status.update_revision.as_deref().unwrap_or_default())
}

fn wanted(set: &StatefulSet) -> i32 {
    set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

#[cfg(test)]
#[path = "stateful_set_tests.rs"]
mod tests;
