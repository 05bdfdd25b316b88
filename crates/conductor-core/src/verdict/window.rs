//! The windows of a load in the order of time, each with the time that it tells of and the users that could have been there.

use super::hold::{Hold, ROUNDING_S};
use crate::load::Mark;
use crate::spec::Thresholds;
use crate::view::Tick;

/// The share of the users that could have been started in time that is expected of a generator, whose clock is its own.
const STARTED: f64 = 0.9;

/// One measured interval, and what it tells of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<'a> {
    pub(super) tick: &'a Tick,
    /// Where it begins: where the one before was measured, if it has no time of its own.
    pub(super) from_s: f64,
    /// Where it ends.
    pub(super) to_s: f64,
    /// The users that should run at its end, as far as they could be started since the one before.
    pub(super) commanded: Option<f64>,
    /// Whether a load worker is missing that was there before.
    pub(super) fewer_workers: Option<(u32, u32)>,
}

/// The windows of a load.
pub(super) fn windows(ticks: &[Tick]) -> Vec<Window<'_>> {
    let mut most_workers = 0;
    let mut before: Option<&Tick> = None;
    let mut windows = Vec::with_capacity(ticks.len());
    for tick in ticks {
        let measured_before_s = before.map_or(0.0, |before| before.at_s);
        let has_time = tick.to_s > tick.from_s;
        let workers = tick.workers.unwrap_or(most_workers);
        windows.push(Window {
            tick,
            from_s: if has_time { tick.from_s } else { measured_before_s.min(tick.at_s) },
            to_s: if has_time { tick.to_s } else { tick.at_s },
            commanded: before.and_then(|before| commanded(before, tick)),
            fewer_workers: (workers < most_workers).then_some((most_workers, workers)),
        });
        most_workers = most_workers.max(workers);
        before = Some(tick);
    }
    windows
}

/// The users that were asked for before, as far as they could be started since.
fn commanded(before: &Tick, tick: &Tick) -> Option<f64> {
    let (asked, then) = (before.users_wanted as f64, before.users? as f64);
    let rate = before.advice.as_ref().map_or(f64::INFINITY, |advice| advice.spawn_rate);
    let started = then + STARTED * rate * (tick.at_s - before.at_s).max(0.0);
    Some(if asked > then { asked.min(started) } else { asked })
}

impl Window<'_> {
    /// True when somebody could say that it happened in a hold: its time, or the moment it was measured, lies in it.
    pub(super) fn touches(&self, hold: &Hold) -> bool {
        let end_s = self.to_s.max(self.tick.at_s);
        end_s.min(hold.to_s) - self.from_s.max(hold.from_s) > ROUNDING_S
    }

    pub(super) fn touches_any(&self, holds: &[Hold]) -> bool {
        holds.iter().any(|hold| self.touches(hold))
    }

    /// The part of it that lies in a hold, in seconds.
    pub(super) fn overlap_s(&self, hold: &Hold) -> f64 {
        (self.to_s.min(hold.to_s) - self.from_s.max(hold.from_s)).max(0.0)
    }

    pub(super) fn seconds(&self) -> f64 {
        self.to_s - self.from_s
    }

    pub(super) fn has(&self, mark: Mark) -> bool {
        self.tick.marks.contains(&mark)
    }

    /// True when the generator was at its limit: it says so, its CPU does, or fewer users ran than should have.
    pub(super) fn is_bound(&self, thresholds: &Thresholds) -> bool {
        self.has(Mark::GeneratorBound)
            || self.tick.cpu_percent.is_some_and(|cpu| cpu > thresholds.generator_cpu)
            || self.is_short(thresholds)
    }

    /// True when clearly fewer users ran than should have; one user is never clear.
    pub(super) fn is_short(&self, thresholds: &Thresholds) -> bool {
        let both = self.tick.users.zip(self.commanded);
        both.is_some_and(|(users, commanded)| (users as f64) < (1.0 - thresholds.users_short) * commanded - 1.0)
    }

    /// Users that ran, or should have run where nobody could tell.
    pub(super) fn users(&self) -> f64 {
        self.tick.users.unwrap_or(self.tick.users_wanted) as f64
    }
}
