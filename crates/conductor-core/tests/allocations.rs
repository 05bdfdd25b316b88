//! The law in steady state takes no memory from the heap: what it keeps is reserved at the first observation.

use conductor_core::ramp::{Algorithm, Config, Congestion, Mode, Observation, Profile, State, Window, step};

fn config(target_per_min: f64, interval_s: f64) -> Config {
    Config::new(Algorithm::Adaptive, Profile::ramp(target_per_min, 1800.0, 5400.0), interval_s)
}

/// Allocations of each step against a system in which a user is worth six events a minute up to a limit, and the modes
/// the law was in.
fn allocations(config: &Config, limit_per_min: f64, ticks: u32) -> (Vec<u64>, Vec<Mode>) {
    let (mut state, mut users) = (Some(State::new(config)), 1);
    let (mut counts, mut modes) = (Vec::new(), Vec::new());
    for tick in 0..ticks {
        let at_s = f64::from(tick) * config.interval_s;
        let count = (6.0 * users as f64).min(limit_per_min) * config.interval_s / 60.0;
        let window = Window { from_s: at_s - config.interval_s, to_s: at_s, count: count.round() };
        // Now and then nothing is measured, or nothing is counted for some time.
        let window = match tick % 400 {
            350..355 => Some(Window { count: 0.0, ..window }),
            17 => None,
            _ => Some(window).filter(|_| tick > 0),
        };
        let seen = Observation { at_s, users, window, congestion: Congestion::Unknown };
        let mut answer = None;
        let counted = allocation_counter::measure(|| answer = state.take().map(|state| step(config, state, &seen)));
        let Some((next, advice)) = answer else { break };
        counts.push(counted.count_total);
        users = advice.users;
        modes.push(advice.mode);
        state = Some(next);
    }
    (counts, modes)
}

#[test]
fn the_counter_counts() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(vec![1_u8; 100])));
    assert_eq!(counted.count_total, 1);
}

#[test]
fn a_step_allocates_nothing_after_the_first_one() {
    for interval_s in [60.0, 10.0] {
        for limit_per_min in [f64::MAX, 5000.0] {
            let (counts, modes) = allocations(&config(7200.0, interval_s), limit_per_min, 1200);
            assert_eq!(counts.len(), 1200);
            assert!(counts[0] <= 1, "the first step allocates {} times", counts[0]);
            assert!(counts[1..].iter().all(|count| *count == 0), "at {interval_s} s, up to {limit_per_min}/min");
            let wanted = if limit_per_min < 7200.0 { Mode::Hold } else { Mode::Track };
            let seen: std::collections::BTreeSet<Mode> = modes.into_iter().collect();
            assert!(seen.contains(&wanted), "at {interval_s} s, up to {limit_per_min}/min it was in {seen:?} only");
        }
    }
}
