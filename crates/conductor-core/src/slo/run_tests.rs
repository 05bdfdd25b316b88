//! A breach on its way through a run: into its end, its ticks and its verdict, from a journal that was written down.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::SloStatus;
use crate::alert::{Alerts, Severity, Topic};
use crate::failure::FailureKind;
use crate::fixtures::{created, load_test};
use crate::guard::Guarded;
use crate::load::{GeneratorFacts, KpiSample};
use crate::phase::{Cause, Event, Measurement};
use crate::requests::{Histogram, RequestCount, RequestRow, RequestWindow};
use crate::run::{Record, Run};
use crate::scale::Baseline;
use crate::verdict::Outcome;
use crate::view::{Fold, RunView};

const LENIENT: &str = "error_rate(checkout) < 5% over 30s during load";
const STRICT: &str = "p50(POST checkout) < 200ms over 1m during load then abort";

fn facts(by_name: bool) -> GeneratorFacts {
    GeneratorFacts { version: "Locust".to_owned(), workers: None, counting: "exact".to_owned(), by_name }
}

/// A record as a store gives it back, its fields in another order than they were written in.
fn kept(record: &Record) -> Record {
    let value: Value = serde_json::to_value(record).unwrap();
    serde_json::from_value(value).unwrap()
}

/// A run of three minutes, whose checkout takes so long in each half minute.
fn journal(times_ms: &[u64]) -> Vec<Record> {
    journal_of(&[LENIENT, STRICT], times_ms)
}

/// The same with these objectives.
fn journal_of(slos: &[&str], times_ms: &[u64]) -> Vec<Record> {
    let spec = load_test("600/min", json!({ "interval": "30s", "plateau": "2m", "slos": slos }));
    let mut journal: Vec<Record> = Vec::new();
    let mut at = Timestamp::UNIX_EPOCH;
    let mut tell = |at: Timestamp, event: Event| {
        journal.push(kept(&Record { revision: journal.len() as u64 + 1, at, event }));
    };
    tell(at, Event::Created(Box::new(created(spec))));
    tell(at, Event::Started);
    tell(at, Event::PreflightPassed { production: [].into(), generator: facts(true), parity: None });
    tell(at, Event::BaselineRecorded { baseline: Baseline::new() });
    tell(at, Event::Frozen { guarded: Guarded::Frozen });
    tell(at, Event::Deployed);
    tell(at, Event::ScaledUp);
    let sample = |from, to| KpiSample {
        from,
        to,
        count: Some(1),
        requests: 1,
        failures: 0,
        latency: None,
        responses: None,
        marks: vec![],
    };
    tell(at, Event::Rehearsed { sample: sample(at, at) });
    for ms in times_ms {
        let from = at;
        at += SignedDuration::from_secs(30);
        let row = |method: &str, name: &str| RequestRow {
            method: method.to_owned(),
            name: name.to_owned(),
            count: RequestCount { requests: 50, failures: 1, times: Histogram::from(vec![(*ms, 50)]) },
        };
        let window = RequestWindow { from, to: at, rows: vec![row("POST", "checkout"), row("GET", "basket")] };
        let requests = Some(window.keep(["checkout", "POST checkout"]));
        tell(at, Event::Measured(Box::new(Measurement { requests, ..Measurement::new(Some(sample(from, at)), None) })));
    }
    journal
}

/// The way back, which goes well.
fn go_back(journal: &mut Vec<Record>) {
    let at = journal.last().unwrap().at;
    let restored = Event::Restored { found: Baseline::new(), foreign: vec![], failures: vec![] };
    for event in [Event::LoadStopped, restored, Event::Thawed, Event::CleanedUp { deleted: vec![], failures: vec![] }] {
        journal.push(kept(&Record { revision: journal.len() as u64 + 1, at, event }));
    }
}

#[test]
fn a_breach_that_ends_the_run_is_its_cause_and_its_verdict() {
    let mut journal = journal(&[100, 100, 300, 300]);
    let id = "run-1".parse().unwrap();
    let mut run = Run::begin(&journal[0]).unwrap();
    journal[1..11].iter().for_each(|record| drop(run.apply(record).unwrap()));
    assert_eq!(run.state.name(), "GeneratingLoad", "half of the minute is slow: the median is still quick");
    run.apply(&journal[11]).unwrap();
    assert_eq!(run.state.name(), "StoppingLoad");
    let Cause::Failed(failure) = &run.state.ending().unwrap().cause else { panic!("{:?}", run.state.ending()) };
    assert_eq!(failure.kind, FailureKind::SloBreached);
    assert_eq!(
        failure.to_string(),
        format!("keep within the objectives: \"{STRICT}\" was breached, which ends the run")
    );

    go_back(&mut journal);
    let view = RunView::of(&id, &journal).unwrap();
    let broken: Vec<&[String]> = view.ticks.iter().map(|tick| tick.broken_slos.as_slice()).collect();
    assert_eq!(broken, [&[] as &[String], &[], &[], &[STRICT.to_owned()]]);
    let verdict = view.verdict.unwrap();
    assert_eq!((verdict.outcome, verdict.causes[0].code.as_str()), (Outcome::Failed, "slo_breached"), "{verdict:?}");
    assert_eq!(
        verdict.causes[0].message,
        format!("{STRICT} was breached: 300 ms against 200 ms, beyond it in 1 of 3 windows")
    );
    assert_eq!(verdict.slos[1].first_broken, Some((60.0, 120.0)));
    assert_eq!(verdict.slos[1].status, SloStatus::Breached);
    assert_eq!((verdict.slos[0].judged, verdict.slos[0].observed), (4, Some(2.0)), "{:?}", verdict.slos[0]);
}

