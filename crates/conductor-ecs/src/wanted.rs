//! Which revision a service is to be given: versions and resources stand in the same task definition, and are changed one after
//! the other.
//!
//! On the way there a revision is made of the one before the run: with the images and the resources that the run wants by then. On
//! the way back a revision of the run gives way to the one before it, as a whole: that puts versions and resources back with one
//! deployment. Where somebody else has put a revision of their own there, only what is the run's in it is put back, in another one
//! made of theirs.

use std::collections::BTreeMap;
use std::sync::Arc;

use conductor_core::app::{ApplicationId, Resources};
use conductor_core::ports::{FailureKind, PortError, Way};
use conductor_core::release::Release;
use conductor_core::run::RunId;
use conductor_core::scale::ScaleStep;

use crate::change::Change;
use crate::definition::{Definition, Difference};
use crate::environment::EcsEnvironment;
use crate::marker::{Kept, Marker};
use crate::place::{Place, Revision};
use crate::service::Service;

/// A service and what a run knows of its task definition.
struct Known {
    live: Arc<Definition>,
    kept: Option<Kept<Revision>>,
}

impl EcsEnvironment {
    /// The change that gives containers other images.
    pub(crate) async fn change_of_images(
        &self,
        place: &Place,
        run: &RunId,
        from: &Release,
        to: &Release,
        way: Way,
    ) -> Result<Change<Revision>, PortError> {
        let known = self.known(place, run, way).await?;
        let images = to.containers().clone();
        self.refuse_other_images(place, &known, from, &images)?;
        let to = match way {
            Way::There => {
                let resources = self.last(&known).await?.resources();
                self.there(&known, Difference { images, resources }).await?
            }
            Way::Back => {
                let is_before = |before: &Definition| contains(&before.images(), &images);
                self.back(&known, is_before, Difference { images: images.clone(), resources: BTreeMap::new() }).await?
            }
        };
        Ok(Change { from: known.live.revision.clone(), to })
    }

    /// The change that gives containers other resources.
    pub(crate) async fn change_of_resources(
        &self,
        place: &Place,
        run: &RunId,
        step: &ScaleStep,
        way: Way,
    ) -> Result<Change<Revision>, PortError> {
        let known = self.known(place, run, way).await?;
        let resources: BTreeMap<String, Resources> = step.to.resources.clone();
        self.refuse_other_resources(place, &known, step)?;
        let to = match way {
            Way::There => {
                self.refuse_other_deployment(place, &known).await?;
                let images = self.last(&known).await?.images();
                self.there(&known, Difference { images, resources }).await?
            }
            Way::Back => {
                let is_before = |before: &Definition| before.resources() == resources;
                let difference = Difference { images: BTreeMap::new(), resources: resources.clone() };
                self.back(&known, is_before, difference).await?
            }
        };
        Ok(Change { from: known.live.revision.clone(), to })
    }

    /// Why what is deployed now could not be put back exactly; `None` where it could.
    pub(crate) async fn cannot_come_back(
        &self,
        application: &ApplicationId,
        service: &Service,
    ) -> Result<Option<String>, PortError> {
        let Some(revision) = &service.definition else {
            return Ok(Some(format!("{application}: nothing tells which task definition it runs")));
        };
        let definition = self.revisions.fresh(revision).await?;
        Ok((!definition.is_active()).then(|| {
            format!(
                "{application}: somebody has deregistered {revision}, which it runs, so that it could not be put back; expected \
                 a revision that is active"
            )
        }))
    }

    async fn known(&self, place: &Place, run: &RunId, way: Way) -> Result<Known, PortError> {
        let service = self.writer.look(place, &format!("could not change {place}")).await?;
        let live = self.definition_of(&service).await?;
        let found = Marker::read(&service.tags).ok().flatten().filter(|marker| marker.holder.run == *run);
        // What this conductor has written itself may not be shown yet.
        let marker = self.writer.written(place, &self.holder(run)).or(found);
        let kept = marker.and_then(|marker| marker.definition);
        // Where its tags are gone, a revision that was made for a run tells what it was made of.
        let made_of = |base| Kept { before: base, applied: vec![live.revision.clone()] };
        let kept = kept.or_else(|| live.base().filter(|_| way == Way::Back).map(made_of));
        Ok(Known { live, kept })
    }

