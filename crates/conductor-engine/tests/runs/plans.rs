//! Planning: all that is in the way of a run is told at once, whatever answers first, and nothing is changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use conductor_core::failure::{Failure, FailureKind, PortError};
use conductor_core::ports::{Ports, TableCount, TestDataStore};
use conductor_core::run::RunId;
use conductor_core::verdict::Outcome;
use conductor_sim::{Call, CallFault, CallOutcome, FaultKind};

use crate::bed::{Bed, lasting, verdict};

/// A bed where each of these calls fails for good.
fn failing(calls: &[(Call, FailureKind)]) -> Bed {
    let fault = |(call, kind): &(Call, FailureKind)| {
        let outcome = CallOutcome::Fails(*kind);
        lasting(FaultKind::Call(CallFault { call: *call, only: None, times: None, outcome }), false)
    };
    Bed::new(|plant| plant.environment.faults = calls.iter().map(fault).collect())
}

fn told(error: &PortError) -> String {
    format!("{:?}: {}", error.kind, Failure::of("", error).message)
}

#[tokio::test(start_paused = true)]
async fn all_that_is_in_the_way_is_told_at_once() {
    use FailureKind::{Rejected, Unavailable};
    for (calls, expected) in [
        (&[(Call::Check, Rejected)][..], "Rejected: could not check the load generator: the plant says so"),
        (
            &[(Call::Count, Unavailable), (Call::Allocated, Rejected), (Call::Check, Unavailable)],
            "Rejected: could not check the load generator: the plant says so; could not read allocations (shop, \
             payments): the plant says so; could not count rows (shop): the plant says so",
        ),
        (
            &[(Call::Deployed, Unavailable), (Call::Production, Unavailable)],
            "Unavailable: could not read production: the plant says so; could not read versions (shop, payments): the \
             plant says so",
        ),
    ] {
        let bed = failing(calls);
        assert_eq!(told(&bed.plan().await.unwrap_err()), expected);
        assert!(bed.is_as_before());
    }
    assert!(failing(&[]).plan().await.is_ok());
}

/// What a store of many rows, or of a database that is down, never ends.
#[derive(Clone, Copy, PartialEq)]
enum Endless {
    Check,
    /// A count, until something was deleted.
    Count,
}

struct Large {
    endless: Endless,
    is_deleted: AtomicBool,
}

fn with_large(endless: Endless) -> Bed {
    Bed::healthy().wrapped(move |mut ports: Ports| {
        ports.test_data.insert(0, Arc::new(Large { endless, is_deleted: AtomicBool::new(false) }));
        ports
    })
}

#[async_trait]
impl TestDataStore for Large {
    fn name(&self) -> String {
        "large".to_owned()
    }

    async fn count(&self, _run: &RunId) -> Result<Vec<TableCount>, PortError> {
        if self.endless == Endless::Count && !self.is_deleted.load(Ordering::Relaxed) {
            std::future::pending().await
        }
        Ok(vec![TableCount { table: "events".to_owned(), rows: 0 }])
    }

    async fn delete(&self, _run: &RunId) -> Result<Vec<TableCount>, PortError> {
        self.is_deleted.store(true, Ordering::Relaxed);
        Ok(vec![TableCount { table: "events".to_owned(), rows: 1 }])
    }

    async fn check(&self) -> Result<Vec<String>, PortError> {
        if self.endless == Endless::Check {
            std::future::pending().await
        }
        Ok(vec!["events.run_id has no index".to_owned()])
    }
}

#[tokio::test(start_paused = true)]
async fn rows_that_cannot_be_counted_in_time_are_a_remark_beside_the_others() {
    let report = with_large(Endless::Count).plan().await.unwrap();
    assert_eq!(
        report.test_data_remarks,
        ["large: events.run_id has no index", "large: a run's rows are not counted within 60 s"]
    );
    let stores: Vec<&str> = report.test_data.iter().map(|rows| rows.store.as_str()).collect();
    assert!(!stores.is_empty() && stores.iter().all(|store| *store == "shop"), "{stores:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_in_the_way() {
    let bed = with_large(Endless::Check);
    assert_eq!(told(&bed.plan().await.unwrap_err()), "TimedOut: large does not answer within 60 s");
    let view = bed.run().await;
    bed.assert_clean(&view, "no run begins");
    assert_eq!(verdict(&view).outcome, Outcome::Failed);
    assert_eq!(view.applications.len(), 0, "{:?}", view.applications);
}

#[tokio::test(start_paused = true)]
async fn a_run_begins_without_counting_rows() {
    let bed = with_large(Endless::Count);
    let view = bed.run().await;
    bed.assert_clean(&view, "many rows");
    assert_eq!(verdict(&view).outcome, Outcome::Passed, "{:?}", verdict(&view));
}
