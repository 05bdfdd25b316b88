//! Calls of ports that are observed: every one is told, and runs go as they do without.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use conductor_core::failure::FailureKind;
use conductor_core::verdict::Outcome;
use conductor_engine::{CallOutcome, PortCall, PortObserver};
use conductor_sim::{Call, CallFault, CallOutcome as Becomes, FaultKind};

use crate::bed::{Bed, outcome};

/// Keeps every call.
#[derive(Default)]
struct Ear(Mutex<Vec<PortCall>>);

impl PortObserver for Ear {
    fn called(&self, call: PortCall) {
        self.0.lock().unwrap().push(call);
    }
}

impl Ear {
    /// How often each method of a port was called with each outcome.
    fn counts(&self) -> BTreeMap<(String, &'static str), usize> {
        let mut counts = BTreeMap::new();
        for call in self.0.lock().unwrap().iter() {
            *counts.entry((format!("{}.{}", call.port, call.method), call.outcome.name())).or_default() += 1;
        }
        counts
    }
}

fn observed(bed: Bed) -> (Bed, Arc<Ear>) {
    let ear = Arc::new(Ear::default());
    let by: Arc<dyn PortObserver> = ear.clone();
    (bed.wrapped(move |ports| conductor_engine::observed(ports, &by)), ear)
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_observed_goes_as_one_that_is_not() {
    let plain = Bed::healthy().run().await;
    let (bed, ear) = observed(Bed::healthy());
    let view = bed.run().await;
    bed.assert_clean(&view, "observed");
    assert_eq!(outcome(&view), Outcome::Passed);
    assert_eq!(view.revision, plain.revision);
    assert_eq!(view.ticks, plain.ticks);
    assert_eq!(view.phases, plain.phases);

    let counts = ear.counts();
    let of = |call: &str, outcome: &'static str| counts.get(&(call.to_owned(), outcome)).copied().unwrap_or_default();
    for call in
        ["deployer.roll_out", "scaler.scale", "guard.freeze", "guard.thaw", "generator.stop", "test_data.delete"]
    {
        assert!(of(call, "ok") > 0, "{call} in {counts:?}");
    }
    assert!(of("kpi.sample", "ok") >= view.ticks.len(), "{counts:?}");
    assert!(of("generator.set", "ok") > 1, "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_call_is_that_which_the_other_side_took() {
    let (bed, ear) = observed(Bed::healthy());
    bed.run().await;
    let calls = ear.0.lock().unwrap();
    let longest = |method| calls.iter().filter(|call| call.method == method).map(|call| call.took).max().unwrap();
    // A rollout waits until every replica is ready, a look does not wait at all.
    assert!(longest("roll_out") > longest("deployed"), "{:?} {:?}", longest("roll_out"), longest("deployed"));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_is_told_by_its_kind() {
    let outcome = Becomes::Fails(FailureKind::Unavailable);
    let fault = FaultKind::Call(CallFault { call: Call::Sample, only: None, times: None, outcome });
    let (bed, ear) = observed(Bed::with_fault(fault, true));
    let view = bed.run().await;
    bed.assert_clean(&view, "without the KPI");
    let calls = ear.0.lock().unwrap();
    let failed = CallOutcome::Failed(FailureKind::Unavailable);
    let failures = calls.iter().filter(|call| call.outcome == failed);
    let ports: Vec<&str> = failures.map(|call| call.port).collect();
    assert!(!ports.is_empty() && ports.iter().all(|port| *port == "kpi"), "{ports:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_waits_for_any_more_is_told_as_abandoned() {
    let (bed, ear) = observed(Bed::healthy());
    bed.run().await;
    // It waits for drift, of which there is none, until the load is over.
    let counts = ear.counts();
    assert!(counts[&("guard.drifted".to_owned(), "abandoned")] > 0, "{counts:?}");
    assert!(!counts.contains_key(&("guard.drifted".to_owned(), "ok")), "{counts:?}");
}