    /// What the run has given last, or what was there before it.
    async fn last(&self, known: &Known) -> Result<Arc<Definition>, PortError> {
        match known.kept.as_ref().and_then(|kept| kept.applied.last()) {
            Some(last) => self.revisions.get(last).await,
            None => Ok(Arc::clone(&known.live)),
        }
    }

    async fn there(&self, known: &Known, difference: Difference) -> Result<Revision, PortError> {
        let base = match &known.kept {
            Some(kept) => self.revisions.get(&kept.before).await?,
            None => Arc::clone(&known.live),
        };
        self.revisions.like(&self.writer, &base, &difference).await
    }

    async fn back(
        &self,
        known: &Known,
        is_before: impl Fn(&Definition) -> bool,
        difference: Difference,
    ) -> Result<Revision, PortError> {
        let Known { live, kept } = known;
        let Some(kept) = kept else { return self.revisions.like(&self.writer, live, &difference).await };
        let before = match self.revisions.get(&kept.before).await {
            Ok(before) => before,
            // Somebody has deleted it. What it said of images and resources is known to whoever asks, where a journal is there.
            Err(error) if is_gone(&error) && !difference.is_nothing() => {
                tracing::warn!(revision = %kept.before, "a recorded revision is gone: what is known of it is put back");
                return self.revisions.like(&self.writer, live, &difference).await;
            }
            Err(error) => return Err(error),
        };
        // One that was registered anew in the place of the one before is that one.
        let is_own =
            live.revision == kept.before || kept.applied.contains(&live.revision) || live.says(&before.content);
        if is_own && is_before(&before) {
            return self.revisions.usable(&self.writer, &kept.before).await;
        }
        self.revisions.like(&self.writer, live, &difference).await
    }

    /// What others have deployed is not written over, unless it was seen by whoever asks for that.
    fn refuse_other_images(
        &self,
        place: &Place,
        known: &Known,
        from: &Release,
        to: &BTreeMap<String, String>,
    ) -> Result<(), PortError> {
        let found = known.live.images();
        if contains(&found, from.containers()) || contains(&found, to) || known.is_of_the_run() {
            return Ok(());
        }
        let text = format!(
            "somebody else changed its version: it is {}, and neither {from} nor {}",
            Release::new(found),
            Release::new(to.clone())
        );
        Err(PortError::because(FailureKind::Rejected, format!("could not change {place}"), text))
    }

    /// The same of resources.
    fn refuse_other_resources(&self, place: &Place, known: &Known, step: &ScaleStep) -> Result<(), PortError> {
        let found = known.live.resources();
        let ScaleStep { from, to, .. } = step;
        if found == from.resources || found == to.resources || known.is_of_the_run() {
            return Ok(());
        }
        let revision = &known.live.revision;
        let text = format!(
            "somebody else changed its resources: those of {revision} are neither what the load test gives nor what was there"
        );
        Err(PortError::because(FailureKind::Rejected, format!("could not change {place}"), text))
    }

    /// Once the run has given a revision, another one is somebody else's, whose version would be lost with the next of the run.
    async fn refuse_other_deployment(&self, place: &Place, known: &Known) -> Result<(), PortError> {
        if known.kept.is_none() || known.is_of_the_run() {
            return Ok(());
        }
        let (found, last) = (known.live.images(), self.last(known).await?.images());
        if found == last {
            return Ok(());
        }
        let text =
            format!("somebody else changed its version: it is {}, and not {}", Release::new(found), Release::new(last));
        Err(PortError::because(FailureKind::Rejected, format!("could not change {place}"), text))
    }
}

impl Known {
    /// True where it runs what the run has given it, or what it ran before.
    fn is_of_the_run(&self) -> bool {
        let live = &self.live.revision;
        self.kept.as_ref().is_some_and(|kept| kept.before == *live || kept.applied.contains(live))
    }
}

/// True for the error of a revision that is not there any more.
pub(crate) fn is_gone(error: &PortError) -> bool {
    matches!(error.kind, FailureKind::Rejected | FailureKind::NotFound)
}

/// Whether these images are among those.
fn contains(all: &BTreeMap<String, String>, images: &BTreeMap<String, String>) -> bool {
    images.iter().all(|(name, image)| all.get(name) == Some(image))
}
