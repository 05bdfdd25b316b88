//! The plan of a run and the way back: pure differences between what is wanted and what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::app::{Allocation, ApplicationId};
use crate::ports::Production;
use crate::release::{Release, Rollout};
use crate::spec::{Intent, VersionChoice};

/// What an application was before the run: its versions and its allocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observed {
    /// The versions.
    pub release: Release,
    /// Replicas and resources.
    pub allocation: Allocation,
    /// By what it is known whether it is still the same and not one of the same name (the uid on Kubernetes); `None` where
    /// there is no such thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

impl Observed {
    /// What is known by nothing but its name.
    pub fn new(release: Release, allocation: Allocation) -> Self {
        Self { release, allocation, identity: None }
    }
}

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (release, allocation) = (self.release.to_string(), &self.allocation);
        // A local application need not have a version.
        if release.is_empty() { write!(f, "{allocation}") } else { write!(f, "{release} with {allocation}") }
    }
}

/// What the environment was before the run, recorded before the first change.
pub type Baseline = BTreeMap<ApplicationId, Observed>;

/// One application moved from one allocation to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScaleStep {
    /// The application.
    pub application: ApplicationId,
    /// What it has before.
    pub from: Allocation,
    /// What it shall have.
    pub to: Allocation,
}

impl ScaleStep {
    /// True where it gives containers other resources.
    pub fn sets_resources(&self) -> bool {
        self.from.resources != self.to.resources
    }
}

impl fmt::Display for ScaleStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} → {}", self.application, self.from.unlike(&self.to), self.to.unlike(&self.from))
    }
}

/// What a run changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Applications that get another release.
    pub rollouts: Vec<Rollout>,
    /// Applications that get another allocation. What is scaled more than once, as load workers are, has all of its steps
    /// here, in their order.
    pub scale_steps: Vec<ScaleStep>,
}

/// Why no plan can be made; every reason is one sentence that names the application.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct PlanError(pub Vec<String>);

impl Plan {
    /// The differences between what the scope wants and what the environment is.
    ///
    /// # Errors
    /// All applications for which that cannot be said: absent from the environment, or from production where
    /// production's version or allocation is wanted.
    pub fn make(
        scope: &[Intent],
        production: &BTreeMap<ApplicationId, Production>,
        baseline: &Baseline,
    ) -> Result<Self, PlanError> {
        let mut plan = Self::default();
        let mut problems = Vec::new();
        for intent in scope {
            if let Err(problem) = plan.add(intent, production, baseline) {
                problems.push(problem);
            }
        }
        if problems.is_empty() { Ok(plan) } else { Err(PlanError(problems)) }
    }

    /// What an application will have when all of it is done; `None` where it is not scaled.
    pub fn scaled(&self, application: &ApplicationId) -> Option<&Allocation> {
        self.scale_steps.iter().rev().find(|step| step.application == *application).map(|step| &step.to)
    }

    /// The applications that are changed.
    pub fn applications(&self) -> BTreeSet<&ApplicationId> {
        let scaled = self.scale_steps.iter().map(|step| &step.application);
        scaled.chain(self.rollouts.iter().map(|rollout| &rollout.application)).collect()
    }

    /// True when the run leaves the environment as it is.
    pub fn is_empty(&self) -> bool {
        self.rollouts.is_empty() && self.scale_steps.is_empty()
    }

