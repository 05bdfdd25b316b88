//! The control law: how many users the next interval needs, from what the KPI was. Pure; time is an argument.
//!
//! Two laws share one interface: [`Algorithm::Adaptive`] learns the KPI per user while it steers, and
//! [`Algorithm::Published`] is the ratio rule of Zalando's article on its load test conductor (2021), the yardstick.
//! Neither knows what a load generator or a KPI source is.

mod adaptive;
mod advice;
mod anchor;
mod breakdown;
mod congestion;
mod doubt;
mod history;
mod lesson;
mod modes;
mod posterior;
mod profile;
mod published;
mod scatter;
mod steer;
mod tuning;
mod zeros;

use serde::{Deserialize, Serialize};

use adaptive::{Moment, Setting};
pub use advice::{Advice, Alarm, Knee, Mode, Reason};
use anchor::Anchor;
pub use congestion::CongestionWatch;
use history::History;
use modes::Modes;
use posterior::Bank;
pub use profile::{Level, Profile, ProfileError, ProfilePoint};
pub use tuning::{Lags, MOST_LAGS, Tuning};
use zeros::Zeros;

/// The law that steers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Algorithm {
    /// Feed-forward on a learnt ratio, aligned in time by a bank of candidate lags.
    #[default]
    Adaptive,
    /// Users ÷ KPI × target, each interval anew; in the plateau it goes on as if one interval were left.
    Published,
    /// The same, which lets users be once the ramp-up is over.
    PublishedFrozen,
}

/// What the law is told once.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The law.
    pub algorithm: Algorithm,
    /// The KPI to reach and hold over time.
    pub profile: Profile,
    /// Time between two observations, seconds.
    pub interval_s: f64,
    /// Users needed for one KPI event per minute, if known from an earlier run.
    pub users_per_kpi: Option<f64>,
    /// Time from a user's start to the KPI events it causes, seconds, if known.
    pub kpi_lag_s: Option<f64>,
    /// Most users.
    pub max_users: Option<u64>,
    /// The parameters of the adaptive law.
    pub tuning: Tuning,
}

impl Config {
    /// A law that follows `profile` at this interval, is told nothing, and has no limit.
    pub fn new(algorithm: Algorithm, profile: Profile, interval_s: f64) -> Self {
        Self {
            algorithm,
            profile,
            interval_s,
            users_per_kpi: None,
            kpi_lag_s: None,
            max_users: None,
            tuning: Tuning::default(),
        }
    }
}

/// KPI events in a window of true time, `from` excluded, `to` included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// Start, seconds since the load began.
    pub from_s: f64,
    /// End, seconds since the load began.
    pub to_s: f64,
    /// Events.
    pub count: f64,
}

impl Window {
    /// Its length, minutes.
    pub fn minutes(&self) -> f64 {
        (self.to_s - self.from_s) / 60.0
    }

    fn is_sound(&self) -> bool {
        let finite = self.count.is_finite() && self.from_s.is_finite() && self.to_s.is_finite();
        finite && self.count >= 0.0 && self.to_s > self.from_s
    }
}

/// What response times and failures say about the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Congestion {
    /// Nothing is known.
    Unknown,
    /// It is clearly not congested.
    Clear,
    /// It is congested: users are not added.
    Congested,
}

/// What is seen at one interval's end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    /// Seconds since the load began.
    pub at_s: f64,
    /// Users running, as observed.
    pub users: u64,
    /// The KPI since the last observation; `None` when it could not be measured, which is not zero.
    pub window: Option<Window>,
    /// What response times and failures say.
    pub congestion: Congestion,
}

/// What the law has learnt so far. Its size is bounded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    history: History,
    bank: Bank,
    zeros: Zeros,
    anchor: Anchor,
    modes: Modes,
    /// Observations taken in.
    observed: u64,
    /// What the first users were taken to be worth, KPI events per user and minute.
    first_gain: f64,
    /// KPI per user of the last window against the anchor.
    efficiency: f64,
    /// A gain that was surely reached, lowered slowly: the bound on users rests on it.
    sure_gain: f64,
    /// For how long users have been kept from growing because the KPI has fallen since they did or did not follow them, minutes.
    frozen_min: f64,
    /// Evidence that it has fallen by more than half, nats.
    falling: f64,
    /// The sign of an outlier that waits for a second one; 0 for none.
    outlier: f64,
    /// Users advised last; compared with what is observed.
    wanted: u64,
    /// Observations in a row with clearly fewer users than advised.
    short: u32,
}

