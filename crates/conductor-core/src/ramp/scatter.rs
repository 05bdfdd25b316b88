//! How much the ratio of KPI to exposure jumps from window to window: noise in what users are worth.

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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is known after windows of a minute with these counts, from 1,000 user-minutes each.
    fn after(counts: impl IntoIterator<Item = f64>) -> Scatter {
        let mut scatter = Scatter::default();
        for count in counts {
            scatter.observe(&Window { from_s: 0.0, to_s: 60.0, count }, 1000.0, 0.0);
        }
        scatter
    }

    fn noisy(minute: u32) -> f64 {
        // By a fifth up or down, as by chance.
        1000.0 * if (minute * 7919) % 13 < 6 { 0.8 } else { 1.2 }
    }

    #[test]
    fn a_noisy_ratio_is_known_after_minutes_and_grows_with_the_count() {
        let scatter = after((0..30).map(noisy));
        // A fifth of 1,000, squared, against Poisson's 1,000.
        assert!((10.0..90.0).contains(&scatter.dispersion(1000.0)), "{scatter:?}");
        let growth = scatter.dispersion(5000.0) / scatter.dispersion(1000.0);
        assert!((4.0..6.0).contains(&growth), "{growth}");
    }

    #[test]
    fn neither_a_level_nor_a_trend_is_scatter() {
        assert_eq!(after((0..30).map(|_| 1000.0)).dispersion(1000.0), 1.0);
        assert_eq!(after((0..30).map(|minute| 1000.0 + 20.0 * f64::from(minute))).dispersion(1000.0), 1.0);
    }

    #[test]
    fn a_change_shows_just_once() {
        let halved = after((0..60).map(|minute| if minute < 30 { 1000.0 } else { 500.0 }));
        assert!(halved.dispersion(500.0) < 2.0, "{halved:?}");
    }

    #[test]
    fn windows_that_tell_nothing_leave_it_as_it_is() {
        let mut scatter = after((0..30).map(noisy));
        let before = scatter.dispersion(1000.0);
        for (count, exposed, sensitivity) in [(0.0, 1000.0, 0.0), (5000.0, 0.0, 0.0), (9000.0, 1000.0, 0.5)] {
            scatter.observe(&Window { from_s: 0.0, to_s: 60.0, count }, exposed, sensitivity);
        }
        assert_eq!(scatter.dispersion(1000.0), before);
    }
}
