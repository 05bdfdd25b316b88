//! The way back up to a limit that is not known.

use super::super::advice::Reason;
use super::super::anchor::{Anchor, loss_evidence};
use super::super::history::Pairs;
use super::{CLEAR_WINDOWS, Modes, Tick};

/// The evidence that ends a climb, nats: less than elsewhere, but more while response times say that all is well.
const ENOUGH: f64 = 4.9;
const ENOUGH_WHEN_CLEAR: f64 = 14.0;
const ENOUGH_WHEN_CONGESTED: f64 = 1.4;
/// Growth in a minute below half of the users at the loss, as a factor.
const FAST_GROWTH_PER_MIN: f64 = 1.5;
/// … and while response times say that all is well.
const CLEAR_GROWTH_PER_MIN: f64 = 1.25;
const BEST_MIN: f64 = 3.0;
/// Relative error of what is expected on the way up, and how much longer the lag may be.
const ERROR: f64 = 0.02;
const LATER_S: f64 = 20.0;

impl Modes {
    pub(super) fn climb(&mut self, tick: &Tick<'_>, anchor: &mut Anchor) {
        let tuning = tick.tuning;
        if tick.accepted {
            let exposed = tick.exposed.min(tick.history.exposure(&tick.window, tick.lag_s + LATER_S));
            let expected = anchor.gain * exposed;
            let noise = tick.noise(expected, ERROR.hypot(tuning.lag_error * tick.sensitivity));
            let evidence = loss_evidence(tuning, tick.window.count, expected) / noise;
            anchor.suspicion = (anchor.suspicion + evidence).max(0.0);
        }
        self.congested = if tick.is_congested() { self.congested + 1 } else { 0 };
        let enough = if tick.is_clear() { ENOUGH_WHEN_CLEAR } else { ENOUGH };
        let congested = self.congested >= 2 && self.since(tick) >= 4 && anchor.suspicion > ENOUGH_WHEN_CONGESTED;
        if anchor.suspicion > enough || congested {
            self.limit = tick.best(Pairs::within(BEST_MIN));
            let knee = self.knee_of_limit(anchor);
            self.knee_users = Some(knee);
            self.fails += 1;
            self.worked = 0;
            anchor.trust();
            self.efficiency_before = tick.efficiency;
            self.cuts = 0;
            self.collapsed = tick.efficiency < 0.6;
            self.drain_to(0.85 * tick.users.min(knee), tick, Reason::LimitFound);
            return;
        }
        let far = tick.users < 0.5 * self.users_at_loss;
        let growth = if far {
            FAST_GROWTH_PER_MIN
        } else if self.clear >= CLEAR_WINDOWS {
            CLEAR_GROWTH_PER_MIN
        } else {
            tuning.climb_growth_per_min
        };
        let cap = tick.more_users(growth);
        self.cap = Some(cap);
        if tick.line <= cap {
            self.back_on_line(tick);
        }
    }
}
