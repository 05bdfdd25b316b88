//! What a finished run teaches the next run of the same load test, and the hints that a run begins with.
//!
//! Pure: the journal of the former run is an argument. Which run is the former one is found out by the engine.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::app::ApplicationId;
use crate::phase::{Cause, Event};
use crate::ramp::{Algorithm, Tuning};
use crate::release::Release;
use crate::run::{Created, Record, ReplayError, RunId};
use crate::sizing::{Sizing, WorkerCost};
use crate::spec::LoadTestSpec;
use crate::units::three_digits;
use crate::verdict::Outcome;
use crate::view::{ApplicationView, RunView};

/// What the control law had learnt when it last followed the line or held users at the limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Learnt {
    /// The run.
    pub run: RunId,
    /// When it ended.
    pub ended: Timestamp,
    /// KPI events per user and minute.
    pub gain: f64,
    /// The gain's relative standard deviation.
    pub gain_sd: f64,
    /// Time from users to KPI events, seconds.
    pub lag_s: f64,
    /// What the applications ran during its load.
    pub releases: BTreeMap<ApplicationId, Release>,
    /// What users cost a worker of the load generator; `None` where that was not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<WorkerCost>,
}

impl Learnt {
    /// What a run teaches the next one of `spec`; `None` when it teaches nothing: it was of another load test,
    /// environment or KPI, its load was not completed, its plateau says nothing, or its law learnt less than a hint is
    /// worth.
    ///
    /// # Errors
    /// When the journal cannot be replayed.
    pub fn of(run: &RunId, journal: &[Record], spec: &LoadTestSpec) -> Result<Option<Self>, ReplayError> {
        let Some(Event::Created(created)) = journal.first().map(|record| &record.event) else { return Ok(None) };
        if !is_same_test(&created.spec, spec) || !learns(created.spec.load.algorithm) {
            return Ok(None);
        }
        let view = RunView::of(run, journal)?;
        let completed = view.ending.as_ref().is_some_and(|ending| ending.cause == Cause::Completed);
        let valid = view.verdict.as_ref().is_some_and(|verdict| says_something(verdict.outcome));
        let Some(advice) = view.last_sound_advice() else { return Ok(None) };
        let known = advice.gain.is_finite() && advice.gain > 0.0 && advice.gain_sd > 0.0;
        if !(completed && valid && known) || advice.gain_sd >= worth_telling() {
            return Ok(None);
        }
        let during = |view: &ApplicationView| (view.application.clone(), view.during.release.clone());
        let releases = view.applications.iter().map(during).collect();
        Ok(Some(Self {
            run: run.clone(),
            ended: view.updated_at,
            gain: advice.gain,
            gain_sd: advice.gain_sd,
            lag_s: advice.lag_s,
            releases,
            cost: WorkerCost::learn(&view.ticks),
        }))
    }

    /// Users needed for one KPI event per minute.
    pub fn users_per_kpi(&self) -> f64 {
        self.gain.recip()
    }

    /// The applications that run other versions than in that run, each in words.
    pub fn other_versions(&self, now: &[ApplicationView]) -> Vec<String> {
        now.iter()
            .filter_map(|view| {
                let then = self.releases.get(&view.application)?;
                (*then != view.during.release).then(|| format!("{} {then} → {}", view.application, view.during.release))
            })
            .collect()
    }
}

fn is_same_test(then: &LoadTestSpec, now: &LoadTestSpec) -> bool {
    then.name == now.name && then.environment == now.environment && then.kpi == now.kpi
}

fn learns(algorithm: Algorithm) -> bool {
    match algorithm {
        Algorithm::Adaptive => true,
        Algorithm::Published | Algorithm::PublishedFrozen => false,
    }
}

fn says_something(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Passed | Outcome::Warned | Outcome::Failed => true,
        Outcome::Cancelled | Outcome::Invalid => false,
    }
}

/// The relative standard deviation that the law gives to a ratio it is told; who knows less has nothing to tell.
fn worth_telling() -> f64 {
    Tuning::default().told_shape.sqrt().recip()
}

/// Where a hint comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// The load test says it.
    LoadTest,
    /// A run has learnt it.
    Run(RunId),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoadTest => f.write_str("from the load test"),
            Self::Run(run) => write!(f, "learnt by run {run}"),
        }
    }
}

/// One thing the control law is told at the beginning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hint {
    /// The value, in the unit of its field.
    pub value: f64,
    /// Where it comes from.
    pub origin: Origin,
}

/// What the control law is told at the beginning; what is absent it learns while it steers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hints {
    /// Users needed for one KPI event per minute.
    pub users_per_kpi: Option<Hint>,
    /// Time from users to KPI events, seconds.
    pub kpi_lag_s: Option<Hint>,
}

impl Hints {
    /// The hints of a run: the load test's own where it has some, else those of the former run.
    pub fn of(created: &Created) -> Self {
        let load = &created.spec.load;
        let hint = |own: Option<f64>, learnt: fn(&Learnt) -> f64| {
            let own = own.map(|value| Hint { value, origin: Origin::LoadTest });
            let former = created.learnt.as_ref().filter(|_| load.learn_from_last_run);
            own.or_else(|| former.map(|former| Hint { value: learnt(former), origin: Origin::Run(former.run.clone()) }))
        };
        Self {
            users_per_kpi: hint(load.users_per_kpi, Learnt::users_per_kpi),
            kpi_lag_s: hint(load.kpi_lag.map(crate::units::Span::as_secs_f64), |former| former.lag_s),
        }
    }

    /// How many workers the target would need, by what the former run has seen of `present` ones; `None` where nothing is
    /// known of users' worth or of what they cost.
    pub fn sizing(&self, created: &Created, present: Option<u32>) -> Option<Sizing> {
        let cost = created.learnt.as_ref()?.cost?;
        let users_per_kpi = self.users_per_kpi.as_ref()?.value;
        Some(cost.sizing(created.spec.planned_cpu(), created.spec.target.as_per_minute(), users_per_kpi, present))
    }

    /// The hints in words, each with its origin; nothing where there are none.
    pub fn words(&self, kpi: &str) -> Vec<String> {
        let users = self
            .users_per_kpi
            .iter()
            .map(|hint| format!("{} users for one of {kpi} a minute, {}", three_digits(hint.value), hint.origin));
        let lag = self
            .kpi_lag_s
            .iter()
            .map(|hint| format!("{} s from users to {kpi}, {}", three_digits(hint.value), hint.origin));
        users.chain(lag).collect()
    }
}

#[cfg(test)]
#[path = "learnt_tests.rs"]
mod tests;
