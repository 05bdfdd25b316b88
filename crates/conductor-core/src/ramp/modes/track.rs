//! Users are worth less than they were: whether to test, to draw back at once, or to believe it.

use super::super::advice::{Mode, Reason};
use super::super::anchor::Anchor;
use super::super::history::Pairs;
use super::{Best, CLEAR_WINDOWS, Gone, Modes, RatioVerdict, Tick};

/// The largest share of users that is taken away for a test.
const LARGEST_STEP: f64 = 0.4;
/// How far back the best KPI is looked for, minutes; and after a collapse.
const BEST_MIN: f64 = 6.0;
const BEST_BEFORE_COLLAPSE_MIN: f64 = 8.0;
/// For so long a verdict that the ratio has changed can be taken back, minutes.
const REVERSIBLE_MIN: f64 = 12.0;
/// With congestion seen, so much evidence is enough, nats.
const EVIDENCE_WHEN_CONGESTED: f64 = 2.8;
/// A KPI of less than this share of the best one has fallen.
const FALLEN: f64 = 0.9;
/// An efficiency below this is a collapse, whatever the evidence.
const COLLAPSED_BELOW: f64 = 0.40;

/// What was pooled at a loss.
struct Loss {
    events: f64,
    efficiency: f64,
    /// The limit is known: users had grown, or the loss was slow.
    known: bool,
}

impl Modes {
    /// Answers a loss of efficiency while users follow the line or are held.
    pub(super) fn answer_loss(&mut self, tick: &Tick<'_>, anchor: &mut Anchor) {
        let needed = if tick.is_congested() { EVIDENCE_WHEN_CONGESTED } else { tick.tuning.loss_evidence };
        let collapsing = tick.gone == Gone::WhileGrowing;
        let relapse = self.relapse(tick);
        let slow = anchor.suspicion > needed;
        if !(slow || tick.broke < 0.0 || collapsing || relapse.is_some()) {
            return;
        }
        let broke = tick.broke != 0.0;
        if broke && !collapsing && relapse.is_none() && self.is_well(tick) {
            // The system says that it is well: what changed is what users are worth.
            anchor.reset(tick.gain);
            anchor.trust();
            self.compared_from = tick.number;
            return;
        }
        if anchor.gain < 0.7 * anchor.best {
            // The loss itself has drawn the anchor down.
            anchor.gain = 0.95 * anchor.best;
        }
        let loss = self.look_at(tick, anchor, broke || collapsing);
        self.trouble(tick, loss.efficiency);
        self.losses += 1;
        self.abrupt = !loss.known;
        self.limit_known = loss.known;
        let again = self
            .ratio_within(tick.now_s, REVERSIBLE_MIN)
            .filter(|verdict| relapse.is_some() || tick.users > 1.02 * verdict.users_tested);
        if let Some(verdict) = relapse.or(again) {
            self.take_back(verdict, tick, anchor);
        } else if collapsing || broke && tick.grew {
            let knee = self.knee_of_limit(anchor);
            self.knee_users = Some(knee);
            self.fail_collapsed();
            let deep = loss.efficiency < 0.4;
            let cap = if deep { (0.45 * tick.users).min(0.6 * knee) } else { (0.6 * tick.users).min(0.75 * knee) };
            self.drain_to(cap, tick, Reason::Collapsed);
        } else if loss.efficiency < COLLAPSED_BELOW {
            self.knee_users = loss.known.then(|| self.knee_of_limit(anchor));
            self.fail_collapsed();
            self.drain_to(0.45 * tick.users, tick, Reason::BrokeDown);
        } else {
            self.begin_test(tick, anchor, &loss, broke);
        }
        anchor.trust();
        anchor.suspicious = 0;
    }

    /// True where response times say that the system is well. While users grow they must have said so for a while, and the KPI
    /// must have fallen: one that just does not follow users may be held up by a load generator that is itself full.
    fn is_well(&self, tick: &Tick<'_>) -> bool {
        let fell = || tick.per_min(tick.window.count) < FALLEN * tick.best(Pairs::before(BEST_MIN)).per_min;
        tick.is_clear() && (!tick.grew || self.clear >= CLEAR_WINDOWS && fell())
    }

    fn fail_collapsed(&mut self) {
        self.fails += 1;
        self.collapsed = true;
    }

    /// A verdict that the ratio has changed, where more users since have brought less KPI.
    fn relapse(&self, tick: &Tick<'_>) -> Option<RatioVerdict> {
        self.ratio_within(tick.now_s, REVERSIBLE_MIN).filter(|verdict| {
            tick.users > 1.10 * verdict.users
                && tick.per_min(tick.window.count) < 0.9 * verdict.kpi_per_min
                && tick.number.cast_signed() - verdict.tick.cast_signed() > tick.settle
                && !tick.is_clear()
        })
    }

    /// Pools the windows of the loss and remembers the best KPI before it.
    fn look_at(&mut self, tick: &Tick<'_>, anchor: &Anchor, sudden: bool) -> Loss {
        let broke = tick.broke != 0.0;
        let windows = if broke { 1 } else { anchor.suspicious.clamp(1, 3) as usize };
        let (mut events, mut exposed, mut number) = tick.history.pooled(windows, tick.lag_s);
        if events <= 0.0 || exposed <= 0.0 {
            (events, exposed, number) = (tick.window.count + 0.5, tick.exposed.max(1e-9), 1.0);
        }
        self.events_at_test = events / number;
        let mut limit = Best::of(tick.per_min(events / number));
        if !broke {
            let best = tick.best(Pairs::within(BEST_MIN).believed());
            limit = if best.per_min > limit.per_min { best } else { limit };
        }
        if sudden {
            let before = tick.best(Pairs::before(BEST_BEFORE_COLLAPSE_MIN).believed());
            limit = if before.per_min > 0.0 { before } else { limit };
        }
        self.limit = limit;
        Loss { events: self.events_at_test, efficiency: events / exposed / anchor.gain, known: !broke || tick.grew }
    }

    /// The verdict that the ratio had changed was wrong: it is the system's limit after all.
    fn take_back(&mut self, verdict: RatioVerdict, tick: &Tick<'_>, anchor: &mut Anchor) {
        anchor.gain = verdict.gain;
        self.ratio = None;
        self.limit = Best::of(verdict.limit_per_min);
        let knee = verdict.limit_per_min / verdict.gain;
        self.knee_users = Some(knee);
        self.limit_known = true;
        self.fails += 1;
        self.drain_to(0.7 * tick.users.min(knee), tick, Reason::Relapsed);
    }

    /// Takes users away: if it is the system's limit, those that stay are worth more.
    fn begin_test(&mut self, tick: &Tick<'_>, anchor: &Anchor, loss: &Loss, broke: bool) {
        let step = (2.0 * tick.dispersion / loss.events.max(1.0)).sqrt().clamp(tick.tuning.test_step, LARGEST_STEP);
        let mut share = 1.0 - step;
        if loss.known {
            let within = 0.85 * self.limit.per_min / (anchor.gain * tick.users).max(1e-9);
            share = share.min(within).max(0.45);
        }
        if broke && 1.05 * loss.efficiency < share {
            share = (1.05 * loss.efficiency).max(0.55);
        }
        self.held = self.mode == Mode::Hold;
        if self.held {
            self.knee_users = self.knee_users.map(|knee| 0.95 * knee);
        }
        (self.evidence, self.evidence_min) = (0.0, 0.0);
        self.enter(Mode::Test, tick.number, Reason::EfficiencyLost);
        self.cap = Some((share * tick.users).max(1.0));
    }
}
