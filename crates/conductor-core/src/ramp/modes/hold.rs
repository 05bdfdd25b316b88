//! Holding users just under a known limit.

use super::super::advice::{Mode, Reason};
use super::super::anchor::Anchor;
use super::{CLEAR_WINDOWS, Modes, Tick};

/// Windows before a probe that tell what is normal, minutes.
const BASE_MIN: f64 = 4.0;
const LARGEST_PROBE: f64 = 0.25;
/// The largest probe where users are far below the line and worth what they should be.
const LARGEST_PROBE_FAR: f64 = 0.5;
/// Users from which on response times tell whether the limit is where it was, as a share of those at the limit.
const NEAR_LIMIT: f64 = 0.85;
/// Where the line needs so many times the users, a limit is as likely to be a mistake: it is looked for on the way up.
const LITTLE_OF_LINE: f64 = 3.0;
/// With so much evidence for a breakdown, nats, no users are added.
const DOUBTFUL: f64 = 2.0;
/// The last windows before the hold's level that tell what users are worth, and what they may be off by, besides chance.
const LOOK_WINDOWS: usize = 2;
const WORTH_OFF: f64 = 0.12;
/// For so long users that are worth less wait for better ones, minutes: a journey may take longer than was thought.
const LONGEST_WAIT_MIN: f64 = 8.0;
/// Events that the anchor is worth against what is counted then.
const ANCHOR_WORTH: f64 = 400.0;

impl Modes {
    pub(super) fn hold(&mut self, tick: &Tick<'_>, anchor: &mut Anchor) {
        if !self.holding {
            self.settle_in(tick, anchor);
        }
        let Some(cap) = self.cap else { return };
        let since = self.since(tick);
        if tick.line <= cap {
            self.back_on_line(tick);
            self.probe_step = tick.tuning.probe_step;
        } else if self.met_congested && self.clear >= CLEAR_WINDOWS && self.is_near_limit(tick) {
            // The limit is no longer where it was met: what is there now is looked for on the way up.
            self.met_congested = false;
            self.climb_from_here(tick, anchor, Reason::LimitMoved);
        } else if self.holding
            && since as f64 * tick.interval_min >= self.wait_min - 1e-9
            && since > tick.settle + 1
            && tick.accepted
            && !tick.is_congested()
            && self.breaking < DOUBTFUL
            && tick.users > 0.98 * cap - 1.0
        {
            // What was lost though users had not grown may be back, whole, at any time.
            let lost = self.abrupt && !self.collapsed;
            if lost || tick.line > LITTLE_OF_LINE * tick.users {
                self.climb_from_here(tick, anchor, Reason::TimeToProbe);
            } else {
                self.begin_probe(tick, anchor, cap);
            }
        }
    }

    /// True where response times would be long if the limit were still where it was met. Where the system has collapsed for
    /// too many users they say nothing of that before it does so again.
    fn is_near_limit(&self, tick: &Tick<'_>) -> bool {
        let near = self.knee_users.is_none_or(|knee| tick.users > NEAR_LIMIT * knee);
        near && (self.abrupt || !self.collapsed)
    }

    /// Waits until users are steady at nine tenths of the limit, looks again at what they are worth, and goes up to the
    /// hold's level.
    fn settle_in(&mut self, tick: &Tick<'_>, anchor: &mut Anchor) {
        let Some(cap) = self.cap else { return };
        if tick.users < 0.97 * cap - 1.0 {
            self.steady = 0;
            return;
        }
        self.steady += 1;
        let waited = self.steady - (tick.settle + 2);
        if waited < 0 || !self.look_again(tick, anchor) && (waited as f64) * tick.interval_min < LONGEST_WAIT_MIN {
            return;
        }
        self.holding = true;
        let share = if self.collapsed { tick.tuning.collapsed_hold_share } else { tick.tuning.hold_share };
        self.cap = self.knee_users.map(|knee| share * knee);
        self.entered = tick.number.cast_signed();
    }

    /// Looks at what steady users are worth, which does not depend on the lag, and where the limit is by that; false where
    /// they are worth too little to go up.
    fn look_again(&mut self, tick: &Tick<'_>, anchor: &mut Anchor) -> bool {
        let (events, exposed, windows) = tick.history.pooled(LOOK_WINDOWS, tick.lag_s);
        if events <= 0.0 || exposed <= 0.0 {
            return true;
        }
        let efficiency = events / exposed / anchor.gain;
        let off = WORTH_OFF + 2.0 * (tick.dispersion / events).sqrt();
        if efficiency < 1.0 - off {
            return false;
        }
        anchor.gain *= if efficiency > 1.0 + off {
            // The anchor was learnt while users moved, and by a lag that was too short.
            efficiency
        } else {
            let weight = events / tick.dispersion;
            1.0 + weight / (weight + ANCHOR_WORTH) * (efficiency - 1.0)
        };
        if self.limit.per_min > 0.0 {
            // What is sustained now is no more than the limit, and neither are the users that do it.
            self.limit.per_min = self.limit.per_min.max(tick.per_min(events / windows));
            let most = self.knee_of_limit(anchor).max(tick.users);
            self.knee_users = self.knee_users.map(|knee| (1.03 * knee).min(most));
        }
        true
    }

    fn begin_probe(&mut self, tick: &Tick<'_>, anchor: &Anchor, cap: f64) {
        let since = self.since(tick);
        let base = (BASE_MIN / tick.interval_min).round().min((since - tick.settle) as f64).max(1.0) as usize;
        let (events, exposed, windows) = tick.history.pooled(base, tick.lag_s);
        if windows <= 0.0 {
            return;
        }
        let far = tick.line > 2.0 * tick.users && events / exposed / anchor.gain > 0.9;
        let largest = if far { LARGEST_PROBE_FAR } else { LARGEST_PROBE };
        // Large enough to show against the noise of three windows.
        let visible = (8.0 * tick.dispersion / (events / windows * 3.0).max(1.0)).sqrt().min(largest);
        self.probe_step = self.probe_step.max(visible);
        if !self.collapsed {
            let missing = 0.5 * (tick.line / tick.users.max(1.0) - 1.0);
            self.probe_step = self.probe_step.max(missing.clamp(0.12, 0.20));
        }
        self.cap_before_probe = cap;
        self.cap = Some((cap * (1.0 + self.probe_step)).max(cap + 1.0));
        self.evidence = 0.0;
        self.enter(Mode::Probe, tick.number, Reason::TimeToProbe);
    }
}
