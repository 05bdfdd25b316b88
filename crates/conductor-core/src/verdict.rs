//! Whether a run was valid and whether it passed, judged from what was measured.
//!
//! Every level stretch of the load that is an interval or longer is a hold, the plateau among them; ramps are not judged.
//! A search is judged by what it has found instead. A level is *held* when the hold's mean is within [`MEAN_TOLERANCE`] of it and [`WINDOW_SHARE`] of the hold's windows
//! are within [`WINDOW_TOLERANCE`] or three standard deviations of a counted window, whichever is
//! wider: a window in which N events are expected scatters by 1/√N by chance alone (Poisson), so that small windows
//! must not be judged by the same percent as large ones.

mod cause;
mod hold;

use std::fmt;
use std::time::Duration;

pub use cause::{Evidence, VerdictCause};
pub use hold::{Hold, HoldFigures};
use serde::{Deserialize, Serialize};

use crate::failure::FailureKind;
use crate::load::Mark;
use crate::phase::{Cause, Ending};
use crate::ramp::Profile;
use crate::search::{Search, SearchEnd};
use crate::spec::{LoadShape, LoadTestSpec};
use crate::units::Span;
use crate::view::Tick;

/// How far a hold's mean may be from its level, as a share of it.
pub const MEAN_TOLERANCE: f64 = 0.05;
/// How far a window may be from the level, as a share of it, where chance alone does not explain more.
pub const WINDOW_TOLERANCE: f64 = 0.10;
/// The share of a hold's windows that must be within the tolerance.
pub const WINDOW_SHARE: f64 = 0.90;
/// The share of a hold that may be without samples.
pub const UNMEASURED_SHARE: f64 = 0.10;
/// The share of a hold in which the generator may have been at its limit.
pub const GENERATOR_BOUND_SHARE: f64 = 0.10;

/// The result of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Every level was reached and held.
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
    /// The level stretches of the load with their figures, in the order of time.
    pub holds: Vec<Hold>,
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

/// Judges a finished run from its spec, the line it followed, its windows and its ending.
pub fn judge(spec: &LoadTestSpec, profile: &Profile, ticks: &[Tick], ending: &Ending) -> Verdict {
    let searches = matches!(spec.shape, LoadShape::Search(_));
    let holds = if searches { Vec::new() } else { hold::holds(spec, profile, ticks) };
    let mut causes = Vec::new();
    causes.extend(of_ending(&ending.cause));
    if ending.cause == Cause::Completed {
        match &ending.search {
            Some(search) => causes.extend(of_search(spec, ticks, search)),
            None => of_load(spec, ticks, &holds, &mut causes),
        }
    }
    for drift in &ending.drifts {
        let (outcome, code) =
            if drift.reverted { (Outcome::Warned, "drift_reverted") } else { (Outcome::Invalid, "drift") };
        causes.push(reason(outcome, code, format!("during the load, {drift}")));
    }
    for failure in &ending.teardown_failures {
        causes.push(reason(Outcome::Warned, "restore_incomplete", failure.to_string()));
    }
    for change in &ending.foreign_changes {
        causes.push(reason(Outcome::Warned, "changed_by_others", change.to_string()));
    }
    for change in &ending.late_changes {
        let code = if change.put_back { "restored_again" } else { "changed_afterwards" };
        causes.push(reason(Outcome::Warned, code, format!("after the way back, {change}")));
    }
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.outcome));
    let outcome = causes.first().map_or(Outcome::Passed, |cause| cause.outcome);
    Verdict { outcome, restored: ending.teardown_failures.is_empty(), causes, holds }
}

fn reason(outcome: Outcome, code: &str, message: String) -> VerdictCause {
    VerdictCause { outcome, code: code.to_owned(), message, evidence: Vec::new(), advice: String::new() }
}

