//! What runs have left on services, read back as what they changed and what was there before. Pure.

use std::collections::BTreeMap;

use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::phase::Changes;
use conductor_core::ports::LeftBehind;
use conductor_core::release::{Release, Rollout};
use conductor_core::run::RunId;
use conductor_core::scale::{Observed, Plan, ScaleStep};

use crate::definition::Definition;
use crate::marker::Marker;

/// A service with a marker, and what the revisions say that are named in it.
pub(crate) struct Marked {
    pub(crate) identity: Option<String>,
    pub(crate) desired: u32,
    pub(crate) marker: Marker,
    /// The revision before the run, or the one that is there.
    pub(crate) before: Option<Parts>,
    /// Those that the run has given, one after the other.
    pub(crate) applied: Vec<Parts>,
}

/// What of a revision a run may change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parts {
    pub(crate) release: Release,
    pub(crate) allocation: Allocation,
}

impl Parts {
    /// What a revision gives tasks, so many of them. What another controller deploys has neither version nor resources.
    pub(crate) fn of(definition: Option<&Definition>, tasks: u32, is_deployable: bool) -> Self {
        let known = definition.filter(|_| is_deployable);
        let resources = known.map(Definition::resources).unwrap_or_default();
        let release = Release::new(definition.map(Definition::images).unwrap_or_default());
        Self { release, allocation: Allocation { resources, ..Allocation::of_replicas(tasks) } }
    }

    fn with_tasks(&self, tasks: u32) -> Allocation {
        Allocation { replicas: tasks, ..self.allocation.clone() }
    }
}

/// What each run has changed of these applications.
pub(crate) fn left_behind(applications: BTreeMap<ApplicationId, Marked>) -> BTreeMap<RunId, LeftBehind> {
    let mut all: BTreeMap<RunId, LeftBehind> = BTreeMap::new();
    for (application, marked) in applications {
        let left = all.entry(marked.marker.holder.run.clone()).or_insert_with(|| LeftBehind {
            changes: Changes { baseline: BTreeMap::new(), plan: Plan::default() },
            epoch: 0,
            alive_until: None,
        });
        left.epoch = left.epoch.max(marked.marker.holder.epoch);
        marked.add_to(&mut left.changes, application);
    }
    all
}

impl Marked {
    fn add_to(self, changes: &mut Changes, application: ApplicationId) {
        let nothing = || Parts { release: Release::new(BTreeMap::new()), allocation: Allocation::of_replicas(0) };
        let before = self.before.unwrap_or_else(nothing);
        let desired = self.marker.desired;
        let tasks = desired.as_ref().map_or(self.desired, |kept| kept.before);
        let from = before.with_tasks(tasks);
        let given = desired.map(|kept| kept.applied).unwrap_or_default();
        let last = self.applied.last().unwrap_or(&before).clone();
        let most = given.last().copied().unwrap_or(tasks);
        let sized = self.applied.iter().map(|parts| parts.with_tasks(most));
        let mut steps: Vec<Allocation> = given.iter().map(|tasks| last.with_tasks(*tasks)).chain(sized).collect();
        // As many as there are at last are the last.
        steps.retain(|to| *to != from);
        if last.release != before.release {
            changes.plan.rollouts.push(Rollout::new(application.clone(), before.release.clone(), last.release));
        } else if steps.is_empty() {
            // Nothing but its tags is left, or its autoscaling is suspended. It is let go of where it is part of the plan.
            steps.push(from.clone());
        }
        let step = |to| ScaleStep { application: application.clone(), from: from.clone(), to };
        changes.plan.scale_steps.extend(steps.into_iter().map(step));
        changes
            .baseline
            .insert(application, Observed { release: before.release, allocation: from, identity: self.identity });
    }
}

#[cfg(test)]
mod tests {
    use conductor_core::restore::{ForeignPolicy, RestorePlan};

    use super::*;
    use crate::marker::{Holder, Kept};

    fn parts(image: &str, cpu: &str) -> Parts {
        let resources =
            BTreeMap::from([("app".to_owned(), BTreeMap::from([("requests.cpu".to_owned(), cpu.parse().unwrap())]))]);
        let release = Release::new(BTreeMap::from([("app".to_owned(), image.to_owned())]));
        Parts { release, allocation: Allocation { resources, ..Allocation::of_replicas(0) } }
    }

    fn marked(run: &str, epoch: u64, desired: Option<(u32, &[u32])>, applied: Vec<Parts>) -> Marked {
        let mut marker = Marker::new(Holder { run: run.parse().unwrap(), epoch });
        marker.desired = desired.map(|(before, applied)| Kept { before, applied: applied.to_vec() });
        Marked { identity: Some("1".to_owned()), desired: 2, marker, before: Some(parts("shop:1", "1")), applied }
    }

    /// What a restore would do where a service is found like this.
    fn back(left: &LeftBehind, found: (&str, &Parts, u32)) -> Vec<String> {
        let (name, parts, tasks) = found;
        let allocation = parts.with_tasks(tasks);
        let found = Observed { identity: Some("1".to_owned()), ..Observed::new(parts.release.clone(), allocation) };
        let plan =
            RestorePlan::make(&left.changes, &BTreeMap::from([(name.parse().unwrap(), found)]), ForeignPolicy::Report);
        assert!(plan.foreign.is_empty(), "{plan:?}");
        let steps = plan.scale_steps.iter().map(ToString::to_string);
        steps.chain(plan.rollouts.iter().map(ToString::to_string)).collect()
    }

    #[test]
    fn tags_alone_lead_back() {
        let (deployed, sized) = (parts("shop:2", "1"), parts("shop:2", "4"));
        let app = |name: &str| name.parse().unwrap();
        let left = left_behind(BTreeMap::from([
            (app("cart"), marked("one", 3, Some((2, &[6, 12])), vec![deployed.clone(), sized.clone()])),
            (app("shop"), marked("one", 2, None, vec![deployed.clone()])),
            (app("find"), marked("two", 1, None, Vec::new())),
        ]));
        let one = &left[&"one".parse::<RunId>().unwrap()];
        assert_eq!(one.epoch, 3);
        let whole = ["cart: 12 replicas, requests.cpu 4 → 2 replicas, requests.cpu 1", "cart: shop:2 → shop:1"];
        assert_eq!(back(one, ("cart", &sized, 12)), whole);
        // It has died before the last step, or the one before that.
        assert_eq!(back(one, ("cart", &deployed, 6)), ["cart: 6 replicas → 2 replicas", "cart: shop:2 → shop:1"]);
        assert_eq!(back(one, ("shop", &deployed, 2)), ["shop: shop:2 → shop:1"]);
        assert_eq!(back(one, ("shop", &parts("shop:1", "1"), 2)), [""; 0], "it had not been changed yet");
        let two = &left[&"two".parse::<RunId>().unwrap()];
        assert_eq!(two.changes.plan.applications().len(), 1, "somebody has to let go of it");
        assert_eq!(back(two, ("find", &parts("shop:1", "1"), 2)), [""; 0]);
    }
}
