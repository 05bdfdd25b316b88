//! Objectives of Prometheus' figures as they are judged, measurement by measurement.

use proptest::prelude::*;
use serde_json::json;

use super::{Seen, SloResult, SloStatus, Watches, broken_now, results};
use crate::figures::{FigureWindow, Reading};
use crate::fixtures::{load_test, tick};
use crate::spec::LoadTestSpec;
use crate::view::Tick;

const INTERVAL_S: f64 = 10.0;

/// A load test of two minutes of ramp and ten of plateau, measured every ten seconds.
fn spec(slo: &str) -> LoadTestSpec {
    load_test("600/min", json!({ "rampUp": "2m", "plateau": "10m", "interval": "10s", "slos": [slo] }))
}

/// The measurements of a whole load, whose figure is a function of their time; `None` where Prometheus has no value.
fn ticks(figure: impl Fn(f64) -> Option<f64>) -> Vec<Tick> {
    let at = |n: u32| {
        let to_s = f64::from(n) * INTERVAL_S;
        let reading = figure(to_s).map_or_else(|| Reading::failed("it gives no data"), Reading::of);
        let readings = [("cpu".to_owned(), reading)].into();
        Tick { figures: Some(FigureWindow { from_s: to_s - INTERVAL_S, to_s, readings }), ..tick(to_s) }
    };
    (1..=72).map(at).collect()
}

fn judged(slo: &str, ticks: &[Tick]) -> SloResult {
    let spec = spec(slo);
    results(&spec, None, &spec.profile(), ticks).remove(0)
}

fn high(from_s: f64, to_s: f64) -> impl Fn(f64) -> Option<f64> {
    move |at_s| Some(if (from_s..=to_s).contains(&at_s) { 0.9 } else { 0.5 })
}

#[test]
fn for_a_time_means_every_measurement_over_it() {
    let slo = "prometheus(\"cpu\") < 0.7 for 3m";
    let just = judged(slo, &ticks(high(200.0, 370.0)));
    assert_eq!((just.status, just.observed, just.broken), (SloStatus::Met, Some(0.5), 0), "2m50s from first to last");
    let breached = judged(slo, &ticks(high(200.0, 380.0)));
    assert_eq!((breached.status, breached.observed, breached.limit), (SloStatus::Breached, Some(0.9), Some(0.7)));
    assert_eq!((breached.broken, breached.first_broken, breached.unit.as_str()), (1, Some((200.0, 380.0)), ""));
    let dip = judged(slo, &ticks(|at_s| Some(if at_s == 300.0 { 0.69 } else { 0.9 })));
    assert_eq!((dip.status, dip.observed), (SloStatus::Breached, Some(0.9)), "before and after the dip there are 3m");
    let often = judged(slo, &ticks(|at_s| Some(if at_s % 180.0 == 0.0 { 0.69 } else { 0.9 })));
    assert_eq!((often.status, often.observed), (SloStatus::NearMiss, Some(0.69)));
}

#[test]
fn a_time_beyond_the_limit_with_gaps_in_it_is_not_called_met() {
    let slo = "prometheus(\"cpu\") < 0.7 for 3m";
    let late = |at_s: f64| at_s >= 360.0;
    let with_gaps = |figure: f64| {
        move |at_s: f64| (!late(at_s) || at_s % 170.0 != 0.0).then_some(if late(at_s) { figure } else { 0.5 })
    };
    let unknown = judged(slo, &ticks(with_gaps(0.9)));
    assert_eq!((unknown.status, unknown.broken), (SloStatus::Unmeasured, 0), "{}", unknown.measured);
    let met = judged(slo, &ticks(with_gaps(0.5)));
    assert_eq!(met.status, SloStatus::Met, "the same gaps in a figure that is well are few: {}", met.measured);
    assert!(met.measured > 0.9 && unknown.measured < 0.5, "{} {}", met.measured, unknown.measured);
    let short = judged(slo, &ticks(|at_s| Some(if at_s % 60.0 < 40.0 { 0.9 } else { 0.5 })));
    assert_eq!((short.status, short.measured), (SloStatus::Met, 1.0), "each time beyond it was seen to its end");
}

#[test]
fn without_a_time_each_measurement_is_judged_by_itself() {
    let once = judged("prometheus(\"cpu\") < 0.7", &ticks(high(300.0, 300.0)));
    assert_eq!((once.status, once.judged, once.broken), (SloStatus::Breached, 60, 1));
    assert_eq!(once.first_broken, Some((290.0, 300.0)));
    assert_eq!(
        judged("prometheus(\"cpu\") < 0.7", &ticks(high(0.0, 120.0))).status,
        SloStatus::Met,
        "the ramp is not judged"
    );
    assert_eq!(judged("prometheus(\"cpu\") < 0.7 during ramp", &ticks(high(0.0, 120.0))).broken, 12);
    assert_eq!(
        judged("prometheus(\"cpu\") < 0.9", &ticks(high(300.0, 300.0))).status,
        SloStatus::Breached,
        "0.9 is not below"
    );
}

