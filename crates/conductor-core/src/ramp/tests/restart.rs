//! A run that is taken up again: from its observations or from the state that was written down.

use super::adversary::Adversary;
use super::*;

/// Worlds in which much is learnt: an ordinary one, one with a limit, one whose KPI stops.
const WORLDS: [&[u8]; 3] = [
    &[118, 0, 4, 0, 0, 0, 7, 9, 7, 9, 7, 9],
    &[118, 0, 4, 0, 0, 0, 2 | 20 << 3, 9, 7, 9, 7, 9, 7, 9],
    &[118, 0, 4, 0, 0, 0, 7, 9, 4 << 3, 5, 0, 9, 7, 9],
];

/// What an uninterrupted run sees and is advised.
fn run(bytes: &[u8]) -> (Config, Vec<(Observation, State, Advice)>) {
    let mut adversary = Adversary::new(bytes);
    let config = adversary.config.clone();
    let (mut state, mut advised, mut ticks) = (State::new(&config), 1, Vec::new());
    while let Some(seen) = adversary.next(advised) {
        let (next, advice) = step(&config, state, &seen);
        (state, advised) = (next.clone(), advice.users);
        ticks.push((seen, next, advice));
    }
    (config, ticks)
}

#[test]
fn replaying_the_observations_gives_the_same_advice_and_state() {
    for world in WORLDS {
        let (config, ticks) = run(world);
        assert!(ticks.len() > 30);
        let mut state = State::new(&config);
        for (seen, after, advised) in &ticks {
            let (next, advice) = step(&config, state, seen);
            assert_eq!((&next, &advice), (after, advised), "at {} s", seen.at_s);
            state = next;
        }
    }
}

#[test]
fn a_state_that_was_written_down_and_read_again_gives_the_same_advice() {
    for world in WORLDS {
        let (config, ticks) = run(world);
        let mut state = State::new(&config);
        for (seen, _, advised) in &ticks {
            let text = serde_json::to_string(&state).unwrap();
            let (next, advice) = step(&config, serde_json::from_str(&text).unwrap(), seen);
            let figures = |advice: &Advice| (advice.users, advice.mode, advice.reason, advice.alarm);
            assert_eq!(figures(&advice), figures(advised), "at {} s", seen.at_s);
            state = next;
        }
    }
}

#[test]
fn a_state_is_read_again_as_it_was_written() {
    for world in WORLDS {
        for (seen, state, _) in run(world).1 {
            let text = serde_json::to_string(&state).unwrap();
            assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state, "at {} s", seen.at_s);
        }
    }
}
