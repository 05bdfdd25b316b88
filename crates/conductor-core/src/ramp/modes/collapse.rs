//! A KPI that breaks down at once: users are drawn back without a test.

use super::super::advice::{Mode, Reason};
use super::super::anchor::Anchor;
use super::super::breakdown;
use super::super::history::Pairs;
use super::{Best, Gone, Modes, Tick};

/// How far back the best KPI of a climb is looked for.
const BEST_OF_CLIMB_MIN: f64 = 4.0;

impl Modes {
    /// Draws users back where the KPI has broken down.
    pub(super) fn answer_collapse(&mut self, tick: &Tick<'_>, anchor: &mut Anchor) {
        if matches!(self.mode, Mode::Hold | Mode::Probe | Mode::Climb) && tick.exposed > 0.0 {
            self.answer_breakdown(tick, anchor);
        }
        if tick.gone == Gone::Lasting && (self.mode != Mode::Drain || self.since(tick) >= 2) {
            self.answer_zeros(tick, anchor);
        }
        if let (Mode::Track, false, Some((best_per_min, entry))) = (self.mode, tick.anchored, tick.fell_from) {
            // While the lag is hardly known, too long a one may leave next to nobody exposed.
            let exposed = entry.window.map_or(0.0, |window| {
                tick.history.exposure(&window, tick.lag_s).max(0.5 * tick.history.user_minutes(&window))
            });
            let events = best_per_min * entry.window.map_or(0.0, |window| window.minutes());
            let gain = (events / exposed.max(1e-9)).max(0.9 * tick.sure_gain);
            anchor.reset(gain);
            anchor.trust();
            self.limit = Best::of(best_per_min);
            let knee = best_per_min / gain;
            self.knee_users = Some(knee);
            self.fails += 1;
            (self.collapsed, self.abrupt) = (true, false);
            self.trouble(tick, tick.window.count / tick.exposed.max(1e-9) / gain);
            self.drain_to((0.45 * tick.users).min(0.6 * knee), tick, Reason::FellWhileGrowing);
        }
    }

    fn answer_breakdown(&mut self, tick: &Tick<'_>, anchor: &mut Anchor) {
        let expected = anchor.gain * tick.exposed;
        let count = tick.window.count;
        let believed = count > 0.0 || tick.before_was_bad && self.efficiency_seen < 0.85;
        if believed {
            self.breaking = breakdown::gathered(self.breaking, count, expected, tick.noise(expected, 0.0));
        }
        let broken = breakdown::is_certain(self.breaking, count, expected, tick.dispersion);
        if broken && !tick.is_clear() && believed {
            self.bad = 1;
            if self.mode == Mode::Climb {
                self.limit = tick.best(Pairs::within(BEST_OF_CLIMB_MIN));
                self.knee_users = Some(self.knee_of_limit(anchor));
            } else {
                self.lower_knee(tick);
            }
            self.trouble(tick, tick.efficiency);
            self.fails += 1;
            self.collapsed = true;
            anchor.trust();
            let share = if tick.efficiency < 0.3 { 0.45 } else { 0.6 };
            self.drain_to(share * tick.users, tick, Reason::BrokeDown);
        } else if count <= 0.0 && expected > 8.0 {
            self.bad = 1;
        }
    }

    fn answer_zeros(&mut self, tick: &Tick<'_>, anchor: &mut Anchor) {
        if self.mode != Mode::Drain {
            self.lower_knee(tick);
            self.users_at_loss = tick.users;
            self.fails += 1;
            self.cuts = 0;
        }
        self.collapsed = true;
        self.efficiency_before = tick.efficiency;
        anchor.trust();
        self.drain_to(0.45 * tick.users, tick, Reason::NothingCounted);
    }
}
