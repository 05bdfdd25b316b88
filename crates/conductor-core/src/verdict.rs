//! Whether a run was valid and whether it passed, judged from what was measured.
//!
//! Every level stretch of the load that is an interval or longer is a hold, the plateau among them; ramps are not judged.
//! A search is judged by what it has found instead. A level is *held* when the hold's mean is close enough to it, and so are
//! enough of its windows: within the tolerance or three standard deviations of a counted window, whichever is wider. A window
//! in which N events are expected scatters by 1/√N by chance alone (Poisson), so that small windows must not be judged by the
//! same percent as large ones.
//!
//! What disturbs the generator in a hold makes the run invalid, since what was measured there is not the system alone;
//! elsewhere it is warned of, since nothing is judged there. Every code is a [`Rule`]; by what it is judged is in the load test
//! ([`Thresholds`](crate::spec::Thresholds)).

mod cause;
mod environment;
mod generator;
mod hold;
mod kpi;
mod layout;
mod level;
mod mocks;
mod rule;
mod saturated;
mod search;
mod slo;
mod whole;
mod window;

use std::cmp::Reverse;
use std::fmt;

use cause::clock;
pub use cause::{Evidence, VerdictCause};
pub use hold::{Hold, HoldFigures};
pub use level::STALLED_EVENTS;
pub use rule::{Rule, rules};
use serde::{Deserialize, Serialize};

use crate::guard::Guarded;
use crate::layout::LayoutSeen;
use crate::parity::Report;
use crate::phase::{Cause, Ending};
use crate::ramp::Profile;
use crate::slo::{BaselineFigures, SloResult, results};
use crate::spec::{LoadShape, LoadTestSpec};
use crate::view::Tick;

/// How far a hold's mean may be from its level, as a share of it, where the load test does not say.
pub const MEAN_TOLERANCE: f64 = 0.05;
/// How far a window may be from the level, as a share of it, where chance alone does not explain more and the load test does
/// not say.
pub const WINDOW_TOLERANCE: f64 = 0.10;

/// The result of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// The objectives with what was observed, in the order of the load test.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slos: Vec<SloResult>,
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

/// What a run is judged by. All of it is in its journal, so that a verdict can be come to again at any time.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What was to be done, and by what it is judged.
    pub spec: &'a LoadTestSpec,
    /// The line that the KPI had to follow.
    pub profile: &'a Profile,
    /// What was measured.
    pub ticks: &'a [Tick],
    /// How it ended, and what is left of it.
    pub ending: &'a Ending,
    /// Whether others could change the applications; `None` where it never came to that.
    pub guarded: Option<&'a Guarded>,
    /// Where load generators, mocks and applications under test were seen to run; empty where nothing tells.
    pub layout: &'a [LayoutSeen],
    /// In what the environment differed from production; `None` where nobody has looked.
    pub parity: Option<&'a Report>,
    /// What the run had that objectives are relative to; `None` where there is none.
    pub baseline: Option<&'a BaselineFigures>,
}

impl<'a> Facts<'a> {
    /// The facts of a run of which nothing is known but its load and its end.
    pub fn new(spec: &'a LoadTestSpec, profile: &'a Profile, ticks: &'a [Tick], ending: &'a Ending) -> Self {
        Self { spec, profile, ticks, ending, guarded: None, layout: &[], parity: None, baseline: None }
    }
}

/// Judges a finished run.
pub fn judge(facts: &Facts<'_>) -> Verdict {
    let Facts { spec, profile, ticks, ending, .. } = *facts;
    let searches = matches!(spec.shape, LoadShape::Search(_));
    let holds = if searches { Vec::new() } else { hold::holds(spec, profile, ticks) };
    let windows = window::windows(ticks);
    let measured_s = windows.last().map_or(0.0, |window| window.to_s);
    let mut causes: Vec<VerdictCause> = whole::causes(&ending.cause, measured_s, profile.end_s()).into_iter().collect();
    if ending.cause == Cause::Completed {
        match &ending.search {
            // Each of its levels is judged, so that there is no time beside.
            Some(search) => {
                causes.push(search::cause(facts, search));
                causes.extend(generator::disturbances(&windows, &[Hold::whole(measured_s)]));
            }
            None => {
                causes.extend(level::causes(facts, &windows, &holds));
                causes.extend(generator::disturbances(&windows, &holds));
                causes.extend(generator::bound_beside(facts, &windows, &holds));
            }
        }
        causes.extend(kpi::causes(&spec.kpi, &kpi::stretches(&holds, ticks), ticks));
    }
    causes.extend(mocks::causes(&ending.mock_faults));
    let slos = results(spec, facts.baseline, profile, ticks);
    causes.extend(slo::causes(facts, &slos));
    causes.extend(environment::causes(facts));
    if !ticks.is_empty() {
        causes.extend(layout::causes(spec.verdict.shared_nodes, facts.layout));
    }
    if ending.cause != Cause::Completed && causes.iter().all(|cause| cause.outcome <= Outcome::Warned) {
        causes.push(whole::unfinished());
    }
    causes.sort_by_key(|cause| (Reverse(cause.outcome), rule::rank(cause)));
    let outcome = causes.first().map_or(Outcome::Passed, |cause| cause.outcome);
    Verdict { outcome, restored: ending.teardown_failures.is_empty(), causes, holds, slos }
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
        let (from, to) = (clock(hold.from_s), clock(hold.to_s));
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

#[cfg(test)]
#[path = "verdict/codes_tests.rs"]
mod codes_tests;
