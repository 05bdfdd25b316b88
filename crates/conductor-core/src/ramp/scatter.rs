//! How much the ratio of KPI to exposure jumps from window to window, whatever the mode: noise in what users are worth.

use serde::{Deserialize, Serialize};

use super::Window;

/// A window whose exposure depends so much on the lag tells nothing.
const MOST_SENSITIVITY: f64 = 0.2;
/// Fewest events of a block that tells something.
const FEWEST_EVENTS: f64 = 10.0;
/// Most that one jump shows, as a factor of what is known: less once much is known, for then it may be a change.
const MOST_SEEN: f64 = 12.0;
const MOST_SEEN_LATER: f64 = 4.0;
const LATER: f64 = 12.0;
/// What a window moves it by, a minute.
const FOLLOWS_PER_MIN: f64 = 0.10;
/// Variance of the second difference of three independent values, against theirs.
const OF_THREE: f64 = 6.0;

/// Windows are put together to so much time, minutes: what users are worth may stay for a while.
const BLOCK_MIN: f64 = 1.0;

/// Scatter, learnt from second differences: neither a level nor a trend shows in them, and a change shows just once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Scatter {
    /// What is being put together: minutes, events, user-minutes.
    minutes: f64,
    events: f64,
    exposed: f64,
    /// The last two ratios, events per user and minute, the newer first.
    before: [Option<f64>; 2],
    /// Variance of a minute's count beyond Poisson, relative to the square of its mean.
    excess: f64,
    blocks: f64,
}

impl Scatter {
    /// Over-dispersion of counts at so many events a minute, 1 for Poisson.
    pub(super) fn dispersion(&self, per_min: f64) -> f64 {
        let by_chance = (2.0 / (self.blocks + 1.0)).sqrt();
        1.0 + (self.excess * per_min - by_chance).max(0.0)
    }

    /// Takes in a window and the user-minutes that could have produced it.
    pub(super) fn observe(&mut self, window: &Window, exposed: f64, sensitivity: f64) {
        if sensitivity > MOST_SENSITIVITY || window.count <= 0.0 || exposed <= 0.0 {
            self.before = [None, None];
            (self.minutes, self.events, self.exposed) = (0.0, 0.0, 0.0);
            return;
        }
        self.minutes += window.minutes();
        self.events += window.count;
        self.exposed += exposed;
        if self.minutes >= BLOCK_MIN - 1e-9 {
            self.close();
        }
    }

    fn close(&mut self) {
        let (ratio, per_min, minutes) = (self.events / self.exposed, self.events / self.minutes, self.minutes);
        (self.minutes, self.events, self.exposed) = (0.0, 0.0, 0.0);
        if let [Some(last), Some(first)] = self.before
            && per_min * minutes >= FEWEST_EVENTS
        {
            let mean = (ratio + last + first) / 3.0;
            let seen = ((ratio - 2.0 * last + first) / mean).powi(2) / OF_THREE * per_min * minutes;
            let known = 1.0 + self.excess * per_min;
            let most = if self.blocks < LATER { MOST_SEEN } else { MOST_SEEN_LATER };
            let step = (FOLLOWS_PER_MIN * minutes).max((self.blocks + 4.0).recip()).min(1.0);
            self.excess = ((known + step * (seen.min(most * known) - known) - 1.0) / per_min).max(0.0);
            self.blocks += 1.0;
        }
        self.before = [Some(ratio), self.before[0]];
    }
}
