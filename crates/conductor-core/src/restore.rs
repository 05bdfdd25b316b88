//! The way back, decided per field from three values: the original, what the run applied, and what is found now. A run
//! that scaled an application more than once has applied each of those values.
//!
//! | found | decision |
//! |---|---|
//! | equals the original | nothing to do |
//! | equals what the run applied, at any time | put the original back |
//! | anything else | somebody else changed it: report it, overwrite only by policy |

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::app::{Allocation, ApplicationId};
use crate::release::{Release, Rollout};
use crate::scale::{Observed, Plan, ScaleStep};
use crate::units::{Cpu, Memory};

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
    /// The field: `version of <container>`, `replicas`, `cpu` or `memory`.
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

impl fmt::Display for ForeignChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { application, field, original, applied, found, forced } = self;
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
    pub fn make(plan: &Plan, found: &BTreeMap<ApplicationId, Observed>, policy: ForeignPolicy) -> Self {
        let mut restore = Self::default();
        let mut seen = BTreeSet::new();
        for ScaleStep { application, from, .. } in &plan.scale_steps {
            if !seen.insert(application) {
                continue;
            }
            let steps = plan.scale_steps.iter().filter(|step| step.application == *application);
            let applied: Vec<Allocation> = steps.map(|step| step.to).collect();
            match found.get(application) {
                Some(observed) => restore.allocation(application, *from, &applied, observed.allocation, policy),
                None => restore.gone(application),
            }
        }
        for rollout in &plan.rollouts {
            match found.get(&rollout.application) {
                Some(observed) => restore.release(rollout, &observed.release, policy),
                None => restore.gone(&rollout.application),
            }
        }
        restore
    }

    /// True when nothing has to be changed.
    pub fn is_done(&self) -> bool {
        self.scale_steps.is_empty() && self.rollouts.is_empty()
    }

    fn gone(&mut self, application: &ApplicationId) {
        if !self.missing.contains(application) {
            self.missing.push(application.clone());
        }
    }

    fn allocation(
        &mut self,
        application: &ApplicationId,
        original: Allocation,
        applied: &[Allocation],
        found: Allocation,
        policy: ForeignPolicy,
    ) {
        let mut field = Fields { application, policy, foreign: &mut self.foreign };
        let replicas: Vec<u32> = applied.iter().map(|applied| applied.replicas).collect();
        let cpu: Vec<Option<Cpu>> = applied.iter().map(|applied| applied.cpu).collect();
        let memory: Vec<Option<Memory>> = applied.iter().map(|applied| applied.memory).collect();
        let back = Allocation {
            replicas: field.decide("replicas", original.replicas, &replicas, found.replicas, u32::to_string),
            cpu: field.decide("cpu", original.cpu, &cpu, found.cpu, shown),
            memory: field.decide("memory", original.memory, &memory, found.memory, shown),
        };
        if back != found {
            self.scale_steps.push(ScaleStep { application: application.clone(), from: found, to: back });
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

    fn app() -> ApplicationId {
        "shop".parse().unwrap()
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
        BTreeMap::from([(app(), Observed { release, allocation: Allocation::of_replicas(replicas) })])
    }

    /// What the restore would do, as (version, replicas, foreign changes).
    fn outcome(version: &str, replicas: u32, policy: ForeignPolicy) -> (String, u32, Vec<String>) {
        let restore = RestorePlan::make(&plan(), &found(version, replicas), policy);
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
        let plan = Plan { rollouts: vec![], scale_steps: vec![step(1, 3), step(3, 6)] };
        for replicas in [3, 6] {
            let restore = RestorePlan::make(&plan, &found("v1", replicas), ForeignPolicy::Report);
            assert_eq!(restore.scale_steps, [step(replicas, 1)], "one step, to what was there before the first");
            assert!(restore.foreign.is_empty());
        }
        assert!(RestorePlan::make(&plan, &found("v1", 1), ForeignPolicy::Report).is_done());
        let restore = RestorePlan::make(&plan, &found("v1", 4), ForeignPolicy::Report);
        assert!(restore.is_done());
        assert_eq!(
            restore.foreign[0].to_string(),
            "shop: replicas is 4, which is neither 1 (before the run) nor 6 (during it); left alone"
        );
        assert_eq!(RestorePlan::make(&plan, &BTreeMap::new(), ForeignPolicy::Report).missing, [app()]);
    }

    #[test]
    fn a_restored_environment_needs_nothing() {
        assert!(RestorePlan::make(&plan(), &found("v1", 1), ForeignPolicy::Report).is_done());
    }

    #[test]
    fn fields_the_run_never_touched_are_not_looked_at() {
        let only_scale = Plan { rollouts: vec![], ..plan() };
        let restore = RestorePlan::make(&only_scale, &found("v9", 3), ForeignPolicy::Force);
        assert!(restore.foreign.is_empty() && restore.rollouts.is_empty());
    }

    #[test]
    fn an_application_that_is_gone_is_named_once() {
        let restore = RestorePlan::make(&plan(), &BTreeMap::new(), ForeignPolicy::Report);
        assert_eq!(restore.missing, [app()]);
    }
}