    fn add(
        &mut self,
        intent: &Intent,
        production: &BTreeMap<ApplicationId, Production>,
        baseline: &Baseline,
    ) -> Result<(), String> {
        let application = &intent.application;
        let present =
            baseline.get(application).ok_or_else(|| format!("{application} does not exist in the environment"))?;
        let in_production = production.get(application);
        let told = |problem: String| format!("{application}: {problem}");
        let absent = || format!("{application} does not exist in production");
        let release = match &intent.version {
            VersionChoice::Keep => present.release.clone(),
            VersionChoice::Production => {
                present.release.like(&in_production.ok_or_else(absent)?.release).map_err(told)?
            }
            VersionChoice::Release(wanted) => present.release.with(wanted).map_err(told)?,
        };
        let allocation = intent.scale.of(&present.allocation, in_production.map(|found| &found.allocation));
        let allocation = allocation.map_err(|problem| format!("{application} {problem}"))?;
        if release != present.release {
            let deploy_id = match intent.version {
                VersionChoice::Production => in_production.and_then(|found| found.deploy_id.clone()),
                VersionChoice::Keep | VersionChoice::Release(_) => None,
            };
            self.rollouts.push(Rollout {
                application: application.clone(),
                from: present.release.clone(),
                to: release,
                deploy_id,
            });
        }
        if allocation != present.allocation {
            self.scale_steps.push(ScaleStep {
                application: application.clone(),
                from: present.allocation.clone(),
                to: allocation,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::ScaleChoice;

    fn intent(name: &str, version: VersionChoice, scale: ScaleChoice) -> Intent {
        Intent::new(name.parse().unwrap(), version, scale)
    }

    fn production(name: &str, version: &str, allocation: Allocation) -> (ApplicationId, Production) {
        (name.parse().unwrap(), Production::new(Release::single(version), allocation))
    }

    fn present(name: &str, version: &str, allocation: Allocation) -> (ApplicationId, Observed) {
        (name.parse().unwrap(), Observed::new(Release::single(version), allocation))
    }

    fn texts(plan: &Plan) -> Vec<String> {
        let rollouts = plan.rollouts.iter().map(ToString::to_string);
        rollouts.chain(plan.scale_steps.iter().map(ToString::to_string)).collect()
    }

    #[test]
    fn what_is_there_is_told_with_its_version_where_it_has_one() {
        let (_, observed) = present("shop", "v2", Allocation::of_replicas(3));
        assert_eq!(observed.to_string(), "v2 with 3 replicas");
        assert_eq!(Observed { release: Release::single(""), ..observed }.to_string(), "3 replicas");
    }

    #[test]
    fn only_what_differs_is_planned() {
        let scope = [
            intent("same", VersionChoice::Production, ScaleChoice::Production),
            intent("newer", VersionChoice::Production, ScaleChoice::Keep),
            intent("larger", VersionChoice::Keep, ScaleChoice::Factor(1.5)),
            intent("given", VersionChoice::Release("v9".to_owned()), ScaleChoice::Production),
        ];
        let one = Allocation::of_replicas(1);
        let three = Allocation::of_replicas(3);
        let found = ["newer", "larger", "given"].map(|name| production(name, "v2", three.clone()));
        let mut found = BTreeMap::from(found);
        found.extend([production("same", "v1", one.clone())]);
        let baseline =
            BTreeMap::from(["same", "newer", "larger", "given"].map(|name| present(name, "v1", one.clone())));
        let plan = Plan::make(&scope, &found, &baseline).unwrap();
        assert_eq!(
            texts(&plan),
            ["newer: v1 → v2", "given: v1 → v9", "larger: 1 replica → 5 replicas", "given: 1 replica → 3 replicas",]
        );
        assert!(!plan.is_empty() && Plan::default().is_empty());
    }

    #[test]
    fn productions_versions_are_taken_for_the_containers_that_both_have() {
        let two = |one: (&str, &str), other: (&str, &str)| {
            Release::new(BTreeMap::from([one, other].map(|(name, image)| (name.to_owned(), image.to_owned()))))
        };
        let allocation = Allocation::of_replicas(1);
        let observed = |release| Observed::new(release, allocation.clone());
        let found = |release| Production::new(release, allocation.clone());
        let name: ApplicationId = "shop".parse().unwrap();
        let scope = [intent("shop", VersionChoice::Production, ScaleChoice::Keep)];
        let baseline = BTreeMap::from([(name.clone(), observed(two(("app", "a:1"), ("debug", "d:1"))))]);
        let plan = |release| Plan::make(&scope, &BTreeMap::from([(name.clone(), found(release))]), &baseline);
        let made = plan(two(("app", "a:2"), ("mesh", "m:2"))).unwrap();
        assert_eq!(texts(&made), ["shop: app=a:1, debug=d:1 → app=a:2, debug=d:1"]);
        assert_eq!(
            plan(two(("web", "a:2"), ("mesh", "m:2"))).unwrap_err().to_string(),
            "shop: no container has the same name in production; expected one of app, debug there, which has mesh, web"
        );
    }

    #[test]
    fn the_deploy_id_goes_with_productions_version_and_with_no_other() {
        let (one, name) = (Allocation::of_replicas(1), |name: &str| name.parse().unwrap());
        let versions = [VersionChoice::Production, VersionChoice::Release("v9".to_owned()), VersionChoice::Keep];
        let scope: Vec<Intent> = ["shop", "ledger", "kept"]
            .into_iter()
            .zip(versions)
            .map(|(name, version)| intent(name, version, ScaleChoice::Keep))
            .collect();
        let found = ["shop", "ledger", "kept"].map(|app| {
            let known = Production::new(Release::single("v2"), one.clone());
            (name(app), Production { deploy_id: Some(format!("d-{app}")), ..known })
        });
        let baseline = ["shop", "ledger", "kept"].map(|name| present(name, "v1", one.clone())).into();
        let plan = Plan::make(&scope, &found.into(), &baseline).unwrap();
        assert_eq!(texts(&plan), ["shop: v1 → v2 (deploy id d-shop)", "ledger: v1 → v9"]);
    }

    #[test]
    fn everything_that_is_absent_is_named_at_once() {
        let scope = [
            intent("gone", VersionChoice::Keep, ScaleChoice::Keep),
            intent("new", VersionChoice::Production, ScaleChoice::Keep),
            intent("large", VersionChoice::Keep, ScaleChoice::Production),
            intent("kept", VersionChoice::Keep, ScaleChoice::Keep),
        ];
        let baseline =
            BTreeMap::from(["new", "large", "kept"].map(|name| present(name, "v1", Allocation::of_replicas(1))));
        let error = Plan::make(&scope, &BTreeMap::new(), &baseline).unwrap_err();
        assert_eq!(
            error.to_string(),
            "gone does not exist in the environment; new does not exist in production; large does not exist in production"
        );
    }

    #[test]
    fn a_release_that_does_not_say_which_container_is_meant_is_refused() {
        let two = Release::new(BTreeMap::from([
            ("app".to_owned(), "a:1".to_owned()),
            ("proxy".to_owned(), "p:1".to_owned()),
        ]));
        let baseline = BTreeMap::from([("shop".parse().unwrap(), Observed::new(two, Allocation::of_replicas(1)))]);
        let scope = |wanted: &str| [intent("shop", VersionChoice::Release(wanted.to_owned()), ScaleChoice::Keep)];
        let error = Plan::make(&scope("a:2"), &BTreeMap::new(), &baseline).unwrap_err();
        assert!(error.to_string().starts_with("shop: \"a:2\" does not say which container is meant"), "{error}");
        let plan = Plan::make(&scope("app=a:2"), &BTreeMap::new(), &baseline).unwrap();
        assert_eq!(texts(&plan), ["shop: app=a:1, proxy=p:1 → app=a:2, proxy=p:1"]);
    }
}
