//! The edges of what may be observed and configured: no users, no exposure, no events, targets of any size, and values
//! that are no numbers.

use super::bounds::Bounds;
use super::plant::{Plant, mean_from, told};
use super::*;

/// The law after so many minutes of a plant in which a user is worth six events a minute.
fn after(config: &Config, ticks: u32) -> (State, Advice) {
    let (mut state, mut advice) = step(config, State::new(config), &seen(0.0, 1, None));
    for tick in 1..=ticks {
        let at_s = f64::from(tick) * config.interval_s;
        let count = 6.0 * advice.users as f64 * config.interval_s / 60.0;
        let seen = seen(at_s, advice.users, window(at_s, config.interval_s, count.round()));
        (state, advice) = step(config, state, &seen);
    }
    (state, advice)
}

#[test]
fn users_that_are_gone_teach_nothing_and_come_back_without_a_jump() {
    let config = config(600.0, 60.0, 600.0, 6000.0);
    let (mut state, mut advice) = after(&config, 30);
    let gain = advice.gain;
    for tick in 31..=34_u32 {
        let at_s = f64::from(tick) * 60.0;
        // They have left evenly in the first of these minutes.
        let count = if tick == 31 { 300.0 } else { 0.0 };
        (state, advice) = step(&config, state, &seen(at_s, 0, window(at_s, 60.0, count)));
        assert!(advice.users >= 1 && advice.alarm != Some(Alarm::Stalled), "{advice:?}");
    }
    assert!((advice.gain / gain - 1.0).abs() < 0.05, "{gain} became {}", advice.gain);
    let (mut bounds, mut before) = (Bounds::new(&config), 0);
    for tick in 35..=60_u32 {
        let at_s = f64::from(tick) * 60.0;
        let count = 6.0 * advice.users.midpoint(before) as f64;
        before = advice.users;
        let seen = seen(at_s, before, window(at_s, 60.0, count));
        (state, advice) = step(&config, state, &seen);
        bounds.check(&seen, &advice).unwrap();
    }
    assert!((advice.users as f64 - 100.0).abs() < 6.0, "{advice:?}");
}

#[test]
fn events_that_no_user_can_have_caused_change_no_belief() {
    let config = config(600.0, 60.0, 1800.0, 1800.0);
    let (mut state, first) = step(&config, State::new(&config), &seen(0.0, 0, None));
    for tick in 1..=5_u32 {
        let at_s = f64::from(tick) * 60.0;
        let (next, advice) = step(&config, state, &seen(at_s, 0, window(at_s, 60.0, 500.0)));
        assert!((advice.gain - first.gain).abs() < 1e-9, "{advice:?}");
        assert_eq!(advice.users, 1);
        assert_eq!(advice.mode, Mode::Boot);
        state = next;
    }
}

#[test]
fn zeros_in_the_first_minutes_are_no_stall_and_bound_the_growth() {
    let config = config(120.0, 60.0, 1800.0, 3600.0);
    let (mut state, mut advice) = step(&config, State::new(&config), &seen(0.0, 1, None));
    let mut user_minutes = 0.0;
    for tick in 1..=4_u32 {
        let at_s = f64::from(tick) * 60.0;
        user_minutes += advice.users as f64;
        let before = advice.users;
        (state, advice) = step(&config, state, &seen(at_s, before, window(at_s, 60.0, 0.0)));
        assert_eq!((advice.mode, advice.alarm), (Mode::Boot, None), "minute {tick}");
        assert!(advice.users >= before);
        // As if one and a half events had been caused by all users so far, even by those that began just now.
        let needed = config.profile.at(at_s + 360.0) * (1.0 + user_minutes) / 1.5;
        assert!(advice.users as f64 <= needed + 1.0, "minute {tick}: {} users, {needed} at most", advice.users);
    }
}

#[test]
fn a_ramp_of_no_length_is_climbed_by_the_growth_limits_alone() {
    let config = config(600.0, 60.0, 0.0, 1800.0);
    let ticks = Plant { per_user_min: 0.5, ..Plant::default() }.run(&config);
    let first = step(&config, State::new(&config), &seen(0.0, 1, None)).1.users;
    assert_eq!(first, 200, "a third of what one event per user and minute would need");
    let held = mean_from(&ticks, 900.0);
    assert!((held / 600.0 - 1.0).abs() < 0.05, "holds {held}\n{}", told(&ticks));
}

