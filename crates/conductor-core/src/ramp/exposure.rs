//! Exposure: the user-minutes that could have produced the KPI events of a window, given the lag from user to event.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Points kept; at a 10 s interval they reach back further than the longest lag.
const POINTS: usize = 128;
/// Where in the window, and where in the spread of lags, the mean is taken.
const WINDOW_POINTS: usize = 2;
const LAG_POINTS: usize = 6;

/// Observed users over time, linear between observations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct UserHistory {
    /// (seconds, users), oldest first.
    points: VecDeque<(f64, f64)>,
}

impl UserHistory {
    /// Adds an observation; false when it is not later than the last one.
    pub(super) fn observe(&mut self, at_s: f64, users: f64) -> bool {
        if !at_s.is_finite() || self.points.back().is_some_and(|(last, _)| at_s <= *last) {
            return false;
        }
        if self.points.capacity() < POINTS {
            self.points.reserve_exact(POINTS - self.points.len());
        }
        if self.points.len() == POINTS {
            self.points.pop_front();
        }
        self.points.push_back((at_s, users));
        true
    }

    /// User-minutes of the window, for events that follow their users after `lag_s` (spread evenly over half to one
    /// and a half times of it).
    ///
    /// A user counts only if it ran that long ago *and still runs*: generators stop the newest users first, so the
    /// number that did both is the least number of users in between.
    pub(super) fn exposure(&self, from_s: f64, to_s: f64, lag_s: f64) -> f64 {
        let length = to_s - from_s;
        let mut sum = 0.0;
        for i in 0..WINDOW_POINTS {
            sum += self.least_by_lag(from_s + length * (i as f64 + 0.5) / WINDOW_POINTS as f64, lag_s);
        }
        sum / (WINDOW_POINTS * LAG_POINTS) as f64 * length / 60.0
    }

    /// The least numbers of users between each of the lags and `end_s`, summed. The lags grow, so that one walk back
    /// through the points serves all of them.
    fn least_by_lag(&self, end_s: f64, lag_s: f64) -> f64 {
        let mut after = self.points.partition_point(|(at, _)| *at < end_s);
        let mut least = self.between(after, end_s);
        let mut sum = 0.0;
        for j in 0..LAG_POINTS {
            let begin_s = end_s - lag_s * (0.5 + (j as f64 + 0.5) / LAG_POINTS as f64);
            while let Some((_, users)) = after.checked_sub(1).map(|i| self.points[i]).filter(|(at, _)| *at > begin_s) {
                least = least.min(users);
                after -= 1;
            }
            sum += least.min(self.between(after, begin_s));
        }
        sum
    }

    /// Users at a time, where `after` is the first point that is later.
    fn between(&self, after: usize, at_s: f64) -> f64 {
        match (after.checked_sub(1).and_then(|i| self.points.get(i)), self.points.get(after)) {
            (Some((t0, u0)), Some((t1, u1))) => u0 + (u1 - u0) * (at_s - t0) / (t1 - t0),
            (Some((_, users)), None) => *users,
            (None, Some((first, users))) if at_s >= *first => *users,
            (None, _) => 0.0,
        }
    }
}
