//! Many runs side by side: every plant with every algorithm and every seed, on all cores, and what their scores come to.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use conductor_core::units::Span;
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::plant::Plant;
use crate::score::{Score, Scores, Yardstick};
use crate::trial::Bench;
use crate::trial::law::Algorithm;

/// Which runs are made of each plant and algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trials {
    /// The seeds, one for each run.
    pub seeds: Range<u64>,
    /// Time between two decisions: whole half seconds, at least one.
    pub tick: Span,
}

/// What the runs of one plant and one algorithm come to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The plant's name.
    pub plant: String,
    /// The algorithm.
    #[serde(serialize_with = "name")]
    pub algorithm: Algorithm,
    /// How many runs there were.
    pub seeds: u64,
    /// Their scores.
    pub scores: ScoreTable,
}

/// Every score over the runs of one row.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreTable([Spread; Score::ALL.len()]);

/// One score over many runs; not a number where it could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Half of the runs are better, half of them worse.
    pub median: f64,
    /// 95 % of the runs are at least as good.
    pub p95: f64,
    /// The worst run.
    pub worst: f64,
    /// The mean of all runs, for scores that are rarely other than zero; tables and documents leave it out.
    #[serde(skip)]
    pub mean: f64,
}

impl ScoreTable {
    /// One score.
    pub fn get(&self, score: Score) -> Spread {
        self.0[score as usize]
    }
}

impl Serialize for ScoreTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Score::ALL.len()))?;
        for score in Score::ALL {
            map.serialize_entry(score.name(), &self.get(score))?;
        }
        map.end()
    }
}

fn name<S: Serializer>(algorithm: &Algorithm, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(algorithm.name())
}

/// Runs every plant with every algorithm and every seed, on all cores. The plants have passed [`Plant::check`].
pub fn table(plants: &[Plant], algorithms: &[Algorithm], trials: &Trials) -> Vec<Row> {
    let tick_s = trials.tick.as_secs_f64();
    let benches: Vec<Bench> = plants.iter().map(|plant| Bench::new(plant, tick_s)).collect();
    let yardsticks: Vec<Yardstick> = benches.iter().map(Yardstick::new).collect();
    let seeds = usize::try_from(trials.seeds.end.saturating_sub(trials.seeds.start)).unwrap_or(usize::MAX);
    let cells: Vec<(usize, Algorithm)> =
        (0..plants.len()).flat_map(|plant| algorithms.iter().map(move |algorithm| (plant, *algorithm))).collect();
    let run = |job: usize| {
        let (plant, algorithm) = cells[job / seeds];
        let seed = trials.seeds.start + (job % seeds) as u64;
        yardsticks[plant].scores(&benches[plant].run(algorithm, seed))
    };
    let scores = on_all_cores(cells.len() * seeds, run);
    let row = |(position, (plant, algorithm)): (usize, &(usize, Algorithm))| Row {
        plant: plants[*plant].name.clone(),
        algorithm: *algorithm,
        seeds: seeds as u64,
        scores: ScoreTable::of(&scores[position * seeds..(position + 1) * seeds]),
    };
    cells.iter().enumerate().map(row).collect()
}

/// Does jobs on all cores and gives what they came to in their order.
pub(crate) fn on_all_cores<T: Send>(jobs: usize, run: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let job = next.fetch_add(1, Ordering::Relaxed);
            if job >= jobs {
                return done;
            }
            done.push((job, run(job)));
        }
    };
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut results: Vec<(usize, T)> = Vec::with_capacity(jobs);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            match worker.join() {
                Ok(done) => results.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    results.sort_unstable_by_key(|(job, _)| *job);
    results.into_iter().map(|(_, result)| result).collect()
}

impl ScoreTable {
    fn of(runs: &[Scores]) -> Self {
        Self(Score::ALL.map(|score| Spread::of(score, runs.iter().map(|scores| scores[score as usize]).collect())))
    }
}

impl Spread {
    fn of(score: Score, mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let median = quantile(&values, 0.5);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        if score == Score::PlateauMeanError {
            values.iter_mut().for_each(|value| *value = value.abs());
            values.sort_unstable_by(f64::total_cmp);
        }
        if score.is_better_when_greater() {
            Self { median, p95: quantile(&values, 0.05), worst: quantile(&values, 0.0), mean }
        } else {
            Self { median, p95: quantile(&values, 0.95), worst: quantile(&values, 1.0), mean }
        }
    }
}

/// A quantile of sorted values, between two of them in proportion.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let below = place as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    if low == high { low } else { low + (high - low) * place.fract() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_scores_is_the_order_of_their_places() {
        for (position, score) in Score::ALL.into_iter().enumerate() {
            assert_eq!(score as usize, position);
        }
    }

    #[test]
    fn the_worst_is_what_is_least_wanted() {
        let values = || (1..=101).map(f64::from).collect();
        assert_eq!(Spread::of(Score::Rmse, values()), Spread { median: 51.0, p95: 96.0, worst: 101.0, mean: 51.0 });
        assert_eq!(Spread::of(Score::Inside5Pct, values()), Spread { median: 51.0, p95: 6.0, worst: 1.0, mean: 51.0 });
        let signed = Spread::of(Score::PlateauMeanError, vec![-3.0, -1.0, 2.0]);
        assert_eq!((signed.median, signed.worst), (-1.0, 3.0));
    }

    #[test]
    fn a_table_has_a_row_for_each_plant_and_algorithm_and_does_not_depend_on_the_cores() {
        let document = serde_json::json!([
            { "name": "a", "run": { "target": "60/min", "rampUp": "5m", "plateau": "10m" }, "journey": {}, "checkout": {} },
            { "name": "b", "run": { "target": "600/min", "rampUp": "5m", "plateau": "10m" }, "journey": {}, "checkout": {} }
        ]);
        let plants: Vec<Plant> = serde_json::from_value(document).unwrap();
        let trials = Trials { seeds: 1..6, tick: Span::seconds(60) };
        let rows = table(&plants, &[Algorithm::Fixed, Algorithm::Oracle], &trials);
        let cells: Vec<_> = rows.iter().map(|row| (row.plant.as_str(), row.algorithm)).collect();
        let expected =
            [("a", Algorithm::Fixed), ("a", Algorithm::Oracle), ("b", Algorithm::Fixed), ("b", Algorithm::Oracle)];
        assert_eq!(cells, expected);
        assert_eq!(rows[3], table(&plants[1..], &[Algorithm::Oracle], &trials)[0]);
        let json = serde_json::to_value(&rows[0]).unwrap();
        assert_eq!((json["algorithm"].as_str(), json["seeds"].as_u64()), (Some("fixed"), Some(5)));
        assert!(json["scores"]["rmse_plateau"]["p95"].as_f64().unwrap() > 0.0);
    }
}