#[test]
fn a_user_who_ordered_often_before_the_load_makes_the_first_ones_fewer() {
    let config = config(600.0, 60.0, 0.0, 1800.0);
    let first = |seconds: f64, count: f64| {
        let rehearsal = Window { from_s: -seconds - 2.0, to_s: -2.0, count };
        step(&config, State::new(&config), &seen(0.0, 1, Some(rehearsal))).1.users
    };
    assert_eq!(first(10.0, 1.0), 100, "six a minute");
    assert_eq!(first(0.5, 1.0), 40, "one early event is no measurement: a fifth of the usual ones at least");
    assert_eq!(first(90.0, 1.0), 200, "a late one makes them no more");
    assert_eq!(first(90.0, 0.0), 200, "neither does none");
}

#[test]
fn what_was_before_the_load_is_no_part_of_what_is_learnt_from() {
    let config = config(600.0, 60.0, 0.0, 1800.0);
    let rehearsal = Window { from_s: -90.0, to_s: -1.0, count: 1.0 };
    let [alone, rehearsed] = [None, Some(rehearsal)].map(|window| {
        let (state, _) = step(&config, State::new(&config), &seen(0.0, 1, window));
        step(&config, state, &seen(60.0, 200, Some(Window { from_s: 0.0, to_s: 60.0, count: 90.0 })))
    });
    assert_eq!(alone, rehearsed);
}

#[test]
fn a_load_without_plateau_ends_on_the_line() {
    let config = config(600.0, 60.0, 1800.0, 0.0);
    let ticks = Plant::default().run(&config);
    let last = ticks.last().unwrap();
    assert!((last.kpi_per_min / config.profile.at(last.at_s - 30.0) - 1.0).abs() < 0.08, "{}", told(&ticks));
}

#[test]
fn a_load_shorter_than_an_interval_gets_its_first_setting_and_no_more() {
    for (ramp_up_s, plateau_s) in [(20.0, 10.0), (0.0, 0.0), (0.0, 30.0), (59.0, 0.0)] {
        let config = config(600.0, 60.0, ramp_up_s, plateau_s);
        let (state, first) = step(&config, State::new(&config), &seen(0.0, 1, None));
        assert_eq!(first.users, 200, "{ramp_up_s} s + {plateau_s} s");
        // An observation after the end finds the line level.
        let (_, advice) = step(&config, state, &seen(60.0, 200, window(60.0, 60.0, 1200.0)));
        assert!((1..=200).contains(&advice.users) && advice.set_point_per_min == 600.0, "{advice:?}");
    }
}

#[test]
fn the_end_of_the_ramp_and_of_the_load_make_no_users_jump() {
    let config = config(6000.0, 60.0, 1800.0, 600.0);
    let ticks = Plant::default().run(&config);
    for pair in ticks.windows(2).filter(|pair| pair[0].at_s >= 1200.0) {
        let factor = pair[1].advice.users as f64 / pair[0].advice.users as f64;
        assert!((0.9..1.12).contains(&factor), "×{factor} at {} s\n{}", pair[1].at_s, told(&ticks));
    }
    let (state, at_end) = after(&config, 40);
    let (_, beyond) = step(&config, state, &seen(2460.0, at_end.users, window(2460.0, 60.0, 6000.0)));
    assert!(beyond.users.abs_diff(at_end.users) <= at_end.users / 50, "{at_end:?}, {beyond:?}");
}

#[test]
fn a_target_below_one_event_an_interval_is_held_without_alarms() {
    let config = config(0.5, 60.0, 1800.0, 36_000.0);
    let ticks = Plant { per_user_min: 0.05, ..Plant::default() }.run(&config);
    assert!(ticks.iter().all(|tick| tick.advice.alarm.is_none()), "{}", told(&ticks));
    let later = ticks.iter().filter(|tick| tick.at_s > 18_000.0).map(|tick| tick.users);
    let mean = later.clone().sum::<f64>() / later.count() as f64;
    assert!((5.0..20.0).contains(&mean), "{mean} users where 10 are needed\n{}", told(&ticks));
}

