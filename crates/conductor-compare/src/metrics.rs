//! What was measured on the levels of two runs.

use conductor_core::view::{RunView, Tick};
use serde::Serialize;

use crate::batches::{Batches, Interval};

/// A figure of both runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metric {
    /// What it is.
    pub name: String,
    /// Its unit.
    pub unit: &'static str,
    /// Its mean over the windows of the first run's levels; `None` where there are too few.
    pub first: Option<f64>,
    /// The same of the second run.
    pub second: Option<f64>,
    /// How much larger it is in the second run; `None` where that cannot be told.
    pub difference: Option<Interval>,
}

impl Metric {
    fn of(name: String, unit: &'static str, runs: [&RunView; 2], of: impl Fn(&Tick) -> Option<f64>) -> Self {
        let [first, second] = runs.map(|run| {
            let values: Vec<f64> = on_levels(run).filter_map(&of).collect();
            Batches::of(&values)
        });
        let difference = first.zip(second).map(|(first, second)| first.difference(&second));
        Self { name, unit, first: first.map(|b| b.mean), second: second.map(|b| b.mean), difference }
    }

    /// True when chance alone does not explain the difference.
    pub fn is_real(&self) -> bool {
        self.difference.is_some_and(|interval| interval.low > 0.0 || interval.high < 0.0)
    }

    /// The difference in words.
    pub(crate) fn words(&self) -> String {
        let Some(Interval { estimate, low, high }) = self.difference else {
            return format!("{} cannot be told", self.name);
        };
        match self.first.filter(|first| *first > 0.0) {
            Some(first) => {
                let percent = |value: f64| format!("{:+.1}", value / first * 100.0).replace('-', "−");
                format!("{} {} % ({} to {} %)", self.name, percent(estimate), percent(low), percent(high))
            }
            None => {
                let told = |value: f64| format!("{value:+.2}").replace('-', "−");
                format!("{} {} {} ({} to {})", self.name, told(estimate), self.unit, told(low), told(high))
            }
        }
    }
}

/// Every figure.
pub(crate) fn all(first: &RunView, second: &RunView) -> Vec<Metric> {
    let runs = [first, second];
    let users = |tick: &Tick| tick.users.filter(|users| *users > 0).map(|users| users as f64);
    vec![
        Metric::of(format!("{} per minute", first.kpi), "/min", runs, |tick| tick.kpi_per_min),
        Metric::of(format!("{} per minute of a user", first.kpi), "/min", runs, |tick| {
            Some(tick.kpi_per_min? / users(tick)?)
        }),
        Metric::of("mean response time".to_owned(), "ms", runs, |tick| Some(tick.latency?.mean_ms)),
        Metric::of("failed requests".to_owned(), "%", runs, |tick| {
            (tick.requests > 0).then(|| tick.failures as f64 * 100.0 / tick.requests as f64)
        }),
    ]
}

/// The windows that lie on a level of the load.
fn on_levels(run: &RunView) -> impl Iterator<Item = &Tick> {
    let levels = run.profile.levels();
    let end_s = run.profile.end_s();
    run.ticks.iter().filter(move |tick| {
        let lies = |from_s: f64, to_s: f64| tick.from_s >= from_s - 0.5 && (tick.to_s <= to_s + 0.5 || to_s >= end_s);
        tick.to_s > tick.from_s && levels.iter().any(|level| lies(level.from_s, level.to_s))
    })
}
