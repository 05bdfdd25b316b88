//! Whether a run was valid and whether it passed, judged from what was measured.
//!
//! The target is *held* when the plateau's mean is within [`MEAN_TOLERANCE`] of it and [`WINDOW_SHARE`] of the
//! plateau's windows are within [`WINDOW_TOLERANCE`] or three standard deviations of a counted window, whichever is
//! wider: a window in which N events are expected scatters by 1/√N by chance alone (Poisson), so that small windows
//! must not be judged by the same percent as large ones.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::failure::FailureKind;
use crate::load::Mark;
use crate::phase::{Cause, Ending};
use crate::spec::LoadTestSpec;
use crate::view::Tick;

/// How far the plateau's mean may be from the target, as a share of it.
pub const MEAN_TOLERANCE: f64 = 0.05;
/// How far a window may be from the target, as a share of it, where chance alone does not explain more.
pub const WINDOW_TOLERANCE: f64 = 0.10;
/// The share of the plateau's windows that must be within the tolerance.
pub const WINDOW_SHARE: f64 = 0.90;
/// The share of the plateau that may be without samples.
pub const UNMEASURED_SHARE: f64 = 0.10;
/// The share of the plateau in which the generator may have been at its limit.
pub const GENERATOR_BOUND_SHARE: f64 = 0.10;

/// The result of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The target was reached and held.
    Passed,
    /// Passed, but something needs attention.
    Warned,
    /// The run was valid, and the system did not do what was asked.
    Failed,
    /// Somebody ended it before it could tell.
    Cancelled,
    /// The run could not have shown a problem, so it says nothing.
    Invalid,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Passed => "passed",
            Self::Warned => "warned",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Invalid => "invalid",
        })
    }
}

/// The result of a run, with its reasons and figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The result.
    pub outcome: Outcome,
    /// True when everything the run changed is back and its data deleted.
    pub restored: bool,
    /// Every reason, the gravest first.
    pub causes: Vec<VerdictCause>,
    /// The plateau's figures; `None` when nothing was measured there.
    pub plateau: Option<PlateauFigures>,
}

/// One reason for a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerdictCause {
    /// What this reason alone would make of the run.
    pub outcome: Outcome,
    /// A stable code, such as `target_not_held`.
    pub code: String,
    /// One sentence with the figures.
    pub message: String,
}

/// What the plateau's windows say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlateauFigures {
    /// Mean KPI, per minute.
    pub mean_per_min: f64,
    /// The mean's distance from the target, as a share of it; negative below.
    pub mean_error: f64,
    /// The share of windows within their tolerance.
    pub windows_within: f64,
    /// Windows judged.
    pub windows: usize,
    /// The share of the plateau's time with samples.
    pub measured: f64,
}

impl Verdict {
    /// The documented exit code: 5 not restored, else 0 passed or warned, 1 failed, 3 invalid, 4 cancelled.
    pub fn exit_code(&self) -> u8 {
        match (self.restored, self.outcome) {
            (false, _) => 5,
            (true, Outcome::Passed | Outcome::Warned) => 0,
            (true, Outcome::Failed) => 1,
            (true, Outcome::Invalid) => 3,
            (true, Outcome::Cancelled) => 4,
        }
    }
}

/// Judges a finished run from its spec, its windows and its ending.
pub fn judge(spec: &LoadTestSpec, ticks: &[Tick], ending: &Ending) -> Verdict {
    let plateau = figures(spec, ticks);
    let mut causes = Vec::new();
    causes.extend(of_ending(&ending.cause));
    if ending.cause == Cause::Completed {
        of_load(spec, ticks, plateau.as_ref(), &mut causes);
    }
    for failure in &ending.teardown_failures {
        causes.push(reason(Outcome::Warned, "restore_incomplete", failure.to_string()));
    }
    for change in &ending.foreign_changes {
        causes.push(reason(Outcome::Warned, "changed_by_others", change.to_string()));
    }
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.outcome));
    let outcome = causes.first().map_or(Outcome::Passed, |cause| cause.outcome);
    Verdict { outcome, restored: ending.teardown_failures.is_empty(), causes, plateau }
}

fn reason(outcome: Outcome, code: &str, message: String) -> VerdictCause {
    VerdictCause { outcome, code: code.to_owned(), message }
}

fn of_ending(cause: &Cause) -> Option<VerdictCause> {
    Some(match cause {
        Cause::Completed => return None,
        Cause::Cancelled { by } => reason(Outcome::Cancelled, "cancelled", format!("stopped by {by}")),
        Cause::Failed(failure) if failure.kind == FailureKind::KpiUnmeasured => {
            reason(Outcome::Invalid, "kpi_unmeasured", failure.to_string())
        }
        Cause::Failed(failure) => reason(Outcome::Failed, "run_failed", failure.to_string()),
        Cause::DeadlineExceeded => reason(
            Outcome::Invalid,
            "plateau_cut_short",
            "the run's deadline passed before the load was over".to_owned(),
        ),
        Cause::Abandoned => reason(
            Outcome::Invalid,
            "conductor_lost",
            "the conductor that drove the run died; another one put everything back".to_owned(),
        ),
    })
}

