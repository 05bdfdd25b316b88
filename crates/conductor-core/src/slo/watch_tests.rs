//! Objectives as they are judged: beside a count of every single request, window by window, and for the baseline of another run.

use proptest::prelude::*;
use serde_json::json;

use super::{BaselineFigures, Seen, SloResult, SloStatus, Watches, results};
use crate::fixtures::{self, load_test};
use crate::requests::{Histogram, NamedWindow, RequestCount};
use crate::spec::LoadTestSpec;
use crate::view::Tick;

/// One request: when it was answered, how long it took, and whether it failed.
type Request = (f64, u64, bool);

/// A load test of two minutes of ramp and ten of plateau, measured every ten seconds.
fn spec(slo: &str) -> LoadTestSpec {
    let fields = json!({ "rampUp": "2m", "plateau": "10m", "interval": "10s", "slos": [slo], "baseline": "run-0" });
    load_test("600/min", fields)
}

fn window(from_s: f64, to_s: f64, requests: &[Request]) -> NamedWindow {
    let inside: Vec<&Request> = requests.iter().filter(|(at_s, ..)| *at_s >= from_s && *at_s < to_s).collect();
    let times = Histogram::from(inside.iter().map(|(_, ms, _)| (*ms, 1)).collect::<Vec<_>>());
    let failures = inside.iter().filter(|(.., failed)| *failed).count() as u64;
    let count = RequestCount { requests: inside.len() as u64, failures, times };
    NamedWindow { from_s, to_s, counts: [("checkout".to_owned(), count)].into() }
}

fn tick(window: Option<NamedWindow>) -> Tick {
    Tick { requests_by_name: window, ..fixtures::tick(0.0) }
}

/// The windows of a whole load, ten seconds each.
fn ticks(requests: &[Request]) -> Vec<Tick> {
    (0..72).map(|n| tick(Some(window(f64::from(n) * 10.0, f64::from(n + 1) * 10.0, requests)))).collect()
}

/// Ten requests a second over twelve minutes.
fn requests(of: impl Fn(f64, usize) -> (u64, bool)) -> Vec<Request> {
    let at = |n: usize| {
        let at_s = n as f64 / 10.0;
        let (ms, failed) = of(at_s, n);
        (at_s, ms, failed)
    };
    (0..7200).map(at).collect()
}

fn judged(slo: &str, ticks: &[Tick]) -> SloResult {
    let spec = spec(slo);
    results(&spec, None, &spec.profile(), ticks).remove(0)
}

#[test]
fn what_is_slow_in_the_ramp_alone_is_not_the_plateaus() {
    let ticks = ticks(&requests(|at_s, _| (if at_s < 120.0 { 900 } else { 200 }, false)));
    assert_eq!(judged("p95(checkout) < 800ms", &ticks).status, SloStatus::Met);
    let ramp = judged("p95(checkout) < 800ms during ramp", &ticks);
    assert_eq!((ramp.status, ramp.observed), (SloStatus::Breached, Some(900.0)));
    assert_eq!(judged("p95(checkout) < 800ms during load", &ticks).observed, Some(900.0), "a sixth of all are slow");
}

#[test]
fn a_short_breach_is_seen_over_its_time_and_not_in_the_whole() {
    // 100 s of 600 s are slow: 15 in 100 of their requests, which is 2.5 in 100 of all.
    let slow = |at_s: f64, n: usize| (300.0..400.0).contains(&at_s) && n % 20 < 3;
    let ticks = ticks(&requests(|at_s, n| (if slow(at_s, n) { 1_200 } else { 200 }, false)));
    assert_eq!(judged("p95(checkout) < 800ms", &ticks).status, SloStatus::Met);
    let over = judged("p95(checkout) < 800ms over 1m", &ticks);
    assert_eq!((over.status, over.observed, over.limit), (SloStatus::Breached, Some(1_200.0), Some(800.0)));
    // Of a minute more than 5 in 100 are slow once three of its windows are.
    assert_eq!(over.first_broken, Some((270.0, 330.0)));
    assert_eq!(over.judged, 55, "the first whole minute of the plateau ends with its sixth window");
}

