//! What a window teaches: the gain and its lag while the system is well, the anchor while users are settled.

use super::adaptive::Moment;
use super::advice::Mode;
use super::anchor::Settled;
use super::doubt::Seen;
use super::posterior::{Belief, Forecast, Lesson};
use super::{State, Window};

/// Users that have changed less than this, in ln, over twice the lag are settled.
const SETTLED: f64 = 0.45;
const SETTLED_LAG_S: f64 = 45.0;
const SETTLED_SENSITIVITY: f64 = 0.15;
/// Suspicion of a loss at which what counts scatter by is no longer learnt, nats.
const SUSPICIOUS: f64 = 3.0;

/// Learns from a window that is believed, unless the system is in trouble; tells whether it did.
pub(super) fn learn(now: &Moment<'_>, state: &mut State, seen: &Seen, forecast: &Forecast) -> bool {
    let (boot, tracking) = (state.modes.mode == Mode::Boot, state.modes.mode == Mode::Track);
    if !seen.accepted || !(boot || state.modes.is_settled(now.number, now.interval_min())) {
        return false;
    }
    let (suspicion, breaks) = (state.anchor.suspicion, seen.broke != 0.0);
    let healthy = suspicion < 1.0 && state.efficiency > 0.88 && state.modes.losses < 1;
    let lesson = Lesson {
        // What is off by a change of the system says nothing of the lag.
        tells_lags: !breaks && state.outlier == 0.0 && (boot || tracking && healthy),
        follows_trend: tracking,
        teaches_noise: tracking && !breaks && suspicion < SUSPICIOUS,
        breaks,
    };
    state.bank.learn(now.tuning(), &seen.window, forecast, lesson);
    true
}

/// Learns how much the ratio jumps, while nothing is done to users and nothing is suspected.
pub(super) fn learn_scatter(now: &Moment<'_>, state: &mut State, window: &Window, exposed: f64, sensitivity: f64) {
    let settled = state.modes.mode == Mode::Boot || state.modes.is_settled(now.number, now.interval_min());
    let exposed = if settled && state.anchor.suspicion < SUSPICIOUS { exposed } else { 0.0 };
    state.bank.observe_scatter(now.tuning(), window, exposed, sensitivity);
}

/// Tells the anchor and the efficiency of a window.
pub(super) fn anchor(
    now: &Moment<'_>,
    state: &mut State,
    seen: &Seen,
    forecast: &Forecast,
    belief: &Belief,
    exposed: f64,
) {
    let (window, mode) = (seen.window, state.modes.mode);
    let known = mode != Mode::Boot;
    let rates = known && exposed > 0.0 && state.anchor.gain > 0.0;
    state.efficiency = if rates { window.count / exposed / state.anchor.gain } else { 1.0 };
    if window.count > 0.0 {
        state.modes.efficiency_seen = state.efficiency;
    }
    let calm = state.zeros.is_calm(now.at_s());
    if state.modes.is_settled(now.number, now.interval_min()) && seen.accepted && calm {
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
                dispersion: state.bank.dispersion_at(now.tuning(), forecast.events, window.minutes()),
                breaks,
                tracking: mode == Mode::Track,
            };
            state.anchor.observe(now.tuning(), &state.history, &now.config.profile, &settled);
        } else if !state.anchor.is_set() && !breaks && window.count > 0.5 * forecast.events {
            state.anchor.gain = belief.gain;
        }
    }
    if known && state.anchor.gain < 1e-9 {
        state.anchor.gain = belief.gain.max(1e-9);
    }
}
