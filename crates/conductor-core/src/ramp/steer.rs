//! From the line to users: where they will deliver, how fast they may change, and the bounds that always hold.

use super::adaptive::Moment;
use super::advice::Mode;
use super::posterior::{Belief, caution};
use super::{Congestion, State};

/// Users grow little while a loss of efficiency is suspected or the system is congested.
const SUSPECTED_GROWTH_PER_MIN: f64 = 1.02;
const CONGESTED_GROWTH_PER_MIN: f64 = 1.03;
/// A test took no more away than comes back with this factor.
const FULL_STEP: f64 = 2.3;
/// Users grow at least as fast as the line, and a little faster.
const AHEAD_OF_LINE: f64 = 1.05;
/// Users are never more than so many times what the best gain seen asks for.
const MOST_TIMES_NEEDED: f64 = 3.0;
/// KPI events per user and minute that are next to nothing: one in twenty minutes.
const WORTH_NEXT_TO_NOTHING: f64 = 0.05;
/// Users are taken away within this time: load that is too much must not last an interval.
const CUT_TIME_S: f64 = 10.0;

/// The line where users set now will deliver: an interval and a lag ahead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// Users it needs there.
    pub(super) users: f64,
    /// The factor by which it changes over the interval.
    pub(super) change: f64,
    /// Users more that it needs for that, each worth as much as the first ones were taken for, if not more.
    pub(super) more: f64,
    /// True when it is level from there on.
    pub(super) is_level: bool,
}

pub(super) fn line(now: &Moment<'_>, state: &State, belief: &Belief, anchored: bool) -> Line {
    let tuning = now.tuning();
    let ahead_s = now.at_s() + now.config.interval_s + belief.lag_s;
    let wanted = now.config.profile.at(ahead_s);
    let gain = match state.modes.mode {
        Mode::Boot => belief.most_gain,
        Mode::Track => {
            let trend = (state.bank.trend * (now.config.interval_s + belief.lag_s) / 60.0).exp();
            let gain = belief.gain * caution(tuning, belief.worth) * trend;
            // A gain that falls is made up for only so far before it is proven that the system is well.
            if anchored { gain.max(tuning.unproven_share * state.anchor.gain) } else { gain }
        }
        Mode::Test | Mode::Drain | Mode::Climb | Mode::Hold | Mode::Probe | Mode::Stalled => state.anchor.gain,
    };
    let before_s = now.at_s() + belief.lag_s;
    let change = if before_s > 0.0 { wanted / now.config.profile.at(before_s).max(1e-9) } else { 1.0 };
    let rise = wanted * (1.0 - change.recip());
    let more = rise.max(0.0) / gain.max(state.first_gain);
    Line { users: wanted / gain, change, more, is_level: now.config.profile.is_level(ahead_s) }
}

/// Users on the way to the line, as fast as they may grow or go.
pub(super) fn towards(now: &Moment<'_>, state: &State, line: &Line) -> f64 {
    let (tuning, minutes) = (now.tuning(), now.growth_min(&state.history));
    let users = now.users();
    let tracking = state.modes.mode == Mode::Track;
    let far = tuning
        .far_growth_per_min
        .powf(minutes)
        .max(1.0 + AHEAD_OF_LINE * line.more * (minutes / now.interval_min()) / users.max(1.0));
    let with_line = tuning.near_growth_per_min.powf(minutes).max(AHEAD_OF_LINE * line.change);
    let mut growth = if users < 0.75 * line.users { far } else { with_line.min(far) };
    if state.anchor.suspicion > 2.0 {
        growth = growth.min(SUSPECTED_GROWTH_PER_MIN.powf(minutes));
    }
    if now.seen.congestion == Congestion::Congested && tracking && state.anchor.is_set() {
        growth = growth.min(CONGESTED_GROWTH_PER_MIN.powf(minutes));
    }
    let frozen = state.is_frozen() && matches!(state.modes.mode, Mode::Boot | Mode::Track);
    let most = match (frozen, state.anchor.is_set()) {
        (true, false) => users,
        // The anchor tells a limit from a change, but not within seconds.
        (true, true) => (users * growth.min(tuning.near_growth_per_min.powf(minutes))).max(users + 1.0),
        (false, _) => (users * growth).max(users + 1.0),
    };
    // No faster down than by half, unless the line itself falls faster.
    line.users.min(most).max(users * line.change.min(0.5))
}