#[test]
fn minutes_may_be_bad_up_to_the_budget() {
    let bad = |minutes: f64| {
        ticks(&requests(move |at_s, n| (200, (180.0..180.0 + 60.0 * minutes).contains(&at_s) && n % 10 == 0)))
    };
    let one = judged("error_rate(checkout) < 5% in 90% of plateau minutes", &bad(1.0));
    assert_eq!((one.status, one.observed, one.judged, one.broken), (SloStatus::NearMiss, Some(90.0), 10, 1));
    assert!((one.budget_spent.unwrap() - 1.0).abs() < 1e-9 && (one.burn_rate.unwrap() - 2.0).abs() < 1e-9, "{one:?}");
    let two = judged("error_rate(checkout) < 5% in 90% of plateau minutes", &bad(2.0));
    assert_eq!((two.status, two.first_broken), (SloStatus::Breached, Some((180.0, 240.0))));
    assert_eq!(judged("error_rate(checkout) < 5% in 70% of plateau minutes", &bad(1.0)).status, SloStatus::Met);
}

#[test]
fn a_burst_within_the_error_budget_is_told_and_does_not_breach() {
    // Half of the requests of one minute of ten fail: 5 % of all, of 10 % that may.
    let ticks = ticks(&requests(|at_s, n| (200, (300.0..360.0).contains(&at_s) && n % 2 == 0)));
    let result = judged("error_rate(checkout) < 10%", &ticks);
    assert_eq!(result.status, SloStatus::Met);
    assert!((result.budget_spent.unwrap() - 0.5).abs() < 1e-9 && (result.burn_rate.unwrap() - 5.0).abs() < 1e-9);
    assert_eq!(judged("error_rate(checkout) < 4%", &ticks).status, SloStatus::Breached);
}

#[test]
fn what_was_not_counted_is_not_taken_for_good() {
    let all = requests(|_, _| (200, false));
    let mut gap = ticks(&all);
    gap[30..40].iter_mut().for_each(|tick| tick.requests_by_name = None);
    let result = judged("p95(checkout) < 800ms", &gap);
    assert_eq!(result.status, SloStatus::Unmeasured);
    assert!((result.measured - 50.0 / 60.0).abs() < 1e-9, "{result:?}");
    assert_eq!(
        judged("p99.99(checkout) < 800ms over 1m", &ticks(&all)).status,
        SloStatus::Unmeasured,
        "600 are too few"
    );
    assert_eq!(judged("p95(basket) < 800ms", &ticks(&all)).status, SloStatus::Unmeasured, "nobody has counted it");
    assert_eq!(
        judged("p95(checkout) < 2 × baseline", &ticks(&all)).status,
        SloStatus::Unmeasured,
        "there is no figure"
    );
    let over = judged("p95(checkout) < 800ms over 1m", &gap);
    assert_eq!(over.judged, (18 - 5) + (32 - 5), "no minute reaches over the gap");
}

#[test]
fn a_baselines_figure_is_the_limit() {
    let spec = spec("p95(checkout) < 1.1 × baseline");
    let figures = [("p95(checkout) during plateau".to_owned(), 200.0)].into();
    let baseline = BaselineFigures { run: "run-0".parse().unwrap(), figures };
    let of = |ms| {
        let ticks = ticks(&requests(|_, _| (ms, false)));
        results(&spec, Some(&baseline), &spec.profile(), &ticks).remove(0)
    };
    assert!((of(100).limit.unwrap() - 220.0).abs() < 1e-9);
    assert_eq!(
        [of(100), of(210), of(230)].map(|result| result.status),
        [SloStatus::Met, SloStatus::NearMiss, SloStatus::Breached]
    );
}

