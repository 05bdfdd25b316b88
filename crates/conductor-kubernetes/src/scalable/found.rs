//! The custom kinds of an environment's applications: what the test cluster says of each is asked for once, and its objects
//! are followed by one set of watches.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use conductor_core::app::ApplicationId;
use conductor_core::failure::Failure;
use conductor_core::ports::{FailureKind, PortError};

use super::Scalable;
use crate::environment::{KubernetesEnvironment, settling};
use crate::freeze::{Freezer, Resource, Target};
use crate::look::Found;
use crate::place::{Kind, Place};
use crate::settings::ScalableObject;
use crate::settle::Settling;

/// The kinds that the test cluster was asked for, and has.
#[derive(Default)]
pub(crate) struct Scalables {
    known: Mutex<BTreeMap<Kind, Arc<Settling<Scalable>>>>,
}

impl Scalables {
    /// Lets a kind be asked for anew, since it has gone, and its objects with it.
    pub(crate) fn forget(&self, kind: &Kind) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(kind);
    }
}

impl KubernetesEnvironment {
    /// The custom kinds of these applications; without those that the test cluster does not have, or says nothing useful of. Before
    /// a run these are refused, and since it has begun they keep nothing else from being put back.
    pub(crate) async fn scalables(
        &self,
        applications: &[ApplicationId],
    ) -> Result<Vec<Arc<Settling<Scalable>>>, PortError> {
        let mut kinds = BTreeMap::new();
        for object in self.scalable_objects(applications) {
            match self.scalable(object).await {
                Ok(Some(kind)) => drop(kinds.insert(kind.kind.workload_kind(), kind)),
                Ok(None) => {}
                Err(error) if error.kind.is_transient() => return Err(error),
                Err(error) => {
                    let error = Failure::of("", &error).message;
                    tracing::warn!(error, kind = object.kind, "what is of a custom kind cannot be looked at");
                }
            }
        }
        Ok(kinds.into_values().collect())
    }

    /// Refuses custom kinds that the test cluster does not have.
    pub(crate) async fn refuse_unknown_kinds(&self, applications: &[ApplicationId]) -> Result<(), PortError> {
        for object in self.scalable_objects(applications) {
            if self.scalable(object).await?.is_none() {
                return Err(object.unknown("the test cluster"));
            }
        }
        Ok(())
    }

    /// The custom kind of what is at a place.
    pub(crate) async fn scalable_at(&self, place: &Place) -> Result<Arc<Settling<Scalable>>, PortError> {
        let applications: Vec<ApplicationId> =
            self.places.iter().filter(|(_, known)| *known == place).map(|(name, _)| name.clone()).collect();
        let found = self.scalables(&applications).await?.into_iter().next();
        let gone = || PortError::new(FailureKind::NotFound, format!("{place} is gone, and its kind with it"));
        found.ok_or_else(gone)
    }

    /// The objects of custom kinds that these applications are, as workloads.
    pub(crate) async fn found_scalables(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Found>, PortError> {
        let mut found = BTreeMap::new();
        for kind in self.scalables(applications).await? {
            match self.found_of::<Scalable>(applications, &kind.kind).await {
                Ok(its) => found.extend(its),
                Err(error) if error.kind == FailureKind::NotFound => self.scalables.forget(&kind.kind.workload_kind()),
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// What must not be changed of these: those of which the policy is asked.
    pub(crate) async fn scalable_targets(
        &self,
        freezer: &Freezer,
        applications: &[ApplicationId],
    ) -> Result<Vec<Target>, PortError> {
        let mut targets = Vec::new();
        for kind in self.scalables(applications).await? {
            if freezer.knows(&kind.kind).await? {
                let all = applications.iter().filter_map(|application| self.places.get(application));
                let its = all.filter(|place| place.kind == kind.kind.workload_kind());
                let resource = || Resource::Scalable(Arc::clone(&kind.kind));
                targets.extend(its.map(|place| Target::new(resource(), &place.namespace, &place.name)));
            }
        }
        Ok(targets)
    }

    fn scalable_objects(&self, applications: &[ApplicationId]) -> impl Iterator<Item = &ScalableObject> {
        let its = self.settings.applications.iter().filter(|one| applications.contains(&one.name));
        its.filter_map(|application| application.scalable.as_ref())
    }

    async fn scalable(&self, object: &ScalableObject) -> Result<Option<Arc<Settling<Scalable>>>, PortError> {
        let known = || self.scalables.known.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = object.workload_kind();
        if let Some(found) = known().get(&wanted) {
            return Ok(Some(Arc::clone(found)));
        }
        let Some(declared) = self.reader.declared(&object.api_version, &object.kind).await? else { return Ok(None) };
        let made = || Arc::new(settling(&self.client, &self.settings, Arc::new(declared)));
        Ok(Some(Arc::clone(known().entry(wanted).or_insert_with(made))))
    }
}
