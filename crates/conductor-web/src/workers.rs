//! The load workers over time: how many there are, and how busy. How many a target needs is in [`crate::sizing`].

use conductor_core::view::RunView;

use crate::chart::{Chart, Entry};
use crate::charts::{Drawing, line};

/// The charts of load workers; none where the generator is one process.
pub(crate) fn charts(view: &RunView, length_s: f64) -> Vec<Drawing> {
    if view.ticks.iter().all(|tick| tick.workers.is_none()) {
        return Vec::new();
    }
    let chart = |title, line| Chart { title, length_s, bands: Vec::new(), lines: vec![line] }.html();
    vec![
        Drawing {
            heading: "load workers".to_owned(),
            legend: vec![Entry::line("measured", "running")],
            plot: chart("Load workers", line(view, "measured", |tick| tick.workers.map(f64::from))),
        },
        Drawing {
            heading: "CPU of the busiest load worker in percent of one core".to_owned(),
            legend: vec![Entry::line("measured", "CPU")],
            plot: chart("CPU of the busiest load worker", line(view, "measured", |tick| tick.cpu_percent)),
        },
    ]
}
