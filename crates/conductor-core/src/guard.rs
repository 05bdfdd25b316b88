//! What others do to an environment while a run is on: what differs from what the run expects, and what becomes of it.

mod pause;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::app::{Allocation, ApplicationId, Bounds};
use crate::phase::Changes;
use crate::quantity::Quantity;
use crate::release::Release;
use crate::scale::{Baseline, Observed};

pub use pause::{Pause, Standing};

/// What becomes of a run when somebody else changes an application under test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DriftPolicy {
    /// The load goes on, and the run is invalid.
    #[default]
    Mark,
    /// What the run needs is put in place again, and the load goes on.
    Revert,
    /// The run ends.
    Abort,
}

/// Whether others can change the applications under test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Guarded {
    /// They cannot; it was proved.
    Frozen,
    /// They can: the environment has nothing that would keep them from it.
    Open {
        /// What it lacks.
        because: String,
    },
    /// They cannot change some of them, which was proved, and can change others.
    Partly {
        /// Which they can change, and what is lacking there.
        because: String,
    },
    /// There is nobody else.
    Alone,
}

/// One field of an application that is not what the run expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// The application.
    pub application: ApplicationId,
    /// The field: `version of <container>`, `replicas`, `autoscaling`, `<resource> of <container>`, `traffic`, `deployment`,
    /// `identity`, `existence` or `legibility`.
    pub field: String,
    /// What the run expects.
    pub expected: String,
    /// What it is.
    pub found: String,
    /// Who has changed it, in the platform's words; `None` where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// True where what the run expects is put in place again.
    #[serde(default)]
    pub reverted: bool,
}

impl Drift {
    /// The field of an application that is not there any more.
    pub const EXISTENCE: &str = "existence";
    /// The field of an application that was deleted and made anew.
    pub const IDENTITY: &str = "identity";

    /// The field of an application of which something cannot be read any more: what was found is what, and why.
    pub const LEGIBILITY: &str = "legibility";

    /// True when both are of the same field and value, whoever has changed it.
    pub fn is(&self, other: &Self) -> bool {
        let of = |drift: &Self| (drift.application.clone(), drift.field.clone(), drift.found.clone());
        of(self) == of(other)
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { application, field, expected, found, by, reverted } = self;
        match field.as_str() {
            Self::EXISTENCE => write!(f, "{application} was deleted")?,
            Self::IDENTITY => write!(f, "{application} was deleted and made anew")?,
            Self::LEGIBILITY => write!(f, "{application} cannot be read any more: {found}")?,
            _ => write!(f, "{application}: {field} is {found}, not {expected}")?,
        }
        if let Some(by) = by {
            let act = if field == Self::IDENTITY { "made" } else { "changed" };
            write!(f, "; {act} by {by}")?;
        }
        if *reverted {
            write!(f, "; put back as the run needs it")?;
        }
        Ok(())
    }
}

impl Changes {
    /// What the applications are expected to be while load is generated, but for `except`.
    pub fn expected(&self, except: Option<&ApplicationId>) -> Baseline {
        let mut expected = self.baseline.clone();
        for rollout in &self.plan.rollouts {
            if let Some(observed) = expected.get_mut(&rollout.application) {
                observed.release = rollout.to.clone();
            }
        }
        for step in &self.plan.scale_steps {
            if let Some(observed) = expected.get_mut(&step.application) {
                observed.allocation = step.to.clone();
            }
        }
        expected.retain(|application, _| Some(application) != except);
        expected
    }
}

/// What differs from what is expected of an application; `None` where it does not exist. Nobody is named yet.
///
/// Replicas are an autoscaler's to choose, unless it is pinned.
pub fn drift(application: &ApplicationId, expected: &Observed, found: Option<&Observed>) -> Vec<Drift> {
    let mut drifts = Drifts { application, found: Vec::new() };
    let Some(found) = found else {
        drifts.add(Drift::EXISTENCE, "there", "gone");
        return drifts.found;
    };
    if let (Some(before), Some(now)) = (&expected.identity, &found.identity)
        && before != now
    {
        drifts.add(Drift::IDENTITY, before, now);
    }
    drifts.release(&expected.release, &found.release);
    drifts.allocation(&expected.allocation, &found.allocation);
    drifts.found
}

struct Drifts<'a> {
    application: &'a ApplicationId,
    found: Vec<Drift>,
}