#[test]
fn a_breach_that_is_only_told_fires_a_milder_alert_and_does_not_fail_the_run() {
    let told = |slo: &str| {
        let mut journal = journal_of(&[slo], &[100, 100, 300, 300, 300, 300]);
        go_back(&mut journal);
        let id = "run-1".parse().unwrap();
        let (mut fold, mut alerts) = (Fold::begin(&id, &journal[0]).unwrap(), Alerts::default());
        let mut fired = Vec::new();
        for record in &journal[1..] {
            fold.take(record).unwrap();
            fired.extend(alerts.see(&fold, record));
        }
        let breaches = fired.into_iter().filter(|notice| notice.alert.key.topic == Topic::SloBreached);
        let severities: Vec<Severity> = breaches.map(|notice| notice.alert.severity).collect();
        let verdict = RunView::of(&id, &journal).unwrap().verdict.unwrap();
        let of_slos = verdict.causes.iter().filter(|cause| cause.code.starts_with("slo_"));
        let causes: Vec<(Outcome, String)> = of_slos.map(|cause| (cause.outcome, cause.code.clone())).collect();
        (severities, causes)
    };
    let slow = "p50(POST checkout) < 200ms over 1m during load";
    let both = |severity| vec![severity, severity];
    assert_eq!(told(slow), (both(Severity::Critical), vec![(Outcome::Failed, "slo_breached".to_owned())]));
    assert_eq!(
        told(&format!("{slow} then alert")),
        (both(Severity::Warning), vec![(Outcome::Warned, "slo_alerted".to_owned())]),
        "fired and resolved"
    );
    let hardly = "p50(POST checkout) < 320ms during load then alert";
    assert_eq!(told(hardly), (vec![], vec![]), "it was met, and nobody wants to hear of that");
    let unknown = "p50(\"GET nothing\") < 1s during load";
    assert_eq!(told(unknown).1, [(Outcome::Invalid, "slo_unmeasured".to_owned())]);
    assert_eq!(told(&format!("{unknown} then alert")).1, [(Outcome::Warned, "slo_unmeasured".to_owned())]);
}

#[test]
fn a_generator_that_does_not_tell_names_is_not_for_objectives() {
    let spec = load_test("600/min", json!({ "slos": ["p95 < 1s"] }));
    let created = created(spec);
    assert_eq!(created.unfit(&facts(true)), None);
    assert_eq!(
        created.unfit(&facts(false)).unwrap(),
        "Locust does not tell requests by name with their response times, and spec.slos has \"p95 < 1s\"; expected a load generator \
         that does, as Locust with conductor_locust.py beside its locustfile, or no spec.slos"
    );
}

#[test]
fn objectives_that_do_not_go_with_the_test_are_refused_by_their_fields() {
    let refused = |fields: &Value| {
        let mut document = serde_json::to_value(load_test("600/min", json!({}))).unwrap();
        fields.as_object().unwrap().iter().for_each(|(name, value)| document["spec"][name] = value.clone());
        serde_json::from_value::<crate::spec::LoadTestSpec>(document).unwrap_err().to_string()
    };
    let cases = [
        (
            json!({ "slos": ["p95 < 1.1 × baseline"] }),
            "spec.slos[0]: \"p95 < 1.1 × baseline\" is relative to a baseline, and there is \
          none; expected the id of a run in spec.baseline",
        ),
        (
            json!({ "slos": ["p95 < 1s", "p95 < 1000ms"] }),
            "spec.slos[1]: \"p95 < 1s\" is listed twice; expected each objective once",
        ),
        (
            json!({ "slos": ["p95 < 1s over 30s"] }),
            "spec.slos[0]: \"p95 < 1s over 30s\" is over less than the interval of 1m in which \
          is measured; expected spec.interval or longer",
        ),
        (
            json!({ "interval": "90s", "plateau": "9m", "slos": ["p95 < 1s in 9% of minutes"] }),
            "is of minutes, and 1m30s are \
          measured together; expected a spec.interval of 60s or less",
        ),
        (json!({ "baseline": "a b", "slos": [] }), "spec.baseline: \"a b\" is not the id of a run"),
        (json!({ "slos": vec!["p95 < 1s"; 51] }), "spec.slos: 51 objectives are too many; expected at most 50"),
        (
            json!({ "slos": ["p95 < 1"] }),
            "spec.slos[0]: \"1\" is not a limit at character 7:\n    p95 < 1\n          ^; expected a time",
        ),
    ];
    for (fields, message) in cases {
        assert!(refused(&fields).contains(message), "{fields}: {}", refused(&fields));
    }
}
