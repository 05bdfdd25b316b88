//! The edges of what may be observed and configured, each over a wide range of loads. What each of them means is shown one by
//! one in `edges` and `time`; that users stay within bounds for any sequence of observations is in `safety`.

use proptest::prelude::*;

use super::bounds::Bounds;
use super::plant::{Plant, mean_from, told};
use super::*;

/// A load on users of any worth: target, events per user and minute, interval, ramp and plateau in intervals.
#[derive(Clone, Copy, Debug)]
struct Case {
    target_per_min: f64,
    per_user_min: f64,
    interval_s: f64,
    ramp: u32,
    plateau: u32,
}

impl Case {
    fn config(&self) -> Config {
        let [ramp_s, plateau_s] = [self.ramp, self.plateau].map(|intervals| f64::from(intervals) * self.interval_s);
        config(self.target_per_min, self.interval_s, ramp_s, plateau_s)
    }

    fn plant(&self) -> Plant {
        Plant { per_user_min: self.per_user_min, ..Plant::default() }
    }

    /// The law after so many intervals.
    fn after(&self, config: &Config, ticks: u32) -> (State, Advice, f64) {
        let (mut state, mut advice) = step(config, State::new(config), &seen(0.0, 1, None));
        for tick in 1..=ticks {
            let at_s = f64::from(tick) * self.interval_s;
            let count = (self.per_user_min * advice.users as f64 * self.interval_s / 60.0).round();
            (state, advice) = step(config, state, &seen(at_s, advice.users, window(at_s, self.interval_s, count)));
        }
        (state, advice, f64::from(ticks) * self.interval_s)
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let log = |low: f64, high: f64| (low.ln()..high.ln()).prop_map(f64::exp);
    (log(1.0, 1e6), log(0.05, 20.0), prop::sample::select(vec![5.0, 10.0, 30.0, 60.0]), 0..60_u32, 0..120_u32).prop_map(
        |(target_per_min, per_user_min, interval_s, ramp, plateau)| Case {
            target_per_min,
            per_user_min,
            interval_s,
            ramp,
            plateau,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every advice is within bounds, which [`Plant::run`] checks: ramps and plateaus of no length, loads shorter than an
    /// interval, the ends of both, targets below one event an interval and of a million.
    #[test]
    fn a_load_of_any_shape_and_size_stays_within_bounds(case in cases()) {
        let ticks = case.plant().run(&case.config());
        prop_assert_eq!(ticks.len() as u32, case.ramp + case.plateau);
    }

    #[test]
    fn a_target_of_three_events_an_interval_and_more_is_held_in_the_end(mut case in cases()) {
        case.target_per_min = case.target_per_min.max(3.0 * 60.0 / case.interval_s);
        (case.ramp, case.plateau) = (case.ramp.max(20), 1200);
        let ticks = case.plant().run(&case.config());
        let from_s = ticks.last().unwrap().at_s / 2.0;
        let events = case.target_per_min * from_s / 60.0;
        // Users are whole, and so are events.
        let off = 0.08 + 1.5 * case.per_user_min / case.target_per_min + 3.0 / events.max(1.0).sqrt();
        let held = mean_from(&ticks, from_s) / case.target_per_min - 1.0;
        prop_assert!(held.abs() < off, "{:.3} off where {:.3} is allowed\n{}", held, off, told(&ticks[ticks.len() - 40..]));
    }

    #[test]
    fn users_that_are_gone_at_any_time_are_asked_for_again(case in cases(), ticks in 0..80_u32, gone in 1..6_u32) {
        let config = case.config();
        let (mut state, mut advice, mut at_s) = case.after(&config, ticks);
        let mut bounds = Bounds::new(&config);
        for _ in 0..gone {
            at_s += case.interval_s;
            let seen = seen(at_s, 0, window(at_s, case.interval_s, 0.0));
            (state, advice) = step(&config, state, &seen);
            bounds.check(&seen, &advice).map_err(TestCaseError::fail)?;
        }
        prop_assert!(advice.users >= 1 && advice.gain.is_finite() && advice.gain > 0.0, "{:?}", advice);
        prop_assert!(state.observed == u64::from(ticks + gone) + 1);
    }

    #[test]
    fn events_without_users_change_no_belief(case in cases(), counts in prop::collection::vec(0..1_000_000_u32, 1..8)) {
        let config = case.config();
        let (mut state, first) = step(&config, State::new(&config), &seen(0.0, 0, None));
        for (tick, count) in counts.into_iter().enumerate() {
            let at_s = (tick + 1) as f64 * case.interval_s;
            let (next, advice) = step(&config, state, &seen(at_s, 0, window(at_s, case.interval_s, f64::from(count))));
            prop_assert!((advice.gain / first.gain - 1.0).abs() < 1e-9, "{} became {}", first.gain, advice.gain);
            state = next;
        }
    }

    #[test]
    fn zeros_from_the_beginning_bound_the_users_and_are_no_stall_for_minutes(case in cases(), minutes in 1..12_u32) {
        let config = case.config();
        let (mut state, mut advice) = step(&config, State::new(&config), &seen(0.0, 1, None));
        let enough = (config.profile.highest() / 0.05).max(advice.users as f64).ceil().max(1.0);
        for tick in 1..=(f64::from(minutes) * 60.0 / case.interval_s) as u32 {
            let at_s = f64::from(tick) * case.interval_s;
            (state, advice) = step(&config, state, &seen(at_s, advice.users, window(at_s, case.interval_s, 0.0)));
            prop_assert!(advice.users as f64 <= enough, "{} users", advice.users);
            prop_assert!(at_s >= 719.0 || advice.alarm.is_none(), "{:?} at {} s", advice.alarm, at_s);
        }
    }

    #[test]
    fn what_is_no_count_is_a_missing_one(case in cases(), ticks in 1..60_u32, count in prop::sample::select(vec![-1.0, -1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY])) {
        let config = case.config();
        let (state, advice, at_s) = case.after(&config, ticks);
        let at_s = at_s + case.interval_s;
        let missing = step(&config, state.clone(), &seen(at_s, advice.users, None));
        prop_assert_eq!(step(&config, state, &seen(at_s, advice.users, window(at_s, case.interval_s, count))), missing);
    }

    #[test]
    fn an_observation_that_is_not_later_changes_nothing(case in cases(), ticks in 1..60_u32, back in 0.0..1.0_f64, count in 0..100_000_u32) {
        let config = case.config();
        let (state, advice, at_s) = case.after(&config, ticks);
        let at_s = at_s * back;
        let (after, again) = step(&config, state.clone(), &seen(at_s, advice.users, window(at_s, case.interval_s, f64::from(count))));
        prop_assert_eq!(after, state);
        prop_assert_eq!((again.users, again.alarm), (advice.users, None));
    }

    #[test]
    fn a_generator_that_runs_fewer_users_is_named_after_three_times(case in cases(), ticks in 1..60_u32, share in 0.0..0.85_f64) {
        let config = case.config();
        let (mut state, mut advice, mut at_s) = case.after(&config, ticks);
        let mut named = false;
        for _ in 0..4 {
            at_s += case.interval_s;
            let running = (share * advice.users as f64) as u64;
            (state, advice) = step(&config, state, &seen(at_s, running, None));
            named |= advice.alarm == Some(Alarm::GeneratorShort);
            // Users that would be one more than those running are no shortage.
            prop_assume!((running as f64) < 0.9 * advice.users as f64);
        }
        prop_assert!(named, "{:?}", advice);
    }

    #[test]
    fn hints_that_are_no_numbers_are_not_taken(case in cases(), ticks in 0..40_u32, wrong in prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0])) {
        let untold = case.config();
        let told = Config { users_per_kpi: Some(wrong), kpi_lag_s: Some(wrong), ..untold.clone() };
        let ((state, advice, _), expected) = (case.after(&told, ticks), case.after(&untold, ticks));
        prop_assert_eq!((state, advice), (expected.0, expected.1));
    }

    #[test]
    fn most_users_are_never_exceeded(case in cases(), most in 1..5000_u64) {
        let config = Config { max_users: Some(most), ..case.config() };
        for tick in case.plant().run(&config) {
            prop_assert!((1..=most).contains(&tick.advice.users), "{}", tick.advice.users);
        }
    }
}
