//! What is done when users are worth less than they were: the modes beyond following the line, and the ways between
//! them. How users are counted and what they are worth is not decided here.
//!
//! ```text
//! Track ── efficiency lost ──▶ Test ── comes back with fewer users ──▶ Drain ── well again ──▶ Hold ◀─▶ Probe
//!   ▲ ◀── does not: the ratio changed ──┘                                └─ limit unknown ──▶ Climb
//!   └──────────────── the line is within reach again ◀──── Hold, Probe, Climb
//! ```

mod climb;
mod collapse;
mod drain;
mod hold;
mod probe;
mod test;
mod tick;
mod track;

use serde::{Deserialize, Serialize};

use super::advice::{Knee, Mode, Reason};
use super::anchor::Anchor;
use super::history::Pairs;
use super::posterior::Bank;
use super::tuning::Tuning;
use super::zeros::Stall;
use tick::Best;
pub(super) use tick::{Gone, Tick};

/// So many windows in a row that are clear of congestion mean that the system is well.
const CLEAR_WINDOWS: u32 = 2;
/// The share of the limit at which users are held at first.
const HELD_FIRST: f64 = 0.90;
/// Growth of users in a minute after a verdict, as a factor.
const DOUBTFUL_GROWTH_PER_MIN: f64 = 1.4;
/// After the system is well again, its backlog comes out in a burst that says nothing of what users are worth.
const SETTLING_MIN: f64 = 1.0;

/// A verdict that the ratio has changed, kept so that it can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct RatioVerdict {
    at_s: f64,
    tick: u64,
    /// The anchor before it.
    gain: f64,
    /// The limit that would have been.
    limit_per_min: f64,
    /// Users of the test.
    users_tested: f64,
    /// Whether a limit was known before.
    held: bool,
    /// Users and KPI rate when it fell.
    users: f64,
    kpi_per_min: f64,
}

/// Where the law stands beyond following the line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Modes {
    pub(super) mode: Mode,
    pub(super) reason: Reason,
    /// The tick from which time in the mode counts.
    entered: i64,
    /// The tick from which KPI and users are compared while nothing is anchored.
    pub(super) compared_from: u64,
    /// Users that the mode allows; the line alone decides when absent.
    pub(super) cap: Option<f64>,
    /// The best KPI the system has sustained.
    limit: Best,
    /// Users that fill the system, where that is known.
    knee_users: Option<f64>,
    /// Failures to hold or to go up since the line was last within reach.
    fails: u32,
    /// Probes in a row that the KPI followed.
    worked: u32,
    /// Whether the system broke down rather than just filled up.
    collapsed: bool,
    /// Whether it did so though users had not grown.
    abrupt: bool,
    /// Whether the limit was known when the test began, and whether users were held under one then.
    limit_known: bool,
    held: bool,
    /// Losses of efficiency so far.
    pub(super) losses: u32,
    /// Efficiency when the trouble began or at the last look, and in the last window.
    efficiency_before: f64,
    efficiency_last: f64,
    /// The last efficiency of a window that was not empty.
    pub(super) efficiency_seen: f64,
    /// Events per window when the test began.
    events_at_test: f64,
    /// Evidence of the test or the probe, nats, and the time it was gathered in, minutes.
    evidence: f64,
    evidence_min: f64,
    cuts: u32,
    /// Evidence that the KPI breaks down, nats.
    breaking: f64,
    /// Whether the drain began because nothing was counted, and nothing has been since.
    drained_for_zeros: bool,
    /// Whether users were cut at the last look.
    cut_at_look: bool,
    /// The tick at which it was last decided whether to cut.
    looked: i64,
    /// Cuts in a row that had no effect, and looks in a row that asked for none.
    unmoved: u32,
    idle: u32,
    /// Users when the trouble began.
    pub(super) users_at_loss: f64,
    /// Minutes in the hold before the next probe.
    wait_min: f64,
    /// Whether users are at the hold's level, or still below it, and ticks they have been there.
    holding: bool,
    steady: i64,
    probe_step: f64,
    cap_before_probe: f64,
    congested: u32,
    /// Whether response times spoke of congestion when the limit was met, and windows in a row in which they say since
    /// that all is well.
    met_congested: bool,
    clear: u32,
    ratio: Option<RatioVerdict>,
    /// Windows in a row that were bad.
    pub(super) bad: u32,
}