fn of_load(spec: &LoadTestSpec, ticks: &[Tick], plateau: Option<&PlateauFigures>, causes: &mut Vec<VerdictCause>) {
    let Some(figures) = plateau.filter(|figures| figures.measured >= 1.0 - UNMEASURED_SHARE) else {
        let measured = plateau.map_or(0.0, |figures| figures.measured);
        causes.push(reason(
            Outcome::Invalid,
            "kpi_unmeasured",
            format!("only {:.0} % of the plateau has samples of {}", measured * 100.0, spec.kpi),
        ));
        return;
    };
    let bound = share_marked(spec, ticks, Mark::GeneratorBound);
    if bound > GENERATOR_BOUND_SHARE {
        causes.push(reason(
            Outcome::Invalid,
            "generator_bound",
            format!("the load generator was at its CPU limit or stood still in {:.0} % of the plateau", bound * 100.0),
        ));
    }
    if figures.mean_error.abs() > MEAN_TOLERANCE || figures.windows_within < WINDOW_SHARE {
        causes.push(reason(Outcome::Failed, "target_not_held", not_held(spec, figures)));
    }
    for mark in [Mark::WorkerLost, Mark::CounterReset, Mark::GeneratorRestarted] {
        if ticks.iter().any(|tick| tick.marks.contains(&mark)) {
            let what = match mark {
                Mark::WorkerLost => "a load worker was lost",
                Mark::CounterReset => "the generator's counters went back",
                Mark::GeneratorRestarted
                | Mark::WorkerJoined
                | Mark::GeneratorBound
                | Mark::Approximate
                | Mark::ClockSkew => "the load generator was restarted",
            };
            causes.push(reason(Outcome::Warned, "generator_disturbed", format!("{what} during the load")));
        }
    }
}

fn not_held(spec: &LoadTestSpec, figures: &PlateauFigures) -> String {
    format!(
        "{} held a mean of {:.0}/min, {:+.1} % of the target of {}; {:.0} % of {} windows were close enough, {:.0} % must be",
        spec.kpi,
        figures.mean_per_min,
        figures.mean_error * 100.0,
        spec.target,
        figures.windows_within * 100.0,
        figures.windows,
        WINDOW_SHARE * 100.0
    )
}

/// The part of a window that lies in the plateau, in seconds.
fn overlap(spec: &LoadTestSpec, tick: &Tick) -> f64 {
    let (begin, end) = (spec.ramp_up.as_secs_f64(), spec.load_time().as_secs_f64());
    (tick.to_s.min(end) - tick.from_s.max(begin)).max(0.0)
}

fn share_marked(spec: &LoadTestSpec, ticks: &[Tick], mark: Mark) -> f64 {
    let marked: f64 = ticks.iter().filter(|tick| tick.marks.contains(&mark)).map(|tick| overlap(spec, tick)).sum();
    marked / spec.plateau.as_secs_f64()
}

fn figures(spec: &LoadTestSpec, ticks: &[Tick]) -> Option<PlateauFigures> {
    const ROUNDING_S: f64 = 0.5;
    let target = spec.target.as_per_minute();
    let begin = spec.ramp_up.as_secs_f64();
    let measured: f64 = ticks.iter().filter(|tick| tick.count.is_some()).map(|tick| overlap(spec, tick)).sum();
    let inside: Vec<(f64, f64)> = ticks
        .iter()
        .filter(|tick| tick.from_s >= begin - ROUNDING_S && tick.to_s > tick.from_s)
        .filter_map(|tick| Some((tick.count? as f64, (tick.to_s - tick.from_s) / 60.0)))
        .collect();
    if inside.is_empty() {
        return None;
    }
    let (events, minutes) =
        inside.iter().fold((0.0, 0.0), |(events, minutes), (count, time)| (events + count, minutes + time));
    let within = inside
        .iter()
        .filter(|(count, time)| {
            let expected = target * time;
            let tolerance = WINDOW_TOLERANCE.max(3.0 / expected.sqrt());
            (count / expected - 1.0).abs() <= tolerance
        })
        .count();
    let mean = events / minutes;
    Some(PlateauFigures {
        mean_per_min: mean,
        mean_error: mean / target - 1.0,
        windows_within: within as f64 / inside.len() as f64,
        windows: inside.len(),
        measured: (measured / spec.plateau.as_secs_f64()).min(1.0),
    })
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
