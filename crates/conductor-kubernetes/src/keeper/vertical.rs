//! VerticalPodAutoscalers, which would evict the pods of a run: they are paused like keepers, by a mode.
//!
//! * From before the first change on they evict nothing, and new pods get what the old ones have (`Initial`).
//! * While the run's resources are in a template, they give new pods nothing else (`Off`). The mode changes before the
//!   template does, there and back, so that every pod of a rollout is made by one rule.

use std::collections::BTreeSet;

use conductor_core::ports::{FailureKind, PortError, Way};
use conductor_core::run::RunId;

use super::{KeeperKind, Keeps, Reference};
use crate::change::{Change, Wish};
use crate::environment::KubernetesEnvironment;
use crate::field::UnreadableError;
use crate::named::Named;
use crate::object::{Object, marker};
use crate::place::Place;
use crate::vertical::{INITIAL, OFF, Policy, VerticalPodAutoscaler};

impl Keeps for VerticalPodAutoscaler {
    const KIND: KeeperKind = KeeperKind::VerticalPodAutoscaler;

    fn pause(&self) -> Result<Vec<Change>, UnreadableError> {
        let policy = self.fields()?;
        Ok(if policy.evicts() { policy.to(INITIAL) } else { Vec::new() })
    }

    fn sizes(&self) -> bool {
        self.fields().is_ok_and(|policy| policy.sizes_new())
    }

    fn keeps(&self) -> Vec<Reference> {
        let target = self.spec.target_ref.as_ref().zip(self.metadata.namespace.clone());
        let reference = target.map(|(target, namespace)| Reference {
            kind: target.kind.clone(),
            namespace,
            name: target.name.clone(),
        });
        reference.into_iter().collect()
    }

    fn count(&self) -> Option<usize> {
        Some(self.keeps().len())
    }

    fn restless(&self) -> Option<String> {
        None
    }
}

impl KubernetesEnvironment {
    /// True for a cluster that knows VerticalPodAutoscalers.
    pub(crate) async fn has_vertical(&self) -> Result<bool, PortError> {
        self.known.knows::<VerticalPodAutoscaler>(&self.reader).await
    }

    /// Lets the VerticalPodAutoscalers of a workload do what they shall while its resources are changed, or are the run's. Of
    /// a StackSet it is the Deployment of its Stack.
    pub(crate) async fn size(
        &self,
        place: &Place,
        run: &RunId,
        way: Way,
        sets_resources: bool,
    ) -> Result<(), PortError> {
        if !self.has_vertical().await? {
            return Ok(());
        }
        let list = || self.reader.list_in::<VerticalPodAutoscaler>(&place.namespace);
        let all = self.vertical.ask(&place.namespace, list).await?;
        for one in all.iter().filter(|one| one.target().as_ref() == Some(place)) {
            let named = Named::of(&(), one);
            let unreadable =
                |error| PortError::because(FailureKind::Rejected, format!("could not read {named}"), error);
            let policy = one.fields().map_err(unreadable)?;
            let changes = match way {
                Way::There if sets_resources => policy.to(OFF),
                // Somebody may have changed what the run has given it, or made it meanwhile.
                Way::There => match one.given() {
                    Some(mode) => policy.to(&mode),
                    None if policy.evicts() => policy.to(INITIAL),
                    None => Vec::new(),
                },
                Way::Back if sets_resources => self.open(run, one, &policy),
                Way::Back => Vec::new(),
            };
            if !changes.is_empty() {
                let wish = Wish { way, changes, contested: BTreeSet::new() };
                self.writer.write(named, &self.holder(run), &wish).await?;
            }
        }
        Ok(())
    }

    /// What lets one give new pods again what is recommended, where the run has switched it off. It evicts nothing yet.
    fn open(&self, run: &RunId, one: &VerticalPodAutoscaler, policy: &Policy) -> Vec<Change> {
        match marker(one) {
            Ok(Some(marker))
                if marker.holder.run == *run && marker.original.sizes_new() && one.given() == policy.mode =>
            {
                policy.to(INITIAL)
            }
            _ => Vec::new(),
        }
    }
}