fn of_ending(cause: &Cause) -> Option<VerdictCause> {
    Some(match cause {
        // The drifts tell it themselves.
        Cause::Completed | Cause::Drifted => return None,
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

fn of_load(spec: &LoadTestSpec, ticks: &[Tick], holds: &[Hold], causes: &mut Vec<VerdictCause>) {
    let before = causes.len();
    for (position, hold) in holds.iter().enumerate() {
        of_hold(spec, ticks, hold, &Named { position, of: holds.len() }, causes);
    }
    let unmeasured = causes[before..].iter().any(|cause| cause.code == "kpi_unmeasured");
    if holds.is_empty() {
        let message = format!("the load was nowhere level for {} or longer, so that nothing was judged", spec.interval);
        causes.push(reason(Outcome::Warned, "nothing_judged", message));
    } else if !unmeasured && holds.iter().all(|hold| hold.figures.is_none()) {
        let message = format!("no window of {} lies within a level stretch of the load", spec.kpi);
        causes.push(reason(Outcome::Invalid, "kpi_unmeasured", message));
    } else if !unmeasured {
        causes.extend(disturbed(ticks));
    }
}

fn of_hold(spec: &LoadTestSpec, ticks: &[Tick], hold: &Hold, named: &Named, causes: &mut Vec<VerdictCause>) {
    if hold.measured < 1.0 - UNMEASURED_SHARE {
        let message =
            format!("only {:.0} % of {} has samples of {}", hold.measured * 100.0, named.hold(hold), spec.kpi);
        causes.push(reason(Outcome::Invalid, "kpi_unmeasured", message));
        return;
    }
    let bound = hold.share_marked(ticks, Mark::GeneratorBound);
    if bound > GENERATOR_BOUND_SHARE {
        let (percent, place) = (bound * 100.0, named.hold(hold));
        let message = format!("the load generator was at its CPU limit or stood still in {percent:.0} % of {place}");
        causes.push(reason(Outcome::Invalid, "generator_bound", message));
    }
    if let Some(figures) = hold.figures.filter(|figures| !figures.is_held()) {
        causes.push(reason(Outcome::Failed, "target_not_held", not_held(spec, hold, &figures, named)));
    }
}

/// What a search has come to. A limit that was found is what it is for: each level that failed belongs to it.
fn of_search(spec: &LoadTestSpec, ticks: &[Tick], search: &Search) -> Vec<VerdictCause> {
    let found = search.found();
    let (outcome, code, message) = match search.end() {
        Some(SearchEnd::LimitFound) => (Outcome::Passed, "limit_found", format!("{}: {found}", spec.kpi)),
        Some(SearchEnd::NoLimitSeen) => {
            let message =
                format!("no limit was seen, {} were sustained all the way up to {}: {found}", spec.kpi, spec.target);
            (Outcome::Passed, "no_limit_seen", message)
        }
        Some(SearchEnd::NothingSustained) => {
            (Outcome::Failed, "nothing_sustained", format!("not even the first level was sustained: {found}"))
        }
        Some(SearchEnd::GeneratorBound) => {
            let message = format!("the load generator was at its CPU limit or stood still, not the system: {found}");
            (Outcome::Invalid, "generator_bound", message)
        }
        Some(SearchEnd::UsersCapped) => {
            let message = format!("limits.maxUsers were running, and the system was not at its limit: {found}");
            (Outcome::Invalid, "users_capped", message)
        }
        Some(SearchEnd::Unmeasured) => {
            let message = format!("{:.0}/min of {} could not be measured: {found}", search.level_per_min(), spec.kpi);
            (Outcome::Invalid, "kpi_unmeasured", message)
        }
        None => (Outcome::Invalid, "search_cut_short", format!("it was not over in its longest time: {found}")),
    };
    let disturbed = if outcome == Outcome::Invalid { Vec::new() } else { disturbed(ticks) };
    std::iter::once(reason(outcome, code, message)).chain(disturbed).collect()
}

/// What happened to the generator during the load.
fn disturbed(ticks: &[Tick]) -> Vec<VerdictCause> {
    let disturbances = [
        (Mark::WorkerLost, "a load worker was lost"),
        (Mark::CounterReset, "the generator's counters went back"),
        (Mark::GeneratorRestarted, "the load generator was restarted"),
    ];
    disturbances
        .into_iter()
        .filter(|(mark, _)| ticks.iter().any(|tick| tick.marks.contains(mark)))
        .map(|(_, what)| reason(Outcome::Warned, "generator_disturbed", format!("{what} during the load")))
        .collect()
}

fn not_held(spec: &LoadTestSpec, hold: &Hold, figures: &HoldFigures, named: &Named) -> String {
    let told = format!(
        "{} held a mean of {:.0}/min, {:+.1} % of the target of {}; {:.0} % of {} windows were close enough, {:.0} % must be",
        spec.kpi,
        figures.mean_per_min,
        figures.mean_error * 100.0,
        rate(hold.level_per_min),
        figures.windows_within * 100.0,
        figures.windows,
        WINDOW_SHARE * 100.0
    );
    if named.of > 1 { format!("{}: {told}", named.hold(hold)) } else { told }
}

/// A hold among the others.
struct Named {
    position: usize,
    of: usize,
}

impl Named {
    /// Which hold it is, in words.
    fn hold(&self, hold: &Hold) -> String {
        if self.of == 1 {
            return "the plateau".to_owned();
        }
        let time = |seconds: f64| Span::from(Duration::from_secs(seconds.max(0.0).round() as u64));
        let (from, to) = (time(hold.from_s), time(hold.to_s));
        format!("hold {} of {}, {} from {from} to {to}", self.position + 1, self.of, rate(hold.level_per_min))
    }
}

/// Events per minute to the thousandth.
fn rate(per_min: f64) -> String {
    format!("{}/min", (per_min * 1000.0).round() / 1000.0)
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