#[test]
fn a_run_is_ended_by_what_cannot_be_met_any_more() {
    let slow = requests(|at_s, n| (if at_s >= 300.0 { 900 } else { 200 }, at_s >= 300.0 && n % 10 == 0));
    let ended_at = |slo: &str| {
        let spec = spec(slo);
        let mut watches = Watches::new(&spec, None);
        let windows = ticks(&slow).into_iter().filter_map(|tick| tick.requests_by_name);
        windows
            .into_iter()
            .find(|window| {
                let seen = Seen { requests: Some(window), figures: None };
                !watches.see(seen, &spec.profile(), 10.0).is_empty()
            })
            .map(|window| window.to_s)
    };
    assert_eq!(ended_at("p95(checkout) < 800ms over 1m"), None, "nobody wants it to end");
    assert_eq!(ended_at("p95(checkout) < 800ms over 1m then abort"), Some(310.0));
    // One minute of ten may be bad: it is over when the second one is, which the window after it tells.
    assert_eq!(ended_at("error_rate(checkout) < 5% in 90% of plateau minutes then abort"), Some(430.0));
    assert_eq!(ended_at("p95(checkout) < 800ms over 1m during ramp then abort"), None);
}

/// The nearest rank of what lies in a time, found by sorting.
fn percentile(requests: &[Request], from_s: f64, to_s: f64, percent: usize) -> Option<f64> {
    let mut times: Vec<u64> =
        requests.iter().filter(|(at_s, ..)| *at_s >= from_s && *at_s < to_s).map(|(_, ms, _)| *ms).collect();
    times.sort_unstable();
    let rank = (times.len() * percent).div_ceil(100).max(1);
    (times.len() * (100 - percent) >= 100).then(|| times[rank - 1] as f64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Added histograms of windows say what all requests say that were answered in the time.
    #[test]
    fn figures_are_those_of_the_requests_themselves(
        requests in proptest::collection::vec((0.0..720.0_f64, 1_u64..400, any::<bool>()), 0..3_000),
        percent in 50_usize..99,
        limit in 50_u64..400,
        windows in 1_usize..30,
    ) {
        let ticks = ticks(&requests);
        let over_s = windows as f64 * 10.0;
        let slo = format!("p{percent}(checkout) < {limit}ms over {over_s}s");
        let found = judged(&slo, &ticks);
        let starts = (0..=60 - windows).map(|first| 120.0 + first as f64 * 10.0);
        let figures: Vec<(f64, f64)> = starts
            .filter_map(|from_s| Some((from_s, percentile(&requests, from_s, from_s + over_s, percent)?)))
            .collect();
        let first = figures.iter().find(|(_, figure)| *figure >= limit as f64).map(|(from_s, _)| (*from_s, from_s + over_s));
        prop_assert_eq!(found.judged, figures.len() as u64);
        prop_assert_eq!(found.first_broken, first);
        prop_assert_eq!(found.observed, figures.iter().map(|(_, figure)| *figure).reduce(f64::max));
        prop_assert_eq!(found.status == SloStatus::Breached, first.is_some());

        let whole = judged(&format!("p{percent}(checkout) < {limit}ms"), &ticks);
        prop_assert_eq!(whole.observed, percentile(&requests, 120.0, 720.0, percent));
        let bad = |from_s: f64| percentile(&requests, from_s, from_s + 60.0, percent).is_some_and(|figure| figure >= limit as f64);
        let minutes = judged(&format!("p{percent}(checkout) < {limit}ms in 80% of plateau minutes"), &ticks);
        prop_assert_eq!(minutes.broken, (2..12).filter(|minute| bad(f64::from(*minute) * 60.0)).count() as u64);
        let failed = requests.iter().filter(|(at_s, _, failed)| *at_s >= 120.0 && *failed).count();
        let all = requests.iter().filter(|(at_s, ..)| *at_s >= 120.0).count();
        let rate = judged("error_rate(checkout) < 5%", &ticks).observed;
        prop_assert_eq!(rate, (all > 0).then(|| failed as f64 * 100.0 / all as f64));
    }
}
