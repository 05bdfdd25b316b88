//! How the load was steered, in the report: what the control law thought, its modes as bands, the limit it found as a line.

use conductor_core::ramp::{Knee, Mode};
use conductor_core::units::three_digits;
use conductor_core::view::{RunView, Tick};

use crate::chart::{Band, Entry, Line};
use crate::law;
use crate::text::{clock, number};

/// What the law thought at one interval.
pub(crate) struct LawRow {
    pub(crate) at: String,
    pub(crate) mode: String,
    pub(crate) gain: String,
    pub(crate) lag: String,
    pub(crate) efficiency: String,
    pub(crate) knee: String,
    pub(crate) users: String,
    pub(crate) alarm: String,
}

/// What the law thought at each interval; nothing for a rule that has no thoughts.
pub(crate) fn rows(view: &RunView) -> Vec<LawRow> {
    if law::explains(view.algorithm) { view.ticks.iter().filter_map(row).collect() } else { Vec::new() }
}

/// The limit over time: a line where it is known, and a gap elsewhere.
pub(crate) fn limit(view: &RunView, value: fn(Knee) -> f64) -> Line {
    let at = |tick: &Tick| (tick.at_s, tick.advice.as_ref().and_then(|advice| advice.knee).map(value));
    Line { class: "knee", points: view.ticks.iter().map(at).collect() }
}

fn row(tick: &Tick) -> Option<LawRow> {
    let advice = tick.advice.as_ref()?;
    Some(LawRow {
        at: clock(tick.at_s),
        mode: law::mode(advice),
        gain: if advice.gain > 0.0 {
            format!("{} ± {} %", three_digits(advice.gain.recip()), three_digits(advice.gain_sd * 100.0))
        } else {
            "not learnt".to_owned()
        },
        lag: format!("{} s", three_digits(advice.lag_s)),
        efficiency: advice.efficiency.map(law::percent).unwrap_or_default(),
        knee: advice.knee.map_or_else(String::new, |knee| {
            format!("{} = {}/min", number(knee.users.round()), number(knee.kpi_per_min.round()))
        }),
        users: number(advice.users as f64),
        alarm: advice.alarm.map(|alarm| alarm.to_string()).unwrap_or_default(),
    })
}

/// What the law has learnt in the end, one sentence.
pub(crate) fn thought(view: &RunView) -> Option<String> {
    let advice = view.last_advice().filter(|_| law::explains(view.algorithm))?;
    Some(format!("At last: {}; {}.", law::mode(advice), law::learnt(advice, &view.kpi)))
}

/// Times of one mode after each other, for bands behind the charts; the usual ones are not marked.
fn modes(view: &RunView) -> Vec<(Mode, f64, f64)> {
    let mut bands: Vec<(Mode, f64, f64)> = Vec::new();
    let mut goes_on = None;
    for tick in &view.ticks {
        let mode = tick.advice.as_ref().map(|advice| advice.mode);
        // An advice holds from its tick on, until the next one.
        if let Some((_, _, to)) = bands.last_mut().filter(|_| goes_on.is_some()) {
            *to = tick.at_s;
        }
        let marked = mode.filter(|mode| law::is_marked(*mode));
        if let Some(mode) = marked.filter(|mode| goes_on != Some(*mode)) {
            bands.push((mode, tick.at_s, tick.at_s));
        }
        goes_on = marked;
    }
    bands
}

/// The bands of the modes that there are, over the whole height, and their legend.
pub(crate) fn mode_bands(view: &RunView) -> (Vec<Band>, Vec<Entry>) {
    let mut legend = Vec::new();
    let bands = modes(view).into_iter().map(|(mode, from_s, to_s)| {
        let entry = Entry::band(law::class(mode), law::meaning(mode));
        if !legend.contains(&entry) {
            legend.push(entry);
        }
        Band { class: law::class(mode), from_s, to_s, values: None }
    });
    (bands.collect(), legend)
}
