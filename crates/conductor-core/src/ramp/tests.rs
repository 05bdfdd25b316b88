//! The laws against a small plant: users produce events after a fixed lag, up to a capacity.

use proptest::prelude::*;

use super::*;

fn config(algorithm: Algorithm, target_per_min: f64, interval_s: f64, ramp_up_s: f64) -> Config {
    Config {
        algorithm,
        profile: Profile::ramp(target_per_min, ramp_up_s, 3.0 * ramp_up_s),
        interval_s,
        users_per_kpi: None,
        rehearsed_gain: None,
        kpi_lag_s: None,
        max_users: None,
        tuning: Tuning::default(),
    }
}

struct Plant {
    per_user_min: f64,
    lag_s: usize,
    capacity_per_min: f64,
    outage_s: std::ops::Range<usize>,
}

impl Plant {
    fn good() -> Self {
        Self { per_user_min: 6.0, lag_s: 9, capacity_per_min: f64::MAX, outage_s: 0..0 }
    }

    /// Runs a law against the plant; (seconds, KPI per minute, advice) at every interval.
    fn run(&self, config: &Config) -> Vec<(f64, f64, Advice)> {
        let mut users = vec![1.0_f64];
        let observe = |at_s, users, window| Observation { at_s, users, window, congestion: Congestion::Unknown };
        let (mut state, mut advice) = step(config, State::new(config), &observe(0.0, 1, None));
        let mut ticks = Vec::new();
        let mut debt = 0.0;
        for tick in 1..=(config.profile.end_s() / config.interval_s) as usize {
            let mut count = 0.0;
            for _ in 0..config.interval_s as usize {
                let now = *users.last().unwrap();
                let change = (advice.users as f64 - now).clamp(-advice.spawn_rate, advice.spawn_rate);
                users.push(now + change);
                let second = users.len() - 1;
                let producing = users[second.saturating_sub(self.lag_s)].min(users[second]);
                let rate = (producing * self.per_user_min).min(self.capacity_per_min) / 60.0;
                debt += if self.outage_s.contains(&second) { 0.0 } else { rate };
                count += debt.floor();
                debt -= debt.floor();
            }
            let at_s = tick as f64 * config.interval_s;
            let window = Window { from_s: at_s - config.interval_s, to_s: at_s, count };
            let running = users.last().unwrap().round() as u64;
            (state, advice) = step(config, state, &observe(at_s, running, Some(window)));
            ticks.push((at_s, count * 60.0 / config.interval_s, advice.clone()));
        }
        ticks
    }
}

fn plateau_error(config: &Config, ticks: &[(f64, f64, Advice)]) -> f64 {
    let plateau: Vec<f64> =
        ticks.iter().filter(|tick| tick.0 > 0.25 * config.profile.end_s()).map(|tick| tick.1).collect();
    plateau.iter().sum::<f64>() / plateau.len() as f64 / config.profile.highest() - 1.0
}

#[test]
fn the_adaptive_law_holds_the_target_at_short_and_long_intervals() {
    for (target, interval, ramp) in [(2000.0, 10.0, 60.0), (600.0, 60.0, 1800.0), (7200.0, 60.0, 1800.0)] {
        let config = config(Algorithm::Adaptive, target, interval, ramp);
        let error = plateau_error(&config, &Plant::good().run(&config));
        assert!(error.abs() < 0.03, "{target}/min at {interval} s: {error:+.3}");
    }
}

#[test]
fn the_adaptive_law_overshoots_less_than_the_published_one() {
    let peak = |algorithm| {
        let config = config(algorithm, 600.0, 60.0, 1800.0);
        let plant = Plant { lag_s: 48, ..Plant::good() };
        plant.run(&config).into_iter().map(|tick| tick.1).fold(0.0, f64::max) / 600.0
    };
    let (adaptive, published) = (peak(Algorithm::Adaptive), peak(Algorithm::Published));
    assert!(adaptive < 1.10, "adaptive peaked at {adaptive:.2} of the target");
    assert!(published > adaptive + 0.03, "published {published:.2}, adaptive {adaptive:.2}");
}

#[test]
fn users_who_are_worth_much_are_not_taken_for_a_miracle() {
    // A lag that reaches back to before the load sees no users: it must not be believed that none are needed.
    for (target, ramp_up_s) in [(600.0, 300.0), (6000.0, 300.0), (6000.0, 1800.0)] {
        let config = config(Algorithm::Adaptive, target, 60.0, ramp_up_s);
        let ticks = Plant { per_user_min: 60.0, ..Plant::good() }.run(&config);
        let last = ticks.last().unwrap().1;
        let one_user = 60.0;
        assert!(
            (last - target).abs() < 0.05 * target + one_user,
            "{target}/min after {ramp_up_s} s of ramp ends at {last:.0}/min"
        );
    }
}

