//! What was measured on the levels of two runs.

use std::collections::BTreeSet;

use conductor_core::requests::Histogram;
use conductor_core::view::{RunView, Tick};
use serde::Serialize;

use crate::batches::{Batches, Interval};
use crate::limit;

/// The percentiles that are compared.
const PERCENTILES: [u32; 3] = [50, 95, 99];

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

    /// A percentile of response times of the requests of a name, of all that was counted on levels.
    fn percentile(name: &str, percent: u32, runs: [&RunView; 2]) -> Self {
        let of = if name.is_empty() { "all requests" } else { name };
        let [first, second] = runs.map(|run| {
            let windows: Vec<&Histogram> = counted(run, name).collect();
            Batches::percentile(&windows, percent)
        });
        let difference = first.zip(second).map(|(first, second)| first.difference(&second));
        let [first, second] = [first, second].map(|one| one.map(|one| one.mean));
        Self { name: format!("p{percent} of {of}"), unit: "ms", first, second, difference }
    }

    /// The limit of what was tested, where a run has found one.
    fn limit(runs: [&RunView; 2]) -> Option<Self> {
        let [first, second] = runs.map(limit::of);
        let found = first.or(second).is_some();
        let difference = first.zip(second).map(|(first, second)| limit::difference(&first, &second));
        let [first, second] = [first, second].map(|one| one.map(|one| one.estimate));
        found.then(|| Self { name: "limit of the system".to_owned(), unit: "/min", first, second, difference })
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
    let mut all = vec![
        Metric::of(format!("{} per minute", first.kpi), "/min", runs, |tick| tick.kpi_per_min),
        Metric::of(format!("{} per minute of a user", first.kpi), "/min", runs, |tick| {
            Some(tick.kpi_per_min? / users(tick)?)
        }),
        Metric::of("mean response time".to_owned(), "ms", runs, |tick| Some(tick.latency?.mean_ms)),
        Metric::of("failed requests".to_owned(), "%", runs, |tick| {
            (tick.requests > 0).then(|| tick.failures as f64 * 100.0 / tick.requests as f64)
        }),
    ];
    let [named, other] = runs.map(names);
    for name in named.intersection(&other) {
        all.extend(PERCENTILES.map(|percent| Metric::percentile(name, percent, runs)));
    }
    all.extend(Metric::limit(runs));
    all
}

/// The names of requests of which a run has kept response times on its levels; the empty one means all requests.
fn names(run: &RunView) -> BTreeSet<&str> {
    let counted = on_levels(run).filter_map(|tick| tick.requests_by_name.as_ref());
    counted.flat_map(|window| window.counts.keys().map(String::as_str)).collect()
}

/// The response times of the requests of a name, window by window on levels.
fn counted<'a>(run: &'a RunView, name: &'a str) -> impl Iterator<Item = &'a Histogram> {
    let windows = on_levels(run).filter_map(|tick| tick.requests_by_name.as_ref());
    windows.filter_map(move |window| Some(&window.counts.get(name)?.times))
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
