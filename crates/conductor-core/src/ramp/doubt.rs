//! Whether a window is believed, what its being empty means, and whether the KPI falls because users grow.

use super::adaptive::Moment;
use super::advice::{Alarm, Mode, Reason};
use super::breakdown;
use super::history::{Entry, Pairs};
use super::modes::Gone;
use super::posterior::{Belief, Forecast};
use super::{Congestion, State, Window};

/// Minutes over which users are said to grow, and by what factor.
const GREW_MIN: f64 = 7.0;
const GREW: f64 = 1.08;
/// A window is clearly off where it is by so much, in ln.
const CLEARLY_OFF: f64 = 0.15;
/// How far back the best KPI is looked for while nothing is anchored, minutes.
const BEST_MIN: f64 = 10.0;
/// So few events in a window say nothing.
const FEW_EVENTS: f64 = 4.0;
/// Users exposed now against those of the best KPI, from which on a KPI that does not follow them is suspicious.
const MANY_MORE: f64 = 1.4;

/// A window, and what is made of it before it is learnt from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) window: Window,
    pub(super) accepted: bool,
    /// An outlier that was confirmed: its sign, 0 for none.
    pub(super) broke: f64,
    pub(super) grew: bool,
    pub(super) gone: Gone,
    pub(super) before_was_bad: bool,
    pub(super) alarm: Option<Alarm>,
}

/// Decides whether a window is believed, and what its being empty means.
pub(super) fn believe(now: &Moment<'_>, state: &mut State, window: Window, forecast: &Forecast, lag_s: f64) -> Seen {
    let grew = grew(now, state, &window, lag_s);
    let before_was_bad = state.modes.bad > 0;
    let mut seen = Seen { window, accepted: true, broke: 0.0, grew, gone: Gone::No, before_was_bad, alarm: None };
    let mut bad = false;
    if window.count <= 0.0 {
        let ln_nothing = state.bank.ln_nothing(forecast);
        if !state.zeros.zero(now.tuning(), window.minutes(), ln_nothing) {
            (seen.accepted, bad) = (false, true);
            nothing_counted(now, state, &mut seen);
        }
    } else if let Some(stall) = state.zeros.counted(now.at_s()) {
        state.outlier = 0.0;
        state.modes.reason = Reason::KpiBack;
        if stall.overload && state.modes.mode == Mode::Track {
            state.modes.hold_after(&stall, now.number);
        }
    }
    let recovering = state.zeros.is_recovering(now.at_s());
    let known = state.modes.mode == Mode::Track && forecast.worth > now.tuning().sure_worth && !recovering;
    // Before there is an anchor, the lag is not well known either, and users that were just taken away look like a loss.
    let known = known && (state.anchor.is_set() || !shrank(now, state) && !state.is_frozen());
    if seen.accepted && known {
        bad |= doubt_outlier(now, state, forecast, &mut seen);
    }
    if recovering && window.count < 0.7 * forecast.events {
        seen.accepted = false;
    }
    state.modes.bad = if bad { state.modes.bad.saturating_add(1) } else { 0 };
    if seen.accepted {
        state.history.accept();
    }
    seen
}

/// Zeros that chance does not explain.
fn nothing_counted(now: &Moment<'_>, state: &mut State, seen: &mut Seen) {
    // One empty window may be a sample that got lost.
    let repeated = seen.before_was_bad || state.zeros.ticks > 1;
    let failing = repeated && (state.modes.efficiency_seen < 0.85 || state.anchor.suspicion > 1.5);
    let last = state.zeros.last(now.tuning());
    if state.modes.mode == Mode::Track && seen.grew && state.anchor.is_set() && failing {
        seen.gone = Gone::WhileGrowing;
    } else if state.modes.is_beyond_track() {
        if state.zeros.minutes >= 2.0 - 1e-9 {
            seen.gone = Gone::Lasting;
        }
        seen.alarm = (last && !state.zeros.lasted(now.tuning(), seen.window.minutes())).then_some(Alarm::Stalled);
    } else if last && (state.modes.mode != Mode::Boot || has_counted(now, state) || state.zeros.never_begins()) {
        let congested = now.seen.congestion == Congestion::Congested;
        seen.alarm = (!state.zeros.is_stalled()).then_some(Alarm::Stalled);
        state.zeros.stall(&state.history, now.at_s(), now.users(), congested);
    }
}

/// True when there have been events before: then their absence is more than a slow start.
fn has_counted(now: &Moment<'_>, state: &State) -> bool {
    let best = state.history.best_pair(now.at_s(), Pairs::before(BEST_MIN).believed());
    best.is_some_and(|(rate, _)| rate * now.interval_min() > FEW_EVENTS)
}

