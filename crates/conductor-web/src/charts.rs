//! The charts of a run's load: what is drawn in each, and what its legend says.

use conductor_core::verdict::{MEAN_TOLERANCE, WINDOW_TOLERANCE};
use conductor_core::view::{RunView, Tick};

use crate::chart::{Chart, Entry, Line};
use crate::text::error_percent;
use crate::{holds, responses, steering, workers};

/// A chart with its heading and its legend.
pub(crate) struct Drawing {
    pub(crate) heading: String,
    pub(crate) legend: Vec<Entry>,
    /// An element of the page.
    pub(crate) plot: String,
}

/// The charts of a run's load; none where nothing was measured.
pub(crate) fn all(view: &RunView) -> Vec<Drawing> {
    if view.ticks.is_empty() {
        return Vec::new();
    }
    let length_s = view.ticks.iter().map(|tick| tick.at_s).fold(view.profile.end_s(), f64::max);
    let line = |class, of: &dyn Fn(&Tick) -> Option<f64>| line(view, class, of);
    let chart = |title, bands, lines| Chart { title, length_s, bands, lines }.html();
    let (modes, meanings) = steering::mode_bands(view);
    let has_knee = view.ticks.iter().any(|tick| tick.advice.as_ref().is_some_and(|advice| advice.knee.is_some()));
    let limit = has_knee.then(|| Entry::line("knee", "limit found"));
    let mut drawings = vec![
        Drawing {
            heading: format!("{} per minute", view.kpi),
            legend: vec![
                Entry::line("target", "target"),
                Entry::line("measured", "measured"),
                Entry::band(
                    "tolerance",
                    format!("± {:.0} and {:.0} % of the target", MEAN_TOLERANCE * 100.0, WINDOW_TOLERANCE * 100.0),
                ),
            ]
            .into_iter()
            .chain(checked(view))
            .chain(limit.clone())
            .chain(meanings)
            .collect(),
            plot: chart(
                "KPI against its target",
                holds::tolerances(view).into_iter().chain(modes.clone()).collect(),
                vec![
                    target(view),
                    steering::limit(view, |knee| knee.kpi_per_min),
                    second_source(view),
                    line("measured", &|tick| tick.kpi_per_min),
                ],
            ),
        },
        Drawing {
            heading: "users".to_owned(),
            legend: [Entry::line("target", "asked for"), Entry::line("measured", "running")]
                .into_iter()
                .chain(limit)
                .collect(),
            plot: chart(
                "Users asked for and running",
                modes,
                vec![
                    steering::limit(view, |knee| knee.users),
                    line("target", &|tick| Some(tick.users_wanted as f64)),
                    line("measured", &|tick| tick.users.map(|users| users as f64)),
                ],
            ),
        },
        Drawing {
            heading: "response times in milliseconds".to_owned(),
            legend: [("p50", "median"), ("p95", "95 %"), ("p99", "99 %")]
                .map(|(class, name)| Entry::line(class, name))
                .to_vec(),
            plot: chart(
                "Response times",
                Vec::new(),
                vec![
                    line("p99", &|tick| Some(tick.latency?.p99_ms)),
                    line("p95", &|tick| Some(tick.latency?.p95_ms)),
                    line("p50", &|tick| Some(tick.latency?.p50_ms)),
                ],
            ),
        },
        Drawing {
            heading: "failed requests in percent".to_owned(),
            legend: vec![Entry::line("failures", "failed")],
            plot: chart(
                "Failed requests",
                Vec::new(),
                vec![line("failures", &|tick| {
                    (tick.requests > 0).then(|| error_percent(tick.requests, tick.failures))
                })],
            ),
        },
    ];
    drawings.extend(responses::chart(view, length_s));
    drawings.extend(workers::charts(view, length_s));
    drawings
}

/// A line over the middles of the windows.
pub(crate) fn line(view: &RunView, class: &'static str, of: impl Fn(&Tick) -> Option<f64>) -> Line {
    Line { class, points: view.ticks.iter().map(|tick| ((tick.from_s + tick.to_s) / 2.0, of(tick))).collect() }
}

fn target(view: &RunView) -> Line {
    let points = view.profile.points().iter().map(|point| (point.at_s, Some(point.per_min))).collect();
    Line { class: "target", points }
}

/// What the source that checks has counted, over the middles of its own windows.
fn second_source(view: &RunView) -> Line {
    let counted = view.ticks.iter().filter_map(|tick| tick.cross.as_ref()).map(|cross| {
        let minutes = (cross.to_s - cross.from_s) / 60.0;
        let per_min = cross.count.filter(|_| minutes > 0.0).map(|count| count as f64 / minutes);
        ((cross.from_s + cross.to_s) / 2.0, per_min)
    });
    Line { class: "second", points: counted.collect() }
}

/// The entry of the legend for it, where there is one.
fn checked(view: &RunView) -> Option<Entry> {
    let cross = view.ticks.iter().find_map(|tick| tick.cross.as_ref())?;
    Some(Entry::line("second", format!("checked by {}", cross.check.checks.name)))
}
