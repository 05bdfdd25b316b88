//! What runs have left on objects, read back as what they changed and what was there before. Pure.

use std::collections::BTreeMap;

use conductor_core::app::{Allocation, ApplicationId, Bounds};
use conductor_core::phase::Changes;
use conductor_core::ports::LeftBehind;
use conductor_core::release::{Release, Rollout};
use conductor_core::run::RunId;
use conductor_core::scale::{Observed, Plan, ScaleStep};

use crate::field::Owned;
use crate::marker::{Holder, Marker};

/// An application's objects, each with what a run has left on it.
pub(crate) struct Marked {
    /// With its identity; `None` where it is gone.
    pub(crate) workload: Option<Workload>,
    pub(crate) autoscaler: Option<(Bounds, Option<Marker<Bounds>>)>,
    /// Who has paused what keeps it.
    pub(crate) keepers: Vec<Holder>,
}

/// Identity, fields and marker of a workload.
pub(crate) type Workload = (Option<String>, Owned, Option<Marker<Owned>>);

/// What each run has changed of these applications.
pub(crate) fn left_behind(applications: &BTreeMap<ApplicationId, Marked>) -> BTreeMap<RunId, LeftBehind> {
    let mut all: BTreeMap<RunId, LeftBehind> = BTreeMap::new();
    for (application, marked) in applications {
        let workload = marked.workload.as_ref().and_then(|(_, _, marker)| marker.as_ref()).map(|marker| &marker.holder);
        let autoscaler =
            marked.autoscaler.as_ref().and_then(|(_, marker)| marker.as_ref()).map(|marker| &marker.holder);
        for holder in workload.into_iter().chain(autoscaler).chain(&marked.keepers) {
            let nothing = || LeftBehind {
                changes: Changes { baseline: BTreeMap::new(), plan: Plan::default() },
                epoch: 0,
                alive_until: None,
            };
            let left = all.entry(holder.run.clone()).or_insert_with(nothing);
            left.epoch = left.epoch.max(holder.epoch);
            if !left.changes.baseline.contains_key(application) {
                marked.add_to(&mut left.changes, application, &holder.run);
            }
        }
    }
    all
}

impl Marked {
    /// Adds what a run has changed of it.
    fn add_to(&self, changes: &mut Changes, application: &ApplicationId, run: &RunId) {
        let bounds = self.autoscaler.as_ref().map(|(live, marker)| states(live, marker.as_ref(), run));
        let gone = || {
            let replicas = bounds.as_ref().map_or(0, |(original, _)| original.min);
            (Owned { replicas, images: BTreeMap::new(), resources: BTreeMap::new() }, Vec::new())
        };
        let (owned, applied) =
            self.workload.as_ref().map_or_else(gone, |(_, live, marker)| states(live, marker.as_ref(), run));
        let allocation = |owned: &Owned, autoscaling: Option<Bounds>| Allocation {
            replicas: owned.replicas,
            resources: owned.resources.clone(),
            autoscaling,
        };
        let from = allocation(&owned, bounds.as_ref().map(|(original, _)| *original));
        let last = applied.last().unwrap_or(&owned);
        let last_bounds = bounds.as_ref().map(|(original, applied)| *applied.last().unwrap_or(original));
        let given = applied.iter().map(|state| allocation(state, last_bounds));
        let pinned = bounds.iter().flat_map(|(_, applied)| applied).map(|bounds| allocation(last, Some(*bounds)));
        let mut steps: Vec<Allocation> = given.chain(pinned).filter(|to| *to != from).collect();
        let release = Release::new(owned.images.clone());
        if let Some(state) = applied.iter().rev().find(|state| state.images != owned.images) {
            let (from, to) = (release.clone(), Release::new(state.images.clone()));
            changes.plan.rollouts.push(Rollout::new(application.clone(), from, to));
        } else if steps.is_empty() {
            // Nothing but a marker is left, or something is paused. It is let go of only where something is part of the plan.
            steps.push(from.clone());
        }
        let step = |to| ScaleStep { application: application.clone(), from: from.clone(), to };
        changes.plan.scale_steps.extend(steps.into_iter().map(step));
        let identity = self.workload.as_ref().and_then(|(identity, _, _)| identity.clone());
        let observed = Observed { release, allocation: from, identity };
        changes.baseline.insert(application.clone(), observed);
    }
}

