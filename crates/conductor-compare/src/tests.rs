//! Comparisons of runs that a model has played, and of series whose truth is known.

use conductor_core::requests::{Histogram, NamedWindow, RequestCount};
use conductor_core::view::RunView;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::batches::Batches;
use super::{Comparison, Side, compare};

fn document() -> Value {
    serde_json::from_str(include_str!("../../conductor-web/tests/data/passed.json")).unwrap()
}

fn view(document: Value) -> RunView {
    serde_json::from_value(document).unwrap()
}

/// A run of a load test.
fn side(view: RunView) -> Side {
    Side { view, spec: serde_json::from_value(test()).unwrap() }
}

fn test() -> Value {
    json!({
        "apiVersion": "loadtest-conductor.dev/v1alpha1", "kind": "LoadTest", "metadata": { "name": "orders" },
        "spec": {
            "environment": "shop", "kpi": { "name": "orders", "target": "600/min" }, "rampUp": "5m", "plateau": "30m",
            "slos": ["p95 < 800ms"],
        },
    })
}

fn compared(first: RunView, second: RunView) -> Comparison {
    compare(&side(first), &side(second))
}

/// The same run with response times that are so many times as long.
fn slower(times: f64) -> RunView {
    let mut run = document();
    run["id"] = json!("slower");
    run["applications"][1]["during"]["release"]["main"] = json!("v3");
    for tick in run["ticks"].as_array_mut().unwrap() {
        tick["latency"]["meanMs"] = json!(tick["latency"]["meanMs"].as_f64().unwrap() * times);
    }
    view(run)
}

#[test]
fn a_run_does_not_differ_from_itself() {
    let run = view(document());
    let told = compared(run.clone(), run);
    assert_eq!((told.changes.len(), told.sentence.as_str()), (0, "No difference is larger than chance explains."));
    assert!(told.metrics.len() >= 4, "{:?}", told.metrics);
    for metric in told.metrics {
        let interval = metric.difference.unwrap();
        assert!(interval.estimate == 0.0 && interval.low <= 0.0 && interval.high >= 0.0, "{metric:?}");
    }
}

#[test]
fn a_slower_version_is_told_with_what_was_changed() {
    let told = compared(view(document()), slower(1.5));
    let [change] = &told.changes[..] else { panic!("{:?}", told.changes) };
    assert_eq!(
        (change.what.as_str(), change.first.as_str(), change.second.as_str()),
        ("shop", "v2 with 3 replicas", "v3 with 3 replicas")
    );
    assert!(told.sentence.starts_with("The difference is real: mean response time +50.0 % (+"), "{}", told.sentence);
    assert!(!told.sentence.contains(';'), "{}", told.sentence);
}

#[test]
fn nothing_is_said_of_runs_that_say_nothing() {
    let mut invalid = document();
    invalid["verdict"]["outcome"] = json!("invalid");
    let run = view(document());
    let told = compared(run.clone(), view(invalid)).sentence;
    assert_eq!(told, format!("Nothing is to be said of a difference: run {} is invalid.", run.id));
    let mut on = document();
    on["verdict"] = Value::Null;
    assert!(compared(view(on), run.clone()).sentence.ends_with(" goes on."));
    let mut short = document();
    short["ticks"].as_array_mut().unwrap().truncate(33);
    let told = compared(run, view(short));
    assert_eq!(told.sentence, "Nothing is to be said of a difference: there are too few windows on a level.");
    assert!(told.metrics[..4].iter().all(|metric| metric.second.is_none()));
}

/// Values around 100, each so much like the one before it.
fn series(random: &mut StdRng, count: usize, like: f64) -> Vec<f64> {
    let mut last = 0.0;
    let mut value = || {
        let chance: f64 = (0..12).map(|_| random.random_range(0.0..1.0)).sum::<f64>() - 6.0;
        last = like * last + chance;
        100.0 + last
    };
    for _ in 0..50 {
        value();
    }
    (0..count).map(|_| value()).collect()
}

/// How often of 4,000 pairs the interval leaves out a true difference.
fn missed(count: usize, like: f64, difference: f64) -> f64 {
    let mut random = StdRng::seed_from_u64(7);
    let pairs = 4_000;
    let missed = (0..pairs).filter(|_| {
        let first = Batches::of(&series(&mut random, count, like)).unwrap();
        let second: Vec<f64> = series(&mut random, count, like).iter().map(|value| value + difference).collect();
        let interval = first.difference(&Batches::of(&second).unwrap());
        interval.low > difference || interval.high < difference
    });
    missed.count() as f64 / f64::from(pairs)
}

#[test]
fn the_interval_leaves_out_the_truth_as_rarely_as_it_says() {
    // What is meant is 1 %; what is counted of 4,000 pairs may be 0.3 % beside it.
    let most = 0.0133;
    for like in [-0.3, 0.0, 0.3, 0.5] {
        for count in [12, 18, 60, 180] {
            let share = missed(count, like, 1.0);
            println!("{count} windows, neighbours alike by {like}: {:.2} % outside the interval", share * 100.0);
            assert!(share <= most, "{count} windows, {like}: {share}");
        }
    }
}

