//! Changes on the way up, hints that are wrong, few events at a short interval: the law finds out, and goes on to its target.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::ops::Range;

use conductor_sim::{Algorithm, Plant, Score, Trials, table};

/// The worst error of ten runs of the law that sees response times, percent of the target.
fn worst_error(document: serde_json::Value) -> f64 {
    worst_error_of(document, 1..11, "60s")
}

fn worst_error_of(document: serde_json::Value, seeds: Range<u64>, tick: &str) -> f64 {
    let plant: Plant = serde_json::from_value(document).unwrap();
    let trials = Trials { seeds, tick: tick.parse().unwrap() };
    let rows = table(&[plant], &[Algorithm::AdaptiveCongestion], &trials);
    rows[0].scores.get(Score::Rmse).worst
}

#[test]
fn a_ratio_that_falls_on_the_ramp_while_response_times_are_as_ever_is_learnt() {
    let rmse = worst_error(serde_json::json!({
        "run": { "target": "1500/min" }, "journey": {}, "checkout": {},
        "ratio": { "step": { "at": "15m", "factor": 0.6 } }
    }));
    assert!(rmse < 8.0, "{rmse} %");
}

#[test]
fn a_told_lag_that_is_six_times_the_true_one_is_found_out() {
    let rmse = worst_error(serde_json::json!({
        "run": { "target": "900/min" }, "journey": {}, "checkout": {}, "hints": { "kpiLag": "5m" }
    }));
    assert!(rmse < 8.0, "{rmse} %");
}

#[test]
fn three_events_a_window_are_no_breakdown_and_a_few_users_may_grow() {
    // Seeds around a run that fell to 25 users in its fourth minute, and stayed there for good.
    let steady = serde_json::json!({ "run": { "target": "600/min" }, "journey": {}, "checkout": {} });
    let rmse = worst_error_of(steady, 777_100..777_110, "10s");
    assert!(rmse < 10.0, "{rmse} %");
}
