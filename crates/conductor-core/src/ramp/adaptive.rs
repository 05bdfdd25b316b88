//! The adaptive law: learn what users are worth, put them where the line will be one lag ahead, and tell a system past
//! its limit from users who have become worth less.
//!
//! One step believes or doubts the window (`zeros`, outliers), learns from it (`posterior`, `anchor`), lets the modes
//! decide (`modes`) and bounds what comes out of it.

use super::advice::{Alarm, Mode, Reason};
use super::anchor::Settled;
use super::history::{Entry, Pairs};
use super::modes::{Gone, Tick};
use super::posterior::{Belief, Forecast, Lesson, Outlook, caution};
use super::{Config, Congestion, Observation, State, Window};

/// Events the belief must be worth before the ratio is known.
const KNOWN_WORTH: f64 = 16.0;
/// Minutes over which users are said to grow, and by what factor.
const GREW_MIN: f64 = 7.0;
const GREW: f64 = 1.08;
/// Users that have changed less than this, in ln, over twice the lag are settled.
const SETTLED: f64 = 0.45;
const SETTLED_LAG_S: f64 = 45.0;
const SETTLED_SENSITIVITY: f64 = 0.15;
/// How far back the best KPI is looked for while nothing is anchored, minutes.
const BEST_MIN: f64 = 10.0;
/// Users grow little while a loss of efficiency is suspected, the system is congested, or a verdict is fresh.
const SUSPECTED_GROWTH: f64 = 1.02;
const CONGESTED_GROWTH_PER_MIN: f64 = 1.03;
const DOUBTFUL_GROWTH_PER_MIN: f64 = 1.4;
/// Users grow at least as fast as the line, and a little faster.
const AHEAD_OF_LINE: f64 = 1.05;
/// Users are never more than so many times what the best gain seen asks for.
const MOST_TIMES_NEEDED: f64 = 3.0;
const SURE_GAIN_FADES_PER_MIN: f64 = 0.02;

/// What a law sets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) users: f64,
    pub(super) spawn_rate: f64,
    pub(super) alarm: Option<Alarm>,
}

/// The line where users set now will deliver: an interval and a lag ahead.
#[derive(Clone, Copy, Debug)]
struct Line {
    /// Users it needs there.
    users: f64,
    /// The factor by which it changes over the interval.
    change: f64,
    /// True when it is level from there on.
    is_level: bool,
}

/// A window, and what is made of it before it is learnt from.
#[derive(Clone, Copy, Debug)]
struct Seen {
    window: Window,
    accepted: bool,
    /// An outlier that was confirmed: its sign, 0 for none.
    broke: f64,
    grew: bool,
    gone: Gone,
    before_was_bad: bool,
    alarm: Option<Alarm>,
}

/// The next setting.
pub(super) fn setting(config: &Config, state: &mut State, observation: &Observation, number: u64) -> Setting {
    if number == 0 {
        return first(config, state);
    }
    let users = observation.users as f64;
    let (wanted, alarm) = match observation.window {
        Some(window) => with_window(config, state, observation, window, number),
        None => (without_window(config, state, observation), None),
    };
    let wanted = bounded(config, state, users, wanted).max(1.0).round();
    Setting { users: wanted, spawn_rate: spawn_rate(config, users, wanted), alarm }
}

/// The first setting: what the line needs an interval on if users are worth three times what is believed.
fn first(config: &Config, state: &State) -> Setting {
    let belief = state.bank.belief(&config.tuning);
    let careful = if state.bank.is_told() { 1.0 + belief.worth.sqrt().recip() } else { 3.0 };
    let users = (config.profile.at(config.interval_s) / (careful * belief.gain)).ceil().max(1.0);
    Setting { users, spawn_rate: (2.0 * users / config.interval_s).max(0.5), alarm: None }
}

