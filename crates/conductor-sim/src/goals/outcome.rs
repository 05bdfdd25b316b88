//! Judging the goals: which of them are met, and in which terms that is said. Their runs are in `runs` and `held_out`.

use std::fmt;
use std::ops::Range;

use serde::{Serialize, Serializer};

use super::runs::Runs;
use super::sample::{Limit, Sample};
use super::{Bound, Statistic, goals, held_out};
use crate::trial::law::Algorithm;

/// Which runs the goals are judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoalTrials {
    /// The seeds of the runs in each scenario.
    pub seeds: Range<u64>,
    /// Held-out plants, one for each seed.
    pub held_out: Range<u64>,
}

/// What became of one check.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The goal's name.
    pub goal: &'static str,
    /// Whether missing it is a failure.
    pub is_required: bool,
    /// What was measured, such as `rmse, median`.
    pub measured: String,
    /// What steered.
    #[serde(serialize_with = "name")]
    pub algorithm: Algorithm,
    /// Where: a scenario, or of several that which is nearest to the bound or furthest beyond it.
    pub place: String,
    /// How many scenarios there were, or plants.
    pub places: usize,
    /// The bound, as it is stated.
    pub bound: String,
    /// The bound, as a figure.
    pub limit: f64,
    /// What was reached.
    pub reached: f64,
    /// What was reached, in the terms of the bound.
    pub reached_as: String,
    /// Whether the goal is met.
    pub is_met: bool,
    /// Whether it is missed by more than two standard errors of what so few runs can tell.
    pub is_refuted: bool,
}

fn name<S: Serializer>(algorithm: &Algorithm, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(algorithm.name())
}

/// Judges every goal, on all cores: those that are required, then those that are aimed at.
pub fn judge(trials: &GoalTrials) -> Vec<Outcome> {
    let goals = goals();
    let runs = Runs::of(&goals, &trials.seeds);
    let mut outcomes: Vec<Outcome> =
        goals.iter().flat_map(|goal| goal.checks.iter().map(|check| runs.judge(goal, check))).collect();
    outcomes.extend(held_out::judge(&trials.held_out));
    let number = |outcome: &Outcome| outcome.goal.trim_start_matches('G').parse().unwrap_or(u32::MAX);
    outcomes.sort_by_key(number);
    outcomes
}

/// What many runs came to against a bound.
pub(super) struct Found {
    statistic: Statistic,
    bound: Bound,
    reference: f64,
    sample: Sample,
    limit: Limit,
    reached: f64,
}

impl Found {
    pub(super) fn new(statistic: Statistic, bound: Bound, sample: Sample, reference: f64) -> Self {
        let limit = Limit { value: bound.limit(reference), is_least: bound.is_least() };
        let reached = sample.get(statistic, limit);
        Self { statistic, bound, reference, sample, limit, reached }
    }

    /// How near it is to its bound: beyond 1 it is missed.
    pub(super) fn strain(&self) -> f64 {
        let Limit { value, is_least } = self.limit;
        match is_least {
            true => value / self.reached,
            false if value == 0.0 => 1.0 + self.reached,
            false => self.reached / value,
        }
    }

    pub(super) fn is_refuted(&self) -> bool {
        self.sample.refutes(self.statistic, self.limit)
    }

    pub(super) fn outcome(
        &self,
        goal: &'static str,
        is_required: bool,
        measured: String,
        algorithm: Algorithm,
    ) -> Outcome {
        Outcome {
            goal,
            is_required,
            measured,
            algorithm,
            place: String::new(),
            places: 1,
            bound: self.bound.to_string(),
            limit: self.limit.value,
            reached: self.reached,
            reached_as: self.bound.of(self.reached, self.reference),
            is_met: self.limit.admits(self.reached),
            is_refuted: self.is_refuted(),
        }
    }
}

impl Bound {
    /// A figure in the terms of the bound; empty where it says nothing more.
    fn of(self, figure: f64, reference: f64) -> String {
        match self {
            Self::AtMost(_) | Self::AtLeast(_) => String::new(),
            Self::TimesOracle(_) => format!("{:.2} O", figure / reference),
            Self::OracleAnd(_) => format!("O {:+.1}", figure - reference),
            Self::PublishedOver(_) => format!("Z / {:.1}", reference / figure),
            Self::TimesCounting(_) => format!("{:.2} / √N", figure / reference),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "≤ {most}"),
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::TimesOracle(times) => write!(f, "≤ {times} O"),
            Self::OracleAnd(more) => write!(f, "≤ O + {more}"),
            Self::PublishedOver(divisor) => write!(f, "≤ Z / {divisor}"),
            Self::TimesCounting(times) => write!(f, "≤ {times} / √N"),
        }
    }
}
