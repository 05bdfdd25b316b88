//! Plants drawn by chance, which no parameter of the law was chosen for, and what it must reach on them.
//!
//! Each seed gives one plant, and one run of each algorithm on it.

mod distribution;

use std::ops::Range;

use super::outcome::{Found, Outcome};
use super::sample::Sample;
use super::{Bound, Statistic};
use crate::score::{Score, Scores, Yardstick};
use crate::table::on_all_cores;
use crate::trial::Bench;
use crate::trial::law::Algorithm;

pub use distribution::{HeldOut, held_out};

const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::Adaptive,
    Algorithm::AdaptivePrior,
    Algorithm::Oracle,
    Algorithm::Published,
    Algorithm::PublishedFrozen,
];

/// One plant and the scores on it.
struct Tried {
    seed: u64,
    target_per_min: f64,
    is_reachable: bool,
    scores: [Scores; ALGORITHMS.len()],
}

impl Tried {
    fn of(seed: u64) -> Self {
        let plant = held_out(seed);
        let bench = Bench::new(&plant.plant, 60.0);
        let yardstick = Yardstick::new(&bench);
        Self {
            seed,
            target_per_min: bench.model.target_per_min,
            is_reachable: plant.is_reachable,
            scores: ALGORITHMS.map(|algorithm| yardstick.scores(&bench.run(algorithm, seed))),
        }
    }

    fn get(&self, algorithm: Algorithm, score: Score) -> f64 {
        let position = ALGORITHMS.iter().position(|tried| *tried == algorithm);
        position.map_or(f64::NAN, |position| self.scores[position][score as usize])
    }

    /// The error against the oracle's.
    fn times_oracle(&self, algorithm: Algorithm) -> f64 {
        self.get(algorithm, Score::Rmse) / self.get(Algorithm::Oracle, Score::Rmse)
    }

    /// The error against that of the better reading of the published rule.
    fn of_published(&self) -> f64 {
        let published = |algorithm| self.get(algorithm, Score::Rmse);
        let best = published(Algorithm::Published).min(published(Algorithm::PublishedFrozen));
        self.get(Algorithm::Adaptive, Score::Rmse) / best
    }

    fn is_scored(&self) -> bool {
        /// Below so many events a minute chance is all that is left to compare.
        const LEAST_PER_MIN: f64 = 100.0;
        self.is_reachable && self.target_per_min >= LEAST_PER_MIN
    }
}

/// What is measured on which plants.
struct Rule {
    goal: &'static str,
    measured: &'static str,
    algorithm: Algorithm,
    of: fn(&Tried) -> bool,
    figure: fn(&Tried) -> f64,
    statistic: Statistic,
    bound: Bound,
}

/// Aimed at and not required, since the figures are those of one distribution of plants among many.
const GOAL: &str = "G11";
const STRETCH: &str = "S";

/// The law must do well where nobody looked when it was made. It beats the published rule on all but one plant in fifty.
/// Within reach the usual plant costs less than twice the oracle's error, and a third more than it where the ratio is
/// told; one in twenty may be several times as hard, mostly where capacity drops and comes back. Out of reach most of the
/// KPI that can be sustained is held, and nearly half of it on all but the hardest: a metastable knee at few events a
/// minute cannot be seen in time. Held-out plants beyond capacity are also aimed at 70 % on all but one in twenty.
fn rules() -> [Rule; 9] {
    let beats = Rule {
        goal: GOAL,
        measured: "rmse against published",
        algorithm: Algorithm::Adaptive,
        of: |_| true,
        figure: Tried::of_published,
        statistic: Statistic::Share(1.0),
        bound: Bound::AtLeast(98.0),
    };
    let within = |algorithm, figure, statistic, most| Rule {
        goal: GOAL,
        measured: "rmse against oracle, within reach",
        algorithm,
        of: Tried::is_scored,
        figure,
        statistic,
        bound: Bound::AtMost(most),
    };
    let told: fn(&Tried) -> f64 = |tried| tried.times_oracle(Algorithm::AdaptivePrior);
    let untold: fn(&Tried) -> f64 = |tried| tried.times_oracle(Algorithm::Adaptive);
    let holds = |goal, statistic, least| Rule {
        goal,
        measured: "kpi_of_sustainable beyond capacity",
        algorithm: Algorithm::Adaptive,
        of: |tried| !tried.is_reachable,
        figure: |tried| tried.get(Algorithm::Adaptive, Score::KpiOfSustainable),
        statistic,
        bound: Bound::AtLeast(least),
    };
    let alarms = Rule {
        measured: "false_stall_alarms beyond capacity",
        figure: |tried| tried.get(Algorithm::Adaptive, Score::FalseStallAlarms),
        bound: Bound::AtMost(0.5),
        ..holds(GOAL, Statistic::Mean, 0.5)
    };
    [
        beats,
        within(Algorithm::Adaptive, untold, Statistic::Median, 1.9),
        within(Algorithm::Adaptive, untold, Statistic::P95, 6.0),
        within(Algorithm::AdaptivePrior, told, Statistic::Median, 1.3),
        within(Algorithm::AdaptivePrior, told, Statistic::P95, 3.0),
        holds(GOAL, Statistic::Median, 87.0),
        holds(GOAL, Statistic::P95, 45.0),
        alarms,
        holds(STRETCH, Statistic::P95, 70.0),
    ]
}

/// Judges the law on one plant for each seed.
pub(super) fn judge(seeds: &Range<u64>) -> Vec<Outcome> {
    let count = usize::try_from(seeds.end.saturating_sub(seeds.start)).unwrap_or(usize::MAX);
    let tried = on_all_cores(count, |position| Tried::of(seeds.start + position as u64));
    rules().into_iter().map(|rule| outcome(&rule, &tried)).collect()
}

fn outcome(rule: &Rule, tried: &[Tried]) -> Outcome {
    let mut plants: Vec<_> =
        tried.iter().filter(|tried| (rule.of)(tried)).map(|tried| ((rule.figure)(tried), tried.seed)).collect();
    plants.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    // What is counted by a share is at most something, whatever the bound of the share.
    let least_is_worst = rule.bound.is_least() && !matches!(rule.statistic, Statistic::Share(_));
    let worst = if least_is_worst { plants.first() } else { plants.last() };
    let place = worst.map_or_else(String::new, |(_, seed)| distribution::name(*seed));
    let sample = Sample::new(plants.iter().map(|(figure, _)| *figure).collect());
    let found = Found::new(rule.statistic, rule.bound, sample, f64::NAN);
    let measured = format!("{}, {}", rule.measured, rule.statistic);
    let mut outcome = found.outcome(rule.goal, false, measured, rule.algorithm);
    (outcome.place, outcome.places) = (place, plants.len());
    outcome
}
