//! The plan of a run and the way back: pure differences between what is wanted and what is there.

use std::collections::BTreeMap;
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

impl fmt::Display for ScaleStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} → {}", self.application, self.from, self.to)
    }
}

/// What a run changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Applications that get another release.
    pub rollouts: Vec<Rollout>,
    /// Applications that get another allocation.
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
        let absent = || format!("{application} does not exist in production");
        let release = match &intent.version {
            VersionChoice::Keep => present.release.clone(),
            VersionChoice::Production => in_production.ok_or_else(absent)?.release.clone(),
            VersionChoice::Release(wanted) => {
                present.release.with(wanted).map_err(|problem| format!("{application}: {problem}"))?
            }
        };
        let allocation =
            intent.scale.of(present.allocation, in_production.map(|found| found.allocation)).ok_or_else(absent)?;
        if release != present.release {
            self.rollouts.push(Rollout {
                application: application.clone(),
                from: present.release.clone(),
                to: release,
            });
        }
        if allocation != present.allocation {
            self.scale_steps.push(ScaleStep {
                application: application.clone(),
                from: present.allocation,
                to: allocation,
            });
        }
        Ok(())
    }
}
