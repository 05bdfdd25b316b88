//! Drawing users back until the system is well again.

use super::super::advice::Reason;
use super::super::anchor::Anchor;
use super::super::posterior::Bank;
use super::{CLEAR_WINDOWS, Modes, Tick};

/// Shape of the belief in the anchor once the system is well again, and of a ratio that no cut has changed.
const WELL_SHAPE: f64 = 100.0;
const UNMOVED_SHAPE: f64 = 30.0;
/// So many cuts in a row without an effect show that it is not the system.
const CUTS_WITHOUT_EFFECT: u32 = 2;
/// A KPI that comes back with so many times the limit was never gone.
const MORE_THAN_LIMIT: f64 = 1.05;
const MOST_CUTS: u32 = 8;
/// So many looks in a row that neither find the system well nor ask for a cut lead to a small one.
const IDLE_LOOKS: u32 = 2;
/// Time to the first probe after a collapse, where users had grown and where they had not; minutes.
const WAIT_AFTER_COLLAPSE_MIN: f64 = 12.0;
pub(super) const WAIT_AFTER_ABRUPT_COLLAPSE_MIN: f64 = 5.0;
const WAIT_AFTER_ABRUPT_LOSS_MIN: f64 = 3.0;

impl Modes {
    pub(super) fn drain(&mut self, tick: &Tick<'_>, bank: &mut Bank, anchor: &mut Anchor) {
        if self.drained_for_zeros && tick.window.count > 0.0 {
            self.drained_for_zeros = false;
            if tick.per_min(tick.window.count) > MORE_THAN_LIMIT * self.limit.per_min {
                // More than at the limit, from fewer users: samples were lost, and nothing else.
                self.back_on_line(tick);
                return;
            }
        }
        let since = self.since(tick);
        let sd = tick.efficiency_sd;
        let recent = f64::midpoint(tick.efficiency, self.efficiency_last);
        let clear = self.clear >= CLEAR_WINDOWS && since >= tick.settle && tick.efficiency > 0.0;
        if clear && tick.accepted && tick.efficiency < tick.tuning.well - sd {
            // Response times say that the system is well, so that the anchor is what is wrong.
            anchor.reset(tick.efficiency * anchor.gain);
            self.knee_users = self.knee_users.map(|_| self.knee_of_limit(anchor));
        }
        let well = clear || tick.efficiency >= tick.tuning.well - sd || recent >= 0.86 && since >= 2;
        let shown = since >= tick.settle || self.cuts > 0 || since == 0;
        if well && shown && tick.accepted && tick.window.count > 0.0 {
            self.well_again(tick, bank, anchor);
        } else if tick.number.cast_signed() - self.looked >= tick.settle.max(2) {
            self.cut(tick, sd, bank, anchor);
        }
    }

    fn well_again(&mut self, tick: &Tick<'_>, bank: &mut Bank, anchor: &mut Anchor) {
        bank.reset(WELL_SHAPE, anchor.gain);
        anchor.trust();
        if let Some(knee) = self.knee_users {
            self.hold_below(knee, tick.number, Reason::Drained);
            let (wait, factor) = match (self.collapsed, self.abrupt) {
                (true, false) => (WAIT_AFTER_COLLAPSE_MIN, 2.0),
                (true, true) => (WAIT_AFTER_ABRUPT_COLLAPSE_MIN, 2.0),
                (false, false) => (tick.tuning.first_probe_min, 1.5_f64),
                (false, true) => (WAIT_AFTER_ABRUPT_LOSS_MIN, 1.5),
            };
            self.wait_min = wait * factor.powi(self.fails.saturating_sub(1).min(4).cast_signed());
        } else {
            self.climb_from_here(tick, anchor, Reason::Drained);
        }
    }

    fn cut(&mut self, tick: &Tick<'_>, sd: f64, bank: &mut Bank, anchor: &mut Anchor) {
        let (count, efficiency) = (tick.window.count, tick.efficiency);
        let tolerance = 0.2 + 2.0 * (tick.dispersion / count.max(1.0)).sqrt();
        let as_before = (efficiency / self.efficiency_before.max(1e-9) - 1.0).abs() < tolerance;
        let cut = std::mem::take(&mut self.cut_at_look);
        self.unmoved = if as_before { self.unmoved + u32::from(cut) } else { 0 };
        let unmoved = self.unmoved >= CUTS_WITHOUT_EFFECT && efficiency > 0.2 && count > 0.0;
        let before = self.efficiency_before;
        self.efficiency_before = efficiency;
        if unmoved {
            self.ratio_is(efficiency * anchor.gain, UNMOVED_SHAPE, tick, bank, anchor);
            return;
        }
        self.looked = tick.number.cast_signed();
        if efficiency < 1.1 * before && efficiency < 0.80 - sd || efficiency < 0.3 {
            self.cut_to(if efficiency < 0.15 { 0.45 } else { 0.7 }, tick);
            if self.cuts >= MOST_CUTS && count > 0.0 {
                self.ratio_is(count / tick.exposed.max(1e-9), UNMOVED_SHAPE, tick, bank, anchor);
            }
        } else {
            // Neither well nor bad: it must not stay so for ever.
            self.idle += 1;
            if self.idle >= IDLE_LOOKS {
                self.cut_to(0.85, tick);
            }
        }
    }

    fn cut_to(&mut self, share: f64, tick: &Tick<'_>) {
        self.cap = Some((share * tick.users).max(1.0));
        self.cuts += 1;
        (self.cut_at_look, self.idle) = (true, 0);
    }
}
