//! The adaptive law: learn what users are worth, put them where the line will be one lag ahead, and tell a system past
//! its limit from users who have become worth less.
//!
//! One step doubts or believes the window (`doubt`, `zeros`), learns from it (`lesson`, `posterior`, `anchor`), lets the
//! modes decide (`modes`) and sets users within bounds (`steer`).

use super::advice::{Alarm, Mode, Reason};
use super::doubt::{believe, fallen};
use super::history::History;
use super::lesson::{anchor, learn, learn_scatter};
use super::modes::Tick;
use super::posterior::Outlook;
use super::steer::{around_stalls, bounded, capped, dead_banded, doubted, line, settle, spawn_rate, towards};
use super::tuning::Tuning;
use super::{Config, Observation, State, Window};

/// Events the belief must be worth before the ratio is known.
const KNOWN_WORTH: f64 = 16.0;
/// For so long users do not grow before what they are worth then is learnt, minutes.
const SETTLED_MIN: f64 = 2.0;
/// KPI events per user and minute for which the first users of an unknown ratio are few enough.
const FIRST_GAIN: f64 = 3.0;
/// What users have produced before the load makes the first ones fewer by this factor at most: one event is no measurement.
const FEWER_BY_REHEARSAL: f64 = 5.0;
/// The first users come within this share of an interval.
const FIRST_WITHIN: f64 = 0.5;
const SURE_GAIN_FADES_PER_MIN: f64 = 0.02;

/// What a law sets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) users: f64,
    pub(super) spawn_rate: f64,
    pub(super) alarm: Option<Alarm>,
}

/// One observation with what the law was told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment<'a> {
    pub(super) config: &'a Config,
    pub(super) seen: &'a Observation,
    /// The observation's number, from 0.
    pub(super) number: u64,
}

impl<'a> Moment<'a> {
    pub(super) fn tuning(&self) -> &'a Tuning {
        &self.config.tuning
    }

    pub(super) fn users(&self) -> f64 {
        self.seen.users as f64
    }

    pub(super) fn at_s(&self) -> f64 {
        self.seen.at_s
    }

    pub(super) fn interval_min(&self) -> f64 {
        self.config.interval_s / 60.0
    }

    /// The time that users may grow in with this setting, minutes: an interval, or what has passed since the last setting
    /// where an observation comes early.
    pub(super) fn growth_min(&self, history: &History) -> f64 {
        let before_s = history.newest_first().nth(1).map_or(0.0, |entry| entry.at_s);
        self.interval_min().min((self.at_s() - before_s) / 60.0)
    }
}

/// The next setting.
pub(super) fn setting(now: &Moment<'_>, state: &mut State) -> Setting {
    if now.number == 0 {
        return first(now, state);
    }
    let (wanted, alarm) = match now.seen.window {
        Some(window) => with_window(now, state, window),
        None => (without_window(now, state), None),
    };
    let wanted = bounded(now, state, wanted).max(1.0).round();
    Setting { users: wanted, spawn_rate: spawn_rate(now, state, wanted), alarm }
}

/// The first setting: what the line needs an interval on if users are worth a lot; where ratio and lag are known, what it
/// needs once these users deliver.
fn first(now: &Moment<'_>, state: &mut State) -> Setting {
    let belief = state.bank.belief(now.tuning());
    let told = state.bank.is_told();
    let gain = if told { belief.gain * (1.0 + belief.worth.sqrt().recip()) } else { rehearsed_gain(now) };
    state.first_gain = gain;
    let lag_s = now.config.kpi_lag_s.filter(|_| told).map_or(0.0, |_| belief.lag_s);
    let users = (now.config.profile.at(now.config.interval_s + lag_s) / gain).ceil().max(1.0);
    if told {
        state.history.change_within(now.config.interval_s * FIRST_WITHIN);
    }
    let spawn_rate = (users / (now.config.interval_s * FIRST_WITHIN)).max(0.5);
    Setting { users, spawn_rate, alarm: None }
}

