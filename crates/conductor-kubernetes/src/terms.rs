//! The core's terms in those of Kubernetes, and back.

use std::collections::{BTreeMap, BTreeSet};

use conductor_core::app::{Allocation, Resources};
use conductor_core::ports::{FailureKind, PortError, Production};
use conductor_core::quantity::QuantityError;
use conductor_core::release::Release;

use crate::change::Change;
use crate::field::{Field, Fields, Owned, Value};
use crate::place::Place;
use crate::production::Running;

/// The changes from some fields to others.
pub(crate) fn changes(from: &BTreeMap<Field, Value>, to: &BTreeMap<Field, Value>) -> Vec<Change> {
    let fields: BTreeSet<&Field> = from.keys().chain(to.keys()).collect();
    let unlike = fields.into_iter().filter(|field| from.get(field) != to.get(field));
    let change = |field: &Field| {
        let (from, to) = (from.get(field).cloned(), to.get(field).cloned());
        Change { field: field.clone(), from, to }
    };
    unlike.map(change).collect()
}

/// The fields of an allocation, without those of its autoscaler.
pub(crate) fn fields_of(allocation: &Allocation) -> BTreeMap<Field, Value> {
    let Allocation { replicas, resources, .. } = allocation.clone();
    Owned { replicas, images: BTreeMap::new(), resources }.fields()
}

/// The images of a release.
pub(crate) fn images_of(release: &Release) -> BTreeMap<Field, Value> {
    Owned { replicas: 0, images: release.containers().clone(), resources: BTreeMap::new() }.fields()
}

/// What production gives an application, as the core knows it.
pub(crate) fn production(place: &Place, running: Running) -> Result<Production, PortError> {
    let Running { images, resources, replicas, deploy_id, .. } = running;
    let amounts = |resources: BTreeMap<String, String>| -> Result<Resources, QuantityError> {
        resources.into_iter().map(|(name, text)| Ok((name, text.parse()?))).collect()
    };
    let resources = resources.into_iter().map(|(container, resources)| Ok((container, amounts(resources)?)));
    let unreadable = |error: QuantityError| {
        PortError::because(FailureKind::Rejected, format!("could not read {place} in production"), error)
    };
    let resources = resources.collect::<Result<_, _>>().map_err(unreadable)?;
    let allocation = Allocation { resources, ..Allocation::of_replicas(replicas) };
    Ok(Production { deploy_id, ..Production::new(Release::new(images), allocation) })
}
