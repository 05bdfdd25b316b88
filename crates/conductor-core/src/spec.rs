//! The LoadTest: what its caller declares, valid by construction.
//!
//! [`LoadTestDocument`] is the shape on the wire, [`LoadTestSpec`] the valid thing made of it; the error lists every
//! violation at once with the path of its field. Reading YAML or JSON text is not done here.

mod choice;
mod document;
mod if_busy;
mod scope;
mod search;
mod slos;
mod stages;
mod validate;
mod verdict;
mod workers;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use choice::{ScaleChoice, VersionChoice};
pub use document::{
    API_VERSION, ApplicationDocument, KpiDocument, LimitsDocument, LoadDocument, LoadTestDocument, MetadataDocument,
    ScaleDocument, ScaleValues, SpecDocument,
};
pub use if_busy::IfBusy;
pub use scope::{Intent, Scope};
pub use search::{SearchDocument, SearchPlan};
pub use stages::{
    Curve, CurveDocument, CurvePoint, CurvePointDocument, LoadShape, Stage, StageDocument, ValueDocument,
};
pub use validate::{MOST_APPLICATIONS, check_count};
pub use verdict::{ParityRule, SharedNodesRule, Thresholds, VerdictDocument};
pub use workers::{LoadWorkers, WorkersDocument};

use crate::app::ApplicationId;
use crate::ramp::{Algorithm, Profile};
use crate::run::RunId;
use crate::sizing::PLANNED_CPU;
use crate::slo::Slo;
use crate::units::{Rate, Span};

/// The header that marks a request as load, and its value; a router sends such requests to mocks.
pub const LOAD_TEST_HEADER: (&str, &str) = ("X-Load-Test", "true");
/// The header that carries the run's id, by which created data is tagged.
pub const RUN_HEADER: &str = "X-Load-Test-Run";

/// A valid load test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "LoadTestDocument", into = "LoadTestDocument")]
#[non_exhaustive]
pub struct LoadTestSpec {
    /// The test's name.
    pub name: String,
    /// The environment it runs in, by its name in the settings.
    pub environment: String,
    /// The KPI's name among the environment's `kpis`.
    pub kpi: String,
    /// The KPI to reach and hold; with stages, what those mean that gave no rate, or the highest of their levels.
    pub target: Rate,
    /// How the KPI shall go over time.
    pub shape: LoadShape,
    /// Time between two measurements.
    pub interval: Span,
    /// What becomes of versions where an application does not say.
    pub version: VersionChoice,
    /// What becomes of allocations where an application does not say.
    pub scale: ScaleChoice,
    /// The applications in scope; empty means all of the environment's catalogue.
    pub applications: Vec<ApplicationChoice>,
    /// What must not be exceeded.
    pub limits: Limits,
    /// Hints for the control of load.
    pub load: LoadHints,
    /// What becomes of a run while another one is active in the environment.
    pub if_busy: IfBusy,
    /// By what the run is judged.
    pub verdict: Thresholds,
    /// What response times and failures shall be.
    pub slos: Vec<Slo>,
    /// The run that objectives are relative to.
    pub baseline: Option<RunId>,
}

/// An application in scope with its own choices, each absent where the test's choice holds.
#[derive(Clone, Debug, PartialEq)]
pub struct ApplicationChoice {
    /// The application.
    pub name: ApplicationId,
    /// Its version, if it differs from the test's choice.
    pub version: Option<VersionChoice>,
    /// Its scale, if it differs from the test's choice.
    pub scale: Option<ScaleChoice>,
}

/// What a run must not exceed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Most simulated users.
    pub max_users: Option<u64>,
    /// Longest time from the start to the end of the load; teardown is not counted.
    pub deadline: Span,
    /// Longest time in which one rehearsing user must have produced the KPI once.
    pub rehearsal: Span,
}

/// Hints for the control of load; absent ones are learnt while running.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadHints {
    /// The law that steers.
    pub algorithm: Algorithm,
    /// Users needed for one KPI event per minute.
    pub users_per_kpi: Option<f64>,
    /// Time from a user's start to the KPI events it causes.
    pub kpi_lag: Option<Span>,
    /// Whether what is not told here is taken from the last run of the same load test.
    pub learn_from_last_run: bool,
    /// The workers that the conductor may scale while load is generated; it never does when absent.
    pub workers: Option<LoadWorkers>,
    /// More headers on every request of the load.
    pub headers: BTreeMap<String, String>,
}

impl LoadTestSpec {
    /// The time load is generated.
    pub fn load_time(&self) -> Span {
        self.shape.time(self.interval)
    }

    /// The CPU up to which a worker of the load generator is planned, percent of one core.
    pub fn planned_cpu(&self) -> f64 {
        self.load.workers.as_ref().map_or(PLANNED_CPU, |workers| workers.target_cpu)
    }

    /// The line that the KPI shall follow.
    pub fn profile(&self) -> Profile {
        self.shape.profile(self.target)
    }

    /// Resolves the scope against the environment's catalogue. The load workers' application is never in it.
    ///
    /// # Errors
    /// Every application the catalogue does not have, by the path of its field.
    pub fn scope(&self, catalogue: &[ApplicationId]) -> Result<Scope, SpecError> {
        scope::resolve(self, catalogue)
    }

    /// Looks for the load workers' application among all of the environment's, those that no test may have in scope
    /// included.
    ///
    /// # Errors
    /// When it is not there.
    pub fn check_workers(&self, applications: &[ApplicationId]) -> Result<(), SpecError> {
        scope::check_workers(self, applications)
    }
}

/// All that is wrong with a spec.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SpecError {
    /// Every violation, in the order of the fields.
    pub violations: Vec<Violation>,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, violation) in self.violations.iter().enumerate() {
            write!(f, "{}{violation}", if position == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

/// One thing wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The field's path, such as `spec.applications[1].name`.
    pub field: String,
    /// What was wrong.
    pub problem: String,
    /// What would be right.
    pub expected: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; expected {}", self.field, self.problem, self.expected)
    }
}