#[test]
fn every_field_of_the_load_tests_that_differs_is_told_by_its_path() {
    let mut other = test();
    other["metadata"]["name"] = json!("orders-fast");
    other["spec"]["kpi"]["target"] = json!("900/min");
    other["spec"]["slos"] = json!(["p95 < 700ms", "p99 < 2s then alert"]);
    other["spec"]["verdict"] = json!({ "meanTolerance": "3%" });
    let run = view(document());
    let second = Side { view: run.clone(), spec: serde_json::from_value(other).unwrap() };
    let told = compare(&side(run), &second).changes;
    let texts: Vec<String> = told.iter().map(|one| format!("{}: {} → {}", one.what, one.first, one.second)).collect();
    assert_eq!(
        texts,
        [
            "metadata.name: orders → orders-fast",
            "spec.kpi.target: 600/min → 900/min",
            "spec.slos: [\"p95 < 800ms\"] → [\"p95 < 700ms\",\"p99 < 2s then alert\"]",
            "spec.verdict.meanTolerance: absent → 3%",
        ]
    );
}

/// Response times of a window, of which the slowest are much slower.
fn times(random: &mut StdRng, requests: usize, factor: f64) -> Histogram {
    let time = |chance: f64| (40.0 * factor * (1.0 - chance).powf(-0.4)).round() as u64;
    let all: Vec<(u64, u64)> = (0..requests).map(|_| (time(random.random_range(0.0..1.0)), 1)).collect();
    all.into()
}

/// The run with response times of all requests in each of its windows.
fn timed(seed: u64, factor: f64) -> RunView {
    let mut random = StdRng::seed_from_u64(seed);
    let mut run = view(document());
    for tick in &mut run.ticks {
        let times = times(&mut random, 300, factor);
        let count = RequestCount { requests: times.count(), failures: 0, times };
        let counts = [(String::new(), count)].into();
        tick.requests_by_name = Some(NamedWindow { from_s: tick.from_s, to_s: tick.to_s, counts });
    }
    run
}

#[test]
fn percentiles_are_those_of_all_requests_and_told_apart_where_they_differ() {
    let told = |first, second| {
        let told = compared(first, second).metrics.into_iter().filter(|one| one.name.ends_with(" of all requests"));
        told.map(|one| (one.name.clone(), one.is_real(), one.first.unwrap())).collect::<Vec<_>>()
    };
    let alike = told(timed(1, 1.0), timed(2, 1.0));
    let names: Vec<&str> = alike.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["p50 of all requests", "p95 of all requests", "p99 of all requests"]);
    assert!(alike.iter().all(|(_, real, _)| !real), "{alike:?}");
    // Of the distribution they are 40 ms × (1 − p)^−0.4.
    for ((name, _, ms), expected) in alike.iter().zip([52.8, 132.6, 252.4]) {
        assert!((ms / expected - 1.0).abs() < 0.1, "{name}: {ms} ms, {expected} ms");
    }
    let slower = told(timed(1, 1.0), timed(2, 1.5));
    assert!(slower[..2].iter().all(|(_, real, _)| *real), "what is rarer takes more requests: {slower:?}");
    let none = compared(timed(1, 1.0), view(document()));
    assert!(none.metrics.iter().all(|one| !one.name.contains("p95")), "only one of them has them");
}

#[test]
fn the_interval_of_a_percentile_leaves_out_the_truth_as_rarely_as_it_says() {
    for (percent, requests) in [(50, 20), (95, 100), (99, 300)] {
        let mut random = StdRng::seed_from_u64(11);
        let pairs = 1_000;
        let missed = (0..pairs).filter(|_| {
            let mut one = || {
                let windows: Vec<Histogram> = (0..30).map(|_| times(&mut random, requests, 1.0)).collect();
                Batches::percentile(&windows.iter().collect::<Vec<_>>(), percent).unwrap()
            };
            let (first, second) = (one(), one());
            let interval = first.difference(&second);
            interval.low > 0.0 || interval.high < 0.0
        });
        let share = missed.count() as f64 / f64::from(pairs);
        println!("p{percent} of 30 windows: {:.2} % outside the interval", share * 100.0);
        assert!(share <= 0.015, "p{percent}: {share}");
    }
}

#[test]
fn a_step_of_rounding_is_no_difference_and_too_few_requests_have_no_percentile() {
    let same = |ms: u64| Histogram::from(vec![(ms, 100)]);
    let of = |ms: u64| Batches::percentile(&[&same(ms); 20], 95).unwrap();
    let real = |first: u64, second: u64| of(first).difference(&of(second)).low > 0.0;
    assert!(!real(100, 110) && real(100, 130));
    assert!(!real(50, 51) && real(50, 52));
    let few = Histogram::from(vec![(100, 5)]);
    assert_eq!(Batches::percentile(&[&few; 20], 99), None);
    assert!(Batches::percentile(&[&few; 20], 50).is_some());
}

proptest! {
    #[test]
    fn who_is_compared_with_whom_only_turns_the_sign(values in proptest::collection::vec((0.0..1e6_f64, 0.0..1e6_f64), 5..80)) {
        let (first, second): (Vec<f64>, Vec<f64>) = values.into_iter().unzip();
        let (first, second) = (Batches::of(&first).unwrap(), Batches::of(&second).unwrap());
        let (there, back) = (first.difference(&second), second.difference(&first));
        prop_assert!(there.low <= there.estimate && there.estimate <= there.high);
        prop_assert!((there.low + back.high).abs() <= 1e-6 && (there.high + back.low).abs() <= 1e-6);
        let itself = first.difference(&first);
        prop_assert!(itself.low <= 0.0 && itself.high >= 0.0);
    }
}
