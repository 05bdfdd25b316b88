//! What one Deployment runs, from what production has listed. Nothing is asked of production here.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod, PodSpec};
use kube::Resource;

use crate::images;
use crate::production::refusal::Refusal;
use crate::production::{Running, resources};
use crate::settings::Place;

/// The annotation with which the controller numbers the versions of a Deployment, on it and on its ReplicaSets.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// What a Deployment runs. The lists are those of its namespace; they may be of slightly different moments.
pub(crate) fn running(
    place: &Place,
    deployment: &Deployment,
    replica_sets: &[ReplicaSet],
    pods: &[Pod],
) -> Result<Running, Vec<Refusal>> {
    let newest = newest(place, deployment, replica_sets).map_err(|refusal| vec![refusal])?;
    let pods: Vec<&Pod> = owned(newest, pods).filter(|pod| is_ready(pod)).collect();
    let wanted = wanted(deployment);
    if pods.is_empty() && wanted > 0 {
        return Err(vec![Refusal::NothingReady { place: place.clone() }]);
    }
    let mut running = Running {
        images: Default::default(),
        resources: Default::default(),
        replicas: u32::try_from(wanted).unwrap_or_default(),
    };
    let mut refusals = Vec::new();
    // Containers that are in pods only were put there at admission, and the other cluster has its own of them.
    let template = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    for container in template.into_iter().flat_map(containers) {
        match image(place, container, &pods) {
            Ok(image) => drop(running.images.insert(container.name.clone(), image)),
            Err(refusal) => refusals.push(refusal),
        }
        running.resources.insert(container.name.clone(), resources::of(container, &pods));
    }
    if refusals.is_empty() { Ok(running) } else { Err(refusals) }
}

/// The containers of a template or pod, init containers included; no two have the same name.
pub(crate) fn containers(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    spec.containers.iter().chain(spec.init_containers.iter().flatten())
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

/// The image of a container of the template, pinned by the digest that the pods run.
fn image(place: &Place, container: &Container, pods: &[&Pod]) -> Result<String, Refusal> {
    let image = container.image.as_deref().unwrap_or_default();
    if let Some(pinned) = images::pinned(image) {
        return Ok(pinned);
    }
    let (place, name) = (|| place.clone(), || container.name.clone());
    if pods.is_empty() {
        return Err(Refusal::ScaledToZero { place: place(), container: name(), image: image.to_owned() });
    }
    let mut digests = BTreeSet::new();
    for status in pods.iter().filter_map(|pod| status(pod, &container.name)) {
        let refused = |source| Refusal::ImageId { place: place(), container: name(), source };
        digests.extend(images::digest(&status.image_id).map_err(refused)?);
    }
    let digests: Vec<&str> = digests.into_iter().collect();
    match digests[..] {
        [] => Err(Refusal::Unknown { place: place(), container: name() }),
        [digest] => Ok(images::pin(image, digest)),
        _ => {
            let digests = digests.into_iter().map(str::to_owned).collect();
            Err(Refusal::Disagreement { place: place(), container: name(), digests })
        }
    }
}

fn wanted(deployment: &Deployment) -> i32 {
    deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

/// The objects that another one controls. Its uid tells it from one of the same name that is gone.
fn owned<'list, O: Resource, K: Resource>(
    owner: &O,
    all: &'list [K],
) -> impl Iterator<Item = &'list K> + use<'list, O, K> {
    let uid = owner.meta().uid.clone().unwrap_or_default();
    all.iter().filter(move |one| {
        one.meta().owner_references.iter().flatten().any(|owner| owner.controller == Some(true) && owner.uid == uid)
    })
}

fn revision<K: Resource>(object: &K) -> Option<u64> {
    object.meta().annotations.as_ref()?.get(REVISION)?.parse().ok()
}

/// The pods that a ReplicaSet has or is about to have.
fn replicas_of(set: &ReplicaSet) -> i32 {
    let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or_default();
    set.status.as_ref().map_or(wanted, |status| status.replicas.max(wanted))
}

/// True for a pod that serves: one that is being deleted may still say that it is Ready.
fn is_ready(pod: &Pod) -> bool {
    let Some(status) = &pod.status else { return false };
    let ready = status.conditions.iter().flatten().any(|one| one.type_ == "Ready" && one.status == "True");
    ready && status.phase.as_deref() == Some("Running") && pod.metadata.deletion_timestamp.is_none()
}

fn status<'pod>(pod: &'pod Pod, container: &str) -> Option<&'pod ContainerStatus> {
    let status = pod.status.as_ref()?;
    let of_all = status.container_statuses.iter().chain(&status.init_container_statuses).flatten();
    of_all.into_iter().find(|one| one.name == container)
}

#[cfg(test)]
#[path = "deployment_tests.rs"]
mod tests;
