//! One step of the control law, with a full history: what a run pays at each interval. The aim is below 5 µs.

use std::hint::black_box;

use conductor_core::ramp::{Algorithm, Config, Congestion, Observation, Profile, State, Tuning, Window, step};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const INTERVAL_S: f64 = 60.0;

fn config(algorithm: Algorithm) -> Config {
    Config {
        algorithm,
        profile: Profile::ramp(7200.0, 1800.0, 5400.0),
        interval_s: INTERVAL_S,
        users_per_kpi: None,
        rehearsed_gain: None,
        kpi_lag_s: None,
        max_users: None,
        tuning: Tuning::default(),
    }
}

fn observation(tick: u32, users: u64) -> Observation {
    let at_s = f64::from(tick) * INTERVAL_S;
    let window = Window { from_s: at_s - INTERVAL_S, to_s: at_s, count: users as f64 * 6.0 };
    Observation { at_s, users, window: (tick > 0).then_some(window), congestion: Congestion::Unknown }
}

/// The law after so many intervals, and what it sees next.
fn after(config: &Config, ticks: u32) -> (State, Observation) {
    let (mut state, mut users) = (State::new(config), 1);
    for tick in 0..ticks {
        let (next, advice) = step(config, state, &observation(tick, users));
        (state, users) = (next, advice.users);
    }
    (state, observation(ticks, users))
}

fn ramp_step(criterion: &mut Criterion) {
    for (name, algorithm) in [("adaptive", Algorithm::Adaptive), ("published", Algorithm::Published)] {
        let config = config(algorithm);
        let (state, seen) = after(&config, 300);
        criterion.bench_function(&format!("ramp_step/{name}"), |bencher| {
            bencher.iter_batched(
                || state.clone(),
                |state| step(black_box(&config), state, black_box(&seen)),
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(benches, ramp_step);
criterion_main!(benches);
