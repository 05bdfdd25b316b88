//! The law among adversaries: what `bounds` says holds for whatever is observed, and no learnt figure leaves the numbers.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::adversary::{Adversary, HEADER, Knob, TURN};
use super::bounds::Bounds;
use super::*;

/// Sequences of observations for each of the four kinds below.
const SEQUENCES: u32 = 25_000;

fn many() -> ProptestConfig {
    ProptestConfig { cases: SEQUENCES, failure_persistence: None, ..ProptestConfig::default() }
}

/// Bytes whose turns are those of some knobs only.
fn turns_of(knobs: &'static [Knob], most: usize) -> impl Strategy<Value = Vec<u8>> {
    let turn = (prop::sample::select(knobs), 0..32_u8, any::<u8>()).prop_map(|(knob, value, length)| {
        let turn: [u8; TURN] = [knob as u8 | value << 3, length];
        turn
    });
    (prop::array::uniform6(any::<u8>()), prop::collection::vec(turn, 0..most)).prop_map(|(header, turns)| {
        let header: [u8; HEADER] = header;
        header.into_iter().chain(turns.into_iter().flatten()).collect()
    })
}

/// Most users that the best gain seen allows, from what the law keeps of it.
fn ceiling(config: &Config, state: &State) -> Option<f64> {
    let gain = state.anchor.best.max(state.sure_gain);
    (state.modes.mode != Mode::Boot && gain > 0.0).then(|| 3.0 * config.profile.highest() / gain)
}

/// Runs the law among what the bytes say, checks every answer, and tells the modes it was in.
fn run(bytes: &[u8]) -> Result<Vec<Mode>, String> {
    let mut adversary = Adversary::new(bytes);
    let config = adversary.config.clone();
    let (mut bounds, mut state, mut advised, mut modes) = (Bounds::new(&config), State::new(&config), 1, Vec::new());
    while let Some(seen) = adversary.next(advised) {
        let observed = state.observed;
        let (next, advice) = step(&config, state, &seen);
        let taken = next.observed > observed;
        let told = |fault| format!("{fault}, at {seen:?}");
        bounds.check(&seen, &advice).map_err(told)?;
        if let Some(most) = ceiling(&config, &next).filter(|_| taken)
            && advice.users as f64 > most.max(seen.users as f64).max(1.0).round()
        {
            return Err(told(format!("{} users where the best gain seen allows {most}", advice.users)));
        }
        (state, advised) = (next, advice.users);
        modes.push(advice.mode);
    }
    let text = serde_json::to_string(&state).map_err(|error| error.to_string())?;
    serde_json::from_str::<State>(&text).map_err(|error| format!("what was learnt cannot be read back: {error}"))?;
    Ok(modes)
}

const ALL: &[Knob] =
    &[Knob::Kpi, Knob::PerUser, Knob::Limit, Knob::Users, Knob::Clock, Knob::Window, Knob::Congestion, Knob::Nothing];
const SYSTEM: &[Knob] = &[Knob::Kpi, Knob::PerUser, Knob::Limit, Knob::Congestion];
const GENERATOR: &[Knob] = &[Knob::Kpi, Knob::Limit, Knob::Users, Knob::Clock];
const SOURCE: &[Knob] = &[Knob::Kpi, Knob::Limit, Knob::Window, Knob::Clock];

proptest! {
    #![proptest_config(many())]

    #[test]
    fn whatever_is_observed_users_stay_within_bounds(bytes in turns_of(ALL, 9)) {
        run(&bytes).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn whatever_the_system_does_users_stay_within_bounds(bytes in turns_of(SYSTEM, 8)) {
        run(&bytes).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn whatever_the_generator_does_users_stay_within_bounds(bytes in turns_of(GENERATOR, 8)) {
        run(&bytes).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn whatever_the_kpi_source_says_users_stay_within_bounds(bytes in turns_of(SOURCE, 8)) {
        run(&bytes).map_err(TestCaseError::fail)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn whatever_is_observed_the_published_laws_can_be_carried_out(bytes in turns_of(ALL, 4), frozen in any::<bool>()) {
        let mut adversary = Adversary::new(&bytes);
        adversary.config.algorithm = if frozen { Algorithm::PublishedFrozen } else { Algorithm::Published };
        let config = adversary.config.clone();
        let (mut state, mut advised) = (State::new(&config), 1);
        while let Some(seen) = adversary.next(advised) {
            let (next, advice) = step(&config, state, &seen);
            Bounds::can_be_carried_out(&config, &advice).map_err(TestCaseError::fail)?;
            (state, advised) = (next, advice.users);
        }
    }
}

#[test]
fn the_adversaries_drive_the_law_into_every_mode() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..3000 {
        let bytes = turns_of(SYSTEM, 10).new_tree(&mut runner).unwrap().current();
        seen.extend(run(&bytes).unwrap());
    }
    let all = [Mode::Boot, Mode::Track, Mode::Test, Mode::Drain, Mode::Climb, Mode::Hold, Mode::Probe, Mode::Stalled];
    assert_eq!(seen, BTreeSet::from(all));
}
