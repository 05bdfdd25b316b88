//! What was observed, and exposure: the user-minutes that could have produced the KPI events of a window, given the lag
//! from user to event.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Window;

/// Observations kept: at the shortest interval of 5 s they reach back further than anything looks.
const KEPT: usize = 256;
/// Where in the window, and where in the spread of lags, the mean is taken.
const WINDOW_POINTS: usize = 2;
const LAG_POINTS: usize = 6;
/// What two times may differ by and still be the same.
const ROUNDING_S: f64 = 1e-6;

/// One observation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Its number, from 0.
    pub(super) tick: u64,
    pub(super) at_s: f64,
    pub(super) users: f64,
    /// Seconds within which users change from then on, towards what is observed next; until then where it is `None`.
    changes_within_s: Option<f64>,
    /// Users more a second meanwhile, once the next observation is there.
    changes_per_s: f64,
    pub(super) window: Option<Window>,
    /// False while the window is not believed.
    pub(super) accepted: bool,
}

impl Entry {
    /// KPI events per minute.
    pub(super) fn rate(&self) -> Option<f64> {
        self.window.map(|window| window.count / window.minutes())
    }
}

/// Which pairs of neighbouring windows are looked at for the best one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pairs {
    /// Only windows of the last so many minutes.
    pub(super) minutes: f64,
    /// Only windows after this tick.
    pub(super) after: u64,
    /// Whether the newest window counts.
    pub(super) newest: bool,
    /// Whether only believed windows count.
    pub(super) accepted: bool,
    /// Only windows that ended with so many users at most.
    pub(super) most_users: f64,
}

impl Pairs {
    /// All of so many minutes but the newest.
    pub(super) fn before(minutes: f64) -> Self {
        Self { minutes, after: 0, newest: false, accepted: false, most_users: f64::INFINITY }
    }

    /// All of so many minutes.
    pub(super) fn within(minutes: f64) -> Self {
        Self { newest: true, ..Self::before(minutes) }
    }

    /// Only those whose windows are believed.
    pub(super) fn believed(self) -> Self {
        Self { accepted: true, ..self }
    }
}

/// A point in a window from which exposure is looked back.
#[derive(Clone, Copy, Debug)]
struct End {
    at_s: f64,
    /// The first observation that is not earlier.
    after: usize,
    users: f64,
}

/// The points of a window from which exposure is looked back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    ends: [End; WINDOW_POINTS],
    minutes: f64,
}

/// The observations, oldest first. Users change evenly from one to the next, within the time that the change was given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct History {
    entries: VecDeque<Entry>,
    ticks: u64,
}

impl History {
    /// Adds an observation; false when it is not later than the last one.
    pub(super) fn observe(&mut self, at_s: f64, users: f64, window: Option<Window>) -> bool {
        if !at_s.is_finite() || self.entries.back().is_some_and(|last| at_s <= last.at_s) {
            return false;
        }
        if self.entries.capacity() < KEPT {
            self.entries.reserve_exact(KEPT - self.entries.len());
        }
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        if let Some(last) = self.entries.back_mut() {
            let gap_s = at_s - last.at_s;
            let within_s = last.changes_within_s.map_or(gap_s, |seconds| seconds.min(gap_s));
            (last.changes_within_s, last.changes_per_s) = (Some(within_s), (users - last.users) / within_s);
        }
        self.entries.push_back(Entry {
            tick: self.ticks,
            at_s,
            users,
            changes_within_s: None,
            changes_per_s: 0.0,
            window,
            accepted: false,
        });
        self.ticks += 1;
        true
    }

    /// Believes the newest window.
    pub(super) fn accept(&mut self) {
        if let Some(newest) = self.entries.back_mut() {
            newest.accepted = true;
        }
    }

