//! The control law among adversaries that the fuzzer makes: the same world and the same bounds as in the property tests
//! of `conductor_core::ramp`, and what was learnt can be written down, read again and goes on alike.
#![no_main]

use conductor_core::ramp::{
    Advice, Algorithm, Config, Congestion, Mode, Observation, Profile, State, Window, step,
};
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/conductor-core/src/ramp/tests/adversary.rs"]
mod adversary;
#[path = "../../crates/conductor-core/src/ramp/tests/bounds.rs"]
mod bounds;

use adversary::Adversary;
use bounds::Bounds;

fuzz_target!(|bytes: &[u8]| {
    let mut adversary = Adversary::new(bytes);
    let config = adversary.config.clone();
    let (mut bounds, mut state, mut advised) = (Bounds::new(&config), State::new(&config), 1);
    let (mut last, mut last_s) = (None, f64::NEG_INFINITY);
    while let Some(seen) = adversary.next(advised) {
        let (next, advice) = step(&config, state, &seen);
        if let Err(fault) = bounds.check(&seen, &advice) {
            panic!("{fault}, at {seen:?} under {config:?}");
        }
        (state, advised) = (next, advice.users);
        // One that is not later than the last teaches nothing.
        last = (seen.at_s.is_finite() && seen.at_s > last_s).then_some((seen, advice));
        last_s = if last.is_some() { seen.at_s } else { last_s };
    }
    let text = serde_json::to_string(&state).expect("a state can be written down");
    let read: State = serde_json::from_str(&text).expect("a state can be read again");
    assert_eq!(read, state);
    if let Some((seen, advice)) = last {
        stays_below_three_times_the_need(&config, &text, &seen, &advice);
    }
});

/// Checked at the end only: the fuzzer ends sequences wherever it likes.
fn stays_below_three_times_the_need(config: &Config, state: &str, seen: &Observation, advice: &Advice) {
    let state: serde_json::Value = serde_json::from_str(state).expect("it is JSON");
    let gain = |of: &serde_json::Value| of.as_f64().expect("it is a number");
    let gain = gain(&state["sureGain"]).max(gain(&state["anchor"]["best"]));
    if advice.mode == Mode::Boot || gain <= 0.0 {
        return;
    }
    let most = (3.0 * config.profile.highest() / gain).max(seen.users as f64).max(1.0).round();
    assert!(advice.users as f64 <= most, "{} users where the best gain seen allows {most}", advice.users);
}
