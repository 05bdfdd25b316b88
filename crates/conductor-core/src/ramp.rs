//! The control law: how many users the next interval needs, from what the KPI was. Pure; time is an argument.
//!
//! Two laws share one interface: [`Algorithm::Adaptive`] learns the KPI per user while it steers, and
//! [`Algorithm::Published`] is the ratio rule of Zalando's article on its load test conductor (2021), the yardstick.
//! Neither knows what a load generator or a KPI source is.

mod adaptive;
mod exposure;
mod posterior;
pub mod profile;
mod published;

use serde::{Deserialize, Serialize};

use exposure::UserHistory;
use posterior::Bank;

/// The law that steers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Algorithm {
    /// Feed-forward on a learnt ratio, aligned in time by a bank of candidate lags.
    #[default]
    Adaptive,
    /// Users ÷ KPI × target, each interval anew.
    Published,
}

/// What the law is told once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// The law.
    pub algorithm: Algorithm,
    /// The KPI to reach and hold, events per minute.
    pub target_per_min: f64,
    /// Time from the first user to the target, seconds.
    pub ramp_up_s: f64,
    /// Time to hold the target, seconds.
    pub plateau_s: f64,
    /// Time between two observations, seconds.
    pub interval_s: f64,
    /// Users needed for one KPI event per minute, if known from an earlier run.
    pub users_per_kpi: Option<f64>,
    /// Time from a user's start to the KPI events it causes, seconds, if known.
    pub kpi_lag_s: Option<f64>,
    /// Most users.
    pub max_users: Option<u64>,
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

/// Something the law wants people to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Alarm {
    /// The KPI is zero, and chance does not explain it.
    Stalled,
    /// The generator runs fewer users than it was told to, three times in a row.
    GeneratorShort,
}

/// How far the law has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Too few events were seen to trust the ratio: users grow with care.
    #[default]
    Boot,
    /// The ratio is known: users follow the line.
    Track,
    /// The KPI is gone: users are drawn back.
    Stalled,
}

/// What the law advises.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Advice {
    /// Users from now on, at least 1.
    pub users: u64,
    /// Users started or stopped per second, at least 0.01.
    pub spawn_rate: f64,
    /// The line's value now, events per minute.
    pub set_point_per_min: f64,
    /// What people should know.
    pub alarm: Option<Alarm>,
    /// How far the law has come.
    pub mode: Mode,
    /// Learnt KPI events per user and minute; 0 when nothing is learnt.
    pub gain: f64,
    /// The gain's relative standard deviation; 0 when nothing is learnt.
    pub gain_sd: f64,
    /// Learnt time from users to KPI, seconds.
    pub lag_s: f64,
}

/// What the law has learnt so far. Its size is bounded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    users: UserHistory,
    bank: Bank,
    mode: Mode,
    /// Users advised last; compared with what is observed.
    wanted: u64,
    /// Observations in a row with clearly fewer users than advised.
    short: u32,
    /// Log-probability that the present run of zeros is chance.
    ln_zeros: f64,
    /// Seconds the present run of zeros lasts.
    zeros_s: f64,
    /// Users when the KPI went away; 0 when it did not.
    before_stall: f64,
    /// Best gain seen so far, lowered slowly: the bound on users rests on it.
    best_gain: f64,
}

impl State {
    /// Nothing learnt but what the configuration says.
    pub fn new(config: &Config) -> Self {
        Self {
            users: UserHistory::default(),
            bank: Bank::new(config),
            mode: Mode::Boot,
            wanted: 0,
            short: 0,
            ln_zeros: 0.0,
            zeros_s: 0.0,
            before_stall: 0.0,
            best_gain: 0.0,
        }
    }
}

/// Takes in one observation and advises for the next interval. The first one is at 0 s, without a window.
///
/// Observations that are not later than the last one change nothing that was learnt.
pub fn step(config: &Config, mut state: State, observation: &Observation) -> (State, Advice) {
    let wanted = match config.algorithm {
        Algorithm::Adaptive => adaptive::wanted(config, &mut state, observation),
        Algorithm::Published => published::wanted(config, observation),
    };
    let users = observation.users as f64;
    let most = config.max_users.map_or(MOST_USERS, |most| most as f64).min(MOST_USERS);
    let wanted = if wanted.is_finite() { wanted.round().clamp(1.0, most.max(1.0)) } else { users.max(1.0).min(most) };
    let alarm = alarm(&mut state, observation);
    state.wanted = wanted as u64;
    let advice = Advice {
        users: state.wanted,
        spawn_rate: spawn_rate(config, users, wanted),
        set_point_per_min: profile::set_point(config, observation.at_s),
        alarm,
        mode: state.mode,
        gain: state.bank.gain(),
        gain_sd: state.bank.relative_sd(),
        lag_s: state.bank.lag_s(),
    };
    (state, advice)
}

/// No generator runs more than this; it keeps every count exact in an `f64`.
const MOST_USERS: f64 = 1e9;
const FEWEST_PER_SECOND: f64 = 0.01;
/// Users are taken away within this time: load that is too much must not last an interval.
const CUT_TIME_S: f64 = 10.0;

/// Spreads a change over the interval; clear cuts are faster.
fn spawn_rate(config: &Config, users: f64, wanted: f64) -> f64 {
    let change = (wanted - users).abs();
    let time = if wanted < users * 0.97 { CUT_TIME_S.min(config.interval_s) } else { config.interval_s };
    (change / time.max(1.0)).max(FEWEST_PER_SECOND)
}

fn alarm(state: &mut State, observation: &Observation) -> Option<Alarm> {
    const SHORT: f64 = 0.9;
    const TIMES: u32 = 3;
    let short = (observation.users as f64) < SHORT * state.wanted as f64;
    state.short = if short { state.short.saturating_add(1) } else { 0 };
    match state.mode {
        Mode::Stalled => Some(Alarm::Stalled),
        Mode::Boot | Mode::Track => (state.short >= TIMES).then_some(Alarm::GeneratorShort),
    }
}

#[cfg(test)]
#[path = "ramp/tests.rs"]
mod tests;
