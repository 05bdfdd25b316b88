//! Runs in which one thing is wrong are judged by it, and their journal alone says the same again, bit for bit.

use std::time::Duration;

use conductor_core::ports::FailureKind;
use conductor_core::run::Record;
use conductor_core::verdict::{Outcome, Verdict};
use conductor_core::view::RunView;
use conductor_sim::{Call, CallFault, CallOutcome, Fault, FaultKind, Origin, Plant};

use crate::bed::{Bed, verdict};

/// Something that goes wrong in the plateau for a time.
fn fault(at: &str, lasts: &str, what: FaultKind) -> Fault {
    Fault { at: at.parse().unwrap(), from: Origin::Load, lasts: Some(lasts.parse().unwrap()), what }
}

fn fails(call: Call) -> FaultKind {
    let outcome = CallOutcome::Fails(FailureKind::Unavailable);
    FaultKind::Call(CallFault { call, only: None, times: None, outcome })
}

/// The verdict of a run, after its journal has been written down, read and judged once more.
async fn judged_twice(change: impl FnOnce(&mut Plant)) -> Verdict {
    let bed = Bed::new(change);
    let view = bed.run().await;
    let stored = serde_json::to_string(&bed.journal(&view.id).await).unwrap();
    let journal: Vec<Record> = serde_json::from_str(&stored).unwrap();
    let again = RunView::of(&view.id, &journal).unwrap();
    let text = |view: &RunView| serde_json::to_string(verdict(view)).unwrap();
    assert_eq!(text(&again), text(&view), "bit for bit");
    let read: Verdict = serde_json::from_str(&text(&view)).unwrap();
    assert_eq!(read, *verdict(&view), "what is written of a verdict is all of it");
    read
}

#[tokio::test(start_paused = true)]
async fn each_staged_run_has_its_verdict_and_its_journal_says_the_same_again() {
    let load = bed_load();
    let middle = format!("{}s", (load.as_secs_f64() * 0.6).round());
    let long = format!("{}s", (load.as_secs_f64() * 0.25).round());
    let staged: [(&str, Option<FaultKind>, Outcome, &str); 6] = [
        ("nothing", None, Outcome::Passed, ""),
        ("an outage", Some(FaultKind::Capacity(0.0)), Outcome::Failed, "stalled"),
        ("no samples", Some(FaultKind::SamplesLost), Outcome::Invalid, "kpi_unmeasured"),
        ("a lost worker", Some(FaultKind::WorkersLost(1)), Outcome::Invalid, "workers_lost"),
        ("a generator that does not answer", Some(fails(Call::Status)), Outcome::Invalid, "generator_lost"),
        // The next sample counts what was missed meanwhile.
        ("a source that is silent and comes back", Some(fails(Call::Sample)), Outcome::Passed, ""),
    ];
    for (name, what, outcome, code) in staged {
        let verdict = judged_twice(|plant| {
            plant.environment.faults = what.map(|what| fault(&middle, &long, what)).into_iter().collect();
        })
        .await;
        let first = verdict.causes.first().map_or("", |cause| cause.code.as_str());
        assert_eq!((verdict.outcome, first), (outcome, code), "{name}: {:?}", verdict.causes);
    }
}

/// How long the load of a bed takes.
fn bed_load() -> Duration {
    Bed::healthy().created.spec.load_time().as_duration()
}

#[tokio::test(start_paused = true)]
async fn runs_of_a_whole_system_that_is_too_small_say_where_its_limit_is() {
    let verdict = judged_twice(|plant| {
        plant.checkout.capacity = Some("900/min".parse().unwrap());
        plant.checkout.timeout = Some("10s".parse().unwrap());
    })
    .await;
    let cause = verdict.causes.iter().find(|cause| cause.code == "target_not_held").unwrap();
    assert_eq!(verdict.outcome, Outcome::Failed);
    let limit = cause.evidence.iter().find(|evidence| evidence.what == "limit of the system");
    let found = limit.and_then(|limit| limit.value).unwrap_or_else(|| panic!("{cause:?}"));
    assert!((600.0..=1000.0).contains(&found), "{found}");
    let first = cause.evidence.iter().find(|evidence| evidence.what == "shop was saturated first");
    let first = first.unwrap_or_else(|| panic!("{cause:?}"));
    assert_eq!((first.value, first.limit), (Some(100.0), Some(90.0)), "{first:?}");
}
