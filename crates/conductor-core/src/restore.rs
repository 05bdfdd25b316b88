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
    /// Allocations to put back; they go before versions, so that fewer replicas are rolled.
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
            self.rollouts.push(Rollout { application: rollout.application.clone(), from: found.clone(), to: back });
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
mod tests {
    use super::*;
    use crate::scale::Plan;

    fn app() -> ApplicationId {
        "shop".parse().unwrap()
    }

    fn changes(plan: Plan) -> Changes {
        let release = Release::single("v1");
        let observed = Observed { release, allocation: Allocation::of_replicas(1), identity: Some("uid-1".to_owned()) };
        Changes { baseline: BTreeMap::from([(app(), observed)]), plan }
    }

    fn plan() -> Plan {
        Plan {
            rollouts: vec![Rollout { application: app(), from: Release::single("v1"), to: Release::single("v2") }],
            scale_steps: vec![ScaleStep {
                application: app(),
                from: Allocation::of_replicas(1),
                to: Allocation::of_replicas(3),
            }],
        }
    }

    fn found(version: &str, replicas: u32) -> BTreeMap<ApplicationId, Observed> {
        let release = Release::single(version);
        BTreeMap::from([(app(), observed(release, Allocation::of_replicas(replicas)))])
    }

    fn observed(release: Release, allocation: Allocation) -> Observed {
        Observed { release, allocation, identity: Some("uid-1".to_owned()) }
    }

    /// What the restore would do, as (version, replicas, foreign changes).
    fn outcome(version: &str, replicas: u32, policy: ForeignPolicy) -> (String, u32, Vec<String>) {
        let restore = RestorePlan::make(&changes(plan()), &found(version, replicas), policy);
        let version = restore.rollouts.first().map_or(version.to_owned(), |r| r.to.to_string());
        let replicas = restore.scale_steps.first().map_or(replicas, |s| s.to.replicas);
        (version, replicas, restore.foreign.into_iter().map(|f| f.field).collect())
    }

    #[test]
    fn what_the_run_applied_is_put_back_wherever_it_was_interrupted() {
        for (version, replicas) in [("v2", 3), ("v1", 1), ("v2", 1), ("v1", 3)] {
            assert_eq!(outcome(version, replicas, ForeignPolicy::Report), ("v1".to_owned(), 1, vec![]));
        }
    }

    #[test]
    fn somebody_elses_value_stays_and_is_reported_field_by_field() {
        assert_eq!(outcome("v9", 3, ForeignPolicy::Report), ("v9".to_owned(), 1, vec!["version of main".to_owned()]));
        assert_eq!(outcome("v2", 5, ForeignPolicy::Report), ("v1".to_owned(), 5, vec!["replicas".to_owned()]));
    }

    #[test]
    fn force_puts_the_original_back_and_still_reports() {
        assert_eq!(outcome("v2", 5, ForeignPolicy::Force), ("v1".to_owned(), 1, vec!["replicas".to_owned()]));
    }

    #[test]
    fn every_number_of_replicas_that_the_run_has_applied_is_its_own_and_none_between_them() {
        let step = |from, to| ScaleStep {
            application: app(),
            from: Allocation::of_replicas(from),
            to: Allocation::of_replicas(to),
        };
        let changes = changes(Plan { rollouts: vec![], scale_steps: vec![step(1, 3), step(3, 6)] });
        for replicas in [3, 6] {
            let restore = RestorePlan::make(&changes, &found("v1", replicas), ForeignPolicy::Report);
            assert_eq!(restore.scale_steps, [step(replicas, 1)], "one step, to what was there before the first");
            assert!(restore.foreign.is_empty());
        }
        assert!(RestorePlan::make(&changes, &found("v1", 1), ForeignPolicy::Report).is_done());
        let restore = RestorePlan::make(&changes, &found("v1", 4), ForeignPolicy::Report);
        assert!(restore.is_done());
        assert_eq!(
            restore.foreign[0].to_string(),
            "shop: replicas is 4, which is neither 1 (before the run) nor 6 (during it); left alone"
        );
        assert_eq!(RestorePlan::make(&changes, &BTreeMap::new(), ForeignPolicy::Report).missing, [app()]);
    }

