//! Planning: all that is in the way of a run is told at once, whatever answers first, and nothing is changed.

use conductor_core::failure::{Failure, FailureKind, PortError};
use conductor_sim::{Call, CallFault, CallOutcome, FaultKind};

use crate::bed::{Bed, lasting};

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