#[test]
fn a_figure_that_must_be_above_is_judged_from_the_other_side_and_is_never_near() {
    let available = |at_s| Some(if (300.0..=340.0).contains(&at_s) { 0.98 } else { 0.999 });
    let broken = judged("prometheus(\"cpu\") > 0.99 for 30s", &ticks(available));
    assert_eq!((broken.status, broken.observed, broken.broken), (SloStatus::Breached, Some(0.98), 2));
    let met = judged("prometheus(\"cpu\") > 0.99 for 1m", &ticks(available));
    assert_eq!((met.status, met.observed), (SloStatus::Met, Some(0.999)));
    assert_eq!(judged("prometheus(\"cpu\") > 0.999", &ticks(|_| Some(0.999))).status, SloStatus::Breached);
}

#[test]
fn bad_minutes_have_a_budget() {
    let slo = "prometheus(\"cpu\") < 0.7 in 80% of minutes";
    let two = judged(slo, &ticks(|at_s| Some(if at_s == 250.0 || at_s == 400.0 { 0.9 } else { 0.5 })));
    assert_eq!((two.status, two.judged, two.broken), (SloStatus::NearMiss, 10, 2));
    assert_eq!((two.observed, two.limit, two.budget_spent), (Some(80.0), Some(80.0), Some(1.0)));
    let four = judged(slo, &ticks(|at_s| Some(if at_s % 100.0 == 50.0 && at_s < 500.0 { 0.9 } else { 0.5 })));
    assert_eq!((four.status, four.broken, four.unit.as_str()), (SloStatus::Breached, 4, "%"));
}

#[test]
fn what_was_not_read_is_not_below_its_limit_and_breaks_no_time() {
    let slo = "prometheus(\"cpu\") < 0.7 for 3m";
    let gap = judged(slo, &ticks(|at_s| Some(0.9).filter(|_| at_s != 300.0 && at_s != 460.0 && at_s != 600.0)));
    assert_eq!((gap.status, gap.broken), (SloStatus::Unmeasured, 0), "{gap:?}");
    let nothing = judged(slo, &ticks(|_| None));
    assert_eq!((nothing.status, nothing.observed, nothing.measured), (SloStatus::Unmeasured, None, 0.0));
    let most = judged(slo, &ticks(|at_s| Some(0.5).filter(|_| at_s < 540.0)));
    assert_eq!(most.status, SloStatus::Unmeasured, "{:.2} of it is measured", most.measured);
    let breached = judged(slo, &ticks(|at_s| Some(0.9).filter(|_| at_s < 540.0)));
    assert_eq!(breached.status, SloStatus::Breached, "what was seen is enough");
}

#[test]
fn what_ends_a_run_is_what_its_verdict_says_and_its_ticks_told() {
    let slo = "prometheus(\"cpu\") < 0.7 for 1m then abort";
    let spec = spec(slo);
    let ticks = ticks(high(300.0, 400.0));
    let mut watches = Watches::new(&spec, None);
    let ends = ticks.iter().position(|tick| !watches.see(Seen::of(tick), &spec.profile(), INTERVAL_S).is_empty());
    let ends = ends.unwrap();
    assert_eq!(ticks[ends].at_s, 360.0);
    let status = |n: usize| results(&spec, None, &spec.profile(), &ticks[..n])[0].status;
    assert_eq!((status(ends), status(ends + 1)), (SloStatus::Unmeasured, SloStatus::Breached));
    let told = |n: usize| broken_now(&spec, None, &spec.profile(), &ticks[..n], Seen::of(&ticks[n]));
    let broken: Vec<f64> = (0..ticks.len()).filter(|n| !told(*n).is_empty()).map(|n| ticks[n].at_s).collect();
    assert_eq!(broken, [360.0, 370.0, 380.0, 390.0, 400.0]);
}

proptest! {
    /// Beside the definition, word for word: breached when every measurement of some stretch of that time was beyond.
    #[test]
    fn a_breach_is_what_its_definition_says(
        values in prop::collection::vec(prop_oneof![8 => Just(Some(0.9)), 3 => Just(Some(0.5)), 1 => Just(None)], 60),
        seconds in 1_u64..30,
    ) {
        let at = |at_s: f64| values.get(((at_s - 130.0) / INTERVAL_S) as usize).copied().filter(|_| at_s > 120.0).flatten();
        let result = judged(&format!("prometheus(\"cpu\") < 0.7 for {}s", seconds * 10), &ticks(at));
        let is_breached = values.windows(seconds as usize + 1).any(|run| run.iter().all(|value| *value == Some(0.9)));
        prop_assert_eq!(result.status == SloStatus::Breached, is_breached, "{:?}", result);
    }
}
