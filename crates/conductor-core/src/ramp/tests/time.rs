//! True time instead of nominal intervals, and observed users instead of advised ones.

use super::*;

/// Runs a plant in which users come and go evenly and each is worth six events a minute, observed at these times;
/// (seconds, advice).
fn observed_at(config: &Config, times_s: impl IntoIterator<Item = f64>) -> (State, Vec<(f64, Advice)>) {
    let (mut state, mut advice) = step(config, State::new(config), &seen(0.0, 1, None));
    let (mut before_s, mut before, mut ticks) = (0.0, 1_u64, Vec::new());
    for at_s in times_s {
        let minutes = (at_s - before_s) / 60.0;
        let count = (6.0 * before.midpoint(advice.users) as f64 * minutes).round();
        before = advice.users;
        let seen = seen(at_s, advice.users, window(at_s, at_s - before_s, count));
        (state, advice) = step(config, state, &seen);
        ticks.push((at_s, advice.clone()));
        before_s = at_s;
    }
    (state, ticks)
}

#[test]
fn an_observation_that_comes_twice_changes_nothing() {
    let config = config(600.0, 60.0, 1800.0, 1800.0);
    let (state, ticks) = observed_at(&config, (1..=20).map(|tick| f64::from(tick) * 60.0));
    let (at_s, before) = ticks.last().unwrap();
    for at_s in [*at_s, at_s - 1.0, 0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let (after, advice) = step(&config, state.clone(), &seen(at_s, before.users, window(at_s, 60.0, 0.0)));
        assert_eq!(after, state, "at {at_s} s");
        assert_eq!((advice.users, advice.mode, advice.alarm), (before.users, before.mode, None), "at {at_s} s");
        assert_eq!(advice.spawn_rate, 0.01);
    }
}

#[test]
fn windows_of_any_length_teach_the_same_ratio() {
    let config = config(6000.0, 60.0, 1800.0, 3600.0);
    let uneven = [60.0, 61.0, 17.0, 103.0, 60.0, 180.0, 5.0, 54.0];
    let uneven = (0..60).scan(0.0, |at_s, tick| {
        *at_s += uneven[tick % uneven.len()];
        Some(*at_s)
    });
    let even = observed_at(&config, (1..=60).map(|tick| f64::from(tick) * 60.0)).1;
    let uneven = observed_at(&config, uneven).1;
    for ticks in [even, uneven] {
        let (at_s, last) = ticks.last().unwrap();
        assert!((last.gain / 6.0 - 1.0).abs() < 0.02, "{last:?} at {at_s} s");
        assert!((last.users as f64 / 1000.0 - 1.0).abs() < 0.03, "{last:?} at {at_s} s");
        let troubled = ticks.iter().find(|(_, advice)| matches!(advice.mode, Mode::Test | Mode::Drain | Mode::Stalled));
        assert_eq!(troubled, None);
    }
}

#[test]
fn a_window_of_two_intervals_is_no_doubled_kpi() {
    let config = config(6000.0, 60.0, 600.0, 6000.0);
    let minutes = |range: std::ops::RangeInclusive<u32>| range.map(|tick| f64::from(tick) * 60.0);
    let (_, ticks) = observed_at(&config, minutes(1..=30).chain(minutes(32..=40)));
    let users: Vec<u64> = ticks.iter().filter(|(at_s, _)| *at_s >= 1800.0).map(|(_, advice)| advice.users).collect();
    assert!(users.iter().all(|users| (970..=1030).contains(users)), "{users:?}");
}

#[test]
fn a_late_observation_finds_the_line_where_it_is_by_then() {
    let config = config(6000.0, 60.0, 1800.0, 1800.0);
    let on_time = observed_at(&config, (1..=20).map(|tick| f64::from(tick) * 60.0)).1;
    let late = observed_at(&config, (1..=15).map(|tick| f64::from(tick) * 60.0).chain([1200.0])).1;
    let [on_time, late] = [on_time, late].map(|ticks| ticks.last().unwrap().1.clone());
    assert_eq!(late.set_point_per_min, on_time.set_point_per_min);
    assert!((late.users as f64 / on_time.users as f64 - 1.0).abs() < 0.15, "{} and {}", late.users, on_time.users);
}

#[test]
fn users_that_the_generator_lacks_are_not_counted_as_exposed_and_named_after_three_times() {
    let config = config(600.0, 60.0, 600.0, 6000.0);
    let (mut state, mut advice) = step(&config, State::new(&config), &seen(0.0, 1, None));
    let (mut before, mut alarms) = (1_u64, Vec::new());
    for tick in 1..=40_u32 {
        let at_s = f64::from(tick) * 60.0;
        // From the thirtieth minute on the generator runs no more than 80 users, where 100 are needed.
        let running = if tick < 30 { advice.users } else { advice.users.min(80) };
        let count = 6.0 * before.midpoint(running) as f64;
        before = running;
        (state, advice) = step(&config, state, &seen(at_s, running, window(at_s, 60.0, count)));
        alarms.push((tick, advice.alarm));
    }
    assert!((advice.gain / 6.0 - 1.0).abs() < 0.03, "{advice:?}");
    let first = alarms.iter().find(|(_, alarm)| alarm.is_some()).unwrap();
    assert_eq!(first, &(32, Some(Alarm::GeneratorShort)), "{alarms:?}");
}

#[test]
fn a_generator_that_catches_up_is_not_named() {
    let config = config(600.0, 60.0, 600.0, 6000.0);
    let (mut state, mut advice) = step(&config, State::new(&config), &seen(0.0, 1, None));
    for tick in 1..=40_u32 {
        let at_s = f64::from(tick) * 60.0;
        let running = if tick % 3 == 0 { advice.users } else { advice.users * 4 / 5 };
        let count = 6.0 * running as f64;
        (state, advice) = step(&config, state, &seen(at_s, running, window(at_s, 60.0, count)));
        assert_eq!(advice.alarm, None, "minute {tick}");
    }
}