    #[test]
    fn a_restored_environment_needs_nothing() {
        assert!(RestorePlan::make(&changes(plan()), &found("v1", 1), ForeignPolicy::Report).is_done());
    }

    #[test]
    fn fields_the_run_never_touched_are_not_looked_at() {
        let only_scale = Plan { rollouts: vec![], ..plan() };
        let restore = RestorePlan::make(&changes(only_scale), &found("v9", 3), ForeignPolicy::Force);
        assert!(restore.foreign.is_empty() && restore.rollouts.is_empty());
    }

    #[test]
    fn an_application_that_is_gone_is_named_once() {
        let restore = RestorePlan::make(&changes(plan()), &BTreeMap::new(), ForeignPolicy::Report);
        assert_eq!(restore.missing, [app()]);
    }

    #[test]
    fn what_was_made_anew_is_not_touched_not_even_by_force() {
        let mut found = found("v2", 3);
        found.get_mut(&app()).unwrap().identity = Some("uid-2".to_owned());
        let restore = RestorePlan::make(&changes(plan()), &found, ForeignPolicy::Force);
        assert!(restore.is_done() && restore.missing.is_empty());
        assert_eq!(
            restore.foreign[0].to_string(),
            "shop: it was deleted and made anew during the run; the new one is left alone"
        );
    }

    fn scaled(from: &Allocation, to: &Allocation) -> Changes {
        let step = ScaleStep { application: app(), from: from.clone(), to: to.clone() };
        changes(Plan { rollouts: vec![], scale_steps: vec![step] })
    }

    /// The restore of a scaled application that is found so.
    fn restore(from: &Allocation, to: &Allocation, found: &Allocation) -> RestorePlan {
        let found = BTreeMap::from([(app(), observed(Release::single("v1"), found.clone()))]);
        RestorePlan::make(&scaled(from, to), &found, ForeignPolicy::Report)
    }

    fn autoscaled(replicas: u32, min: u32, max: u32) -> Allocation {
        Allocation { autoscaling: Some(Bounds { min, max }), ..Allocation::of_replicas(replicas) }
    }

    #[test]
    fn an_autoscaled_application_is_back_when_its_bounds_are_and_its_replicas_are_within_them() {
        let (before, pinned) = (autoscaled(2, 1, 4), autoscaled(20, 20, 20));
        for (found, step) in [
            (pinned.clone(), Some((pinned.clone(), before.clone()))),
            // Somebody's replicas do not matter while the autoscaler is pinned: it puts them right.
            (autoscaled(7, 20, 20), Some((autoscaled(7, 20, 20), before.clone()))),
            // The bounds are back and the replicas not yet.
            (autoscaled(20, 1, 4), Some((autoscaled(20, 1, 4), before.clone()))),
            (before.clone(), None),
            (autoscaled(4, 1, 4), None),
        ] {
            let restore = restore(&before, &pinned, &found);
            let expected = step.map(|(from, to)| ScaleStep { application: app(), from, to });
            assert_eq!(restore.scale_steps, Vec::from_iter(expected), "{found}");
            assert!(restore.foreign.is_empty(), "{found}");
        }
    }

    #[test]
    fn somebody_elses_bounds_stay_and_are_reported() {
        let found = autoscaled(20, 5, 9);
        let restore = restore(&autoscaled(2, 1, 4), &autoscaled(20, 20, 20), &found);
        assert_eq!(restore.scale_steps[0].to, autoscaled(5, 5, 9), "within what they allow");
        assert_eq!(
            restore.foreign[0].to_string(),
            "shop: autoscaling is autoscaled from 5 to 9, which is neither autoscaled from 1 to 4 (before the run) nor \
             pinned at 20 (during it); left alone"
        );
    }

