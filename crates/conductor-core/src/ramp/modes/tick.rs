//! One window with all that is known about it, as the modes look at it.

use serde::{Deserialize, Serialize};

use super::super::history::{Entry, History, Pairs};
use super::super::tuning::Tuning;
use super::super::{Congestion, MOST_USERS, Window};

/// One believed or doubted window with all that is known about it.
#[derive(Clone, Copy, Debug)]
pub(in crate::ramp) struct Tick<'a> {
    pub(in crate::ramp) tuning: &'a Tuning,
    pub(in crate::ramp) history: &'a History,
    pub(in crate::ramp) now_s: f64,
    pub(in crate::ramp) interval_min: f64,
    pub(in crate::ramp) number: u64,
    pub(in crate::ramp) users: f64,
    pub(in crate::ramp) window: Window,
    pub(in crate::ramp) congestion: Congestion,
    /// Whether the window is believed.
    pub(in crate::ramp) accepted: bool,
    /// An outlier that a second window like it has confirmed: above 0 upwards, below 0 downwards, 0 for none.
    pub(in crate::ramp) broke: f64,
    /// Whether users grew clearly in the last minutes.
    pub(in crate::ramp) grew: bool,
    /// Zeros that are not chance, and what they mean.
    pub(in crate::ramp) gone: Gone,
    /// Whether the window before was bad.
    pub(in crate::ramp) before_was_bad: bool,
    /// User-minutes that could have produced the window.
    pub(in crate::ramp) exposed: f64,
    pub(in crate::ramp) sensitivity: f64,
    /// Believed gain, KPI events per user and minute.
    pub(in crate::ramp) gain: f64,
    pub(in crate::ramp) lag_s: f64,
    pub(in crate::ramp) dispersion: f64,
    /// Efficiency against the anchor, and its standard deviation by chance.
    pub(in crate::ramp) efficiency: f64,
    pub(in crate::ramp) efficiency_sd: f64,
    /// Users the line needs.
    pub(in crate::ramp) line: f64,
    /// Ticks until a change of users shows in the KPI.
    pub(in crate::ramp) settle: i64,
    /// Whether the anchor was set before this window.
    pub(in crate::ramp) anchored: bool,
    /// The best KPI since the last change of mode, where users have grown since and the KPI has fallen far below it.
    pub(in crate::ramp) fell_from: Option<(f64, Entry)>,
    /// The gain that was surely reached.
    pub(in crate::ramp) sure_gain: f64,
}

/// What zeros that are not chance mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ramp) enum Gone {
    /// Nothing yet.
    No,
    /// Users grew while the KPI was failing already.
    WhileGrowing,
    /// They last, while the system is under suspicion.
    Lasting,
}

/// The lag that tells who can have caused a KPI is known to some percent.
const CLEARLY_FEWER: f64 = 0.97;

/// The best that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Best {
    /// KPI events per minute; 0 where none were seen.
    pub(super) per_min: f64,
    /// Users that can have caused them, where that is known: those who came later have not.
    pub(super) users: f64,
}

impl Best {
    /// A KPI of which it is not known which users have caused it.
    pub(super) fn of(per_min: f64) -> Self {
        Self { per_min, users: MOST_USERS }
    }

    /// So many users, or those that can have caused it where these are clearly fewer.
    pub(super) fn no_more_than_caused(&self, users: f64) -> f64 {
        if self.users < CLEARLY_FEWER * users { self.users } else { users }
    }
}

impl Default for Best {
    fn default() -> Self {
        Self::of(0.0)
    }
}

impl Tick<'_> {
    /// Users after an interval of this growth a minute: one more at least, or a few users at a short interval never grew.
    pub(super) fn more_users(&self, growth_per_min: f64) -> f64 {
        (self.users * growth_per_min.powf(self.interval_min)).max(self.users + 1.0)
    }

    /// Variance of a count against Poisson where `expected` is right, with so much relative model error.
    pub(super) fn noise(&self, expected: f64, error: f64) -> f64 {
        self.dispersion + (self.tuning.model_error.powi(2) + error.powi(2)) * expected
    }

    /// The best KPI of two neighbouring windows.
    pub(super) fn best(&self, pairs: Pairs) -> Best {
        let Some((per_min, entry)) = self.history.best_pair(self.now_s, pairs) else { return Best::default() };
        Best { per_min, users: entry.window.map_or(MOST_USERS, |window| self.history.running(&window, self.lag_s)) }
    }

    pub(super) fn per_min(&self, events: f64) -> f64 {
        events / self.window.minutes()
    }

    pub(super) fn is_congested(&self) -> bool {
        self.congestion == Congestion::Congested
    }

    pub(super) fn is_clear(&self) -> bool {
        self.congestion == Congestion::Clear
    }
}