/// What an object was before the run, and what the run has given it.
fn states<T: Clone>(live: &T, marker: Option<&Marker<T>>, run: &RunId) -> (T, Vec<T>) {
    match marker.filter(|marker| marker.holder.run == *run) {
        Some(marker) => (marker.original.clone(), marker.applied.clone()),
        None => (live.clone(), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use conductor_core::restore::{ForeignPolicy, RestorePlan};

    use super::*;

    fn owned(replicas: u32, image: &str) -> Owned {
        let images = BTreeMap::from([("app".to_owned(), image.to_owned())]);
        Owned { replicas, images, resources: BTreeMap::from([("app".to_owned(), BTreeMap::new())]) }
    }

    fn marker<T: Clone>(run: &str, epoch: u64, original: &T, applied: &[T]) -> Option<Marker<T>> {
        let holder = Holder { run: run.parse().unwrap(), epoch };
        Some(Marker { original: original.clone(), holder, applied: applied.to_vec(), delivering: false, besides: None })
    }

    fn app(name: &str) -> ApplicationId {
        name.parse().unwrap()
    }

    /// What a restore would do, as lines.
    fn restore(left: &LeftBehind, applications: &BTreeMap<ApplicationId, Marked>) -> Vec<String> {
        let found = applications.iter().filter_map(|(name, marked)| {
            let (identity, Owned { replicas, images, resources }, _) = marked.workload.clone()?;
            let autoscaling = marked.autoscaler.as_ref().map(|(bounds, _)| *bounds);
            let allocation = Allocation { replicas, resources, autoscaling };
            Some((name.clone(), Observed { release: Release::new(images), allocation, identity }))
        });
        let plan = RestorePlan::make(&left.changes, &found.collect(), ForeignPolicy::Report);
        assert!(plan.foreign.is_empty(), "{plan:?}");
        let steps = plan.scale_steps.iter().map(ToString::to_string);
        steps.chain(plan.rollouts.iter().map(ToString::to_string)).collect()
    }

    #[test]
    fn markers_alone_lead_back() {
        let (before, deployed, scaled) = (owned(2, "shop:1"), owned(2, "shop:2"), owned(20, "shop:2"));
        let (bounds, pinned) = (Bounds { min: 1, max: 4 }, Bounds::pinned(20));
        let marked = |(owned, marker), autoscaler| Marked {
            keepers: Vec::new(),
            workload: Some((Some("uid-1".to_owned()), owned, marker)),
            autoscaler,
        };
        let applications = BTreeMap::from([
            (
                app("checkout"),
                marked(
                    (scaled.clone(), marker("one", 3, &before, &[deployed.clone(), scaled.clone()])),
                    Some((pinned, marker("one", 2, &bounds, &[pinned]))),
                ),
            ),
            // The autoscaler is pinned, and the run got no further.
            (app("ledger"), marked((owned(20, "shop:1"), None), Some((pinned, marker("one", 2, &bounds, &[pinned]))))),
            // Deployed and not scaled.
            (
                app("search"),
                marked((deployed.clone(), marker("two", 1, &before, std::slice::from_ref(&deployed))), None),
            ),
            (app("untouched"), marked((before.clone(), None), None)),
        ]);
        let left = left_behind(&applications);
        let summary = |run: &str| {
            let left = &left[&run.parse::<RunId>().unwrap()];
            (left.epoch, restore(left, &applications))
        };
        assert_eq!(
            summary("one"),
            (
                3,
                vec![
                    "checkout: 20 replicas, pinned at 20 → 2 replicas, autoscaled from 1 to 4".to_owned(),
                    "ledger: 20 replicas, pinned at 20 → 4 replicas, autoscaled from 1 to 4".to_owned(),
                    "checkout: shop:2 → shop:1".to_owned(),
                ]
            )
        );
        assert_eq!(summary("two"), (1, vec!["search: shop:2 → shop:1".to_owned()]));
        assert_eq!(left.len(), 2);
    }
    #[test]
    fn a_marker_with_nothing_of_the_run_below_it_and_one_without_a_workload_are_left_behind_too() {
        let before = owned(2, "shop:1");
        let (bounds, pinned) = (Bounds { min: 1, max: 4 }, Bounds::pinned(20));
        let workload = Some((Some("uid-1".to_owned()), before.clone(), marker("one", 2, &before, &[])));
        let applications = BTreeMap::from([
            (
                app("paused"),
                Marked {
                    workload: Some((None, before.clone(), None)),
                    autoscaler: None,
                    keepers: vec![Holder { run: "one".parse().unwrap(), epoch: 3 }],
                },
            ),
            (app("claimed"), Marked { workload, autoscaler: None, keepers: Vec::new() }),
            (
                app("gone"),
                Marked {
                    workload: None,
                    autoscaler: Some((pinned, marker("one", 1, &bounds, &[pinned]))),
                    keepers: Vec::new(),
                },
            ),
        ]);
        let left = &left_behind(&applications)[&"one".parse::<RunId>().unwrap()];
        let names: Vec<&str> = left.changes.plan.applications().into_iter().map(ApplicationId::as_str).collect();
        assert_eq!(names, ["claimed", "gone", "paused"], "somebody has to let go of them");
        assert_eq!(left.epoch, 3);
        assert_eq!(restore(left, &applications), [""; 0]);
    }
}
