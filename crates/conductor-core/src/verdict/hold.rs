//! The level stretches of a load, and what was measured in each. What follows from that is not decided here.

use serde::{Deserialize, Serialize};

use crate::ramp::{Level, Profile};
use crate::spec::{LoadTestSpec, Thresholds};
use crate::view::Tick;

/// How far a window may reach over the edge of a stretch, in seconds: times are rounded on the way.
pub(super) const ROUNDING_S: f64 = 0.5;

/// A stretch in which the KPI should have been level, and what was measured there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// Its start, in seconds since the load began.
    pub from_s: f64,
    /// Its end, in seconds since the load began.
    pub to_s: f64,
    /// The KPI to hold, per minute.
    pub level_per_min: f64,
    /// The share of its time with samples.
    pub measured: f64,
    /// What its windows say; `None` when no window lies in it.
    pub figures: Option<HoldFigures>,
}

/// What the windows of a hold say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldFigures {
    /// Mean KPI, per minute.
    pub mean_per_min: f64,
    /// The mean's distance from the level, as a share of it; negative below.
    pub mean_error: f64,
    /// The share of windows within their tolerance.
    pub windows_within: f64,
    /// Windows judged.
    pub windows: usize,
    /// Whether the level was held by what the load test says; absent in what was written before it could say that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<bool>,
}

/// The holds of a load: every level stretch of an interval or more.
pub(super) fn holds(spec: &LoadTestSpec, profile: &Profile, ticks: &[Tick]) -> Vec<Hold> {
    let shortest_s = spec.interval.as_secs_f64() - 1e-6;
    let levels = profile.levels().into_iter().filter(|level| level.to_s - level.from_s >= shortest_s);
    levels.map(|level| Hold::of(&level, level.to_s >= profile.end_s(), ticks, &spec.verdict)).collect()
}

impl HoldFigures {
    /// True when the level was held: its mean is close enough, and so are enough of its windows.
    pub fn is_held(&self) -> bool {
        self.held.unwrap_or_else(|| self.is_held_by(&Thresholds::default()))
    }

    fn is_held_by(&self, thresholds: &Thresholds) -> bool {
        self.mean_error.abs() <= thresholds.mean_tolerance && self.windows_within >= thresholds.window_share
    }
}

impl Hold {
    fn of(level: &Level, is_last: bool, ticks: &[Tick], thresholds: &Thresholds) -> Self {
        let hold =
            Self { from_s: level.from_s, to_s: level.to_s, level_per_min: level.per_min, measured: 0.0, figures: None };
        let measured: f64 = ticks.iter().filter(|tick| tick.count.is_some()).map(|tick| hold.overlap_s(tick)).sum();
        // The load stops at its end, so that what its last window counts belongs to it.
        let ends_s = if is_last { f64::INFINITY } else { level.to_s + ROUNDING_S };
        let inside = ticks
            .iter()
            .filter(|tick| tick.from_s >= level.from_s - ROUNDING_S && tick.to_s > tick.from_s && tick.to_s <= ends_s);
        Self { measured: (measured / hold.seconds()).min(1.0), figures: figures(level, inside, thresholds), ..hold }
    }

    /// The whole of a load that is judged throughout.
    pub(super) fn whole(to_s: f64) -> Self {
        Self { from_s: 0.0, to_s, level_per_min: 0.0, measured: 1.0, figures: None }
    }

    pub(super) fn seconds(&self) -> f64 {
        self.to_s - self.from_s
    }

    /// The part of a window that lies in it, in seconds.
    fn overlap_s(&self, tick: &Tick) -> f64 {
        (tick.to_s.min(self.to_s) - tick.from_s.max(self.from_s)).max(0.0)
    }
}

fn figures<'a>(level: &Level, ticks: impl Iterator<Item = &'a Tick>, thresholds: &Thresholds) -> Option<HoldFigures> {
    let inside: Vec<(f64, f64)> =
        ticks.filter_map(|tick| Some((tick.count? as f64, (tick.to_s - tick.from_s) / 60.0))).collect();
    if inside.is_empty() {
        return None;
    }
    let (events, minutes) =
        inside.iter().fold((0.0, 0.0), |(events, minutes), (count, time)| (events + count, minutes + time));
    let within = inside
        .iter()
        .filter(|(count, time)| {
            let expected = level.per_min * time;
            let tolerance = thresholds.window_tolerance.max(3.0 / expected.sqrt());
            (count / expected - 1.0).abs() <= tolerance
        })
        .count();
    let mean = events / minutes;
    let figures = HoldFigures {
        mean_per_min: mean,
        mean_error: mean / level.per_min - 1.0,
        windows_within: within as f64 / inside.len() as f64,
        windows: inside.len(),
        held: None,
    };
    Some(HoldFigures { held: Some(figures.is_held_by(thresholds)), ..figures })
}
