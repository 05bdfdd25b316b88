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