impl State {
    /// Nothing learnt but what the configuration says.
    pub fn new(config: &Config) -> Self {
        Self {
            history: History::default(),
            bank: Bank::new(config),
            zeros: Zeros::default(),
            anchor: Anchor::default(),
            modes: Modes::new(&config.tuning),
            observed: 0,
            first_gain: 0.0,
            efficiency: 1.0,
            sure_gain: 0.0,
            frozen_min: 0.0,
            falling: 0.0,
            outlier: 0.0,
            wanted: 0,
            short: 0,
        }
    }
}

impl State {
    fn freeze(&mut self, frozen: bool, minutes: f64) {
        self.frozen_min = if frozen { minutes } else { 0.0 };
    }

    fn is_frozen(&self) -> bool {
        self.frozen_min > 0.0
    }
}

/// No generator runs more than this; it keeps every count exact in an `f64`.
const MOST_USERS: f64 = 1e9;
const FEWEST_PER_SECOND: f64 = 0.01;

/// Takes in one observation and advises for the next interval. The first one is at 0 s; its window, if there is one, lies
/// before that and tells what the users of this observation have produced while they alone were running.
///
/// An observation that is not later than the last one teaches nothing and changes no users. A window that is not sound
/// (a negative or infinite count, an end before its start) counts as missing.
pub fn step(config: &Config, mut state: State, observation: &Observation) -> (State, Advice) {
    let observation = Observation { window: observation.window.filter(Window::is_sound), ..*observation };
    let users = observation.users as f64;
    let number = state.observed;
    // What was before the load is no part of its history.
    let counted = observation.window.filter(|_| number > 0);
    let setting = if state.history.observe(observation.at_s, users, counted) {
        state.observed += 1;
        match config.algorithm {
            Algorithm::Adaptive => adaptive::setting(&Moment { config, seen: &observation, number }, &mut state),
            Algorithm::Published => published::setting(config, &observation, false),
            Algorithm::PublishedFrozen => published::setting(config, &observation, true),
        }
    } else {
        Setting { users: state.wanted.max(1) as f64, spawn_rate: 0.0, alarm: None }
    };
    let most = config.max_users.map_or(MOST_USERS, |most| most as f64).clamp(1.0, MOST_USERS);
    let wanted = if setting.users.is_finite() { setting.users.round() } else { users }.clamp(1.0, most);
    let alarm = setting.alarm.or(generator_alarm(&mut state, &observation));
    state.wanted = wanted as u64;
    let spawn_rate = setting.spawn_rate * share_left(users, setting.users, wanted);
    let advice = advice(config, &state, &observation, &Setting { users: wanted, spawn_rate, alarm });
    (state, advice)
}

/// The share of a change of users that is left of it where no more than `most` of them are allowed: as much of its rate
/// is left, so that it still takes as long.
fn share_left(users: f64, wanted: f64, most: f64) -> f64 {
    let change = (wanted - users).abs();
    if wanted > most && change > 0.0 { ((most - users).abs() / change).min(1.0) } else { 1.0 }
}

fn advice(config: &Config, state: &State, observation: &Observation, setting: &Setting) -> Advice {
    let belief = state.bank.belief(&config.tuning);
    let stalled = state.zeros.is_stalled();
    Advice {
        users: setting.users as u64,
        spawn_rate: if setting.spawn_rate.is_finite() { setting.spawn_rate } else { 0.0 }.max(FEWEST_PER_SECOND),
        set_point_per_min: config.profile.at(observation.at_s),
        alarm: setting.alarm,
        mode: if stalled { Mode::Stalled } else { state.modes.mode },
        reason: if stalled { Reason::NothingCounted } else { state.modes.reason },
        gain: belief.gain,
        gain_sd: belief.worth.sqrt().recip(),
        lag_s: belief.lag_s,
        efficiency: state.anchor.is_set().then_some(state.efficiency),
        knee: state.modes.knee(),
    }
}

/// Tells when the generator runs clearly fewer users than it was told to, three times in a row.
fn generator_alarm(state: &mut State, observation: &Observation) -> Option<Alarm> {
    const SHORT: f64 = 0.9;
    const TIMES: u32 = 3;
    let short = (observation.users as f64) < SHORT * state.wanted as f64;
    state.short = if short { state.short.saturating_add(1) } else { 0 };
    (state.short >= TIMES).then_some(Alarm::GeneratorShort)
}

#[cfg(test)]
mod tests;
