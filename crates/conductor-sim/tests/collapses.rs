//! Systems beyond their capacity in which a law easily goes from one collapse to the next: each of them tells one lesson.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use conductor_sim::{Algorithm, Score, Trials, held_out, table};

/// The KPI that is held on the plant of a seed, percent of what it can sustain.
fn held(seed: u64, algorithm: Algorithm) -> f64 {
    let trials = Trials { seeds: seed..seed + 1, tick: "60s".parse().unwrap() };
    let rows = table(&[held_out(seed).plant], &[algorithm], &trials);
    rows[0].scores.get(Score::KpiOfSustainable).worst
}

#[test]
fn the_limit_is_no_more_users_than_were_there_when_the_kpi_was_at_its_best() {
    // Journeys of four minutes on a ramp of sixteen: the lag is taken for shorter, and a user for worth less than it is.
    let kpi = held(7031, Algorithm::Adaptive);
    assert!(kpi > 80.0, "{kpi} %");
}

#[test]
fn response_times_that_are_short_far_below_the_limit_are_no_sign_that_it_has_moved() {
    let kpi = held(7099, Algorithm::AdaptiveCongestion);
    assert!(kpi > 80.0, "{kpi} %");
}

#[test]
fn sixteen_orders_a_minute_that_are_gone_for_good_draw_users_back() {
    let kpi = held(7165, Algorithm::Adaptive);
    assert!(kpi > 60.0, "{kpi} %");
}

#[test]
fn steady_users_that_are_worth_more_than_the_anchor_correct_it() {
    let kpi = held(7476, Algorithm::AdaptiveCongestion);
    assert!(kpi > 80.0, "{kpi} %");
}