fn with_window(
    config: &Config,
    state: &mut State,
    observation: &Observation,
    window: Window,
    number: u64,
) -> (f64, Option<Alarm>) {
    let anchored = state.anchor.is_set();
    let outlook = Outlook { tracking: state.modes.mode == Mode::Track, anchored };
    let forecast = state.bank.forecast(&config.tuning, &state.history, &window, outlook);
    let seen = believe(config, state, observation, window, number, &forecast);
    let before = state.bank.belief(&config.tuning);
    let (frozen, fell_from) = fallen(state, observation, &seen, &before);
    // A KPI that falls while users grow tells of the system and not of what users are worth.
    let learnt = (anchored || !frozen) && learn(config, state, number, &seen, &forecast);
    let belief = state.bank.belief(&config.tuning);
    if state.modes.mode == Mode::Boot && belief.worth >= KNOWN_WORTH {
        state.modes.track(number, Reason::RatioLearnt);
        state.anchor.reset(belief.gain);
    }
    if state.modes.mode != Mode::Boot && learnt && belief.worth >= config.tuning.sure_worth {
        let sure = belief.gain * (1.0 - (2.0 / belief.worth.sqrt()).min(0.5));
        state.sure_gain = (state.sure_gain * (1.0 - SURE_GAIN_FADES_PER_MIN * window.minutes())).max(sure);
    }
    let exposed = state.history.exposure(&window, belief.lag_s);
    anchor(config, state, number, observation, &seen, &forecast, &belief, exposed);
    let line = line(config, state, observation.at_s, &belief, anchored);
    let mut wanted = towards(config, state, observation, &line, frozen && !anchored);
    let tick = Tick {
        tuning: &config.tuning,
        history: &state.history,
        now_s: observation.at_s,
        interval_min: config.interval_s / 60.0,
        number,
        users: observation.users as f64,
        window,
        congestion: observation.congestion,
        accepted: seen.accepted,
        broke: seen.broke,
        grew: seen.grew,
        gone: seen.gone,
        before_was_bad: seen.before_was_bad,
        exposed,
        sensitivity: forecast.sensitivity,
        gain: belief.gain,
        lag_s: belief.lag_s,
        dispersion: state.bank.dispersion,
        efficiency: state.efficiency,
        efficiency_sd: (state.bank.dispersion / (state.anchor.gain * exposed).max(1.0)).sqrt(),
        line: line.users,
        settle: settle(config, belief.lag_s),
        anchored,
        fell_from,
        sure_gain: state.sure_gain,
    };
    let calm = !state.zeros.is_stalled() && !state.zeros.is_recovering(observation.at_s);
    if calm && state.modes.mode != Mode::Boot {
        state.modes.act(&tick, &mut state.bank, &mut state.anchor);
    }
    state.modes.remember(state.efficiency);
    wanted = capped(config, state, observation, &line, wanted);
    let poor = number > 0 && window.count < 0.3 * forecast.events;
    wanted = around_stalls(state, observation, wanted, poor, !seen.accepted);
    (dead_banded(config, state, observation, &line, wanted), seen.alarm)
}

/// What is done when the KPI could not be measured: nothing is learnt, the ramp goes on as foreseen, and on a level line
/// no users are added.
fn without_window(config: &Config, state: &mut State, observation: &Observation) -> f64 {
    (state.frozen, state.modes.bad) = (false, 0);
    let belief = state.bank.belief(&config.tuning);
    let line = line(config, state, observation.at_s, &belief, state.anchor.is_set());
    let wanted = towards(config, state, observation, &line, false);
    let wanted = capped(config, state, observation, &line, wanted);
    let wanted = around_stalls(state, observation, wanted, false, line.is_level);
    dead_banded(config, state, observation, &line, wanted)
}