/// Holds back one window that is far off, until a second one confirms it; true where the window is bad.
fn doubt_outlier(now: &Moment<'_>, state: &mut State, forecast: &Forecast, seen: &mut Seen) -> bool {
    let count = seen.window.count;
    let off = (count - forecast.events) / forecast.sd;
    let clear = ((count + 0.5) / (forecast.events + 0.5)).ln().abs() > CLEARLY_OFF;
    let before = std::mem::replace(&mut state.outlier, 0.0);
    if !clear || off.abs() < now.tuning().twice_off_sd.min(now.tuning().outlier_sd) {
        return false;
    }
    let far = off.abs() > now.tuning().outlier_sd;
    let confirmed = before * off > 0.0;
    // Where users have grown, or response times say that the system is well, one window is enough.
    let plain = count > 0.0 && (seen.grew || now.seen.congestion == Congestion::Clear);
    if confirmed || far && off < 0.0 && (plain || state.anchor.suspicion > 1.5 || seen.before_was_bad) {
        seen.broke = off.signum();
    } else {
        state.outlier = off.signum();
        seen.accepted = !far;
    }
    far && off < 0.0
}

/// True when there are clearly fewer users than two observations before.
fn shrank(now: &Moment<'_>, state: &State) -> bool {
    const SHRANK: f64 = 0.9;
    let before = state.history.newest_first().nth(2).map_or(0.0, |entry| entry.users);
    now.users() < SHRANK * before
}

/// True when users have grown clearly in the last minutes.
fn grew(now: &Moment<'_>, state: &State, window: &Window, lag_s: f64) -> bool {
    let running = |window: &Window| state.history.running(window, lag_s);
    let before = state.history.ago(now.at_s(), GREW_MIN).filter(|entry| entry.tick > 1);
    let before = before.and_then(|entry| entry.window).map_or(0.0, |window| running(&window));
    before > 0.0 && running(window) > GREW * before
}

/// The best KPI since the line is followed, where users have grown since: users are frozen where the KPI has fallen or does
/// not follow them. Where it has fallen so far that they must be drawn back, from where.
pub(super) fn fallen(now: &Moment<'_>, state: &mut State, seen: &Seen, belief: &Belief) -> Option<(f64, Entry)> {
    let frozen_min = std::mem::take(&mut state.frozen_min);
    let falling = std::mem::take(&mut state.falling);
    if state.modes.is_beyond_track() {
        return None;
    }
    let pairs = Pairs { after: state.modes.compared_from, ..Pairs::before(BEST_MIN).believed() };
    let (count, minutes) = (seen.window.count, seen.window.minutes());
    let running = |window: &Window| state.history.running(window, belief.lag_s);
    let growth = |entry: &Entry| entry.window.map_or(0.0, |window| running(&seen.window) / running(&window).max(1e-9));
    let sd = |events: f64| (state.bank.dispersion_at(now.tuning(), events, minutes) * events).sqrt();
    // Users that bring less than half of what they should, where they are many more.
    let fewer = Pairs { most_users: now.users() / MANY_MORE, ..pairs };
    let flat = state.history.best_pair(now.at_s(), fewer).is_some_and(|(rate, entry)| {
        let (events, more) = (rate * minutes, growth(&entry) - 1.0);
        events > FEW_EVENTS && more > 0.0 && count < events * (1.0 + 0.5 * more) - 2.0 * sd(events)
    });
    if state.anchor.is_set() {
        state.freeze(flat, frozen_min + minutes);
        return None;
    }
    let (rate, entry) = state.history.best_pair(now.at_s(), pairs)?;
    let best = rate * minutes;
    if best <= FEW_EVENTS {
        return None;
    }
    let lower = count < 0.92 * best - 2.0 * sd(best);
    // The KPI is late: users that came while it was at its best show only now.
    let begin_s = entry.window.map_or(entry.at_s, |window| 2.0 * window.from_s - window.to_s);
    let grown = growth(&entry) > 1.03 && now.users() > 1.05 * state.history.users_at(begin_s).min(entry.users);
    if grown || now.seen.congestion == Congestion::Congested {
        // Zeros are often samples that got lost: one is believed after a window that was low, or the third of them.
        let believed = count > 0.0 || state.zeros.ticks >= 3 || frozen_min > 0.0 && state.zeros.ticks < 2;
        let noise = state.bank.dispersion_at(now.tuning(), best, minutes);
        if believed {
            // The best of many pairs owes something to chance.
            let sure = (best - 2.0 * sd(best) / std::f64::consts::SQRT_2).max(0.0);
            state.falling = breakdown::gathered(falling, count, sure, noise);
        }
        let fell = believed && breakdown::is_certain(state.falling, count, best, noise);
        state.freeze(lower || flat, frozen_min + minutes);
        return fell.then_some((rate, entry));
    }
    if lower && seen.accepted && count > 0.0 {
        // It is not for users that have grown that the KPI has fallen: what comes is compared with what is now.
        state.modes.compared_from = now.number;
    } else {
        state.freeze(flat, frozen_min + minutes);
    }
    None
}
