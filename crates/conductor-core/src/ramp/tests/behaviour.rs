//! How the law behaves where the target is within reach: it holds it, whatever the scale, and is not led astray.

use super::plant::{Plant, mean_from, told};
use super::*;

#[test]
fn the_target_is_held_at_short_and_long_intervals() {
    for (target, interval, ramp) in [(2000.0, 10.0, 60.0), (600.0, 60.0, 1800.0), (7200.0, 60.0, 1800.0)] {
        let config = config(target, interval, ramp, 3.0 * ramp + 1200.0);
        let ticks = Plant::default().run(&config);
        let held = mean_from(&ticks, ramp + 600.0);
        assert!((held / target - 1.0).abs() < 0.02, "{target}/min at {interval} s: {held}\n{}", told(&ticks));
    }
}

#[test]
fn a_ramp_of_half_an_hour_ends_without_overshoot() {
    let config = config(600.0, 60.0, 1800.0, 3600.0);
    for lag_s in [9, 48, 120] {
        let ticks = Plant { lag_s, ..Plant::default() }.run(&config);
        let peak = ticks.iter().map(|tick| tick.kpi_per_min).fold(0.0, f64::max) / 600.0;
        assert!(peak < 1.08, "peaks at {peak:.2} of the target with a lag of {lag_s} s\n{}", told(&ticks));
    }
}

#[test]
fn the_published_law_overshoots_five_times_as_far_as_the_adaptive_one() {
    let adaptive = config(600.0, 60.0, 600.0, 1800.0);
    let published = Config { algorithm: Algorithm::Published, ..adaptive.clone() };
    let plant = Plant { lag_s: 48, ..Plant::default() };
    let over =
        |config: &Config| plant.run(config).iter().map(|tick| tick.kpi_per_min / 600.0 - 1.0).fold(0.0, f64::max);
    let (adaptive, published) = (over(&adaptive), over(&published));
    assert!(adaptive < 0.10 && published > 5.0 * adaptive && published > 0.2, "{adaptive:.2} and {published:.2}");
}

#[test]
fn users_who_are_worth_an_event_a_second_are_not_taken_for_a_miracle() {
    // A lag that reaches back to before the load sees no users: it must not be believed that none are needed.
    for (target, ramp_up_s) in [(600.0, 300.0), (6000.0, 300.0), (6000.0, 1800.0)] {
        let config = config(target, 60.0, ramp_up_s, 3.0 * ramp_up_s);
        let ticks = Plant { per_user_min: 60.0, ..Plant::default() }.run(&config);
        let last = ticks.last().unwrap().kpi_per_min;
        let one_user = 60.0;
        let near = (last - target).abs() < 0.05 * target + one_user;
        assert!(near, "{target}/min after {ramp_up_s} s of ramp ends at {last:.0}/min\n{}", told(&ticks));
    }
}

#[test]
fn a_told_ratio_is_used_from_the_first_interval_on() {
    let untold = config(600.0, 60.0, 600.0, 1200.0);
    let told_ratio = Config { users_per_kpi: Some(1.0 / 6.0), ..untold.clone() };
    let early = |config: &Config| {
        let ticks = Plant::default().run(config);
        ticks.iter().take(5).map(|tick| (tick.kpi_per_min - config.profile.at(tick.at_s - 30.0)).powi(2)).sum::<f64>()
    };
    assert!(early(&told_ratio) < early(&untold));
}

#[test]
fn events_that_begin_late_are_waited_for_without_alarm() {
    let config = config(600.0, 60.0, 1800.0, 3600.0);
    let ticks = Plant { lag_s: 230, ..Plant::default() }.run(&config);
    assert!(ticks.iter().all(|tick| tick.advice.alarm.is_none()), "{}", told(&ticks));
    let held = mean_from(&ticks, 2700.0);
    assert!((held / 600.0 - 1.0).abs() < 0.05, "holds {held}\n{}", told(&ticks));
}

#[test]
fn a_missing_sample_is_not_a_zero() {
    let config = config(600.0, 60.0, 1800.0, 1800.0);
    let lossy = Plant { lost: |tick| tick % 5 == 2, ..Plant::default() };
    let ticks = lossy.run(&config);
    assert!(ticks.iter().all(|tick| tick.advice.alarm.is_none()), "{}", told(&ticks));
    let held = mean_from(&ticks, 2100.0);
    assert!((held / 600.0 - 1.0).abs() < 0.03, "holds {held}\n{}", told(&ticks));
}

