//! Comparisons of runs that a model has played, and of series whose truth is known.

use conductor_core::view::RunView;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::batches::Batches;
use super::compare;

fn document() -> Value {
    serde_json::from_str(include_str!("../../conductor-web/tests/data/passed.json")).unwrap()
}

fn view(document: Value) -> RunView {
    serde_json::from_value(document).unwrap()
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
    let told = compare(&run, &run);
    assert_eq!((told.changes.len(), told.sentence.as_str()), (0, "No difference is larger than chance explains."));
    assert_eq!(told.metrics.len(), 4);
    for metric in told.metrics {
        let interval = metric.difference.unwrap();
        assert!(interval.estimate == 0.0 && interval.low <= 0.0 && interval.high >= 0.0, "{metric:?}");
    }
}

#[test]
fn a_slower_version_is_told_with_what_was_changed() {
    let told = compare(&view(document()), &slower(1.5));
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
    let told = compare(&run, &view(invalid)).sentence;
    assert_eq!(told, format!("Nothing is to be said of a difference: run {} is invalid.", run.id));
    let mut on = document();
    on["verdict"] = Value::Null;
    assert!(compare(&view(on), &run).sentence.ends_with(" goes on."));
    let mut short = document();
    short["ticks"].as_array_mut().unwrap().truncate(33);
    let told = compare(&run, &view(short));
    assert_eq!(told.sentence, "Nothing is to be said of a difference: there are too few windows on a level.");
    assert!(told.metrics.iter().all(|metric| metric.second.is_none()));
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

/// How often of 1,500 pairs the interval leaves out a true difference.
fn missed(count: usize, like: f64, difference: f64) -> f64 {
    let mut random = StdRng::seed_from_u64(7);
    let pairs = 1_500;
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
    for (like, most) in [(-0.3, 0.01), (0.0, 0.015), (0.3, 0.02), (0.5, 0.03)] {
        for count in [18, 60, 180] {
            let share = missed(count, like, 1.0);
            println!("{count} windows, neighbours alike by {like}: {:.2} % outside the interval", share * 100.0);
            assert!(share <= most, "{count} windows, {like}: {share}");
        }
    }
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