    /// Says that users change to what was set last within so many seconds.
    pub(super) fn change_within(&mut self, seconds: f64) {
        if let Some(newest) = self.entries.back_mut() {
            newest.changes_within_s = Some(seconds.max(ROUNDING_S));
        }
    }

    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().rev()
    }

    /// The last observation that is so many minutes old or older.
    pub(super) fn ago(&self, now_s: f64, minutes: f64) -> Option<&Entry> {
        self.newest_first().find(|entry| entry.at_s <= now_s - 60.0 * minutes + ROUNDING_S)
    }

    /// The best mean rate of two neighbouring windows, events per minute, and the later of the two. Of equals it is the
    /// earliest.
    pub(super) fn best_pair(&self, now_s: f64, pairs: Pairs) -> Option<(f64, Entry)> {
        let mut best: Option<(f64, Entry)> = None;
        let newest = self.entries.len().checked_sub(1)?;
        for (position, entry) in self.entries.iter().enumerate().skip(1).rev() {
            if entry.at_s < now_s - 60.0 * pairs.minutes - ROUNDING_S || entry.tick <= pairs.after {
                break;
            }
            let before = &self.entries[position - 1];
            let counts = (pairs.newest || position != newest)
                && (!pairs.accepted || entry.accepted && before.accepted)
                && entry.users <= pairs.most_users;
            let Some((rate, rate_before)) = entry.rate().zip(before.rate()).filter(|_| counts) else { continue };
            let mean = f64::midpoint(rate, rate_before);
            if mean > 0.0 && best.is_none_or(|(most, _)| mean >= most) {
                best = Some((mean, *entry));
            }
        }
        best
    }

    /// Events, exposure in user-minutes and number of the believed ones among the newest `windows` observations.
    pub(super) fn pooled(&self, windows: usize, lag_s: f64) -> (f64, f64, f64) {
        let believed = self.newest_first().take(windows).filter(|entry| entry.accepted);
        believed.filter_map(|entry| entry.window).fold((0.0, 0.0, 0.0), |(events, exposed, number), window| {
            (events + window.count, exposed + self.exposure(&window, lag_s), number + 1.0)
        })
    }

    /// User-minutes of the window, for events that follow their users after `lag_s` (spread evenly over half to one
    /// and a half times of it).
    ///
    /// A user counts only if it ran that long ago *and still runs*: generators stop the newest users first, so the
    /// number that did both is the least number of users in between.
    pub(super) fn exposure(&self, window: &Window, lag_s: f64) -> f64 {
        self.exposure_of(&self.ends(window), lag_s)
    }

    /// Users that could have produced the window, on the mean: its exposure by its length.
    pub(super) fn running(&self, window: &Window, lag_s: f64) -> f64 {
        self.exposure(window, lag_s) / window.minutes()
    }

    /// Where exposure in a window is looked back from, so that many lags can share it.
    pub(super) fn ends(&self, window: &Window) -> Ends {
        let length = window.to_s - window.from_s;
        let end = |i: usize| {
            let at_s = window.from_s + length * (i as f64 + 0.5) / WINDOW_POINTS as f64;
            let after = self.entries.partition_point(|entry| entry.at_s < at_s);
            End { at_s, after, users: self.between(after, at_s) }
        };
        Ends { ends: [end(1), end(0)], minutes: length / 60.0 }
    }

    /// The same as [`Self::exposure`].
    pub(super) fn exposure_of(&self, ends: &Ends, lag_s: f64) -> f64 {
        let sum: f64 = ends.ends.iter().map(|end| self.least_by_lag(end, lag_s)).sum();
        sum / (WINDOW_POINTS * LAG_POINTS) as f64 * ends.minutes
    }

    /// User-minutes of the window, whatever the users have done before.
    pub(super) fn user_minutes(&self, window: &Window) -> f64 {
        let inside = |at_s: f64| at_s > window.from_s && at_s < window.to_s;
        let mut sum = 0.0;
        let (mut later, mut users_later) = (window.to_s, self.users_at(window.to_s));
        for entry in self.newest_first().filter(|entry| inside(entry.at_s)) {
            sum += f64::midpoint(entry.users, users_later) * (later - entry.at_s);
            (later, users_later) = (entry.at_s, entry.users);
        }
        (sum + f64::midpoint(self.users_at(window.from_s), users_later) * (later - window.from_s)) / 60.0
    }

    pub(super) fn users_at(&self, at_s: f64) -> f64 {
        self.between(self.entries.partition_point(|entry| entry.at_s < at_s), at_s)
    }

    /// The least numbers of users between each of the lags and the end, summed. The lags grow, so that one walk back
    /// through the points serves all of them.
    fn least_by_lag(&self, end: &End, lag_s: f64) -> f64 {
        let End { at_s: end_s, mut after, users: mut least } = *end;
        let mut sum = 0.0;
        for j in 0..LAG_POINTS {
            let begin_s = end_s - lag_s * (0.5 + (j as f64 + 0.5) / LAG_POINTS as f64);
            while let Some(entry) = after.checked_sub(1).map(|i| &self.entries[i]).filter(|entry| entry.at_s > begin_s)
            {
                least = least.min(entry.users);
                after -= 1;
            }
            least = least.min(self.between(after, begin_s));
            if least <= 0.0 {
                break;
            }
            sum += least;
        }
        sum
    }

    /// Users at a time, where `after` is the first observation that is not earlier.
    fn between(&self, after: usize, at_s: f64) -> f64 {
        match (after.checked_sub(1).and_then(|i| self.entries.get(i)), self.entries.get(after)) {
            (Some(from), Some(to)) => {
                let since_s = at_s - from.at_s;
                let changing = from.changes_within_s.is_some_and(|within_s| since_s < within_s);
                if changing { from.users + from.changes_per_s * since_s } else { to.users }
            }
            (Some(last), None) => last.users,
            (None, Some(first)) if at_s >= first.at_s => first.users,
            (None, _) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(points: &[(f64, f64)]) -> History {
        let mut history = History::default();
        for (at_s, users) in points {
            assert!(history.observe(*at_s, *users, None));
        }
        history
    }

    fn window(from_s: f64, to_s: f64) -> Window {
        Window { from_s, to_s, count: 0.0 }
    }

    #[test]
    fn steady_users_are_all_exposed() {
        let history = history(&[(0.0, 30.0), (60.0, 30.0), (120.0, 30.0)]);
        assert_eq!(history.exposure(&window(60.0, 120.0), 0.0), 30.0);
        assert!((history.exposure(&window(60.0, 120.0), 20.0) - 30.0).abs() < 1e-9);
        assert_eq!(history.user_minutes(&window(60.0, 120.0)), 30.0);
    }

    #[test]
    fn users_that_have_just_begun_are_not_exposed_yet() {
        let history = history(&[(0.0, 0.0), (60.0, 0.0), (61.0, 60.0), (120.0, 60.0)]);
        assert!(history.exposure(&window(60.0, 120.0), 0.0) > 59.0);
        assert_eq!(history.exposure(&window(60.0, 120.0), 200.0), 0.0);
    }

    #[test]
    fn users_that_were_stopped_no_longer_count() {
        let history = history(&[(0.0, 60.0), (60.0, 60.0), (61.0, 20.0), (120.0, 20.0)]);
        let exposed = history.exposure(&window(60.0, 120.0), 30.0);
        assert!((exposed - 20.0).abs() < 1.0, "{exposed}");
    }

    #[test]
    fn an_observation_that_is_not_later_is_not_taken() {
        let mut history = history(&[(0.0, 1.0), (60.0, 2.0)]);
        assert!(!history.observe(60.0, 9.0, None));
        assert!(!history.observe(f64::NAN, 9.0, None));
        assert_eq!(history.newest_first().next().unwrap().users, 2.0);
    }

    #[test]
    fn the_best_pair_is_the_mean_of_two_neighbours() {
        let mut history = History::default();
        for (tick, count) in [0.0, 10.0, 40.0, 50.0, 20.0].into_iter().enumerate() {
            let at_s = tick as f64 * 60.0;
            history.observe(at_s, 1.0, Some(Window { from_s: at_s - 60.0, to_s: at_s, count }));
            history.accept();
        }
        let all = Pairs::within(60.0).believed();
        let (rate, entry) = history.best_pair(240.0, all).unwrap();
        assert_eq!((rate, entry.tick), (45.0, 3));
        assert_eq!(history.best_pair(240.0, Pairs { minutes: 0.5, ..all }).unwrap().0, 35.0);
        assert!(history.best_pair(240.0, Pairs { after: 4, ..all }).is_none());
        assert!(history.best_pair(240.0, Pairs { after: 3, newest: false, ..all }).is_none());
    }
}
