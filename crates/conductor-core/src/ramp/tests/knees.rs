//! How the law behaves where the system cannot do what is asked: users stay bounded, the limit is found and held under,
//! and what comes back is taken up again.

use super::plant::{Plant, Tick, mean_from, told};
use super::*;

fn most_users(ticks: &[Tick]) -> f64 {
    ticks.iter().map(|tick| tick.users).fold(0.0, f64::max)
}

#[test]
fn a_target_beyond_capacity_ends_in_a_hold_just_below_the_limit() {
    for (interval_s, ramp_up_s) in [(60.0, 1800.0), (10.0, 600.0)] {
        for collapses in [false, true] {
            let config = config(1000.0, interval_s, ramp_up_s, 3600.0);
            let ticks = Plant { capacity_per_min: 600.0, collapses, ..Plant::default() }.run(&config);
            let case = format!("at {interval_s} s, collapsing: {collapses}\n{}", told(&ticks));
            let needed = 600.0 / 6.0;
            let most = most_users(&ticks);
            assert!(most < 1.6 * needed, "{most} users where {needed} fill the system, {case}");
            let knee = ticks.iter().rev().find_map(|tick| tick.advice.knee);
            assert!(knee.is_some_and(|knee| (knee.users / needed - 1.0).abs() < 0.15), "{knee:?}, {case}");
            let later = ticks.iter().filter(|tick| tick.at_s > ramp_up_s + 1200.0);
            let held = later.clone().filter(|tick| matches!(tick.advice.mode, Mode::Hold | Mode::Probe)).count();
            assert!(2 * held > later.count(), "held for {held} intervals, {case}");
            let kpi = mean_from(&ticks, ramp_up_s + 1200.0);
            assert!(kpi > 0.85 * 600.0, "{kpi} of 600/min, {case}");
        }
    }
}

#[test]
fn capacity_that_is_halved_and_comes_back_is_used_again() {
    let config = config(600.0, 60.0, 1200.0, 6000.0);
    let plant = Plant { then_capacity_per_min: vec![(2400, 300.0), (3000, f64::MAX)], ..Plant::default() };
    let ticks = plant.run(&config);
    let during = ticks.iter().filter(|tick| (2460.0..=3000.0).contains(&tick.at_s));
    let most = during.map(|tick| tick.users).fold(0.0, f64::max);
    assert!(most < 130.0, "{most} users while half of the capacity is there\n{}", told(&ticks));
    let held = mean_from(&ticks, 7200.0 - 900.0);
    assert!((held / 600.0 - 1.0).abs() < 0.05, "ends with {held}/min\n{}", told(&ticks));
}

#[test]
fn an_outage_is_alarmed_draws_users_back_and_is_recovered_from() {
    let config = config(600.0, 60.0, 1800.0, 5400.0);
    let ticks = Plant { then_capacity_per_min: vec![(3000, 0.0), (3420, f64::MAX)], ..Plant::default() }.run(&config);
    let alarmed = ticks.iter().find(|tick| tick.advice.alarm == Some(Alarm::Stalled)).map(|tick| tick.at_s);
    assert!(alarmed.is_some_and(|at_s| (3120.0..=3300.0).contains(&at_s)), "alarmed at {alarmed:?}\n{}", told(&ticks));
    let back = ticks.iter().filter(|tick| (3060.0..=3420.0).contains(&tick.at_s));
    let (fewest, most) = back.fold((f64::MAX, 0.0_f64), |(fewest, most), t| (fewest.min(t.users), most.max(t.users)));
    assert!(fewest < 60.0 && most < 110.0, "{fewest} to {most} users in the outage\n{}", told(&ticks));
    let last = ticks.last().unwrap().kpi_per_min;
    assert!((last / 600.0 - 1.0).abs() < 0.05, "ends at {last:.0}/min\n{}", told(&ticks));
}

#[test]
fn a_generator_that_runs_no_more_users_is_named_and_not_pushed_on() {
    let config = config(600.0, 60.0, 600.0, 2400.0);
    let ticks = Plant { most_users: 60.0, ..Plant::default() }.run(&config);
    assert!(ticks.iter().any(|tick| tick.advice.alarm == Some(Alarm::GeneratorShort)), "{}", told(&ticks));
    let most = ticks.iter().map(|tick| tick.advice.users).max().unwrap();
    assert!(most <= 110, "{most} users asked of a generator that runs 60\n{}", told(&ticks));
}
