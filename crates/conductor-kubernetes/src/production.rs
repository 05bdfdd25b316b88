//! What production runs, of many workloads at once. What one of them runs is read in the module of its kind.

mod argo_rollout;
mod deploy_id;
mod deployment;
pub(crate) mod objects;
pub(crate) mod refusal;
pub(crate) mod resources;
pub(crate) mod stack_set;
mod stateful_set;
pub(crate) mod workload;

use std::collections::{BTreeMap, BTreeSet};

use conductor_core::failure::Failure;
use conductor_core::ports::{FailureKind, PortError};
use futures::{StreamExt, stream};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::Pod;

use crate::argo_rollout::ArgoRollout;
use crate::place::{Kind, Place};
use crate::production::refusal::Refusal;
use crate::reader::Reader;
use crate::stack_set::serving;
use crate::workload::Workload;

/// How many namespaces are read at once.
const AT_ONCE: usize = 8;

/// What a workload of production runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// The image of each container of the template, init containers included, pinned by the digest that runs:
    /// `repository@sha256:…`.
    pub images: BTreeMap<String, String>,
    /// The image of each of these containers as the template has it.
    pub written: BTreeMap<String, String>,
    /// What each of these containers requests and is limited to, such as `requests.cpu: 500m`.
    pub resources: BTreeMap<String, BTreeMap<String, String>>,
    /// The wanted replicas.
    pub replicas: u32,
    /// By what the delivery system knows the deployment that has put this version there, where something tells.
    pub deploy_id: Option<String>,
}

/// What each of these workloads of production runs; one that does not exist is absent. Each namespace is listed once.
/// `deploy_id` is the annotation or label by which a delivery system says which of its deployments they are of.
///
/// # Errors
/// When production cannot be read, or does not run one version of a workload: everything of that is told at once. The
/// kind is [`FailureKind::Unavailable`] when all of it passes by itself.
pub async fn running(
    production: &Reader,
    places: &[Place],
    deploy_id: Option<&str>,
) -> Result<BTreeMap<Place, Running>, PortError> {
    let mut namespaces: BTreeMap<&str, BTreeSet<&Place>> = BTreeMap::new();
    for place in places {
        namespaces.entry(&place.namespace).or_default().insert(place);
    }
    // Made before the stream, whose future could not move between threads with the closure in it.
    let reading: Vec<_> = namespaces
        .into_iter()
        .map(|(namespace, places)| of_namespace(production, namespace, places, deploy_id))
        .collect();
    let read: Vec<_> = stream::iter(reading).buffered(AT_ONCE).collect().await;
    let mut running = BTreeMap::new();
    let mut troubles = Vec::new();
    for namespace in read {
        match namespace {
            Ok(found) => {
                for (place, found) in found {
                    match found {
                        Ok(found) => drop(running.insert(place, found)),
                        Err(refusals) => troubles.extend(refusals.iter().map(|one| (one.kind(), one.to_string()))),
                    }
                }
            }
            Err(error) => troubles.push((error.kind, Failure::of("", &error).message)),
        }
    }
    if troubles.is_empty() { Ok(running) } else { Err(told(troubles)) }
}

/// What was read of one workload.
type Found = (Place, Result<Running, Vec<Refusal>>);

async fn of_namespace(
    production: &Reader,
    namespace: &str,
    places: BTreeSet<&Place>,
    deploy_id: Option<&str>,
) -> Result<Vec<Found>, PortError> {
    let (of_stacks, mut unclear) = stack_set::clear(serving(production, namespace, &places).await?);
    let own: Vec<Place> = of_stacks.keys().cloned().collect();
    let deployments: Vec<Deployment> =
        wanted(production, namespace, &places.iter().copied().chain(&own).collect()).await?;
    let stateful_sets: Vec<StatefulSet> = wanted(production, namespace, &places).await?;
    let rollouts: Vec<ArgoRollout> = wanted(production, namespace, &places).await?;
    if deployments.is_empty() && stateful_sets.is_empty() && rollouts.is_empty() {
        return Ok(unclear);
    }
    let has_sets = !deployments.is_empty() || !rollouts.is_empty();
    let replica_sets: Vec<ReplicaSet> = if has_sets { production.list_in(namespace).await? } else { Vec::new() };
    let pods: Vec<Pod> = production.list_in(namespace).await?;
    let of_deployments = deployments.iter().map(|one| {
        let place = one.place(&());
        match of_stacks.get(&place) {
            Some((place, stack)) => (
                place.clone(),
                stack_set::running(place, stack, one, || {
                    deployment::running(place, one, &replica_sets, &pods, deploy_id)
                }),
            ),
            None => {
                let running = deployment::running(&place, one, &replica_sets, &pods, deploy_id);
                (place, running)
            }
        }
    });
    let of_stateful_sets = stateful_sets.iter().map(|one| {
        let place = one.place(&());
        let running = stateful_set::running(&place, one, &pods, deploy_id);
        (place, running)
    });
    let of_rollouts = rollouts.iter().map(|one| {
        let place = one.place(&());
        let running = argo_rollout::running(&place, one, &replica_sets, &pods, deploy_id);
        (place, running)
    });
    unclear.extend(of_deployments.chain(of_stateful_sets).chain(of_rollouts));
    Ok(unclear)
}

/// The workloads of a kind that are wanted; kinds of which none is are not listed. There are none of a kind that the cluster
/// does not know.
pub(crate) async fn wanted<K: Workload<DynamicType = ()>>(
    production: &Reader,
    namespace: &str,
    places: &BTreeSet<&Place>,
) -> Result<Vec<K>, PortError> {
    let kind = K::workload_kind(&());
    if places.iter().all(|place| place.kind != kind) {
        return Ok(Vec::new());
    }
    if kind == Kind::Rollout && !production.knows::<K>().await? {
        return Ok(Vec::new());
    }
    let mut workloads: Vec<K> = production.list_in(namespace).await?;
    workloads.retain(|one| places.contains(&one.place(&())));
    Ok(workloads)
}

/// Everything that is in the way, one after the other.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
struct Troubles(Vec<String>);

fn told(troubles: Vec<(FailureKind, String)>) -> PortError {
    let passes = troubles.iter().all(|(kind, _)| kind.is_transient());
    let kind = if passes { FailureKind::Unavailable } else { FailureKind::Rejected };
    let texts = troubles.into_iter().map(|(_, text)| text).collect();
    PortError::because(kind, "could not read what production runs", Troubles(texts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_can_be_read_by_any_task() {
        fn for_any_task<T: Send>(_: &T) {}
        let _: fn(&Reader, &kube::Client) = |production, test| {
            for_any_task(&running(production, &[], None));
            for_any_task(&crate::identity::same_cluster(production, test));
        };
    }

    #[test]
    fn everything_in_the_way_is_told_and_passes_by_itself_only_when_all_of_it_does() {
        let trouble = |kind, text: &str| (kind, text.to_owned());
        let one = told(vec![trouble(FailureKind::Unavailable, "a"), trouble(FailureKind::Unavailable, "b")]);
        assert_eq!(one.kind, FailureKind::Unavailable);
        assert_eq!(Failure::of("", &one).message, "could not read what production runs: a; b");
        let other = told(vec![trouble(FailureKind::Unavailable, "a"), trouble(FailureKind::Rejected, "b")]);
        assert_eq!(other.kind, FailureKind::Rejected);
    }
}
