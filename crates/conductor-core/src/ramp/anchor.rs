//! The anchor: what a user was worth while the line was met, and a CUSUM that tells when users are worth less than that.
//!
//! A gain that falls slowly may be the users' or the system's doing. The posterior follows either; the anchor does not,
//! and what is missing between the two is the efficiency.

use serde::{Deserialize, Serialize};

use super::Window;
use super::history::History;
use super::profile::Profile;
use super::tuning::Tuning;

/// Anchored after so many minutes of settled users with so many events.
const ANCHORED_MIN: f64 = 3.0;
const ANCHORED_EVENTS: f64 = 40.0;
/// What is kept of the anchor's events after a minute.
const KEPT_PER_MIN: f64 = 0.90;
/// For so long the anchor is simply what was counted; later it moves by this share.
const FRESH_MIN: f64 = 6.0;
const FOLLOWS: f64 = 0.3;
/// Suspicion at which the anchor is held, nats.
const HELD_AT: f64 = 2.0;
/// One window adds this share of the evidence that is needed, and a line that is met keeps it below the other one.
const MOST_AT_ONCE: f64 = 0.7;
const MOST_ON_LINE: f64 = 0.8;
/// Relative error of an efficiency besides what counts as model error.
const EFFICIENCY_ERROR: f64 = 0.015;
const BEST_FADES_PER_MIN: f64 = 0.01;
const FEWEST_EVENTS: f64 = 16.0;

/// What a user was worth, and the suspicion that it is worth less now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Anchor {
    /// KPI events per user and minute; 0 before anything is known.
    pub(super) gain: f64,
    events: f64,
    exposed: f64,
    minutes: f64,
    /// Evidence that efficiency is lost, nats.
    pub(super) suspicion: f64,
    /// Windows since it began.
    pub(super) suspicious: u32,
    /// The best anchored gain so far, lowered slowly.
    pub(super) best: f64,
}

/// A window, as the anchor looks at it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    pub(super) window: Window,
    pub(super) exposed: f64,
    pub(super) sensitivity: f64,
    pub(super) dispersion: f64,
    /// Whether all that was believed is in doubt.
    pub(super) breaks: bool,
    /// Whether users follow the line.
    pub(super) tracking: bool,
}

impl Anchor {
    /// True once the anchor can be relied on.
    pub(super) fn is_set(&self) -> bool {
        self.minutes >= ANCHORED_MIN - 1e-9 && self.events >= ANCHORED_EVENTS
    }

    /// The anchor less what chance may have added to it.
    pub(super) fn surely(&self, dispersion: f64) -> f64 {
        if self.events > 0.0 { self.gain * (1.0 - self.doubt(dispersion)) } else { self.gain }
    }

    fn doubt(&self, dispersion: f64) -> f64 {
        self.scatter(dispersion).min(0.25)
    }

    /// Relative standard deviation of the anchor's events.
    fn scatter(&self, dispersion: f64) -> f64 {
        (dispersion / self.events.max(FEWEST_EVENTS)).sqrt()
    }

    /// Starts anew at this gain.
    pub(super) fn reset(&mut self, gain: f64) {
        self.gain = gain;
        self.forget();
    }

    /// Starts anew at the present gain.
    pub(super) fn forget(&mut self) {
        (self.events, self.exposed, self.minutes) = (0.0, 0.0, 0.0);
    }

    /// Suspects nothing any more.
    pub(super) fn trust(&mut self) {
        self.suspicion = 0.0;
    }

    /// Takes in a window in which users were settled.
    pub(super) fn observe(&mut self, tuning: &Tuning, history: &History, profile: &Profile, seen: &Settled) {
        let mut on_line = false;
        if self.is_set() && !seen.breaks {
            self.suspect(tuning, seen);
            if seen.tracking {
                let (deficit, tolerance) = self.deficit(history, profile, seen);
                if deficit < 0.06 + tolerance {
                    self.suspicion = self.suspicion.min(MOST_ON_LINE * tuning.loss_evidence);
                }
                on_line = deficit < 0.05 + 0.7 * tolerance;
            }
        }
        if self.suspicion < HELD_AT || on_line {
            self.move_on(tuning, seen, on_line);
        }
    }

    fn suspect(&mut self, tuning: &Tuning, seen: &Settled) {
        let expected = self.surely(seen.dispersion) * seen.exposed;
        let error =
            tuning.model_error.powi(2) + EFFICIENCY_ERROR.powi(2) + (tuning.lag_error * seen.sensitivity).powi(2);
        let noise = seen.dispersion + error * expected;
        let evidence = loss_evidence(tuning, seen.window.count, expected) / noise;
        self.suspicion = (self.suspicion + evidence.min(MOST_AT_ONCE * tuning.loss_evidence)).max(0.0);
        self.suspicious = if self.suspicion > 0.0 { self.suspicious + 1 } else { 0 };
    }

    /// How far the KPI has been below the line lately, as a share of it, and what chance explains of that.
    fn deficit(&self, history: &History, profile: &Profile, seen: &Settled) -> (f64, f64) {
        let most = (4.0 / seen.window.minutes()).round();
        let windows = f64::from(self.suspicious).min(most).max(2.0) as usize;
        let (mut counted, mut wanted) = (0.0, 0.0);
        for window in history.newest_first().take(windows).filter_map(|entry| entry.window) {
            counted += window.count;
            wanted += profile.at(f64::midpoint(window.from_s, window.to_s)) * window.minutes();
        }
        (1.0 - counted / wanted.max(1e-9), (seen.dispersion / wanted.max(1.0)).sqrt())
    }

    fn move_on(&mut self, tuning: &Tuning, seen: &Settled, on_line: bool) {
        let minutes = seen.window.minutes();
        let kept = KEPT_PER_MIN.powf(minutes);
        self.events = kept * self.events + seen.window.count;
        self.exposed = kept * self.exposed + seen.exposed;
        self.minutes += minutes;
        let found = self.events / self.exposed;
        if self.minutes >= 4.0 - 1e-9 && seen.tracking {
            let sure = found * (1.0 - self.scatter(seen.dispersion));
            self.best = (self.best * (1.0 - BEST_FADES_PER_MIN * minutes)).max(sure);
        }
        if self.minutes <= FRESH_MIN + 1e-9 {
            self.gain = found;
        } else if found > self.gain || on_line {
            self.gain += FOLLOWS * (found - self.gain);
        } else if seen.tracking {
            self.gain = found.max(self.gain * (1.0 - tuning.anchor_fall_per_min * minutes));
        }
    }
}

/// Evidence for a loss of efficiency in a count where `expected` would be right, nats before its noise.
pub(super) fn loss_evidence(tuning: &Tuning, count: f64, expected: f64) -> f64 {
    count * (-tuning.loss).ln_1p() + tuning.loss * expected
}
