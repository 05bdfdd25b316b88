//! The adaptive law: learn the gain, put users where the line will be one lag ahead, and be careful about it.
//!
//! What it does not do yet is tell a system past its capacity from one whose users have become less worth: it is only
//! kept from running away, by the bound on users that rests on the best gain it has seen.

use super::{Config, Congestion, Mode, Observation, State, Window, profile};

/// Events the belief must be worth before the ratio is trusted.
const TRUSTED: f64 = 16.0;
/// Most growth in a minute while far from the line, and near it.
const FASTEST_PER_MIN: f64 = 4.5;
const NEAR_PER_MIN: f64 = 1.15;
/// A run of zeros less likely than this is not chance.
const CHANCE: f64 = 1e-3;
/// A run of zeros that is not chance, and lasts this long, is a stall.
const STALL_S: f64 = 180.0;
/// Users are never more than so many times what the best gain seen asks for.
const MOST_TIMES_NEEDED: f64 = 3.0;
/// The best gain seen is lowered by this share a minute.
const BEST_GAIN_FADES_PER_MIN: f64 = 0.02;
/// In the plateau a change smaller than this many standard deviations of the gain is not made.
const DEAD_BAND_SD: f64 = 0.7;

pub(super) fn wanted(config: &Config, state: &mut State, observation: &Observation) -> f64 {
    let users = observation.users as f64;
    let later = state.users.observe(observation.at_s, users);
    if observation.at_s <= 0.0 {
        return first(config, state);
    }
    let window = observation.window.filter(|window| later && is_sound(window));
    let learnt = window.is_some_and(|window| learn(state, &window, observation));
    if state.mode == Mode::Stalled {
        let floor = 0.25 * state.before_stall;
        return (0.5 * users).max(floor).min(users).max(1.0);
    }
    let lag_s = state.bank.lag_s();
    let ahead_s = observation.at_s + config.interval_s + lag_s;
    let in_plateau = ahead_s >= config.ramp_up_s;
    let line = profile::set_point(config, ahead_s) / state.bank.cautious_gain();
    let mut wanted = line.min(users.mul_add(growth(config, observation, users, line, lag_s), 1.0)).max(0.5 * users);
    if !learnt && (in_plateau || window.is_some()) || observation.congestion == Congestion::Congested {
        wanted = wanted.min(users.max(1.0));
    }
    // What the line asks for decides, not what the growth limit left of it: a long way up begins with a small step.
    if in_plateau && (line - users).abs() < DEAD_BAND_SD * users * state.bank.relative_sd() {
        wanted = users;
    }
    if state.best_gain > 0.0 {
        wanted = wanted.min(MOST_TIMES_NEEDED * config.target_per_min / state.best_gain);
    }
    wanted
}

/// The first setting: what the line needs one interval on if users are worth three times what is believed.
fn first(config: &Config, state: &State) -> f64 {
    let careful = if config.users_per_kpi.is_some() { 1.0 + state.bank.relative_sd() } else { 3.0 };
    (profile::set_point(config, config.interval_s) / (careful * state.bank.gain())).ceil()
}

fn is_sound(window: &Window) -> bool {
    window.count.is_finite() && window.count >= 0.0 && window.from_s.is_finite() && window.to_s > window.from_s
}

/// Learns from a window that can be believed, and tells whether it was.
fn learn(state: &mut State, window: &Window, observation: &Observation) -> bool {
    let minutes = (window.to_s - window.from_s) / 60.0;
    let State { users, bank, .. } = state;
    let exposure = |lag_s: f64| users.exposure(window.from_s, window.to_s, lag_s);
    if window.count <= 0.0 {
        state.ln_zeros += bank.ln_nothing(exposure);
        state.zeros_s += window.to_s - window.from_s;
        if state.ln_zeros < CHANCE.ln() {
            if state.zeros_s >= STALL_S && state.mode == Mode::Track {
                state.mode = Mode::Stalled;
                state.before_stall = observation.users as f64;
            }
            return false;
        }
    } else {
        state.ln_zeros = 0.0;
        state.zeros_s = 0.0;
        if state.mode == Mode::Stalled {
            state.mode = Mode::Track;
        }
    }
    bank.learn(window.count, minutes, exposure);
    if bank.worth() >= TRUSTED {
        state.mode = Mode::Track;
        let sure = bank.gain() * (1.0 - (2.0 * bank.relative_sd()).min(0.5));
        state.best_gain = (state.best_gain * (1.0 - BEST_GAIN_FADES_PER_MIN * minutes)).max(sure);
    }
    true
}

/// By what factor users may grow in one interval: as fast as the line at least, and fast while far from it.
fn growth(config: &Config, observation: &Observation, users: f64, line: f64, lag_s: f64) -> f64 {
    let minutes = config.interval_s / 60.0;
    let now = profile::set_point(config, observation.at_s + lag_s);
    let then = profile::set_point(config, observation.at_s + config.interval_s + lag_s);
    let of_line = if now > 0.0 { 1.05 * then / now } else { 1.0 };
    let limit = if users < 0.75 * line { FASTEST_PER_MIN } else { NEAR_PER_MIN };
    limit.powf(minutes).max(of_line)
}