/// Decides whether a window is believed, and what its being empty means.
fn believe(
    config: &Config,
    state: &mut State,
    observation: &Observation,
    window: Window,
    number: u64,
    forecast: &Forecast,
) -> Seen {
    let grew = grew(config, state, observation, &window);
    let before_was_bad = state.modes.bad > 0;
    let mut seen = Seen { window, accepted: true, broke: 0.0, grew, gone: Gone::No, before_was_bad, alarm: None };
    let mut bad = false;
    if window.count <= 0.0 {
        let ln_nothing = state.bank.ln_nothing(forecast);
        if !state.zeros.zero(&config.tuning, window.minutes(), ln_nothing) {
            (seen.accepted, bad) = (false, true);
            nothing_counted(config, state, observation, &mut seen);
        }
    } else if let Some(stall) = state.zeros.counted(observation.at_s) {
        state.outlier = 0.0;
        state.modes.reason = Reason::KpiBack;
        if stall.overload && state.modes.mode == Mode::Track {
            state.modes.hold_after(&stall, number);
        }
    }
    let recovering = state.zeros.is_recovering(observation.at_s);
    let known = state.modes.mode == Mode::Track && forecast.worth > config.tuning.sure_worth && !recovering;
    // Before there is an anchor, the lag is not well known either, and users that were just taken away look like a loss.
    let known = known && (state.anchor.is_set() || !shrank(state, observation));
    if seen.accepted && known {
        bad |= doubt_outlier(config, state, observation.congestion, forecast, &mut seen);
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
fn nothing_counted(config: &Config, state: &mut State, observation: &Observation, seen: &mut Seen) {
    let failing = seen.before_was_bad && state.modes.efficiency_seen < 0.85 || state.anchor.suspicion > 1.5;
    let last = state.zeros.last(&config.tuning);
    if state.modes.mode == Mode::Track && seen.grew && state.anchor.is_set() && failing {
        seen.gone = Gone::WhileGrowing;
    } else if state.modes.is_beyond_track() {
        if state.zeros.minutes >= 2.0 - 1e-9 {
            seen.gone = Gone::Lasting;
        }
        seen.alarm = last.then_some(Alarm::Stalled);
    } else if last && state.modes.mode != Mode::Boot {
        let congested = observation.congestion == Congestion::Congested;
        state.zeros.stall(&state.history, observation.at_s, observation.users as f64, congested);
        seen.alarm = Some(Alarm::Stalled);
    }
}

/// Holds back one window that is far off, until a second one confirms it; true where the window is bad.
fn doubt_outlier(
    config: &Config,
    state: &mut State,
    congestion: Congestion,
    forecast: &Forecast,
    seen: &mut Seen,
) -> bool {
    let count = seen.window.count;
    let off = (count - forecast.events) / forecast.sd;
    let far = off.abs() > config.tuning.outlier_sd && ((count + 0.5) / (forecast.events + 0.5)).ln().abs() > 0.15;
    let before = std::mem::replace(&mut state.outlier, 0.0);
    if !far {
        return false;
    }
    let confirmed = before * off > 0.0;
    // Where users have grown, or response times say that the system is well, one window is enough.
    let plain = count > 0.0 && (seen.grew || congestion == Congestion::Clear);
    if confirmed || off < 0.0 && (plain || state.anchor.suspicion > 1.5 || seen.before_was_bad) {
        seen.broke = off.signum();
    } else {
        state.outlier = off.signum();
        seen.accepted = false;
    }
    off < 0.0
}

/// True when there are clearly fewer users than two observations before.
fn shrank(state: &State, observation: &Observation) -> bool {
    const SHRANK: f64 = 0.9;
    let before = state.history.newest_first().nth(2).map_or(0.0, |entry| entry.users);
    (observation.users as f64) < SHRANK * before
}

/// True when users have grown clearly in the last minutes.
fn grew(config: &Config, state: &State, observation: &Observation, window: &Window) -> bool {
    let lag_s = state.bank.belief(&config.tuning).lag_s;
    let running = |window: &Window| state.history.exposure(window, lag_s) / window.minutes();
    let before = state.history.ago(observation.at_s, GREW_MIN).filter(|entry| entry.tick > 1);
    let before = before.and_then(|entry| entry.window).map_or(0.0, |window| running(&window));
    before > 0.0 && running(window) > GREW * before
}

/// Learns from a window that is believed, unless the system is in trouble; tells whether it did.
fn learn(config: &Config, state: &mut State, number: u64, seen: &Seen, forecast: &Forecast) -> bool {
    let (boot, tracking) = (state.modes.mode == Mode::Boot, state.modes.mode == Mode::Track);
    if !seen.accepted || !(boot || state.modes.is_settled(number, config.interval_s / 60.0)) {
        return false;
    }
    let (suspicion, breaks) = (state.anchor.suspicion, seen.broke != 0.0);
    let healthy = suspicion < 1.0 && state.efficiency > 0.88 && state.modes.losses < 1;
    let lesson = Lesson {
        tells_lags: !breaks && (boot || tracking && healthy),
        follows_trend: tracking,
        teaches_noise: tracking && !breaks && suspicion < 3.0,
        breaks,
    };
    state.bank.learn(&config.tuning, &seen.window, forecast, lesson);
    true
}

/// The best KPI since the mode was entered, where users have grown since: whether the KPI has fallen so that users must
/// not grow, and from where if it has fallen so far that they must be drawn back.
fn fallen(state: &mut State, observation: &Observation, seen: &Seen, belief: &Belief) -> (bool, Option<(f64, Entry)>) {
    let before = std::mem::take(&mut state.frozen);
    let after = if state.modes.mode == Mode::Track { state.modes.entered() } else { 0 };
    let pairs = Pairs { minutes: BEST_MIN, after, newest: false, accepted: true };
    let Some((rate, entry)) = state.history.best_pair(observation.at_s, pairs) else { return (false, None) };
    let best = rate * seen.window.minutes();
    let running = |window: &Window| state.history.exposure(window, belief.lag_s) / window.minutes();
    let congested = observation.congestion == Congestion::Congested;
    let grown = entry.window.is_some_and(|window| running(&seen.window) > 1.03 * running(&window))
        && observation.users as f64 > 1.05 * entry.users;
    if best <= 4.0 || !(grown || congested) {
        return (false, None);
    }
    let sd = (state.bank.dispersion * best).sqrt();
    let count = seen.window.count;
    state.frozen = count < 0.92 * best - 2.0 * sd;
    let believed = count > 0.0 || state.zeros.ticks >= 2 || before;
    let fell = count < 0.6 * best - 3.0 * sd && believed;
    (state.frozen, fell.then_some((rate, entry)))
}

/// Tells the anchor and the efficiency of a window.
#[allow(clippy::too_many_arguments)]
fn anchor(
    config: &Config,
    state: &mut State,
    number: u64,
    observation: &Observation,
    seen: &Seen,
    forecast: &Forecast,
    belief: &Belief,
    exposed: f64,
) {
    let (now_s, window, mode) = (observation.at_s, seen.window, state.modes.mode);
    let known = mode != Mode::Boot;
    let rates = known && exposed > 0.0 && state.anchor.gain > 0.0;
    state.efficiency = if rates { window.count / exposed / state.anchor.gain } else { 1.0 };
    if window.count > 0.0 {
        state.modes.efficiency_seen = state.efficiency;
    }
    let calm = !state.zeros.is_stalled() && !state.zeros.is_recovering(now_s);
    if state.modes.is_settled(number, config.interval_s / 60.0) && seen.accepted && calm {
        let back_s = 2.0 * belief.lag_s.max(SETTLED_LAG_S);
        let earlier = Window { from_s: window.from_s - back_s, to_s: window.to_s - back_s, count: 0.0 };
        let before = state.history.exposure(&earlier, belief.lag_s);
        let steady = exposed > 0.0 && before > 0.0 && (exposed / before).ln().abs() < SETTLED;
        let breaks = seen.broke != 0.0;
        if forecast.sensitivity < SETTLED_SENSITIVITY && steady {
            let settled = Settled {
                window,
                exposed,
                sensitivity: forecast.sensitivity,
                dispersion: state.bank.dispersion,
                breaks,
                tracking: mode == Mode::Track,
            };
            state.anchor.observe(&config.tuning, &state.history, &config.profile, &settled);
        } else if !state.anchor.is_set() && !breaks && window.count > 0.5 * forecast.events {
            state.anchor.gain = belief.gain;
        }
    }
    if known && state.anchor.gain < 1e-9 {
        state.anchor.gain = belief.gain.max(1e-9);
    }
}

fn line(config: &Config, state: &State, now_s: f64, belief: &Belief, anchored: bool) -> Line {
    let tuning = &config.tuning;
    let ahead_s = now_s + config.interval_s + belief.lag_s;
    let wanted = config.profile.at(ahead_s);
    let gain = match state.modes.mode {
        Mode::Boot => belief.most_gain,
        Mode::Track => {
            let trend = (state.bank.trend * (config.interval_s + belief.lag_s) / 60.0).exp();
            let gain = belief.gain * caution(tuning, belief.worth) * trend;
            // A gain that falls is made up for only so far before it is proven that the system is well.
            if anchored { gain.max(tuning.unproven_share * state.anchor.gain) } else { gain }
        }
        Mode::Test | Mode::Drain | Mode::Climb | Mode::Hold | Mode::Probe | Mode::Stalled => state.anchor.gain,
    };
    let before_s = now_s + belief.lag_s;
    let change = if before_s > 0.0 { wanted / config.profile.at(before_s).max(1e-9) } else { 1.0 };
    Line { users: wanted / gain, change, is_level: config.profile.is_level(ahead_s) }
}

/// Users on the way to the line, as fast as they may grow or go.
fn towards(config: &Config, state: &State, observation: &Observation, line: &Line, frozen: bool) -> f64 {
    let (tuning, minutes) = (&config.tuning, config.interval_s / 60.0);
    let users = observation.users as f64;
    let tracking = state.modes.mode == Mode::Track;
    let mut growth = if users < 0.75 * line.users {
        tuning.far_growth_per_min.powf(minutes)
    } else {
        tuning.near_growth_per_min.powf(minutes).max(AHEAD_OF_LINE * line.change)
    };
    if state.anchor.suspicion > 2.0 {
        growth = growth.min(SUSPECTED_GROWTH);
    }
    if observation.congestion == Congestion::Congested && tracking && state.anchor.is_set() {
        growth = growth.min(CONGESTED_GROWTH_PER_MIN.powf(minutes));
    }
    if state.modes.is_doubtful(observation.at_s) {
        growth = growth.min(DOUBTFUL_GROWTH_PER_MIN.powf(minutes));
    }
    let most = if frozen && tracking { users } else { (users * growth).max(users + 1.0) };
    // No faster down than by half, unless the line itself falls faster.
    line.users.min(most).max(users * line.change.min(0.5))
}

/// Users within what the mode allows.
fn capped(config: &Config, state: &State, observation: &Observation, line: &Line, wanted: f64) -> f64 {
    let Some(cap) = state.modes.cap else { return wanted };
    let users = observation.users as f64;
    let minutes = config.interval_s / 60.0;
    let within = |growth: f64| cap.min((users * growth.powf(minutes)).max(users + 1.0));
    let allowed = match state.modes.mode {
        Mode::Climb => within(1.5),
        Mode::Hold | Mode::Probe => within(1.3),
        Mode::Test | Mode::Drain => cap,
        Mode::Boot | Mode::Track | Mode::Stalled => wanted,
    };
    allowed.min(line.users).max(1.0)
}

/// Users in and after a stall; otherwise no more than now where that is `doubtful`.
fn around_stalls(state: &State, observation: &Observation, wanted: f64, poor: bool, doubtful: bool) -> f64 {
    let (now_s, users) = (observation.at_s, observation.users as f64);
    if let Some(fewer) = state.zeros.users_in_stall(now_s, users) {
        return fewer;
    }
    if let Some(back) = state.zeros.users_in_recovery(now_s, users, poor) {
        return state.modes.cap.filter(|_| state.modes.is_beyond_track()).map_or(back, |cap| back.min(cap));
    }
    if doubtful { wanted.min(users) } else { wanted }
}

/// Leaves users as they are where a change would be smaller than what is known of the gain.
fn dead_banded(config: &Config, state: &State, observation: &Observation, line: &Line, wanted: f64) -> f64 {
    let users = observation.users as f64;
    let calm = !state.zeros.is_stalled() && !state.zeros.is_recovering(observation.at_s);
    if !(line.is_level && state.modes.mode == Mode::Track && calm) {
        return wanted;
    }
    let worth = state.bank.belief(&config.tuning).worth;
    let band = config.tuning.dead_band_sd * users / worth.max(1.0).sqrt();
    // What the line asks for decides, not what the growth limit left of it: a long way up begins with small steps.
    let asked = if wanted > users { wanted.max(line.users) } else { wanted };
    if (asked - users).abs() < band { users } else { wanted }
}

/// Never more users than the best gain seen could need three times over.
fn bounded(config: &Config, state: &State, users: f64, wanted: f64) -> f64 {
    let gain = state.anchor.best.max(state.sure_gain);
    if state.modes.mode == Mode::Boot || gain <= 0.0 {
        return wanted;
    }
    let most = MOST_TIMES_NEEDED * config.profile.highest() / gain;
    if wanted > most { wanted.min(users).max(most) } else { wanted }
}

const FEWEST_PER_SECOND: f64 = 0.01;
/// Users are taken away within this time: load that is too much must not last an interval.
const CUT_TIME_S: f64 = 10.0;

/// Spreads a change over the interval; clear cuts are faster.
fn spawn_rate(config: &Config, users: f64, wanted: f64) -> f64 {
    let change = (wanted - users).abs();
    let time_s = if wanted < users * 0.97 { CUT_TIME_S.min(config.interval_s) } else { config.interval_s };
    (change / time_s).max(FEWEST_PER_SECOND)
}

/// Ticks until a change of users shows in the KPI.
fn settle(config: &Config, lag_s: f64) -> i64 {
    ((lag_s + 0.3 * config.interval_s) / config.interval_s).ceil().max(1.0) as i64
}
