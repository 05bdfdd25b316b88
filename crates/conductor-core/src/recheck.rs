//! The second look, some time after the way back: what is no longer as it was then, and whose value it is.
//!
//! | found | decision |
//! |---|---|
//! | as at the first look | nothing to tell |
//! | a value that the run has applied | it has come back, by a late write or somebody's controller: put the original back once more |
//! | anything else | somebody else's, since the way back: tell it, and never overwrite it |

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::app::ApplicationId;
use crate::guard::{Drift, drift};
use crate::phase::Changes;
use crate::restore::{ForeignPolicy, RestorePlan};
use crate::scale::{Baseline, Observed};

/// A way back that has come to its end, as far as it got.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WayBack {
    /// What was put back.
    pub changes: Changes,
    /// What the applications were when it was looked for the last time; empty where that failed.
    pub found: Baseline,
    /// When that was.
    pub at: Timestamp,
}

/// A field that is no longer as it was after the way back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LateChange {
    /// What it is, what it was before the run, and who has changed it where that is known.
    pub drift: Drift,
    /// True where it holds a value of the run again, so that it is put back once more.
    pub put_back: bool,
}

impl fmt::Display for LateChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.put_back { "put back once more" } else { "left alone" };
        write!(f, "{}; {end}", self.drift)
    }
}

impl WayBack {
    /// The same for a look that has not seen all applications: nothing is said of the others.
    #[must_use]
    pub fn of_seen(mut self, is_seen: impl Fn(&ApplicationId) -> bool) -> Self {
        self.found.retain(|application, _| is_seen(application));
        self
    }

    /// What has changed since, where the applications are found like this. Only fields that the run has changed are looked at.
    pub fn late(&self, found: &Baseline) -> Vec<LateChange> {
        let plan = |found| RestorePlan::make(&self.changes, found, ForeignPolicy::Report);
        let (then, now) = (plan(&self.found), plan(found));
        let applications = self.changes.plan.applications();
        let there = applications.iter().copied().filter_map(|application| Some((application, found.get(application)?)));
        let ours = there.flat_map(|(application, found)| come_back(&now, application, found));
        // Where nobody has looked at the end of the way back, nobody can say what is of later.
        let known = now.foreign.iter().filter(|change| self.found.contains_key(&change.application));
        let theirs = known.filter(|change| !then.foreign.contains(change)).map(|change| Drift {
            application: change.application.clone(),
            field: change.field.clone(),
            expected: change.original.clone(),
            found: change.found.clone(),
            by: None,
            reverted: false,
        });
        let gone = applications.iter().copied().filter(|application| !found.contains_key(*application));
        let gone = gone.filter_map(|application| Some(drift(application, self.found.get(application)?, None)));
        let late = |put_back| move |drift| LateChange { drift, put_back };
        ours.map(late(true)).chain(theirs.chain(gone.flatten()).map(late(false))).collect()
    }

    /// What is to be put back once more of these changes, seen from the look that has found them.
    pub(crate) fn again(self, late: &[LateChange], found: &Baseline, at: Timestamp) -> Option<Self> {
        let wanted: BTreeSet<&ApplicationId> =
            late.iter().filter(|change| change.put_back).map(|change| &change.drift.application).collect();
        let Changes { baseline, mut plan } = self.changes;
        plan.rollouts.retain(|rollout| wanted.contains(&rollout.application));
        plan.scale_steps.retain(|step| wanted.contains(&step.application));
        let changes = Changes { baseline, plan };
        (!changes.plan.is_empty()).then(|| Self { changes, found: found.clone(), at })
    }
}

/// The fields of an application that hold a value of the run again.
fn come_back(plan: &RestorePlan, application: &ApplicationId, found: &Observed) -> Vec<Drift> {
    let mut back = found.clone();
    if let Some(step) = plan.scale_steps.iter().find(|step| step.application == *application) {
        back.allocation = step.to.clone();
    }
    if let Some(rollout) = plan.rollouts.iter().find(|rollout| rollout.application == *application) {
        back.release = rollout.to.clone();
    }
    let mut drifts = drift(application, &back, Some(found));
    let (before, now) = (back.allocation.replicas, found.allocation.replicas);
    // Within its bounds an autoscaler chooses; outside of them nobody has.
    if before != now && back.allocation.autoscaling == found.allocation.autoscaling && !tells_replicas(&drifts) {
        drifts.push(Drift {
            application: application.clone(),
            field: "replicas".to_owned(),
            expected: before.to_string(),
            found: now.to_string(),
            by: None,
            reverted: false,
        });
    }
    drifts
}

fn tells_replicas(drifts: &[Drift]) -> bool {
    drifts.iter().any(|drift| drift.field == "replicas")
}

#[cfg(test)]
#[path = "recheck_tests.rs"]
mod tests;
