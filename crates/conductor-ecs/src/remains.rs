//! What applications are given now, what runs have left on them, and the end of a way back: nothing of a run is left there.

use std::collections::BTreeMap;
use std::sync::Arc;

use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::failure::Failure;
use conductor_core::ports::{FailureKind, LeftBehind, PortError, Way};
use conductor_core::run::RunId;
use futures::future::join_all;

use crate::change::{Change, Wish, remainder};
use crate::environment::EcsEnvironment;
use crate::left_behind::{Marked, Parts, left_behind};
use crate::marker::Marker;
use crate::place::{Place, Revision};
use crate::service::Service;
use crate::wanted::is_gone;

impl EcsEnvironment {
    /// What services that were found have.
    pub(crate) async fn allocations(
        &self,
        found: BTreeMap<ApplicationId, Arc<Service>>,
    ) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        let read = found.into_iter().map(|(application, service)| async move {
            // Where another controller deploys, nobody else gives tasks other resources.
            let is_deployable = service.undeployable().is_none();
            let definition = match is_deployable {
                true => Some(self.definition_of(&service).await?),
                false => None,
            };
            let parts = Parts::of(definition.as_deref(), service.desired, is_deployable);
            Ok((application, parts.allocation))
        });
        join_all(read).await.into_iter().collect()
    }

    /// What runs have left on services. A marker that cannot be read is told with the others unharmed: nobody can put anything
    /// back by it, and no run may begin there.
    pub(crate) async fn look_for_what_is_left(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<RunId, LeftBehind>, PortError> {
        let mut marked = BTreeMap::new();
        for (application, service) in self.look(applications).await? {
            match Marker::read(&service.tags) {
                Ok(None) => {}
                Ok(Some(marker)) => drop(marked.insert(application, self.marked(&service, marker).await?)),
                Err(error) => tracing::warn!(%application, %error, "what a run has left there cannot be read"),
            }
        }
        Ok(left_behind(marked))
    }

    async fn marked(&self, service: &Service, marker: Marker) -> Result<Marked, PortError> {
        let is_deployable = service.undeployable().is_none();
        let parts = async |revision: &Revision| -> Result<Option<Parts>, PortError> {
            match self.revisions.get(revision).await {
                Ok(definition) => Ok(Some(Parts::of(Some(definition.as_ref()), service.desired, is_deployable))),
                // What else there is of this service, and all of the others, can be put back.
                Err(error) if is_gone(&error) => {
                    tracing::warn!(service = %service.name, %error, "a revision that a run has noted cannot be read");
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        };
        let kept = marker.definition.clone();
        let before = match kept.as_ref().map(|kept| &kept.before).or(service.definition.as_ref()) {
            Some(revision) => parts(revision).await?,
            None => None,
        };
        let mut applied = Vec::new();
        for revision in kept.iter().flat_map(|kept| &kept.applied) {
            applied.extend(parts(revision).await?);
        }
        Ok(Marked { identity: service.created.clone(), desired: service.desired, marker, before, applied })
    }

    /// Lets go of applications: what is still the run's is put back by its marker, without waiting, and the tags go that say what
    /// is as it was. One failure does not stop the others.
    pub(crate) async fn let_go_of(&self, run: &RunId, applications: &[ApplicationId]) -> Result<(), PortError> {
        let work = applications.iter().map(|application| async move {
            let place = self.place(application)?;
            let done = self.part(run, place).await;
            // Nothing is left of what has gone meanwhile.
            done.or_else(|error| if error.kind == FailureKind::NotFound { Ok(()) } else { Err(error) })
        });
        all_failed(join_all(work).await)
    }

    async fn part(&self, run: &RunId, place: &Place) -> Result<(), PortError> {
        let act = format!("could not let go of {place}");
        let holder = self.holder(run);
        let service = self.writer.certain(place, &act).await?;
        if let Ok(Some(marker)) = Marker::read(&service.tags)
            && marker.holder.run == *run
        {
            let left = remainder(&service, &marker);
            if left.desired.is_some() || left.definition.is_some() {
                self.writer.write(place, &holder, &self.wish_back(&service, &left).await?).await?;
            }
        }
        // What is not shown in time, as it was written a moment ago, keeps its tags: the next call takes them.
        self.writer.let_go(place, &holder, remainder).await
    }

    /// What puts back what is left of a run.
    async fn wish_back(&self, service: &Service, left: &Marker) -> Result<Wish, PortError> {
        let desired = left.desired.as_ref().map(|kept| Change { from: service.desired, to: kept.before });
        let definition = match (&left.definition, &service.definition) {
            (Some(kept), Some(live)) => {
                let to = self.revisions.usable(&self.writer, &kept.before).await?;
                Some(Change { from: live.clone(), to })
            }
            (Some(_) | None, _) => None,
        };
        Ok(Wish { desired, definition, ..Wish::nothing(Way::Back) })
    }
}

/// One error of all; the gravest of their kinds is its kind.
pub(crate) fn all_failed(results: Vec<Result<(), PortError>>) -> Result<(), PortError> {
    let failures: Vec<PortError> = results.into_iter().filter_map(Result::err).collect();
    let Some(kind) = failures.iter().map(|error| error.kind).max_by_key(|kind| !kind.is_transient()) else {
        return Ok(());
    };
    let texts: Vec<String> = failures.iter().map(|error| Failure::of("", error).message).collect();
    Err(PortError::new(kind, texts.join("; ")))
}