#[test]
fn a_target_of_a_million_and_more_is_held() {
    for target in [1e6, 2e7] {
        let config = config(target, 60.0, 1800.0, 1800.0);
        let ticks = Plant { lag_s: 30, ..Plant::default() }.run(&config);
        let held = mean_from(&ticks, 2100.0);
        assert!((held / target - 1.0).abs() < 0.01, "{held} of {target}\n{}", told(&ticks));
    }
}

#[test]
fn a_count_that_is_no_number_or_negative_is_a_missing_one_and_not_a_zero() {
    let config = config(600.0, 60.0, 600.0, 6000.0);
    let (state, advice) = after(&config, 20);
    let at_s = 21.0 * 60.0;
    let missing = step(&config, state.clone(), &seen(at_s, advice.users, None));
    let zero = step(&config, state.clone(), &seen(at_s, advice.users, window(at_s, 60.0, 0.0)));
    assert_ne!(missing.0, zero.0);
    let (begin, end) = (at_s - 60.0, at_s);
    let unsound = [
        (begin, end, f64::NAN),
        (begin, end, f64::INFINITY),
        (begin, end, -1.0),
        (end, begin, 600.0),
        (begin, begin, 600.0),
        (f64::NAN, end, 600.0),
        (f64::NEG_INFINITY, end, 600.0),
        (begin, f64::NAN, 600.0),
        (begin, f64::INFINITY, 600.0),
    ];
    for (from_s, to_s, count) in unsound {
        let window = Some(Window { from_s, to_s, count });
        assert_eq!(step(&config, state.clone(), &seen(at_s, advice.users, window)), missing, "{window:?}");
    }
}

#[test]
fn hints_that_are_no_numbers_are_not_taken() {
    let untold = config(600.0, 60.0, 600.0, 6000.0);
    let expected = after(&untold, 12);
    for wrong in [f64::NAN, f64::INFINITY, -1.0] {
        let config = Config { users_per_kpi: Some(wrong), kpi_lag_s: Some(wrong), ..untold.clone() };
        assert_eq!(after(&config, 12), expected, "{wrong}");
    }
    assert_eq!(after(&Config { users_per_kpi: Some(0.0), ..untold.clone() }, 12), expected);
}

#[test]
fn most_users_are_never_exceeded_and_never_less_than_one() {
    for (most, allowed) in [(0, 1), (1, 1), (37, 37)] {
        let config = Config { max_users: Some(most), ..config(6000.0, 60.0, 60.0, 6000.0) };
        let (_, advice) = after(&config, 20);
        assert_eq!(advice.users, allowed);
    }
}

#[test]
fn users_are_started_no_faster_than_the_most_of_them_needs() {
    let config = Config { max_users: Some(30), ..config(6000.0, 60.0, 0.0, 6000.0) };
    let (_, first) = step(&config, State::new(&config), &seen(0.0, 1, None));
    assert_eq!(first.users, 30);
    assert!(first.spawn_rate <= 1.0, "{} users a second", first.spawn_rate);
}

#[test]
fn users_grow_four_and_a_half_fold_in_a_minute_at_most() {
    // Each user is worth next to nothing, so that growth is all that limits them.
    for interval_s in [60.0, 20.0, 10.0] {
        let config = config(1e6, interval_s, 0.0, 3600.0);
        let ticks = Plant { per_user_min: 0.01, ..Plant::default() }.run(&config);
        for pair in ticks.windows(2) {
            let [from, to] = [&pair[0], &pair[1]].map(|tick| tick.users);
            let most = (from * 4.5_f64.powf(interval_s / 60.0)).max(from + 1.0) + 1.0;
            assert!(to <= most, "{from} users grew to {to}, {most} are allowed\n{}", told(&ticks));
        }
    }
}

#[test]
fn the_law_never_stops_the_load_itself() {
    // Users of none are a command of the run's phases, in no case an advice.
    let config = config(600.0, 60.0, 600.0, 600.0);
    let (mut state, mut advice) = after(&config, 20);
    for tick in 21..=90_u32 {
        let at_s = f64::from(tick) * 60.0;
        (state, advice) = step(&config, state, &seen(at_s, advice.users, window(at_s, 60.0, 0.0)));
        assert!(advice.users >= 1);
    }
    assert_eq!((advice.users, advice.mode), (1, Mode::Stalled));
}
