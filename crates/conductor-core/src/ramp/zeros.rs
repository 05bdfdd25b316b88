//! Zeros: whether a KPI of nothing is chance, when it is a stall, and how users come back after one.

use serde::{Deserialize, Serialize};

use super::history::{History, Pairs};
use super::tuning::Tuning;

/// In a stall users are halved each tick, down to this share of what they were …
const FLOOR: f64 = 0.25;
/// … for so long, and then to half of that in each such time again.
const FLOOR_HALVES_MIN: f64 = 4.0;
/// How far back the best users are looked for when a stall begins.
const BEST_USERS_MIN: f64 = 12.0;
/// In this time the first users have caused the first event, whatever they do before, minutes.
const SLOWEST_START_MIN: f64 = 12.0;
/// A stall within this time after another one is an overload.
const REPEATED_MIN: f64 = 30.0;
/// For so long after a stall, low counts are not learnt from.
const RECOVERY_MIN: f64 = 5.0;
/// The share of its users with which the load comes back.
const FIRST_RETURN: f64 = 0.6;

/// The present run of zeros.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Zeros {
    /// Zeros in a row.
    pub(super) ticks: u32,
    /// Their time, minutes.
    pub(super) minutes: f64,
    /// Log-probability that they are chance.
    ln_chance: f64,
    stall: Option<Stall>,
    recovery: Option<Recovery>,
    /// When the last stall began.
    last_s: Option<f64>,
    /// Whether anything was ever counted.
    ever_counted: bool,
}

/// A KPI that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Stall {
    since_s: f64,
    /// Users that gave the best KPI before it, and that KPI, events per minute.
    pub(super) users: f64,
    pub(super) best_per_min: f64,
    /// Whether it looks like an overload: the system was congested when it began, or it is not the first one.
    pub(super) overload: bool,
    /// Whether the system was congested when it began.
    pub(super) congested: bool,
}

/// A KPI that has come back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Recovery {
    since_s: f64,
    users: f64,
}

impl Zeros {
    /// Takes in a zero, and tells whether it may be chance.
    pub(super) fn zero(&mut self, tuning: &Tuning, minutes: f64, ln_nothing: f64) -> bool {
        // Where there are no users, nothing is no news.
        if ln_nothing < 0.0 {
            self.ticks = self.ticks.saturating_add(1);
            self.minutes += minutes;
            self.ln_chance += ln_nothing;
        }
        self.ln_chance >= tuning.chance.ln()
    }

    /// Takes in a count that is not zero, and gives the stall that it ends.
    pub(super) fn counted(&mut self, now_s: f64) -> Option<Stall> {
        (self.ticks, self.minutes, self.ln_chance) = (0, 0.0, 0.0);
        self.ever_counted = true;
        let ended = self.stall.take()?;
        self.recovery = (!ended.overload).then_some(Recovery { since_s: now_s, users: ended.users });
        Some(ended)
    }

    /// True when zeros that are not chance have lasted long enough to be a stall.
    pub(super) fn last(&self, tuning: &Tuning) -> bool {
        self.minutes >= tuning.stall_min - 0.01
    }

    /// Whether anything was ever counted.
    pub(super) fn ever_counted(&self) -> bool {
        self.ever_counted
    }

    /// True when nothing was ever counted, for longer than the first journeys take.
    pub(super) fn never_begins(&self) -> bool {
        !self.ever_counted && self.minutes >= SLOWEST_START_MIN - 0.01
    }

    /// True when they had lasted as long before the window of so many minutes.
    pub(super) fn lasted(&self, tuning: &Tuning, minutes: f64) -> bool {
        self.minutes - minutes >= tuning.stall_min - 0.01
    }

    /// Begins a stall, unless one goes on. The users to come back to are those that gave the best KPI of the last
    /// minutes, never those of a runaway.
    pub(super) fn stall(&mut self, history: &History, now_s: f64, users: f64, congested: bool) {
        if self.stall.is_some() {
            return;
        }
        let best = history.best_pair(now_s, Pairs::before(BEST_USERS_MIN));
        let repeated = self.last_s.is_some_and(|last_s| now_s - last_s < REPEATED_MIN * 60.0);
        self.last_s = Some(now_s);
        self.stall = Some(Stall {
            since_s: now_s,
            // A generator that was restarted may run none at the moment.
            users: best.map_or(users, |(_, entry)| if users >= 1.0 { users.min(entry.users) } else { entry.users }),
            best_per_min: best.map_or(0.0, |(rate, _)| rate),
            overload: (congested || repeated) && best.is_some(),
            congested,
        });
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.stall.is_some()
    }

    /// True when no stall goes on and none has just ended.
    pub(super) fn is_calm(&self, now_s: f64) -> bool {
        !self.is_stalled() && !self.is_recovering(now_s)
    }

    /// True for some minutes after a stall.
    pub(super) fn is_recovering(&self, now_s: f64) -> bool {
        self.recovery.is_some_and(|recovery| now_s - recovery.since_s < RECOVERY_MIN * 60.0)
    }

    /// Users while the KPI is gone; `None` while it is not.
    pub(super) fn users_in_stall(&self, now_s: f64, users: f64) -> Option<f64> {
        let stall = self.stall?;
        let halvings = ((now_s - stall.since_s) / 60.0 - FLOOR_HALVES_MIN).max(0.0) / FLOOR_HALVES_MIN;
        let floor = FLOOR * 0.5_f64.powf(halvings) * stall.users;
        Some(floor.max(0.5 * users).max(1.0).min(users))
    }

    /// Users after a stall; `None` when that is over. `poor` says that the KPI does not come back with them.
    pub(super) fn users_in_recovery(&self, now_s: f64, users: f64, poor: bool) -> Option<f64> {
        let Recovery { since_s, users: before } = self.recovery.filter(|_| self.is_recovering(now_s))?;
        if now_s > since_s && poor && users >= 0.9 * before {
            return Some(0.7 * before);
        }
        let share = if now_s > since_s { 1.0 } else { FIRST_RETURN };
        Some(users.max(share * before))
    }
}