impl Modes {
    pub(super) fn new(tuning: &Tuning) -> Self {
        Self {
            mode: Mode::Boot,
            reason: Reason::Begin,
            entered: 0,
            compared_from: 0,
            cap: None,
            limit: Best::default(),
            knee_users: None,
            fails: 0,
            worked: 0,
            collapsed: false,
            abrupt: false,
            limit_known: false,
            held: false,
            losses: 0,
            efficiency_before: 0.0,
            efficiency_last: 0.0,
            efficiency_seen: 0.0,
            events_at_test: 0.0,
            evidence: 0.0,
            evidence_min: 0.0,
            cuts: 0,
            breaking: 0.0,
            drained_for_zeros: false,
            cut_at_look: false,
            looked: 0,
            unmoved: 0,
            idle: 0,
            users_at_loss: 0.0,
            wait_min: tuning.first_probe_min,
            holding: false,
            steady: 0,
            probe_step: tuning.probe_step,
            cap_before_probe: 0.0,
            congested: 0,
            met_congested: false,
            clear: 0,
            ratio: None,
            bad: 0,
        }
    }

    /// True once more than following the line is going on.
    pub(super) fn is_beyond_track(&self) -> bool {
        match self.mode {
            Mode::Boot | Mode::Track | Mode::Stalled => false,
            Mode::Test | Mode::Drain | Mode::Climb | Mode::Hold | Mode::Probe => true,
        }
    }

    /// True when users follow the line or have settled under the limit, so that windows tell what a user is worth.
    pub(super) fn is_settled(&self, number: u64, interval_min: f64) -> bool {
        match self.mode {
            Mode::Track => true,
            Mode::Hold => self.holding || (number.cast_signed() - self.entered) as f64 * interval_min >= SETTLING_MIN,
            Mode::Boot | Mode::Test | Mode::Drain | Mode::Climb | Mode::Probe | Mode::Stalled => false,
        }
    }

    /// The limit, where one is known and holds.
    pub(super) fn knee(&self) -> Option<Knee> {
        let users = self.knee_users.filter(|_| self.is_beyond_track())?;
        Some(Knee { users, kpi_per_min: self.limit.per_min })
    }

    /// Holds users below those of a stall that was an overload.
    pub(super) fn hold_after(&mut self, stall: &Stall, number: u64) {
        /// The share of its users at which the system is taken to be full.
        const FULL: f64 = 0.8;
        let knee = (FULL * stall.users).max(1.0);
        self.hold_below(knee, number, Reason::BackFromOverload);
        self.knee_users = Some(knee);
        self.limit = Best::of(FULL * stall.best_per_min);
        (self.collapsed, self.abrupt, self.met_congested) = (true, true, stall.congested);
        self.users_at_loss = stall.users;
        self.fails += 1;
        self.wait_min = drain::WAIT_AFTER_ABRUPT_COLLAPSE_MIN * 2.0_f64.powi(self.fails.min(4).cast_signed() - 1);
    }

    /// Remembers the efficiency of a window after it was acted on.
    pub(super) fn remember(&mut self, efficiency: f64) {
        self.efficiency_last = efficiency;
    }

    /// Follows the line from now on.
    pub(super) fn track(&mut self, tick: u64, reason: Reason) {
        if self.mode != Mode::Boot {
            self.compared_from = tick;
        }
        self.enter(Mode::Track, tick, reason);
        self.cap = None;
    }

    /// Most growth of users in a minute, as a factor, after a verdict that the ratio has changed, which may be wrong: the more
    /// so where a limit had been found before.
    pub(super) fn doubtful_growth(&self, tuning: &Tuning, now_s: f64) -> Option<f64> {
        let verdict = self.ratio_within(now_s, 8.0)?;
        Some(if verdict.held { tuning.near_growth_per_min } else { DOUBTFUL_GROWTH_PER_MIN })
    }

    fn ratio_within(&self, now_s: f64, minutes: f64) -> Option<RatioVerdict> {
        self.ratio.filter(|verdict| now_s - verdict.at_s < minutes * 60.0 - 1e-6)
    }