impl Drifts<'_> {
    fn add(&mut self, field: &str, expected: impl ToString, found: impl ToString) {
        self.found.push(Drift {
            application: self.application.clone(),
            field: field.to_owned(),
            expected: expected.to_string(),
            found: found.to_string(),
            by: None,
            reverted: false,
        });
    }

    fn release(&mut self, expected: &Release, found: &Release) {
        for (container, version) in expected.containers() {
            let found = found.containers().get(container);
            if found != Some(version) {
                self.add(&format!("version of {container}"), version, found.map_or("absent", String::as_str));
            }
        }
    }

    fn allocation(&mut self, expected: &Allocation, found: &Allocation) {
        let shown = |bounds: Option<Bounds>| bounds.map_or_else(|| "absent".to_owned(), |bounds| bounds.to_string());
        if expected.autoscaling != found.autoscaling {
            self.add("autoscaling", shown(expected.autoscaling), shown(found.autoscaling));
        }
        let is_free = expected.autoscaling.is_some_and(|bounds| bounds.min != bounds.max);
        if expected.replicas != found.replicas && !is_free {
            self.add("replicas", expected.replicas, found.replicas);
        }
        let nothing = BTreeMap::new();
        for (container, expected) in &expected.resources {
            let found = found.resources.get(container).unwrap_or(&nothing);
            let names: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
            let shown = |quantity: Option<&Quantity>| quantity.map_or_else(|| "absent".to_owned(), Quantity::to_string);
            for name in names.into_iter().filter(|name| expected.get(*name) != found.get(*name)) {
                self.add(&format!("{name} of {container}"), shown(expected.get(name)), shown(found.get(name)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::Rollout;
    use crate::scale::{Plan, ScaleStep};

    fn app() -> ApplicationId {
        "shop".parse().unwrap()
    }

    fn observed(version: &str, allocation: Allocation) -> Observed {
        Observed { identity: Some("uid-1".to_owned()), ..Observed::new(Release::single(version), allocation) }
    }

    fn texts(expected: &Observed, found: Option<&Observed>) -> Vec<String> {
        drift(&app(), expected, found).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_field_that_differs_is_told() {
        let expected = observed("v2", Allocation::of_replicas(20));
        assert_eq!(texts(&expected, Some(&expected)), [""; 0]);
        let mut found = observed("v3", Allocation::of_replicas(5));
        found.allocation.autoscaling = Some(Bounds { min: 1, max: 9 });
        assert_eq!(
            texts(&expected, Some(&found)),
            [
                "shop: version of main is v3, not v2",
                "shop: autoscaling is autoscaled from 1 to 9, not absent",
                "shop: replicas is 5, not 20"
            ]
        );
        assert_eq!(texts(&expected, None), ["shop was deleted"]);
        let anew = Observed { identity: Some("uid-2".to_owned()), ..expected.clone() };
        assert_eq!(texts(&expected, Some(&anew)), ["shop was deleted and made anew"]);
        let mut one = drift(&app(), &expected, None).remove(0);
        one.by = Some("kubectl (Update)".to_owned());
        assert_eq!(one.to_string(), "shop was deleted; changed by kubectl (Update)");
        one.field = Drift::IDENTITY.to_owned();
        assert_eq!(one.to_string(), "shop was deleted and made anew; made by kubectl (Update)");
    }

    #[test]
    fn resources_are_compared_by_amount() {
        let given = |of: &[(&str, &str)]| {
            let of = of.iter().map(|(name, text)| ((*name).to_owned(), text.parse().unwrap())).collect();
            observed(
                "v1",
                Allocation { resources: BTreeMap::from([("app".to_owned(), of)]), ..Allocation::of_replicas(1) },
            )
        };
        let expected = given(&[("requests.cpu", "1"), ("limits.cpu", "2")]);
        let found = given(&[("requests.cpu", "1000m"), ("limits.memory", "1Gi")]);
        assert_eq!(
            texts(&expected, Some(&found)),
            ["shop: limits.cpu of app is absent, not 2", "shop: limits.memory of app is 1Gi, not absent"]
        );
    }

    #[test]
    fn replicas_are_the_autoscalers_unless_it_is_pinned() {
        let of = |replicas, bounds| Allocation { autoscaling: Some(bounds), ..Allocation::of_replicas(replicas) };
        let kept = observed("v1", of(2, Bounds { min: 1, max: 4 }));
        assert_eq!(texts(&kept, Some(&observed("v1", of(4, Bounds { min: 1, max: 4 })))), [""; 0]);
        let pinned = observed("v1", of(20, Bounds::pinned(20)));
        assert_eq!(texts(&pinned, Some(&observed("v1", of(4, Bounds::pinned(20))))), ["shop: replicas is 4, not 20"]);
    }

    #[test]
    fn what_is_expected_is_the_baseline_with_the_plan_but_for_load_workers() {
        let [shop, workers]: [ApplicationId; 2] = [app(), "load-workers".parse().unwrap()];
        let one = observed("v1", Allocation::of_replicas(1));
        let step = |to| ScaleStep { application: app(), from: one.allocation.clone(), to: Allocation::of_replicas(to) };
        let rollout = Rollout::new(app(), Release::single("v1"), Release::single("v2"));
        let changes = Changes {
            baseline: BTreeMap::from([(shop.clone(), one.clone()), (workers.clone(), one.clone())]),
            plan: Plan { rollouts: vec![rollout], scale_steps: vec![step(3), step(6)] },
        };
        let expected = changes.expected(Some(&workers));
        assert_eq!(expected, BTreeMap::from([(shop, observed("v2", Allocation::of_replicas(6)))]));
        assert_eq!(changes.expected(None).len(), 2);
    }
}