/// What the first users are taken to be worth: a lot, and more where one user alone was seen to be worth more.
fn rehearsed_gain(now: &Moment<'_>) -> f64 {
    let seen = now.seen.window.map_or(0.0, |window| window.count / (window.minutes() * now.users().max(1.0)));
    seen.clamp(FIRST_GAIN, FIRST_GAIN * FEWER_BY_REHEARSAL)
}

fn with_window(now: &Moment<'_>, state: &mut State, window: Window) -> (f64, Option<Alarm>) {
    let anchored = state.anchor.is_set();
    let outlook = Outlook { tracking: state.modes.mode == Mode::Track, anchored };
    let forecast = state.bank.forecast(now.tuning(), &state.history, &window, outlook);
    let dispersion = state.bank.dispersion_at(now.tuning(), forecast.events, window.minutes());
    let before = state.bank.belief(now.tuning());
    let seen = believe(now, state, window, &forecast, before.lag_s);
    let fell_from = fallen(now, state, &seen, &before);
    // A KPI that falls while users grow tells of the system and not of what users are worth; what it is once they no longer
    // do, it may be for good.
    let telling = anchored || !state.is_frozen() || state.frozen_min > SETTLED_MIN;
    let learnt = telling && learn(now, state, &seen, &forecast);
    let belief = state.bank.belief(now.tuning());
    if state.modes.mode == Mode::Boot && belief.worth >= KNOWN_WORTH {
        state.modes.track(now.number, Reason::RatioLearnt);
        state.anchor.reset(belief.gain);
    }
    if state.modes.mode != Mode::Boot && learnt && belief.worth >= now.tuning().sure_worth {
        let sure = belief.gain * (1.0 - (2.0 / belief.worth.sqrt()).min(0.5));
        state.sure_gain = (state.sure_gain * (1.0 - SURE_GAIN_FADES_PER_MIN * window.minutes())).max(sure);
    }
    let exposed = state.history.exposure(&window, belief.lag_s);
    learn_scatter(now, state, &window, exposed, forecast.sensitivity);
    anchor(now, state, &seen, &forecast, &belief, exposed);
    let line = line(now, state, &belief, anchored);
    let mut wanted = towards(now, state, &line);
    let tick = Tick {
        tuning: now.tuning(),
        history: &state.history,
        now_s: now.at_s(),
        interval_min: now.interval_min(),
        number: now.number,
        users: now.users(),
        window,
        congestion: now.seen.congestion,
        accepted: seen.accepted,
        broke: seen.broke,
        grew: seen.grew,
        gone: seen.gone,
        before_was_bad: seen.before_was_bad,
        exposed,
        sensitivity: forecast.sensitivity,
        gain: belief.gain,
        lag_s: belief.lag_s,
        dispersion,
        efficiency: state.efficiency,
        efficiency_sd: (dispersion / (state.anchor.gain * exposed).max(1.0)).sqrt(),
        line: line.users,
        settle: settle(now, belief.lag_s),
        anchored,
        fell_from,
        sure_gain: state.sure_gain,
    };
    if state.zeros.is_calm(now.at_s()) && state.modes.mode != Mode::Boot {
        state.modes.act(&tick, &mut state.bank, &mut state.anchor);
    }
    state.modes.remember(state.efficiency);
    wanted = doubted(now, state, wanted);
    wanted = capped(now, state, &line, wanted);
    let poor = window.count < 0.3 * forecast.events;
    wanted = around_stalls(now, state, wanted, poor, !seen.accepted);
    (dead_banded(now, state, &line, wanted), seen.alarm)
}

/// What is done when the KPI could not be measured: nothing is learnt, the ramp goes on as foreseen, and on a level line
/// no users are added.
fn without_window(now: &Moment<'_>, state: &mut State) -> f64 {
    (state.frozen_min, state.modes.bad) = (0.0, 0);
    let belief = state.bank.belief(now.tuning());
    let line = line(now, state, &belief, state.anchor.is_set());
    let wanted = towards(now, state, &line);
    let wanted = capped(now, state, &line, wanted);
    let wanted = around_stalls(now, state, wanted, false, line.is_level);
    dead_banded(now, state, &line, wanted)
}
