//! The shape of a load: ramp-up and plateau, or stages one after the other, and the line they add up to.
//!
//! How stages are written is in `document`, what makes them valid in `validate` and `curve`.

mod curve;
mod document;
mod validate;

pub use document::{CurveDocument, CurvePointDocument, StageDocument, ValueDocument};
pub(super) use validate::{check_length, shape, written};

use super::search::SearchPlan;
use crate::ramp::Profile;
use crate::units::{Rate, Span};

/// How the KPI shall go over time.
#[derive(Clone, Debug, PartialEq)]
pub enum LoadShape {
    /// Evenly from nothing to the test's target, and level there.
    RampUp {
        /// Time from the first user to the target; zero is a step.
        ramp_up: Span,
        /// Time to hold the target.
        plateau: Span,
    },
    /// One stage after the other, the first one from nothing.
    Stages(Vec<Stage>),
    /// From level to level, until the system does not sustain one.
    Search(SearchPlan),
}

/// A piece of a load.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Evenly from the present level to another one.
    Ramp {
        /// How long that takes; zero is a step.
        time: Span,
        /// The level to reach.
        to: Rate,
    },
    /// The present level, held.
    Hold {
        /// How long.
        time: Span,
    },
    /// At once to another level, held.
    Step {
        /// The level.
        to: Rate,
        /// How long.
        hold: Span,
    },
    /// To another level and back to the present one.
    Spike {
        /// The level in between.
        to: Rate,
        /// Time to reach it; zero is a step.
        rise: Span,
        /// Time to hold it.
        hold: Span,
        /// Time back; zero is a step.
        fall: Span,
    },
    /// Along a curve.
    Curve(Curve),
}

/// A curve of levels over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The level that a value of 1 means.
    pub scale: Rate,
    /// Its points, in the order of time.
    pub points: Vec<CurvePoint>,
}

/// A point of a curve. Between two points the level goes evenly; two points at one time are a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// Time since the stage's begin.
    pub time: Span,
    /// The level as a share of the curve's scale, zero or more.
    pub value: f64,
}

impl LoadShape {
    /// The line that the KPI shall follow, for a test with this target; of a search, as far as its first level.
    pub fn profile(&self, target: Rate) -> Profile {
        match self {
            Self::RampUp { ramp_up, plateau } => {
                Profile::ramp(target.as_per_minute(), ramp_up.as_secs_f64(), plateau.as_secs_f64())
            }
            Self::Stages(stages) => along(stages),
            Self::Search(plan) => {
                let from = plan.from.as_per_minute();
                Profile::ramp(from, plan.ramp_up.as_secs_f64(), plan.hold.as_secs_f64())
            }
        }
    }

    /// The highest level of its stages, events per minute; 0 where it has none.
    fn highest_of_stages(&self) -> f64 {
        match self {
            Self::RampUp { .. } | Self::Search(_) => 0.0,
            Self::Stages(stages) => along(stages).highest(),
        }
    }

    /// How long it takes, measured at this interval; a search, at the longest.
    pub fn time(&self, interval: Span) -> Span {
        match self {
            Self::RampUp { ramp_up, plateau } => ramp_up.plus(*plateau),
            Self::Search(plan) => plan.longest(interval),
            Self::Stages(stages) => stages.iter().fold(Span::default(), |time, stage| time.plus(stage.time())),
        }
    }

    /// How fast the KPI rises in the first ramp, events per minute in a second; `None` where it does not begin with one.
    pub(crate) fn first_slope(&self, target: Rate) -> Option<f64> {
        let (time, to) = match self {
            Self::RampUp { ramp_up, .. } => (*ramp_up, target),
            Self::Search(plan) => (plan.ramp_up, plan.from),
            Self::Stages(stages) => match stages.first()? {
                Stage::Ramp { time, to } => (*time, *to),
                Stage::Hold { .. } | Stage::Step { .. } | Stage::Spike { .. } | Stage::Curve(_) => return None,
            },
        };
        (!time.is_zero()).then(|| to.as_per_minute() / time.as_secs_f64())
    }
}

fn along(stages: &[Stage]) -> Profile {
    stages.iter().fold(Profile::from_nothing(), |line, stage| stage.after(line))
}

impl Stage {
    /// How long it takes.
    pub fn time(&self) -> Span {
        match self {
            Self::Ramp { time, .. } | Self::Hold { time } => *time,
            Self::Step { hold, .. } => *hold,
            Self::Spike { rise, hold, fall, .. } => rise.plus(*hold).plus(*fall),
            Self::Curve(curve) => curve.points.last().map_or_else(Span::default, |point| point.time),
        }
    }

    /// The line that goes on with this stage.
    fn after(&self, line: Profile) -> Profile {
        let level = line.last_per_min();
        match self {
            Self::Ramp { time, to } => line.then(time.as_secs_f64(), to.as_per_minute()),
            Self::Hold { time } => line.then(time.as_secs_f64(), level),
            Self::Step { to, hold } => line.then(0.0, to.as_per_minute()).then(hold.as_secs_f64(), to.as_per_minute()),
            Self::Spike { to, rise, hold, fall } => line
                .then(rise.as_secs_f64(), to.as_per_minute())
                .then(hold.as_secs_f64(), to.as_per_minute())
                .then(fall.as_secs_f64(), level),
            Self::Curve(Curve { scale, points }) => {
                let begin_s = line.end_s();
                points.iter().fold(line, |line, point| {
                    let seconds = begin_s + point.time.as_secs_f64() - line.end_s();
                    line.then(seconds, point.value * scale.as_per_minute())
                })
            }
        }
    }
}

#[cfg(test)]
#[path = "stages_tests.rs"]
mod tests;
