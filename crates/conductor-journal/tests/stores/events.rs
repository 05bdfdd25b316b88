//! Records for the tests, and errors in words.

use conductor_core::failure::{Failure, FailureKind};
use conductor_core::phase::{Event, Level, Note};
use conductor_core::restore::ForeignPolicy;
use conductor_core::run::{Created, Record, RunId, Waits};
use conductor_core::spec::IfBusy;
use jiff::Timestamp;

pub(crate) fn run_id(text: &str) -> RunId {
    text.parse().unwrap()
}

pub(crate) fn record(revision: u64, event: Event) -> Record {
    Record { revision, at: Timestamp::from_second(1_700_000_000 + revision as i64).unwrap(), event }
}

/// The beginning of a run in environment `shop`.
pub(crate) fn created() -> Event {
    created_in("shop")
}

pub(crate) fn created_in(environment: &str) -> Event {
    Event::Created(Box::new(declared(environment)))
}

/// The beginning of a run that a request of this name makes.
pub(crate) fn requested(environment: &str, request: &str) -> Event {
    let created = Created { request: request.parse().ok(), by: Some("ops".to_owned()), ..declared(environment) };
    Event::Created(Box::new(created))
}

/// The beginning of a run that waits for its turn in environment `shop`.
pub(crate) fn waiting(if_busy: IfBusy) -> Event {
    let mut created = Created { waits: Some(Waits { run: Some(run_id("r-1")), replaces: false }), ..declared("shop") };
    created.spec.if_busy = if_busy;
    Event::Created(Box::new(created))
}

fn declared(environment: &str) -> Created {
    let spec = serde_json::from_value(serde_json::json!({
        "apiVersion": "loadtest-conductor.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": { "name": "rehearsal" },
        "spec": {
            "environment": environment,
            "kpi": { "name": "orders", "target": "600/min" },
            "rampUp": "1m",
            "plateau": "1m"
        }
    }))
    .unwrap();
    Created::new(spec, vec![], ForeignPolicy::Report, serde_json::json!({ "any": 1 }))
}

pub(crate) fn note(text: &str) -> Event {
    Event::Noted(Note { level: Level::Info, message: text.to_owned() })
}

pub(crate) fn failed() -> Event {
    Event::Failed(Failure {
        activity: "check".to_owned(),
        kind: FailureKind::NotFound,
        message: "no Locust".to_owned(),
    })
}

/// An error with all its sources.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    std::iter::once(error.to_string()).chain(sources.map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}
