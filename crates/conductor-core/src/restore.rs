//! The way back, decided per field from three values: the original, what the run applied, and what is found now. A run
//! that scaled an application more than once has applied each of those values.
//!
//! | found | decision |
//! |---|---|
//! | equals the original | nothing to do |
//! | equals what the run applied, at any time | put the original back |
//! | anything else | somebody else changed it: report it, overwrite only by policy |
//!
//! Replicas that an autoscaler chooses are back when its bounds are and they are within them. What was deleted and made
//! anew meanwhile is somebody else's as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::app::{Allocation, ApplicationId, Bounds, Resources};
use crate::phase::Changes;
use crate::quantity::Quantity;
use crate::release::{Release, Rollout};
use crate::scale::{Observed, ScaleStep};

/// What becomes of a field that somebody else changed during the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ForeignPolicy {
    /// Leave their value and report it.
    #[default]
    Report,
    /// Put the original back over their value and report it.
    Force,
}

/// A value that neither the run nor the time before it explains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForeignChange {
    /// The application.
    pub application: ApplicationId,
    /// The field: `version of <container>`, `replicas`, `autoscaling` (or its `minimum` or `maximum` alone),
    /// `<resource> of <container>`, or `identity` for an application that was made anew.
    pub field: String,
    /// The value before the run.
    pub original: String,
    /// The value the run applied.
    pub applied: String,
    /// The value found.
    pub found: String,
    /// True when the original was put back all the same.
    pub forced: bool,
}

impl ForeignChange {
    const IDENTITY: &str = "identity";
}

impl fmt::Display for ForeignChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { application, field, original, applied, found, forced } = self;
        if field == Self::IDENTITY {
            return write!(f, "{application}: it was deleted and made anew during the run; the new one is left alone");
        }
        write!(
            f,
            "{application}: {field} is {found}, which is neither {original} (before the run) nor {applied} (during it); {}",
            if *forced { "put back all the same" } else { "left alone" }
        )
    }
}

/// What must be done to put an environment back, and what is in the way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestorePlan {
    /// Allocations to put back; each goes before the version of its application, so that fewer replicas are rolled.
    pub scale_steps: Vec<ScaleStep>,
    /// Versions to put back.
    pub rollouts: Vec<Rollout>,
    /// What somebody else changed.
    pub foreign: Vec<ForeignChange>,
    /// Applications of the plan that are gone.
    pub missing: Vec<ApplicationId>,
}

impl RestorePlan {
    /// Compares what was planned with what is found. Only fields that the plan changes are looked at.
    pub fn make(changes: &Changes, found: &BTreeMap<ApplicationId, Observed>, policy: ForeignPolicy) -> Self {
        let Changes { baseline, plan } = changes;
        let mut restore = Self::default();
        for application in plan.applications() {
            let Some(observed) = found.get(application) else {
                restore.missing.push(application.clone());
                continue;
            };
            let before = baseline.get(application).and_then(|before| before.identity.as_ref());
            if before.is_some() && before != observed.identity.as_ref() {
                restore.made_anew(application, before, observed.identity.as_ref());
                continue;
            }
            let mut steps = plan.scale_steps.iter().filter(|step| step.application == *application).peekable();
            if let Some(first) = steps.peek().copied() {
                let applied: Vec<&Allocation> = steps.map(|step| &step.to).collect();
                restore.allocation(first, &applied, &observed.allocation, policy);
            }
            for rollout in plan.rollouts.iter().filter(|rollout| rollout.application == *application) {
                restore.release(rollout, &observed.release, policy);
            }
        }
        restore
    }

    /// True when nothing has to be changed.
    pub fn is_done(&self) -> bool {
        self.scale_steps.is_empty() && self.rollouts.is_empty()
    }

    fn made_anew(&mut self, application: &ApplicationId, before: Option<&String>, found: Option<&String>) {
        let original = shown(&before);
        self.foreign.push(ForeignChange {
            application: application.clone(),
            field: ForeignChange::IDENTITY.to_owned(),
            applied: original.clone(),
            original,
            found: shown(&found),
            forced: false,
        });
    }

    fn allocation(&mut self, first: &ScaleStep, applied: &[&Allocation], found: &Allocation, policy: ForeignPolicy) {
        let ScaleStep { application, from: original, .. } = first;
        let mut field = Fields { application, policy, foreign: &mut self.foreign };
        let bounds: Vec<_> = applied.iter().map(|applied| applied.autoscaling).collect();
        let autoscaling = field.autoscaling(original.autoscaling, &bounds, found.autoscaling);
        let is_scaled = applied.iter().any(|applied| applied.replicas != original.replicas);
        let replicas = match autoscaling {
            // An autoscaler that may not go so low is off at none, and would not bring the replicas back there.
            Some(bounds) if original.replicas == 0 && !bounds.contain(0) && is_scaled => 0,
            // What it has chosen stays; pinned replicas go back to where it will choose from.
            Some(bounds) if found.autoscaling == autoscaling && bounds.contain(found.replicas) => found.replicas,
            Some(bounds) => bounds.nearest(original.replicas),
            None => {
                let replicas: Vec<u32> = applied.iter().map(|applied| applied.replicas).collect();
                field.decide("replicas", original.replicas, &replicas, found.replicas, u32::to_string)
            }
        };
        let resources = field.resources(original, applied, found);
        let back = Allocation { replicas, resources, autoscaling };
        if back != *found {
            self.scale_steps.push(ScaleStep { application: application.clone(), from: found.clone(), to: back });
        }
    }

