//! One step of the control law, in the modes a run is in most of the time and with a full history: what a run pays at
//! each interval. The aim is below 5 µs.
//!
//! Each law runs on against its small model while it is measured, so that no state is copied and caches are as warm as
//! they can be.

use std::hint::black_box;

use conductor_core::ramp::{Advice, Algorithm, Config, Congestion, Mode, Observation, Profile, State, Window, step};
use criterion::{Criterion, criterion_group, criterion_main};

/// Intervals before anything is measured: more than the law keeps.
const BEFORE: u32 = 600;

/// A law and the model it steers: users are worth `per_user_min` each, up to a limit.
struct Loop {
    config: Config,
    per_user_min: f64,
    limit_per_min: f64,
    /// Whether the model's KPI is one event in every thousand intervals, so that nothing is ever learnt.
    silent: bool,
    state: Option<State>,
    advice: Option<Advice>,
    ticks: u32,
}

impl Loop {
    fn new(algorithm: Algorithm, target_per_min: f64, interval_s: f64) -> Self {
        Self {
            config: Config::new(algorithm, Profile::ramp(target_per_min, 1800.0, 5400.0), interval_s),
            per_user_min: 6.0,
            limit_per_min: f64::MAX,
            silent: false,
            state: None,
            advice: None,
            ticks: 0,
        }
    }

    fn tick(&mut self) -> Mode {
        let users = self.advice.as_ref().map_or(1, |advice| advice.users);
        let (at_s, interval_s) = (f64::from(self.ticks) * self.config.interval_s, self.config.interval_s);
        let per_min = (users as f64 * self.per_user_min).min(self.limit_per_min);
        let count = if self.silent { 0.0 } else { (per_min * interval_s / 60.0).round() };
        let window = (self.ticks > 0).then_some(Window { from_s: at_s - interval_s, to_s: at_s, count });
        let seen = Observation { at_s, users, window, congestion: Congestion::Unknown };
        let state = self.state.take().unwrap_or_else(|| State::new(&self.config));
        let (state, advice) = step(black_box(&self.config), state, black_box(&seen));
        let mode = advice.mode;
        (self.state, self.advice) = (Some(state), Some(advice));
        self.ticks += 1;
        mode
    }
}

fn measure(criterion: &mut Criterion, name: &str, mode: Mode, mut law: Loop) {
    let before = (0..BEFORE).map(|_| law.tick()).last();
    assert_eq!(before, Some(mode), "{name} measures another mode");
    criterion.bench_function(&format!("ramp_step/{name}"), |bencher| bencher.iter(|| law.tick()));
}

fn ramp_step(criterion: &mut Criterion) {
    let adaptive = |target, interval_s| Loop::new(Algorithm::Adaptive, target, interval_s);
    let limited = |interval_s| Loop { limit_per_min: 5000.0, ..adaptive(7200.0, interval_s) };
    let silent = |interval_s| Loop { silent: true, ..adaptive(0.001, interval_s) };
    measure(criterion, "boot/60s", Mode::Boot, silent(60.0));
    measure(criterion, "boot/10s", Mode::Boot, silent(10.0));
    measure(criterion, "track/60s", Mode::Track, adaptive(7200.0, 60.0));
    measure(criterion, "track/10s", Mode::Track, adaptive(7200.0, 10.0));
    measure(criterion, "hold/60s", Mode::Hold, limited(60.0));
    measure(criterion, "hold/10s", Mode::Hold, limited(10.0));
    measure(criterion, "published/60s", Mode::Boot, Loop::new(Algorithm::Published, 7200.0, 60.0));
}

criterion_group!(benches, ramp_step);
criterion_main!(benches);
