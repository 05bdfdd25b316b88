//! What the control law must reach on models: each goal as data, a thing that is measured, where, and its bound.
//!
//! Goals on targets within reach are in `reachable`, those beyond the system's capacity or through its failures in
//! `beyond`, those on plants drawn by chance in `held_out`, and those that are aimed at but not required in `stretch`.
//! Which runs they need is in `runs`, how these become statistics in `sample`, and how these are judged in `outcome`.

mod beyond;
mod held_out;
mod measure;
mod outcome;
mod reachable;
mod runs;
mod sample;
mod stretch;

use conductor_core::units::Span;

use crate::trial::law::Algorithm;

pub use held_out::{HeldOut, held_out};
pub use measure::Measure;
pub use outcome::{GoalTrials, Outcome, judge};
pub use sample::Statistic;

/// One thing that the law must reach, with all that is checked for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// Its short name, such as `G1`.
    pub name: &'static str,
    /// Whether missing it is a failure; what is not required is aimed at.
    pub is_required: bool,
    /// What is checked.
    pub checks: Vec<Check>,
}

/// One thing that is measured, and its bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What is measured in each run.
    pub measure: Measure,
    /// What is made of many runs.
    pub statistic: Statistic,
    /// The scenarios, each of which must keep to the bound.
    pub places: Vec<&'static str>,
    /// What steers.
    pub algorithm: Algorithm,
    /// Time between two decisions.
    pub tick: Span,
    /// What must not be exceeded, or fallen short of.
    pub bound: Bound,
}

/// A bound of a statistic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// At most so many times the oracle's median on the same seeds.
    TimesOracle(f64),
    /// At most so much more than the oracle's median on the same seeds.
    OracleAnd(f64),
    /// At most the published algorithm's median on the same seeds divided by this; of its two readings that which is
    /// better is taken, seed by seed.
    PublishedOver(f64),
    /// At most so many times the relative standard deviation of a minute's count at the target, 100 / √N percent.
    TimesCounting(f64),
}

/// Every goal, in its order.
pub fn goals() -> Vec<Goal> {
    let mut goals = reachable::goals();
    goals.extend(beyond::goals());
    goals.push(stretch::goal());
    goals
}

/// A goal that is required.
fn required(name: &'static str, checks: Vec<Check>) -> Goal {
    Goal { name, is_required: true, checks }
}

/// A check of the law as it is used, which is told nothing and decides every minute.
fn check(measure: impl Into<Measure>, statistic: Statistic, places: &[&'static str], bound: Bound) -> Check {
    Check {
        measure: measure.into(),
        statistic,
        places: places.to_vec(),
        algorithm: Algorithm::Adaptive,
        tick: Span::seconds(60),
        bound,
    }
}

impl Check {
    fn by(self, algorithm: Algorithm) -> Self {
        Self { algorithm, ..self }
    }

    fn every(self, tick: Span) -> Self {
        Self { tick, ..self }
    }
}

impl Bound {
    /// True where the figure must not be less than the bound.
    pub(crate) const fn is_least(self) -> bool {
        matches!(self, Self::AtLeast(_))
    }

    /// What a figure is measured against.
    const fn reference(self) -> Reference {
        match self {
            Self::AtMost(_) | Self::AtLeast(_) => Reference::Nothing,
            Self::TimesOracle(_) | Self::OracleAnd(_) => Reference::Oracle,
            Self::PublishedOver(_) => Reference::Published,
            Self::TimesCounting(_) => Reference::Counting,
        }
    }

    /// The bound as a figure.
    fn limit(self, reference: f64) -> f64 {
        match self {
            Self::AtMost(limit) | Self::AtLeast(limit) => limit,
            Self::TimesOracle(times) | Self::TimesCounting(times) => times * reference,
            Self::OracleAnd(more) => reference + more,
            Self::PublishedOver(divisor) => reference / divisor,
        }
    }
}

/// What a figure is measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reference {
    Nothing,
    Oracle,
    Published,
    Counting,
}

impl Reference {
    /// The algorithms that must be run for it.
    const fn algorithms(self) -> &'static [Algorithm] {
        match self {
            Self::Nothing | Self::Counting => &[],
            Self::Oracle => &[Algorithm::Oracle],
            Self::Published => &[Algorithm::Published, Algorithm::PublishedFrozen],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_goal_is_there_and_checks_scenarios_that_exist() {
        let names: Vec<_> = goals().iter().map(|goal| goal.name).collect();
        assert_eq!(names, ["G1", "G2", "G3", "G4", "G5", "G6", "G7", "G12", "G8", "G9", "G10", "S"]);
        let scenarios = crate::scenarios();
        for check in goals().iter().flat_map(|goal| &goal.checks) {
            assert!(!check.places.is_empty());
            for place in &check.places {
                assert!(scenarios.iter().any(|plant| plant.name == *place), "{place}");
            }
        }
    }
}