    /// Takes in a window and decides what is done. Not called before the ratio is known, nor in and just after a stall.
    pub(super) fn act(&mut self, tick: &Tick<'_>, bank: &mut Bank, anchor: &mut Anchor) {
        self.clear = if tick.is_clear() { self.clear.saturating_add(1) } else { 0 };
        self.met_congested |= tick.is_congested() && self.is_beyond_track();
        self.answer_collapse(tick, anchor);
        match self.mode {
            Mode::Track | Mode::Hold => self.answer_loss(tick, anchor),
            Mode::Test => self.test(tick, bank, anchor),
            Mode::Boot | Mode::Drain | Mode::Climb | Mode::Probe | Mode::Stalled => {}
        }
        match self.mode {
            Mode::Drain => self.drain(tick, bank, anchor),
            Mode::Climb => self.climb(tick, anchor),
            Mode::Hold => self.hold(tick, anchor),
            Mode::Probe => self.probe(tick, anchor),
            Mode::Boot | Mode::Track | Mode::Test | Mode::Stalled => {}
        }
    }

    fn enter(&mut self, mode: Mode, tick: u64, reason: Reason) {
        (self.mode, self.reason, self.breaking) = (mode, reason, 0.0);
        self.entered = tick.cast_signed();
    }

    /// Ticks in the mode.
    fn since(&self, tick: &Tick<'_>) -> i64 {
        tick.number.cast_signed() - self.entered
    }

    /// The trouble begins: what is looked back at until it is over.
    fn trouble(&mut self, tick: &Tick<'_>, efficiency: f64) {
        self.users_at_loss = tick.users;
        self.efficiency_before = efficiency;
        self.cuts = 0;
    }

    /// Draws users back to `cap`.
    fn drain_to(&mut self, cap: f64, tick: &Tick<'_>, reason: Reason) {
        self.enter(Mode::Drain, tick.number, reason);
        (self.looked, self.unmoved, self.idle, self.cut_at_look) = (self.entered, 0, 0, false);
        self.drained_for_zeros = tick.gone != Gone::No;
        self.cap = Some(cap.max(1.0));
    }

    /// Holds users below a limit, at first with room to spare.
    fn hold_below(&mut self, knee: f64, tick: u64, reason: Reason) {
        self.enter(Mode::Hold, tick, reason);
        self.cap = Some(HELD_FIRST * knee);
        (self.holding, self.steady) = (false, 0);
    }

    /// Lets users come back step by step, from where they are.
    fn climb_from_here(&mut self, tick: &Tick<'_>, anchor: &mut Anchor, reason: Reason) {
        self.enter(Mode::Climb, tick.number, reason);
        anchor.trust();
        self.cap = Some(tick.more_users(tick.tuning.climb_growth_per_min));
    }

    /// The limit turned out to be lower than it was taken for.
    fn lower_knee(&mut self, tick: &Tick<'_>) {
        let minutes = self.since(tick).max(0) as f64 * tick.interval_min;
        let best = tick.best(Pairs::before(minutes));
        self.knee_users = self.knee_users.map(|knee| {
            let most = 0.95 * knee.min(tick.users);
            best.no_more_than_caused(most).max(0.5 * most).max(1.0)
        });
    }

    /// Users that fill the system: as many as the limit needs, and no more than can have caused it.
    fn knee_of_limit(&self, anchor: &Anchor) -> f64 {
        self.limit.no_more_than_caused(self.limit.per_min / anchor.gain)
    }

    /// Users may follow the line again, and what went before is forgotten.
    fn back_on_line(&mut self, tick: &Tick<'_>) {
        self.track(tick.number, Reason::LineWithinReach);
        (self.fails, self.collapsed, self.met_congested) = (0, false, false);
    }

    /// The ratio is what is seen now, until that is taken back; the anchor starts anew.
    fn ratio_is(&mut self, gain: f64, shape: f64, tick: &Tick<'_>, bank: &mut Bank, anchor: &mut Anchor) {
        self.ratio = Some(RatioVerdict {
            at_s: tick.now_s,
            tick: tick.number,
            gain: anchor.gain,
            limit_per_min: self.limit.per_min,
            held: self.held,
            users_tested: 0.98 * self.cap.unwrap_or(tick.users),
            users: tick.users,
            kpi_per_min: tick.per_min(tick.window.count),
        });
        anchor.reset(gain);
        bank.reset(shape, gain);
        self.track(tick.number, Reason::RatioChanged);
    }
}
