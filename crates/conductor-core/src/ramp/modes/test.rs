//! The test with fewer users: does what each is worth come back, or does the KPI follow the users?

use super::super::advice::{Mode, Reason};
use super::super::anchor::Anchor;
use super::super::posterior::Bank;
use super::{Modes, Tick};

/// Evidence either way that decides, nats; and which way an undecided test goes after so many minutes.
const DECIDED: f64 = 2.0;
const UNDECIDED: f64 = 1.0;
const LONGEST_MIN: f64 = 4.0;
/// Relative error of what either hypothesis expects.
const ERROR: f64 = 0.03;

/// What a test has shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Finding {
    Limit,
    Ratio,
}

impl Modes {
    pub(super) fn test(&mut self, tick: &Tick<'_>, bank: &mut Bank, anchor: &mut Anchor) {
        match self.find(tick, anchor) {
            Some(Finding::Ratio) => self.believe_ratio(tick, bank, anchor),
            Some(Finding::Limit) => {
                self.knee_users = self.limit_known.then(|| self.knee_of_limit(anchor));
                self.fails += 1;
                self.efficiency_before = tick.efficiency;
                self.collapsed = tick.efficiency < 0.6;
                let cap = self.cap.unwrap_or(tick.users);
                let cap = if self.collapsed { cap.min(0.6 * tick.users) } else { cap };
                self.drain_to(cap, tick, Reason::LimitProven);
            }
            None => {}
        }
    }

    fn find(&mut self, tick: &Tick<'_>, anchor: &Anchor) -> Option<Finding> {
        let since = self.since(tick);
        let settled = since > tick.settle && tick.accepted;
        let mut finding = None;
        if settled {
            finding = self.weigh(tick, anchor);
        } else if tick.accepted {
            let running = tick.exposed.min(tick.history.user_minutes(&tick.window));
            let gone = tick.window.count < 0.5 * self.efficiency_before * anchor.gain * running;
            finding = gone.then_some(Finding::Limit);
        }
        if tick.is_congested() && since > tick.settle { Some(Finding::Limit) } else { finding }
    }

    fn weigh(&mut self, tick: &Tick<'_>, anchor: &Anchor) -> Option<Finding> {
        let count = tick.window.count;
        let follows = self.efficiency_before * anchor.gain * tick.exposed;
        let returns =
            (0.95 * anchor.surely(tick.dispersion)).max(1.05 * self.efficiency_before * anchor.gain) * tick.exposed;
        let noise = tick.noise(follows, ERROR);
        let late = self.since(tick) >= tick.settle + 2;
        if late {
            self.evidence += (count * ((returns + 0.5) / (follows + 0.5)).ln() - (returns - follows)) / noise;
            self.evidence_min += tick.window.minutes();
        }
        if late && count < follows - 3.0 * (noise * follows + 1.0).sqrt() && count < 0.8 * follows {
            // Worse than either expects: the system is breaking down.
            return Some(Finding::Limit);
        }
        if self.evidence > DECIDED {
            Some(Finding::Limit)
        } else if self.evidence < -DECIDED {
            Some(Finding::Ratio)
        } else if self.evidence_min >= LONGEST_MIN - 1e-9 {
            Some(if self.evidence > UNDECIDED { Finding::Limit } else { Finding::Ratio })
        } else {
            None
        }
    }

    fn believe_ratio(&mut self, tick: &Tick<'_>, bank: &mut Bank, anchor: &mut Anchor) {
        let shape = (self.events_at_test / tick.dispersion).clamp(30.0, 400.0);
        self.ratio_is(self.efficiency_before * anchor.gain, shape, tick, bank, anchor);
        bank.calm();
        debug_assert_eq!(self.mode, Mode::Track);
    }
}
