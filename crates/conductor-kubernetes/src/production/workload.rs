//! What one workload runs, from its template and from the pods of its newest version. Nothing is asked of production here.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;

use crate::images;
use crate::place::Place;
use crate::production::refusal::Refusal;
use crate::production::{Running, deploy_id, resources};
use crate::workload::Workload;

/// What a workload runs that wants so many replicas, by the pods of its newest version.
pub(super) fn running<'pods>(
    place: &Place,
    workload: &impl Workload,
    wanted: i32,
    pods: impl Iterator<Item = &'pods Pod>,
    deploy_id: Option<&str>,
) -> Result<Running, Vec<Refusal>> {
    let pods: Vec<&Pod> = pods.filter(|pod| is_ready(pod)).collect();
    if pods.is_empty() && wanted > 0 {
        return Err(vec![Refusal::NothingReady { place: place.clone() }]);
    }
    let mut running = Running {
        images: Default::default(),
        written: Default::default(),
        resources: Default::default(),
        replicas: u32::try_from(wanted).unwrap_or_default(),
        deploy_id: None,
    };
    let mut refusals = Vec::new();
    if let Some(key) = deploy_id {
        match deploy_id::of(place, workload, &pods, key) {
            Ok(found) => running.deploy_id = found,
            Err(refusal) => refusals.push(refusal),
        }
    }
    // Containers that are in pods only were put there at admission, and the other cluster has its own of them.
    let template = workload.template().and_then(|template| template.spec.as_ref());
    for container in template.into_iter().flat_map(containers) {
        match image(place, container, &pods) {
            Ok(image) => drop(running.images.insert(container.name.clone(), image)),
            Err(refusal) => refusals.push(refusal),
        }
        running.written.insert(container.name.clone(), container.image.clone().unwrap_or_default());
        running.resources.insert(container.name.clone(), resources::of(container, &pods));
    }
    if refusals.is_empty() { Ok(running) } else { Err(refusals) }
}

/// The containers of a template or pod, init containers included; no two have the same name.
pub(crate) fn containers(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    spec.containers.iter().chain(spec.init_containers.iter().flatten())
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

/// True for what another object owns, whether it controls it or not.
pub(crate) fn is_owned<O: Resource>(owner: &O, meta: &ObjectMeta) -> bool {
    let uid = owner.meta().uid.as_ref();
    meta.owner_references.iter().flatten().any(|owner| Some(&owner.uid) == uid)
}

/// The objects that another one controls. Its uid tells it from one of the same name that is gone.
pub(crate) fn owned<'list, O: Resource, K: Resource>(
    owner: &O,
    all: &'list [K],
) -> impl Iterator<Item = &'list K> + use<'list, O, K> {
    let uid = owner.meta().uid.clone().unwrap_or_default();
    all.iter().filter(move |one| {
        one.meta().owner_references.iter().flatten().any(|owner| owner.controller == Some(true) && owner.uid == uid)
    })
}

/// True for a pod that serves: one that is being deleted may still say that it is Ready.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    let Some(status) = &pod.status else { return false };
    let ready = status.conditions.iter().flatten().any(|one| one.type_ == "Ready" && one.status == "True");
    ready && status.phase.as_deref() == Some("Running") && pod.metadata.deletion_timestamp.is_none()
}

pub(crate) fn status<'pod>(pod: &'pod Pod, container: &str) -> Option<&'pod ContainerStatus> {
    let status = pod.status.as_ref()?;
    let of_all = status.container_statuses.iter().chain(&status.init_container_statuses).flatten();
    of_all.into_iter().find(|one| one.name == container)
}
