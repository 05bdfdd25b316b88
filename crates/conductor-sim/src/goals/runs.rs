//! The runs that the goals need in the named scenarios, each made once, and what a check makes of them.

use std::ops::Range;

use super::measure::Record;
use super::outcome::{Found, Outcome};
use super::sample::Sample;
use super::{Check, Goal, Reference};
use crate::plant::Plant;
use crate::scenarios;
use crate::score::Yardstick;
use crate::table::on_all_cores;
use crate::trial::Bench;
use crate::trial::law::Algorithm;

/// What steers on which model.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cell {
    bench: usize,
    algorithm: Algorithm,
}

/// All runs that the goals need.
pub(super) struct Runs {
    /// Each scenario at each interval, which is in seconds.
    names: Vec<(&'static str, f64)>,
    targets: Vec<f64>,
    cells: Vec<Cell>,
    seeds: usize,
    records: Vec<Record>,
}

impl Runs {
    pub(super) fn of(goals: &[Goal], seeds: &Range<u64>) -> Self {
        let (mut names, mut cells): (Vec<(&'static str, f64)>, Vec<Cell>) = (Vec::new(), Vec::new());
        for check in goals.iter().flat_map(|goal| &goal.checks) {
            for place in &check.places {
                let named = (*place, check.tick.as_secs_f64());
                let bench = names.iter().position(|other| *other == named).unwrap_or_else(|| {
                    names.push(named);
                    names.len() - 1
                });
                for algorithm in check.bound.reference().algorithms().iter().chain([&check.algorithm]) {
                    let cell = Cell { bench, algorithm: *algorithm };
                    if !cells.contains(&cell) {
                        cells.push(cell);
                    }
                }
            }
        }
        let benches: Vec<Bench> = names.iter().map(|(place, tick_s)| Bench::new(&scenario(place), *tick_s)).collect();
        let yardsticks: Vec<Yardstick> = benches.iter().map(Yardstick::new).collect();
        let count = usize::try_from(seeds.end.saturating_sub(seeds.start)).unwrap_or(usize::MAX);
        let records = on_all_cores(cells.len() * count, |job| {
            let Cell { bench, algorithm } = cells[job / count];
            Record::of(&benches[bench], &yardsticks[bench], algorithm, seeds.start + (job % count) as u64)
        });
        let targets = benches.iter().map(|bench| bench.model.target_per_min).collect();
        Self { names, targets, cells, seeds: count, records }
    }

    pub(super) fn judge(&self, goal: &Goal, check: &Check) -> Outcome {
        let found = |place: &&'static str| {
            let (sample, reference) = (self.sample(place, check), self.reference(place, check));
            Found::new(check.statistic, check.bound, sample, reference)
        };
        let found: Vec<_> = check.places.iter().map(|place| (*place, found(place))).collect();
        let worst = found.iter().max_by(|(_, one), (_, other)| one.strain().total_cmp(&other.strain()));
        let Some((place, worst)) = worst else { unreachable!("a check without a scenario") };
        let interval = if check.tick.as_secs_f64() == 60.0 { String::new() } else { format!(", every {}", check.tick) };
        let measured = format!("{}, {}{interval}", check.measure, check.statistic);
        let mut outcome = worst.outcome(goal.name, goal.is_required, measured, check.algorithm);
        (outcome.place, outcome.places) = ((*place).to_owned(), found.len());
        outcome.is_refuted = found.iter().any(|(_, found)| found.is_refuted());
        outcome
    }

    fn sample(&self, place: &'static str, check: &Check) -> Sample {
        Sample::new(self.figures(place, check, check.algorithm).collect())
    }

    /// What the figure is measured against: on the same seeds, by the same measure.
    fn reference(&self, place: &'static str, check: &Check) -> f64 {
        let median = |figures: Vec<f64>| Sample::new(figures).median();
        match check.bound.reference() {
            Reference::Nothing => f64::NAN,
            Reference::Counting => 100.0 / self.targets[self.bench(place, check)].sqrt(),
            Reference::Oracle => median(self.figures(place, check, Algorithm::Oracle).collect()),
            Reference::Published => {
                let readings = self.figures(place, check, Algorithm::Published);
                let frozen = self.figures(place, check, Algorithm::PublishedFrozen);
                median(readings.zip(frozen).map(|(one, other)| one.min(other)).collect())
            }
        }
    }

    fn figures(&self, place: &'static str, check: &Check, algorithm: Algorithm) -> impl Iterator<Item = f64> {
        let wanted = Cell { bench: self.bench(place, check), algorithm };
        let position = self.cells.iter().position(|cell| *cell == wanted);
        let Some(position) = position else { unreachable!("a check without runs") };
        let measure = check.measure;
        self.records[position * self.seeds..(position + 1) * self.seeds].iter().map(move |record| record.get(measure))
    }

    fn bench(&self, place: &'static str, check: &Check) -> usize {
        let found = self.names.iter().position(|named| *named == (place, check.tick.as_secs_f64()));
        let Some(bench) = found else { unreachable!("a check without a model") };
        bench
    }
}

fn scenario(name: &str) -> Plant {
    let Some(plant) = scenarios().into_iter().find(|plant| plant.name == name) else {
        unreachable!("{name} is no scenario")
    };
    plant
}
