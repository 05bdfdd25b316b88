//! Looking at the applications of an environment: what is there, and what runs have left.
//!
//! A marker that cannot be read keeps nobody from being looked at: only who asks for markers is told.

use std::collections::{BTreeMap, BTreeSet};

use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::ports::{FailureKind, LeftBehind, PortError};
use conductor_core::run::RunId;
use futures::stream::{StreamExt, TryStreamExt, iter};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;

use crate::autoscaler::{ByTarget, Several, by_target, name, only};
use crate::environment::KubernetesEnvironment;
use crate::field::Owned;
use crate::left_behind::{Marked, left_behind};
use crate::object::{Object, called, is_marked, marker};
use crate::settings::Place;

/// Namespaces that are read at the same time.
const CONCURRENCY: usize = 8;

/// An application as it is found.
pub(crate) struct Found {
    pub(crate) deployment: Deployment,
    pub(crate) owned: Owned,
}

impl KubernetesEnvironment {
    /// The Deployments of these applications; those that do not exist are absent.
    pub(crate) async fn found(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Found>, PortError> {
        let mut by_place = BTreeMap::new();
        for deployment in self.list::<Deployment>(applications).await? {
            let meta = &deployment.metadata;
            if let (Some(namespace), Some(name)) = (meta.namespace.clone(), meta.name.clone()) {
                by_place.insert(Place { namespace, deployment: name }, deployment);
            }
        }
        let mut found = BTreeMap::new();
        for application in applications {
            let place = self.place(application)?;
            let Some(deployment) = by_place.remove(place) else { continue };
            let unreadable =
                |error| PortError::because(FailureKind::Rejected, format!("could not read {place}"), error);
            let owned = deployment.fields().map_err(unreadable)?;
            found.insert(application.clone(), Found { deployment, owned });
        }
        Ok(found)
    }

    /// The objects of a kind in every namespace of these applications.
    pub(crate) async fn list<K: Object>(&self, applications: &[ApplicationId]) -> Result<Vec<K>, PortError> {
        let namespaces: BTreeSet<&str> = applications
            .iter()
            .map(|application| self.place(application).map(|place| place.namespace.as_str()))
            .collect::<Result<_, _>>()?;
        let lists = namespaces.into_iter().map(|namespace| self.reader.list_in::<K>(namespace)).collect::<Vec<_>>();
        let lists: Vec<Vec<K>> = iter(lists).buffer_unordered(CONCURRENCY).try_collect().await?;
        Ok(lists.into_iter().flatten().collect())
    }

    /// The autoscalers of these applications' namespaces, by what they scale.
    pub(crate) async fn autoscalers(&self, applications: &[ApplicationId]) -> Result<ByTarget, PortError> {
        Ok(by_target(self.list::<HorizontalPodAutoscaler>(applications).await?))
    }

    /// The wanted allocation of the applications. Where a run has left something, nothing that somebody else has made keeps
    /// it from being put back.
    pub(crate) async fn look_at_allocations(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        let (found, autoscalers) = futures::try_join!(self.found(applications), self.autoscalers(applications))?;
        let left =
            found.values().any(|found| is_marked(&found.deployment)) || autoscalers.values().flatten().any(is_marked);
        let several = if left { Several::First } else { Several::Refused };
        let mut allocated = BTreeMap::new();
        for (application, Found { owned, .. }) in found {
            let place = self.place(&application)?;
            let autoscaler = only(place, &autoscalers, several)?;
            let autoscaling = autoscaler.map(Object::fields).transpose().map_err(|error| {
                PortError::because(FailureKind::Rejected, format!("could not read the autoscaler of {place}"), error)
            })?;
            let Owned { replicas, resources, .. } = owned;
            allocated.insert(application, Allocation { replicas, resources, autoscaling });
        }
        Ok(allocated)
    }

    /// What runs have left at applications. Markers that cannot be read are told of when nothing else is left: they keep
    /// nothing from being put back.
    pub(crate) async fn look_for_what_is_left(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<RunId, LeftBehind>, PortError> {
        let (mut found, autoscalers) = futures::try_join!(self.found(applications), self.autoscalers(applications))?;
        let (mut marked, mut unreadable) = (BTreeMap::new(), Vec::new());
        for application in applications {
            let place = self.place(application)?;
            let workload = found.remove(application).map(|found| {
                let marker = read(&found.deployment, &place.deployment, &mut unreadable);
                (found.deployment.metadata.uid, found.owned, marker)
            });
            let autoscaler = only(place, &autoscalers, Several::First)?;
            let autoscaler = autoscaler.and_then(|autoscaler| {
                let marker = read(autoscaler, name(autoscaler), &mut unreadable);
                Some((autoscaler.fields().ok()?, marker))
            });
            marked.insert(application.clone(), Marked { workload, autoscaler });
        }
        let left = left_behind(&marked);
        match unreadable.into_iter().next() {
            Some(error) if left.is_empty() => Err(error),
            _ => Ok(left),
        }
    }
}

/// The marker of an object; none where it cannot be read.
fn read<K: Object>(
    object: &K,
    name: &str,
    unreadable: &mut Vec<PortError>,
) -> Option<crate::marker::Marker<K::Fields>> {
    let namespace = object.meta().namespace.as_deref().unwrap_or_default();
    let told = |error| {
        let act = format!("could not read what a load test has left on {}", called::<K>(namespace, name));
        PortError::because(FailureKind::Rejected, act, error)
    };
    marker(object).map_err(told).unwrap_or_else(|error| {
        unreadable.push(error);
        None
    })
}