    #[test]
    fn where_somebody_has_moved_one_end_the_other_goes_back_as_far_as_theirs_allows() {
        let pinned = autoscaled(20, 20, 20);
        for (before, found, back, told) in [
            ((1, 4), (20, 40), (1, 40), "autoscaling maximum is 40, which is neither 4 (before the run) nor 20"),
            ((1, 4), (5, 20), (5, 5), "autoscaling minimum is 5, which is neither 1 (before the run) nor 20"),
            ((30, 50), (20, 22), (22, 22), "autoscaling maximum is 22, which is neither 50 (before the run) nor 20"),
            ((1, 9), (2, 9), (2, 9), "autoscaling minimum is 2, which is neither 1 (before the run) nor 20"),
        ] {
            let (before, found) = (autoscaled(2, before.0, before.1), autoscaled(20, found.0, found.1));
            let restore = restore(&before, &pinned, &found);
            let bounds = restore.scale_steps.first().map_or(found.autoscaling, |step| step.to.autoscaling);
            assert_eq!(bounds, Some(Bounds { min: back.0, max: back.1 }), "{found}");
            assert_eq!(restore.foreign.len(), 1);
            let text = restore.foreign[0].to_string();
            assert!(text.starts_with(&format!("shop: {told}")), "{text}");
        }
        // Half of the way back was gone by the run itself.
        let restore = restore(&autoscaled(2, 1, 4), &pinned, &autoscaled(20, 1, 20));
        assert_eq!(
            (restore.scale_steps[0].to.autoscaling, restore.foreign.len()),
            (Some(Bounds { min: 1, max: 4 }), 0)
        );
    }

    #[test]
    fn an_autoscaler_that_was_off_because_there_were_no_replicas_is_off_again() {
        let (before, pinned) = (autoscaled(0, 1, 4), autoscaled(20, 20, 20));
        for found in [pinned.clone(), autoscaled(20, 1, 4), autoscaled(4, 1, 4)] {
            assert_eq!(restore(&before, &pinned, &found).scale_steps[0].to, before, "{found}");
        }
        assert!(restore(&before, &pinned, &before).is_done());
        // One that may go so low has chosen.
        let found = autoscaled(3, 0, 4);
        assert!(restore(&autoscaled(0, 0, 4), &pinned, &found).is_done());
    }

    #[test]
    fn resources_go_back_one_by_one() {
        let given = |of: &[(&str, &str)]| {
            let of = of.iter().map(|(name, text)| ((*name).to_owned(), text.parse().unwrap())).collect();
            Allocation { resources: BTreeMap::from([("app".to_owned(), of)]), ..Allocation::of_replicas(1) }
        };
        let before = given(&[("requests.cpu", "100m"), ("requests.memory", "1Gi"), ("limits.cpu", "1")]);
        let during = given(&[("requests.cpu", "2"), ("requests.memory", "1Gi"), ("limits.memory", "4Gi")]);
        assert_eq!(restore(&before, &during, &during).scale_steps[0].to, before);
        assert!(restore(&before, &during, &before).is_done());
        // A limit of theirs stays, and so does a request that the run did not change.
        let found = given(&[("requests.cpu", "2000m"), ("requests.memory", "3Gi"), ("limits.memory", "8Gi")]);
        let restore = restore(&before, &during, &found);
        let back = given(&[
            ("requests.cpu", "100m"),
            ("requests.memory", "3Gi"),
            ("limits.memory", "8Gi"),
            ("limits.cpu", "1"),
        ]);
        assert_eq!(restore.scale_steps[0].to, back);
        let fields: Vec<&str> = restore.foreign.iter().map(|change| change.field.as_str()).collect();
        assert_eq!(fields, ["limits.memory of app"]);
    }
}