#[test]
fn beyond_capacity_users_stay_bounded() {
    let config = config(Algorithm::Adaptive, 2000.0, 10.0, 60.0);
    let plant = Plant { capacity_per_min: 1000.0, ..Plant::good() };
    let most = plant.run(&config).into_iter().map(|tick| tick.2.users).max().unwrap();
    let needed = 2000.0 / 6.0;
    assert!((most as f64) < 4.5 * needed, "{most} users where {needed:.0} would do without the limit");
}

#[test]
fn an_outage_is_alarmed_draws_users_back_and_is_recovered_from() {
    let config = config(Algorithm::Adaptive, 600.0, 60.0, 1800.0);
    let plant = Plant { outage_s: 3000..3420, ..Plant::good() };
    let ticks = plant.run(&config);
    let alarmed: Vec<f64> =
        ticks.iter().filter(|tick| tick.2.alarm == Some(Alarm::Stalled)).map(|tick| tick.0).collect();
    assert!(alarmed.first().is_some_and(|at| (3120.0..=3300.0).contains(at)), "alarmed at {alarmed:?}");
    let last = ticks.last().unwrap();
    assert!((last.1 / 600.0 - 1.0).abs() < 0.05, "ends at {:.0}/min", last.1);
}

#[test]
fn a_missing_sample_is_not_a_zero() {
    let config = config(Algorithm::Adaptive, 600.0, 60.0, 600.0);
    let (state, before) = step(
        &config,
        State::new(&config),
        &Observation { at_s: 0.0, users: 1, window: None, congestion: Congestion::Unknown },
    );
    let (state, advice) = step(
        &config,
        state,
        &Observation { at_s: 60.0, users: before.users, window: None, congestion: Congestion::Unknown },
    );
    assert!(advice.users >= before.users);
    assert_eq!(advice.alarm, None);
    assert_eq!(state.zeros, zeros::Zeros::default());
}

#[test]
fn a_generator_that_stays_short_of_users_is_named_after_three_times() {
    let config = Config { users_per_kpi: Some(1.0), ..config(Algorithm::Adaptive, 600.0, 60.0, 0.0) };
    let mut state = State::new(&config);
    let mut alarms = Vec::new();
    for tick in 0..5 {
        let at_s = f64::from(tick) * 60.0;
        let window = (tick > 0).then_some(Window { from_s: at_s - 60.0, to_s: at_s, count: 100.0 });
        let (next, advice) =
            step(&config, state, &Observation { at_s, users: 100, window, congestion: Congestion::Unknown });
        state = next;
        alarms.push(advice.alarm);
    }
    assert_eq!(alarms[0], None);
    assert!(alarms.contains(&Some(Alarm::GeneratorShort)), "{alarms:?}");
}

proptest! {
    #[test]
    fn whatever_is_observed_the_advice_can_be_carried_out(
        observations in prop::collection::vec((0.0..200.0_f64, 0..5000_u64, prop::option::of((0.0..200.0_f64, 0.0..1e6_f64))), 1..40),
        published in any::<bool>(),
        most in prop::option::of(1..2000_u64),
    ) {
        let algorithm = if published { Algorithm::Published } else { Algorithm::Adaptive };
        let config = Config { max_users: most, ..config(algorithm, 600.0, 60.0, 600.0) };
        let mut state = State::new(&config);
        let mut at_s = 0.0;
        for (gap, users, window) in observations {
            let window = window.map(|(length, count)| Window { from_s: at_s - length, to_s: at_s, count });
            let seen = Observation { at_s, users, window, congestion: Congestion::Unknown };
            let (next, advice) = step(&config, state, &seen);
            prop_assert!(advice.users >= 1 && advice.users <= most.unwrap_or(1_000_000_000));
            prop_assert!(advice.spawn_rate.is_finite() && advice.spawn_rate >= 0.01);
            if algorithm == Algorithm::Adaptive && at_s > 0.0 {
                prop_assert!(advice.users as f64 <= users as f64 * 4.5 + 2.0, "{users} to {}", advice.users);
            }
            state = next;
            at_s += gap;
        }
    }
}
