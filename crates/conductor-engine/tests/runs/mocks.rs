//! Mocks: a run whose mocks are not proved sends nothing, and a leak during the load marks or ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use conductor_core::load::Tags;
use conductor_core::mocks::{Answer, Journalled, LeakPolicy, MockProof, MockSight, MockSpec, RouteCounts, Simulator};
use conductor_core::phase::{Cause, Event};
use conductor_core::ports::{FailureKind, MockProbe, PortError, Ports};
use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;

use crate::bed::{Bed, over, verdict};

/// A mock that answers as one, until the load has been looked at so many times.
struct Scripted {
    /// What the tagged probe is counted by: the route to the mock, or the real one.
    proved: bool,
    /// Looks before the leak trap counts something at each.
    leaks_after: u64,
    /// Calls of `prove` that fail for the time being.
    away: AtomicU64,
    looks: AtomicU64,
}

impl Scripted {
    fn sight(&self, looks: u64) -> MockSight {
        let simulator = Simulator { at: "http://hoverfly".to_owned(), mode: "simulate".to_owned(), webserver: true };
        let counted = 100 * looks;
        let leak = 7 * looks.saturating_sub(self.leaks_after);
        let routes = RouteCounts { mock: counted, leak, ..RouteCounts::default() };
        MockSight { name: "psp".to_owned(), simulators: vec![simulator], arrived: counted, routes, unread: None }
    }
}

#[async_trait]
impl MockProbe for Scripted {
    fn name(&self) -> String {
        "psp".to_owned()
    }

    async fn prove(&self, tags: &Tags, spec: &MockSpec) -> Result<MockProof, PortError> {
        assert!(!tags.run.as_str().is_empty() && spec.name == "psp", "{tags:?}");
        if self.away.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(PortError::new(FailureKind::Unavailable, "could not read the state of Hoverfly"));
        }
        let by = |mock, real| RouteCounts { mock, real, ..RouteCounts::default() };
        let tagged = Answer {
            status: 200,
            mocked_by: Some("psp".to_owned()),
            journal: vec![Journalled { mode: "simulate".to_owned(), status: 200 }],
            routes: if self.proved { by(1, 0) } else { by(0, 1) },
            ..Answer::default()
        };
        let untagged = self.proved.then(|| Answer { status: 200, routes: by(0, 1), ..Answer::default() });
        Ok(MockProof { before: self.sight(0), tagged: Some(tagged), untagged, after: self.sight(0), unread: None })
    }

    async fn look(&self) -> MockSight {
        self.sight(self.looks.fetch_add(1, Ordering::SeqCst) + 1)
    }
}

/// A healthy model with a mock, and what becomes of a run there.
async fn run(on_leak: LeakPolicy, scripted: Scripted) -> (Bed, RunView) {
    let probe: Arc<dyn MockProbe> = Arc::new(scripted);
    let mut bed = Bed::healthy().wrapped(move |ports| Ports { mocks: vec![Arc::clone(&probe)], ..ports });
    bed.created.mocks = vec![MockSpec { name: "psp".to_owned(), on_leak, other_traffic: false }];
    let view = bed.run().await;
    (bed, view)
}

fn scripted() -> Scripted {
    Scripted { proved: true, leaks_after: u64::MAX, away: AtomicU64::new(0), looks: AtomicU64::new(0) }
}

/// Outcome and code of the first reason, and what it says.
fn first(view: &RunView) -> (Outcome, &str, &str) {
    let cause = &verdict(view).causes[0];
    (cause.outcome, cause.code.as_str(), cause.message.as_str())
}

#[tokio::test(start_paused = true)]
async fn a_run_with_proved_mocks_passes_and_tells_what_they_have_counted() {
    let (bed, view) = run(LeakPolicy::Abort, Scripted { away: AtomicU64::new(2), ..scripted() }).await;
    assert_eq!(verdict(&view).outcome, Outcome::Passed, "{:?}", verdict(&view));
    bed.assert_clean(&view, "proved");
    assert!(view.mocks[0].untagged.is_some());
    let counted: Vec<u64> = view.ticks.iter().map(|tick| tick.mocks[0].routes.mock).collect();
    assert!(counted.len() > 5 && counted.is_sorted(), "{counted:?}");
}

#[tokio::test(start_paused = true)]
async fn without_proof_nothing_is_sent_and_everything_is_put_back() {
    let (bed, view) = run(LeakPolicy::Mark, Scripted { proved: false, ..scripted() }).await;
    let (outcome, code, message) = first(&view);
    assert_eq!((outcome, code), (Outcome::Invalid, "mocks_bypassed"));
    assert!(
        message.starts_with("before the load, mock psp: the probe with X-Load-Test: true took the route"),
        "{message}"
    );
    assert_eq!((view.ending.as_ref().unwrap().cause.clone(), verdict(&view).exit_code()), (Cause::Mocks, 3));
    assert!(view.load_started.is_none() && view.ticks.is_empty());
    let journal = bed.journal(&view.id).await;
    assert!(journal.iter().all(|record| !matches!(record.event, Event::Rehearsed { .. })), "no user has run");
    bed.assert_clean(&view, "not proved");
}

#[tokio::test(start_paused = true)]
async fn a_mock_that_cannot_be_asked_or_that_nobody_knows_is_not_proved() {
    let (_, view) = run(LeakPolicy::Mark, Scripted { away: AtomicU64::new(u64::MAX), ..scripted() }).await;
    let (outcome, code, message) = first(&view);
    assert_eq!((outcome, code), (Outcome::Invalid, "mocks_broken"));
    assert_eq!(message, "before the load, mock psp: it could not be proved: could not read the state of Hoverfly");
    let mut bed = Bed::healthy();
    bed.created.mocks = vec![MockSpec { name: "psp".to_owned(), on_leak: LeakPolicy::Mark, other_traffic: false }];
    let view = bed.run().await;
    assert_eq!(first(&view).2, "before the load, mock psp: it could not be proved: nothing knows this mock");
}

#[tokio::test(start_paused = true)]
async fn a_leak_during_the_load_marks_the_run_or_ends_it_at_the_next_measurement() {
    let (bed, view) = run(LeakPolicy::Mark, Scripted { leaks_after: 3, ..scripted() }).await;
    let (outcome, code, message) = first(&view);
    assert_eq!((outcome, code), (Outcome::Invalid, "mocks_bypassed"));
    assert!(
        message.starts_with("during the load, mock psp: tagged requests were stopped by the leak trap"),
        "{message}"
    );
    assert_eq!(view.ending.as_ref().unwrap().cause, Cause::Completed);
    let told = view.events.iter().filter(|event| event.message.contains("leak trap")).count();
    assert_eq!(told, 1, "once is enough");
    bed.assert_clean(&view, "marked");
    let (bed, view) = run(LeakPolicy::Abort, Scripted { leaks_after: 3, ..scripted() }).await;
    assert_eq!((first(&view).1, view.ticks.len()), ("mocks_bypassed", 4));
    assert_eq!(view.ending.as_ref().unwrap().cause, Cause::Mocks);
    let fault = &view.ending.as_ref().unwrap().mock_faults[0];
    assert_eq!((fault.requests, fault.from_s == fault.to_s), (Some(7), true));
    bed.assert_clean(&view, "aborted");
    let conductor = bed.conductor();
    assert_eq!(over(&conductor, &view.id).await, view, "the same is told by the journal alone");
}
