//! One level being tried, and what came of it.

use serde::{Deserialize, Serialize};

use super::Sight;
use crate::ramp::Knee;
use crate::verdict::MEAN_TOLERANCE;

/// Times are rounded on the way, seconds.
const ROUNDING_S: f64 = 0.5;
/// Standard deviations of an interval that is right in 95 of 100 cases.
const SURE_SD: f64 = 1.96;

/// A level that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    /// The level, events per minute.
    pub level_per_min: f64,
    /// Whether the system sustained it.
    pub sustained: bool,
    /// The mean KPI of its windows, events per minute; `None` where the control law ended the trial before there was one.
    pub mean_per_min: Option<f64>,
    /// Half the width of the mean's 95 % interval, events per minute: 1.96 standard errors.
    pub margin_per_min: Option<f64>,
    /// Users on the mean of its windows.
    pub users: Option<f64>,
    /// The limit that the control law has found in it.
    pub knee: Option<Knee>,
    /// Whether the load generator was at its own limit.
    pub generator_bound: bool,
    /// Whether the most users that are allowed were running.
    pub users_capped: bool,
}

/// The level being tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Present {
    pub(super) level_per_min: f64,
    /// When the way to the level began, seconds since the load began.
    pub(super) begun_s: f64,
    /// When its hold begins.
    pub(super) hold_from_s: f64,
    /// Holds begun, this one included.
    pub(super) holds: u32,
    /// Whether the level before was not sustained: what the law finds before the hold is told of that one then.
    after_failure: bool,
    /// Whether the law has followed the line in it.
    pub(super) tracked: bool,
    pub(super) generator_bound: bool,
    pub(super) users_capped: bool,
    seen: Vec<Seen>,
}

/// A window of the hold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Seen {
    count: f64,
    minutes: f64,
    users: f64,
}

impl Present {
    /// A trial that begins at `begun_s` and whose hold begins at `hold_from_s`.
    pub(super) fn at(level_per_min: f64, begun_s: f64, hold_from_s: f64, after_failure: bool) -> Self {
        Self {
            level_per_min,
            begun_s,
            hold_from_s,
            holds: 1,
            after_failure,
            tracked: false,
            generator_bound: false,
            users_capped: false,
            seen: Vec::new(),
        }
    }

    /// Forgets what was counted; the hold begins later, where it has not begun later already.
    pub(super) fn hold_anew(&mut self, from_s: f64) {
        self.hold_from_s = self.hold_from_s.max(from_s);
        self.seen.clear();
    }

    /// True when a limit that the law finds now is this level's.
    pub(super) fn is_to_blame(&self, at_s: f64) -> bool {
        self.tracked && (!self.after_failure || at_s >= self.hold_from_s)
    }

    /// Takes in a window, where it lies in the hold.
    pub(super) fn count(&mut self, sight: &Sight<'_>) {
        if let Some(window) = sight.window.filter(|window| window.from_s >= self.hold_from_s - ROUNDING_S) {
            self.seen.push(Seen { count: window.count, minutes: window.minutes(), users: sight.users as f64 });
        }
    }

    pub(super) fn windows(&self) -> usize {
        self.seen.len()
    }

    /// Whether the mean is as near to the level as a hold's must be, or as chance alone explains.
    pub(super) fn is_sustained(&self) -> bool {
        let expected = self.level_per_min * self.minutes();
        let tolerance = MEAN_TOLERANCE.max(SURE_SD / expected.max(1.0).sqrt());
        self.mean().is_some_and(|mean| mean >= self.level_per_min * (1.0 - tolerance))
    }

    pub(super) fn over(&self, sustained: bool, knee: Option<Knee>) -> Trial {
        let windows = self.seen.len().max(1) as f64;
        Trial {
            level_per_min: self.level_per_min,
            sustained,
            mean_per_min: self.mean(),
            margin_per_min: self.mean().map(|mean| SURE_SD * self.standard_error(mean)),
            users: self.mean().map(|_| self.seen.iter().map(|seen| seen.users).sum::<f64>() / windows),
            knee,
            generator_bound: self.generator_bound,
            users_capped: self.users_capped,
        }
    }

    fn minutes(&self) -> f64 {
        self.seen.iter().map(|seen| seen.minutes).sum()
    }

    fn mean(&self) -> Option<f64> {
        let events: f64 = self.seen.iter().map(|seen| seen.count).sum();
        (!self.seen.is_empty()).then(|| events / self.minutes())
    }

    /// The standard error of the mean: what the windows scatter, and no less than counting does (Poisson).
    fn standard_error(&self, mean: f64) -> f64 {
        let windows = self.seen.len() as f64;
        let squares: f64 = self.seen.iter().map(|seen| (seen.count / seen.minutes - mean).powi(2)).sum();
        let scatter = if windows > 1.0 { (squares / (windows - 1.0) / windows).sqrt() } else { 0.0 };
        scatter.max((mean / self.minutes()).sqrt())
    }
}
