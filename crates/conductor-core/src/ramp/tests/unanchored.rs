//! Before there is an anchor: short loads, in which a minute decides. What users are worth is learnt while the line rises,
//! and neither a change of it nor a limit is met by ever more users.

use super::plant::{Plant, Tick, mean_from, told};
use super::*;

#[test]
fn conversion_that_halves_early_is_followed() {
    let config = config(1500.0, 10.0, 60.0, 300.0);
    let ticks = Plant { then_per_user_min: Some((150, 3.0)), ..Plant::default() }.run(&config);
    // Users are not doubled at once: the verdict may be wrong.
    let reached = mean_from(&ticks, 340.0);
    assert!(reached > 0.8 * 1500.0, "reaches {reached}\n{}", told(&ticks));
}

#[test]
fn a_kpi_that_does_not_follow_users_stops_their_growth() {
    for (interval_s, collapses) in [(10.0, false), (10.0, true), (30.0, false), (30.0, true)] {
        let config = config(2000.0, interval_s, 60.0, 600.0);
        let ticks = Plant { capacity_per_min: 420.0, collapses, ..Plant::default() }.run(&config);
        let most = ticks.iter().map(|tick| tick.users).fold(0.0, f64::max);
        let at_first = ticks.iter().find(|tick| tick.at_s == 90.0).unwrap().users;
        let case = format!("at {interval_s} s, collapsing: {collapses}\n{}", told(&ticks));
        assert!(most < 1.6 * at_first, "{at_first} users became {most}, {case}");
    }
}

#[test]
fn a_short_ramp_is_followed_from_what_one_user_was_worth_before_it() {
    let config = config(1500.0, 10.0, 60.0, 240.0);
    let rehearsal = Window { from_s: -11.0, to_s: -1.0, count: 1.0 };
    let beyond = |tick: &Tick| tick.kpi_per_min - config.profile.at(tick.at_s);
    let most = |ticks: &[Tick]| ticks.iter().map(beyond).fold(0.0, f64::max);
    let alone = Plant::default().run(&config);
    let ticks = Plant { rehearsal: Some(rehearsal), ..Plant::default() }.run(&config);
    assert!(most(&ticks) < 0.2 * 1500.0 && most(&ticks) < 0.6 * most(&alone), "{}\n{}", told(&ticks), told(&alone));
    let held = mean_from(&ticks, 100.0);
    assert!((held / 1500.0 - 1.0).abs() < 0.05, "holds {held}\n{}", told(&ticks));
}

#[test]
fn a_ramp_of_twelve_intervals_ends_on_the_line_however_quick_the_rehearsing_user_was_by_chance() {
    // A user who causes one event in ten seconds has caused the first one within four to ten of them.
    let config = config(2000.0, 10.0, 120.0, 180.0);
    for took_s in [4.0, 5.0, 6.0, 8.0, 10.0] {
        let rehearsal = Window { from_s: -1.0 - took_s, to_s: -1.0, count: 1.0 };
        let ticks = Plant { rehearsal: Some(rehearsal), ..Plant::default() }.run(&config);
        let off = |tick: &&Tick| tick.at_s > 120.0 && (tick.kpi_per_min / 2000.0 - 1.0).abs() > 0.15;
        assert_eq!(ticks.iter().find(off).map(|tick| tick.at_s), None, "after {took_s} s\n{}", told(&ticks));
    }
}

#[test]
fn a_kpi_that_is_gone_for_good_draws_users_back_before_better_days_are_forgotten() {
    // So few events that no single window tells.
    let config = config(24.0, 60.0, 1200.0, 3600.0);
    let plant = Plant { per_user_min: 0.2, capacity_per_min: 12.0, collapses: true, lag_s: 120, ..Plant::default() };
    let ticks = Plant { then_capacity_per_min: vec![(780, 3.0)], ..plant }.run(&config);
    let most = ticks.iter().map(|tick| tick.users).fold(0.0, f64::max);
    assert!(most < 2.0 * 12.0 / 0.2, "{most} users where 60 fill the system\n{}", told(&ticks));
    assert!(ticks.iter().any(|tick| tick.advice.mode == Mode::Drain), "{}", told(&ticks));
}

#[test]
fn a_told_ratio_and_lag_meet_a_short_ramp() {
    let untold = config(1500.0, 10.0, 60.0, 180.0);
    let told_both = Config { users_per_kpi: Some(1.0 / 6.0), kpi_lag_s: Some(10.0), ..untold };
    let ticks = Plant::default().run(&told_both);
    let held = mean_from(&ticks, 90.0);
    assert!((held / 1500.0 - 1.0).abs() < 0.05, "holds {held}\n{}", told(&ticks));
}

#[test]
fn a_kpi_that_is_never_counted_gets_no_thousands_of_users_and_an_alarm() {
    for interval_s in [60.0, 10.0] {
        let config = config(60.0, interval_s, 1800.0, 3600.0);
        let ticks = Plant { per_user_min: 0.0, ..Plant::default() }.run(&config);
        let most = ticks.iter().map(|tick| tick.users).fold(0.0, f64::max);
        assert!(most <= 60.0 / 0.05, "{most} users at {interval_s} s\n{}", told(&ticks));
        let alarm = ticks.iter().find(|tick| tick.advice.alarm == Some(Alarm::Stalled)).map(|tick| tick.at_s);
        assert!(alarm.is_some_and(|at_s| at_s < 3600.0), "alarm at {alarm:?}\n{}", told(&ticks));
    }
}
