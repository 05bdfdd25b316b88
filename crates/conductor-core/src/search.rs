//! The search for the highest KPI that a system sustains: a state machine that moves the set-point by what the control law
//! and the windows say. Pure, so that a journal replays it.
//!
//! Trials climb from level to level; each is a ramp and a hold of some windows, which is repeated where the KPI falls short
//! and the control law sees no limit. The first level that is not sustained bounds the search from above, and bisection
//! narrows it down. How users are set is not decided here.

mod result;
mod trial;

use serde::{Deserialize, Serialize};

pub use result::{Found, SearchEnd};
pub use trial::Trial;

use crate::ramp::{Advice, Mode, Profile, Window};
use crate::spec::SearchPlan;
use crate::units::Span;
use trial::Present;

/// Longest wait for a system that was pushed past its limit to be well again, seconds.
pub(crate) const LONGEST_RECOVERY_S: f64 = 900.0;
/// Most intervals between the begin of a trial and the begin of its hold; the longest lag that is learnt fits in.
pub(crate) const LONGEST_RISE_INTERVALS: f64 = 7.0;
/// So many holds in a row that fall short are the system's doing; fewer may be chance, or what users are worth being known badly.
pub(crate) const MOST_HOLDS: u32 = 3;
/// The same of the first level, on which what users are worth and how late they show has yet to be learnt.
pub(crate) const MOST_FIRST_HOLDS: u32 = 6;
/// A hold that has lasted so many times what it should, and still has too few windows, cannot be measured.
const UNMEASURED_TIMES: f64 = 3.0;

/// A search: what was tried, and what is being tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Search {
    plan: SearchPlan,
    /// Time between two measurements.
    interval: Span,
    /// Most users of the run.
    max_users: Option<u64>,
    /// Every trial that is over, in order.
    trials: Vec<Trial>,
    /// What they have found.
    found: Found,
    /// The trial going on.
    present: Present,
    /// How it ended, once it has.
    end: Option<SearchEnd>,
}

/// What is seen of one interval.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// Seconds since the load began.
    pub at_s: f64,
    /// The KPI's window; `None` when it could not be measured.
    pub window: Option<Window>,
    /// Users running.
    pub users: u64,
    /// True when the load generator was at its own limit.
    pub generator_bound: bool,
    /// What the control law advised for this interval.
    pub advice: &'a Advice,
}

impl Search {
    /// A search that begins now.
    pub fn begin(plan: &SearchPlan, interval: Span, max_users: Option<u64>) -> Self {
        let from = plan.from.as_per_minute();
        let present = Present::at(from, 0.0, plan.ramp_up.as_secs_f64(), false);
        Self {
            plan: plan.clone(),
            interval,
            max_users,
            trials: Vec::new(),
            found: Found::default(),
            present,
            end: None,
        }
    }

    /// The longest it can take, seconds.
    pub fn longest_s(&self) -> f64 {
        self.plan.longest(self.interval).as_secs_f64()
    }

    fn interval_s(&self) -> f64 {
        self.interval.as_secs_f64()
    }

    /// The trials that are over.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// The level being tried, events per minute.
    pub fn level_per_min(&self) -> f64 {
        self.present.level_per_min
    }

    /// How it ended, once it has.
    pub fn end(&self) -> Option<SearchEnd> {
        self.end
    }

    /// What it has found so far.
    pub fn found(&self) -> Found {
        self.found
    }

    /// Takes in what was seen of an interval; the line from now on where that changes it.
    pub fn see(&mut self, sight: &Sight<'_>, line: &Profile) -> Option<Profile> {
        if self.end.is_some() {
            return None;
        }
        let at_limit = self.max_users.is_some_and(|most| sight.advice.users >= most);
        self.present.generator_bound |= sight.generator_bound;
        self.present.users_capped |= at_limit;
        match sight.advice.mode {
            Mode::Boot | Mode::Track => self.present.tracked = true,
            // The law takes users away for a moment; what is counted meanwhile says nothing of the level.
            Mode::Test => {
                self.present.hold_anew(sight.at_s + self.interval_s());
                return None;
            }
            Mode::Drain | Mode::Climb | Mode::Hold | Mode::Probe | Mode::Stalled => {
                if self.present.is_to_blame(sight.at_s) {
                    return self.over(sight, line, false);
                }
                self.present.tracked = false;
            }
        }
        let recovering = matches!(sight.advice.mode, Mode::Drain | Mode::Climb | Mode::Stalled);
        if recovering && sight.at_s < self.present.begun_s + LONGEST_RECOVERY_S {
            self.present.hold_anew(sight.at_s + self.interval_s());
            return None;
        }
        self.present.count(sight);
        if self.present.windows() >= self.windows() {
            let sustained = self.present.is_sustained();
            let follows = matches!(sight.advice.mode, Mode::Boot | Mode::Track);
            let by_chance = follows && !self.present.generator_bound && !self.present.users_capped;
            let most = if self.trials.is_empty() { MOST_FIRST_HOLDS } else { MOST_HOLDS };
            if !sustained && by_chance && self.present.holds < most {
                return Some(self.hold_again(sight, line));
            }
            return self.over(sight, line, sustained);
        }
        if sight.at_s >= self.present.hold_from_s + UNMEASURED_TIMES * self.plan.hold.as_secs_f64() {
            self.end = Some(SearchEnd::Unmeasured);
        }
        None
    }

    /// Windows that a hold needs.
    fn windows(&self) -> usize {
        (self.plan.hold.as_secs_f64() / self.interval_s()).ceil().max(1.0) as usize
    }

    /// Holds the level once more.
    fn hold_again(&mut self, sight: &Sight<'_>, line: &Profile) -> Profile {
        self.present.holds += 1;
        self.present.hold_anew(sight.at_s);
        line.until(sight.at_s).then(self.windows() as f64 * self.interval_s(), self.present.level_per_min)
    }

    /// Ends the trial and begins the next one, where there is one.
    fn over(&mut self, sight: &Sight<'_>, line: &Profile, sustained: bool) -> Option<Profile> {
        let trial = self.present.over(sustained, sight.advice.knee);
        let spoilt = (!sustained && trial.generator_bound, !sustained && trial.users_capped);
        self.found.take(&trial);
        self.trials.push(trial);
        self.end = match spoilt {
            (true, _) => Some(SearchEnd::GeneratorBound),
            (_, true) => Some(SearchEnd::UsersCapped),
            (false, false) => self.found.end(&self.plan),
        };
        if self.end.is_some() {
            return None;
        }
        let level = self.found.next(&self.plan);
        // An interval to set the users, and the lag until they show.
        let rise = ((sight.advice.lag_s / self.interval_s() + 0.3).ceil() + 1.0).clamp(2.0, LONGEST_RISE_INTERVALS);
        let rise_s = rise * self.interval_s();
        self.present = Present::at(level, sight.at_s, sight.at_s + rise_s, !sustained);
        let hold_s = self.windows() as f64 * self.interval_s();
        Some(line.until(sight.at_s).then(rise_s, level).then(hold_s, level))
    }
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
