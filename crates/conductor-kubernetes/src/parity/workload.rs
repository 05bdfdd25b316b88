//! What one workload is like, from what its cluster has listed. Nothing is asked of the cluster here.

use std::collections::{BTreeMap, BTreeSet};

use conductor_core::parity::{Container, Profile, Role};
use conductor_core::ports::{FailureKind, PortError};
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;

use super::autoscaler::Scalers;
use super::container::{ContainerError, container};
use super::key::Key;
use super::settings::{Compared, settings};
use crate::place::Place;
use crate::production::workload::{containers, is_ready, owned};
use crate::rollout::of_revision;

/// The lists of a workload's namespace; they may be of slightly different moments.
pub(super) struct Surroundings<'a> {
    pub(super) replica_sets: &'a [ReplicaSet],
    pub(super) pods: &'a [Pod],
    /// `None` where they could not be listed.
    pub(super) scalers: Option<&'a Scalers>,
    pub(super) key: &'a Key,
}

impl Surroundings<'_> {
    /// What a workload is like, with where it is.
    pub(super) fn profile<K: Compared>(&self, workload: &K) -> (Place, Result<Profile, PortError>) {
        let place = workload.place(&());
        let profile = self.of(&place, workload);
        (place, profile)
    }

    fn of<K: Compared>(&self, place: &Place, workload: &K) -> Result<Profile, PortError> {
        let act = || format!("could not compare {place}");
        let owned = workload.fields().map_err(|error| PortError::because(FailureKind::Rejected, act(), error))?;
        let settings = settings(workload, self.key);
        let settings = settings.map_err(|error| PortError::because(FailureKind::Rejected, act(), error))?;
        let containers = self.containers(workload);
        let containers = containers.map_err(|error| PortError::because(FailureKind::Rejected, act(), error))?;
        let autoscaling = self.scalers.map(|scalers| scalers.autoscaling(place, self.key)).transpose()?;
        Ok(Profile { replicas: owned.replicas, containers, autoscaling, settings })
    }

    /// The ready pods of the newest version; none while that is not known.
    fn pods<K: Compared>(&self, workload: &K) -> Vec<&Pod> {
        let Some(newest) = workload.newest(self.replica_sets) else { return Vec::new() };
        let mut its: Vec<&Pod> = owned(workload, self.pods).collect();
        its.extend(owned(workload, self.replica_sets).flat_map(|set| owned(set, self.pods)));
        of_revision(its, newest).filter(|pod| is_ready(pod)).collect()
    }

    fn containers<K: Compared>(&self, workload: &K) -> Result<BTreeMap<String, Container>, ContainerError> {
        let pods = self.pods(workload);
        let template = workload.template().and_then(|template| template.spec.as_ref());
        let main = template.into_iter().flat_map(|spec| &spec.containers).map(|one| (Role::Main, one));
        let init = template.into_iter().flat_map(|spec| spec.init_containers.iter().flatten());
        let mut written: Vec<_> = main.chain(init.map(|one| (Role::Init, one))).collect();
        let mut names: BTreeSet<&str> = written.iter().map(|(_, one)| one.name.as_str()).collect();
        for one in pods.iter().filter_map(|pod| pod.spec.as_ref()).flat_map(containers) {
            if names.insert(&one.name) {
                written.push((Role::Injected, one));
            }
        }
        let told =
            written.into_iter().map(|(role, one)| Ok((one.name.clone(), container(role, one, &pods, self.key)?)));
        told.collect()
    }
}