    fn release(&mut self, rollout: &Rollout, found: &Release, policy: ForeignPolicy) {
        let mut field = Fields { application: &rollout.application, policy, foreign: &mut self.foreign };
        let mut back = found.containers().clone();
        for (container, original) in rollout.from.containers() {
            let name = format!("version of {container}");
            let applied = rollout.to.containers().get(container);
            let present = found.containers().get(container);
            let decided = field.decide(&name, Some(original), &[applied], present, shown);
            if let Some(version) = decided {
                back.insert(container.clone(), version.clone());
            }
        }
        let back = Release::new(back);
        if back != *found {
            self.rollouts.push(Rollout::new(rollout.application.clone(), found.clone(), back));
        }
    }
}

fn shown<T: fmt::Display>(value: &Option<T>) -> String {
    value.as_ref().map_or_else(|| "absent".to_owned(), T::to_string)
}

/// Decides the fields of one application.
struct Fields<'a> {
    application: &'a ApplicationId,
    policy: ForeignPolicy,
    foreign: &'a mut Vec<ForeignChange>,
}

impl Fields<'_> {
    /// The bounds of the autoscaler after the restore. Where somebody else has moved one end, the other goes back as far as
    /// theirs allows.
    fn autoscaling(
        &mut self,
        original: Option<Bounds>,
        applied: &[Option<Bounds>],
        found: Option<Bounds>,
    ) -> Option<Bounds> {
        let all: Option<Vec<Bounds>> = applied.iter().copied().collect();
        if let (Some(before), Some(during), Some(present)) = (original, all, found) {
            let ends = |of: fn(&Bounds) -> u32| (of(&before), during.iter().map(of).collect::<Vec<_>>(), of(&present));
            let [fewest, most] = [ends(|bounds| bounds.min), ends(|bounds| bounds.max)];
            let is_theirs =
                |(before, during, present): &(u32, Vec<u32>, u32)| present != before && !during.contains(present);
            if !(is_theirs(&fewest) && is_theirs(&most)) {
                let min = self.decide("autoscaling minimum", fewest.0, &fewest.1, fewest.2, u32::to_string);
                let max = self.decide("autoscaling maximum", most.0, &most.1, most.2, u32::to_string);
                let back = if is_theirs(&fewest) { (min, max.max(min)) } else { (min.min(max), max) };
                return Some(Bounds { min: back.0, max: back.1 });
            }
        }
        self.decide("autoscaling", original, applied, found, shown)
    }

    /// The resources the containers shall have after the restore; what the run did not set is as found.
    fn resources(
        &mut self,
        original: &Allocation,
        applied: &[&Allocation],
        found: &Allocation,
    ) -> BTreeMap<String, Resources> {
        let mut back = found.resources.clone();
        for (container, resources) in &mut back {
            let all = [original, found].into_iter().chain(applied.iter().copied());
            let named = all.filter_map(|allocation| allocation.resources.get(container));
            let names: BTreeSet<String> = named.flat_map(|resources| resources.keys().cloned()).collect();
            for name in names {
                let of = |allocation: &Allocation| -> Option<Quantity> {
                    allocation.resources.get(container)?.get(&name).cloned()
                };
                let set: Vec<_> = applied.iter().map(|applied| of(applied)).collect();
                match self.decide(&format!("{name} of {container}"), of(original), &set, of(found), shown) {
                    Some(quantity) => resources.insert(name, quantity),
                    None => resources.remove(&name),
                };
            }
        }
        back
    }

    /// The value the field shall have after the restore; `applied` is what the run gave it, one after the other.
    fn decide<T: PartialEq + Clone>(
        &mut self,
        field: &str,
        original: T,
        applied: &[T],
        found: T,
        text: impl Fn(&T) -> String,
    ) -> T {
        let Some(last) = applied.last().filter(|_| applied.iter().any(|applied| *applied != original)) else {
            return found;
        };
        if found == original {
            return found;
        }
        if applied.contains(&found) {
            return original;
        }
        let forced = self.policy == ForeignPolicy::Force;
        self.foreign.push(ForeignChange {
            application: self.application.clone(),
            field: field.to_owned(),
            original: text(&original),
            applied: text(last),
            found: text(&found),
            forced,
        });
        if forced { original } else { found }
    }
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
