//! What applications and their clusters are like, in production and in the test cluster. It is read by lists alone; the
//! content of ConfigMaps and Secrets is not.

mod autoscaler;
mod container;
mod key;
mod nodes;
mod settings;
mod words;
mod workload;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use conductor_core::app::ApplicationId;
use conductor_core::failure::Failure;
use conductor_core::parity::{Cluster, Profile, Side, Sides};
use conductor_core::ports::{Parity, PortError};
use futures::{StreamExt, stream};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{Node, Pod};

use crate::argo_rollout::ArgoRollout;
use crate::environment::KubernetesEnvironment;
use crate::parity::autoscaler::Scalers;
use crate::parity::key::Key;
use crate::parity::workload::Surroundings;
use crate::place::{Kind, Place};
use crate::production::wanted;
use crate::reader::Reader;
use crate::scaled_object::ScaledObject;
use crate::stack_set::serving;

/// How many namespaces of a cluster are read at once.
const AT_ONCE: usize = 4;

#[async_trait]
impl Parity for KubernetesEnvironment {
    async fn sides(&self, applications: &[ApplicationId]) -> Result<Option<Sides>, PortError> {
        let Some(production) = self.reader_of_production().await? else { return Ok(None) };
        let mut there = self.places_in_production(applications);
        // Nothing is known of what an object of a custom kind is like, here or there.
        let is_scalable = |place: &Place| matches!(place.kind, Kind::Scalable(_));
        there.retain(|name, place| !is_scalable(place) && !self.places.get(name).is_some_and(is_scalable));
        let here = self.places.iter().filter(|(name, _)| there.contains_key(*name));
        let here = here.map(|(name, place)| (name.clone(), place.clone())).collect();
        let key = Key::fresh()?;
        let (production, test) = futures::join!(side(production, &there, &key), side(&self.reader, &here, &key));
        Ok(Some(Sides { production, test }))
    }
}

/// What one cluster is like. What cannot be read is told in the answer.
async fn side(reader: &Reader, places: &BTreeMap<ApplicationId, Place>, key: &Key) -> Side {
    let mut namespaces: BTreeMap<&str, BTreeMap<&Place, &ApplicationId>> = BTreeMap::new();
    for (application, place) in places {
        namespaces.entry(&place.namespace).or_default().insert(place, application);
    }
    let mut side = Side::default();
    let has_keda = reader.knows::<ScaledObject>().await.map_err(|error| side.unread.push(told(&error))).ok();
    // Made before the stream, whose future could not move between threads with the closure in it.
    let reading: Vec<_> = namespaces
        .into_iter()
        .map(|(namespace, places)| of_namespace(reader, namespace, places, has_keda, key))
        .collect();
    let reading = stream::iter(reading).buffered(AT_ONCE).collect::<Vec<_>>();
    let (version, nodes, read) = futures::join!(reader.version(), reader.list::<Node>(), reading);
    let version = version.map_err(|error| side.unread.push(told(&error))).ok();
    let nodes = nodes.and_then(|nodes| nodes::nodes(&nodes)).map_err(|error| side.unread.push(told(&error))).ok();
    side.cluster = Cluster { version, nodes };
    for part in read {
        side.applications.extend(part.applications);
        side.unknown.extend(part.unknown);
        side.unread.extend(part.unread);
    }
    side
}

/// What is known of the applications of one namespace.
#[derive(Default)]
struct Part {
    applications: BTreeMap<ApplicationId, Profile>,
    unknown: BTreeSet<ApplicationId>,
    unread: Vec<String>,
}

async fn of_namespace(
    reader: &Reader,
    namespace: &str,
    places: BTreeMap<&Place, &ApplicationId>,
    has_keda: Option<bool>,
    key: &Key,
) -> Part {
    let mut known: BTreeSet<&Place> = places.keys().copied().collect();
    let mut part = Part::default();
    let stacks = serving(reader, namespace, &known).await.unwrap_or_else(|error| {
        part.unread.push(told(&error));
        let of_stacks = places.iter().filter(|(place, _)| place.kind == Kind::StackSet);
        part.unknown.extend(of_stacks.map(|(_, application)| (*application).clone()));
        Default::default()
    });
    // What a StackSet is like, the Deployment of its Stack with the traffic is.
    let of_stacks: BTreeMap<Place, &ApplicationId> = stacks
        .iter()
        .filter_map(|(place, stacks)| {
            let stack = stacks.iter().find(|stack| stack.has_traffic())?;
            Some((stack.deployment(), *places.get(place)?))
        })
        .collect();
    known.extend(of_stacks.keys());
    let lists = async {
        let (deployments, stateful_sets, rollouts, replica_sets, pods) = futures::join!(
            wanted::<Deployment>(reader, namespace, &known),
            wanted::<StatefulSet>(reader, namespace, &known),
            wanted::<ArgoRollout>(reader, namespace, &known),
            reader.list_in::<ReplicaSet>(namespace),
            reader.list_in::<Pod>(namespace),
        );
        Ok((deployments?, stateful_sets?, rollouts?, replica_sets?, pods?))
    };
    let scalers = async {
        match has_keda {
            Some(has_keda) => Scalers::read(reader, namespace, has_keda).await.map(Some),
            None => Ok(None),
        }
    };
    let (lists, scalers) = futures::join!(lists, scalers);
    let (deployments, stateful_sets, rollouts, replica_sets, pods) = match lists {
        Ok(lists) => lists,
        Err(error) => {
            part.unknown = places.into_values().cloned().collect();
            part.unread.push(told(&error));
            return part;
        }
    };
    let scalers = scalers.map_err(|error| part.unread.push(told(&error))).ok().flatten();
    let around = Surroundings { replica_sets: &replica_sets, pods: &pods, scalers: scalers.as_ref(), key };
    let profiles = deployments.iter().map(|one| around.profile(one));
    let profiles = profiles.chain(stateful_sets.iter().map(|one| around.profile(one)));
    for (place, profile) in profiles.chain(rollouts.iter().map(|one| around.profile(one))) {
        let Some(application) = places.get(&place).or(of_stacks.get(&place)).copied().cloned() else { continue };
        match profile {
            Ok(profile) => drop(part.applications.insert(application, profile)),
            Err(error) => {
                part.unknown.insert(application);
                part.unread.push(told(&error));
            }
        }
    }
    part
}

fn told(error: &PortError) -> String {
    Failure::of("", error).message
}

#[cfg(test)]
mod tests;