/// Users after a verdict that may be wrong: those that there were before the test may come back at once.
pub(super) fn doubted(now: &Moment<'_>, state: &State, wanted: f64) -> f64 {
    let Some(growth) = state.modes.doubtful_growth(now.tuning(), now.at_s()) else { return wanted };
    let growth = growth.powf(now.growth_min(&state.history));
    let before = state.modes.users_at_loss.min(FULL_STEP * now.users());
    wanted.min((now.users() * growth).max(now.users() + 1.0).max(before))
}

/// Users within what the mode allows.
pub(super) fn capped(now: &Moment<'_>, state: &State, line: &Line, wanted: f64) -> f64 {
    let Some(cap) = state.modes.cap else { return wanted };
    let users = now.users();
    let minutes = now.growth_min(&state.history);
    let within = |growth: f64| cap.min((users * growth.powf(minutes)).max(users + 1.0));
    let allowed = match state.modes.mode {
        Mode::Climb => within(1.5),
        Mode::Hold | Mode::Probe => within(1.3),
        // Where the generator has lost users they come back no faster than anywhere else.
        Mode::Test | Mode::Drain => within(now.tuning().far_growth_per_min),
        Mode::Boot | Mode::Track | Mode::Stalled => wanted,
    };
    allowed.min(line.users).max(1.0)
}

/// Users in and after a stall; otherwise no more than now where that is `doubtful`.
pub(super) fn around_stalls(now: &Moment<'_>, state: &State, wanted: f64, poor: bool, doubtful: bool) -> f64 {
    let (now_s, users) = (now.at_s(), now.users());
    if let Some(fewer) = state.zeros.users_in_stall(now_s, users) {
        return fewer;
    }
    if let Some(back) = state.zeros.users_in_recovery(now_s, users, poor) {
        return state.modes.cap.filter(|_| state.modes.is_beyond_track()).map_or(back, |cap| back.min(cap));
    }
    if doubtful { wanted.min(users) } else { wanted }
}

/// Leaves users as they are where a change would be smaller than what is known of the gain.
pub(super) fn dead_banded(now: &Moment<'_>, state: &State, line: &Line, wanted: f64) -> f64 {
    let users = now.users();
    let calm = state.zeros.is_calm(now.at_s());
    if !(line.is_level && state.modes.mode == Mode::Track && calm) {
        return wanted;
    }
    let worth = state.bank.belief(now.tuning()).worth;
    let band = now.tuning().dead_band_sd * users / worth.max(1.0).sqrt();
    // What the line asks for decides, not what the growth limit left of it: a long way up begins with small steps.
    let asked = if wanted > users { wanted.max(line.users) } else { wanted };
    if (asked - users).abs() < band { users } else { wanted }
}

/// Never more users than the best gain seen could need three times over; before anything is counted, than were enough if each
/// of them were worth next to nothing.
pub(super) fn bounded(now: &Moment<'_>, state: &State, wanted: f64) -> f64 {
    if !state.zeros.ever_counted() {
        let enough = now.config.profile.at(now.at_s() + now.config.interval_s) / WORTH_NEXT_TO_NOTHING;
        return wanted.min(enough.max(now.users()));
    }
    let gain = state.anchor.best.max(state.sure_gain);
    if state.modes.mode == Mode::Boot || gain <= 0.0 {
        return wanted;
    }
    let most = MOST_TIMES_NEEDED * now.config.profile.highest() / gain;
    if wanted > most { wanted.min(now.users()).max(most) } else { wanted }
}

/// Spreads a change over the interval; cuts that the line does not ask for are faster.
pub(super) fn spawn_rate(now: &Moment<'_>, state: &State, wanted: f64) -> f64 {
    let users = now.users();
    let profile = &now.config.profile;
    let (line, next) = (profile.at(now.at_s()), profile.at(now.at_s() + now.config.interval_s));
    let planned = matches!(state.modes.mode, Mode::Boot | Mode::Track) && next < line;
    let time_s =
        if wanted < users * 0.97 && !planned { CUT_TIME_S.min(now.config.interval_s) } else { now.config.interval_s };
    (wanted - users).abs() / time_s
}

/// Ticks until a change of users shows in the KPI.
pub(super) fn settle(now: &Moment<'_>, lag_s: f64) -> i64 {
    ((lag_s + 0.3 * now.config.interval_s) / now.config.interval_s).ceil().max(1.0) as i64
}
