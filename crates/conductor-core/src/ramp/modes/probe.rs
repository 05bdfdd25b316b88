//! A few users more: does the KPI follow them, or has the limit stayed where it was?

use super::super::advice::{Mode, Reason};
use super::super::anchor::Anchor;
use super::{Best, Modes, Tick};

/// Evidence either way that decides, nats; and that is enough after so many minutes.
const DECIDED: f64 = 1.5;
const LATE: f64 = 0.3;
const LONGEST_MIN: f64 = 4.0;
/// Relative error of what is expected.
const ERROR: f64 = 0.01;
const LARGEST_STEP: f64 = 0.25;
/// So many probes in a row that the KPI follows show that the limit was none: it is looked for on the way up.
const MISTAKEN: u32 = 2;

impl Modes {
    pub(super) fn probe(&mut self, tick: &Tick<'_>, anchor: &mut Anchor) {
        let Some(cap) = self.cap else { return };
        let since = self.since(tick);
        if since > tick.settle && tick.accepted {
            let follows = anchor.gain * tick.exposed;
            let flat = (self.limit.per_min * tick.window.minutes()).min(follows);
            if follows > 1.005 * flat && flat > 0.0 {
                let noise = tick.noise(follows, ERROR);
                self.evidence += (tick.window.count * (follows / flat).ln() - (follows - flat)) / noise;
            }
            self.decide(tick, anchor, cap);
        }
        if self.mode == Mode::Probe && tick.line <= cap && since >= tick.settle + 2 && self.evidence > 0.0 {
            self.back_on_line(tick);
        }
    }

    fn decide(&mut self, tick: &Tick<'_>, anchor: &mut Anchor, cap: f64) {
        let sd = tick.efficiency_sd;
        let late = (self.since(tick) - tick.settle) as f64 * tick.interval_min >= LONGEST_MIN - 1e-9;
        let follows = self.evidence > DECIDED || late && self.evidence > LATE;
        if follows && !tick.is_congested() && tick.efficiency > 0.92 - sd {
            self.succeed(tick, anchor, cap);
        } else if self.evidence < -DECIDED || late || tick.is_congested() || tick.efficiency < 0.88 - sd {
            self.fails += 1;
            self.probe_step = tick.tuning.probe_step;
            self.efficiency_before = tick.efficiency;
            self.cuts = 0;
            let collapsed = tick.efficiency < 0.6;
            self.collapsed |= collapsed;
            let share = if collapsed { 0.6 } else { 0.93 };
            self.drain_to(share * self.cap_before_probe, tick, Reason::ProbeFailed);
        }
    }

    fn succeed(&mut self, tick: &Tick<'_>, anchor: &mut Anchor, cap: f64) {
        self.knee_users = Some(self.knee_users.map_or(cap, |knee| knee.max(cap)));
        self.limit = Best::of(self.limit.per_min.max(0.98 * tick.per_min(tick.window.count)));
        let factor = if tick.efficiency > 0.97 { 2.0 } else { 1.0 };
        self.probe_step = (factor * self.probe_step).min(LARGEST_STEP);
        self.fails = 1;
        self.worked += 1;
        if (self.abrupt || self.worked >= MISTAKEN) && tick.line > 1.15 * tick.users {
            self.climb_from_here(tick, anchor, Reason::ProbeWorked);
        } else {
            self.enter(Mode::Hold, tick.number, Reason::ProbeWorked);
            // What was to be waited for has passed: the next probe may follow at once.
            self.entered -= tick.settle + 2;
            self.wait_min = 0.0;
        }
    }
}