#[test]
fn on_a_level_line_no_users_are_added_while_nothing_is_measured() {
    let config = config(600.0, 60.0, 600.0, 3000.0);
    let blind = Plant { lost: |tick| tick > 20, ..Plant::default() };
    let ticks = blind.run(&config);
    let (before, after) = ticks.split_at(20);
    let most = before.last().unwrap().advice.users;
    assert!(after.iter().all(|tick| tick.advice.users <= most && tick.advice.alarm.is_none()), "{}", told(&ticks));
}

#[test]
fn a_ramp_goes_on_as_foreseen_while_nothing_is_measured() {
    let config = config(600.0, 60.0, 1800.0, 600.0);
    let blind = Plant { lost: |tick| (12..18).contains(&tick), ..Plant::default() };
    let ticks = blind.run(&config);
    let kpi = ticks.iter().find(|tick| tick.at_s == 18.0 * 60.0).unwrap().kpi_per_min;
    let line = config.profile.at(17.5 * 60.0);
    assert!((kpi / line - 1.0).abs() < 0.10, "{kpi} where the line is {line}\n{}", told(&ticks));
}

#[test]
fn conversion_that_halves_is_told_from_a_system_at_its_limit() {
    let config = config(600.0, 60.0, 1200.0, 5400.0);
    let ticks = Plant { then_per_user_min: Some((2400, 3.0)), ..Plant::default() }.run(&config);
    let changed = ticks.iter().find(|tick| tick.advice.reason == Reason::RatioChanged);
    assert!(changed.is_some_and(|tick| tick.at_s < 2400.0 + 15.0 * 60.0), "{}", told(&ticks));
    let held = mean_from(&ticks, 6600.0 - 900.0);
    assert!((held / 600.0 - 1.0).abs() < 0.05, "holds {held}\n{}", told(&ticks));
}

#[test]
fn a_ratio_that_is_noisy_is_no_limit() {
    // Up by a quarter in one minute, down by as much in the next: far more than counts of 6,000 scatter by chance.
    let config = config(6000.0, 60.0, 1200.0, 3600.0);
    let mut state = State::new(&config);
    let (mut users, mut counts) = (1.0, Vec::new());
    for tick in 0..=80_u32 {
        let at_s = f64::from(tick) * 60.0;
        let worth = if tick % 2 == 0 { 0.75 } else { 1.25 };
        let count = f64::round(6.0 * users * worth);
        let seen = seen(at_s, users as u64, window(at_s, 60.0, count).filter(|_| tick > 0));
        let (next, advice) = step(&config, state, &seen);
        state = next;
        assert!(matches!(advice.mode, Mode::Boot | Mode::Track), "at {at_s} s: {advice:?}");
        users = advice.users as f64;
        counts.push(count);
    }
    let held = counts[counts.len() - 20..].iter().sum::<f64>() / 20.0;
    assert!((held / 6000.0 - 1.0).abs() < 0.1, "holds {held}");
}

#[test]
fn a_planned_descent_takes_the_interval_and_a_cut_does_not() {
    let profile = Profile::ramp(600.0, 600.0, 1200.0).then(600.0, 60.0);
    let config = Config::new(Algorithm::Adaptive, profile, 60.0);
    let ticks = Plant::default().run(&config);
    let falling: Vec<_> = ticks.windows(2).filter(|pair| (1860.0..2300.0).contains(&pair[0].at_s)).collect();
    for pair in &falling {
        let (now, next) = (&pair[0], &pair[1]);
        assert!(next.users < 0.97 * now.users, "{}", told(&ticks));
        let change = now.users - next.users;
        assert!((now.advice.spawn_rate * 60.0 / change - 1.0).abs() < 0.1, "{}", told(&ticks));
        let line = config.profile.at(next.at_s - 30.0);
        assert!((next.kpi_per_min / line - 1.0).abs() < 0.05, "{} of {line}\n{}", next.kpi_per_min, told(&ticks));
    }
    assert!(falling.len() > 5);
    let limited = Plant { then_capacity_per_min: vec![(1200, 200.0)], ..Plant::default() };
    let cut = limited.run(&config).into_iter().find(|tick| tick.advice.users < (0.9 * tick.users) as u64).unwrap();
    assert!(cut.advice.spawn_rate * 10.0 > 0.99 * (cut.users - cut.advice.users as f64), "{cut:?}");
}
