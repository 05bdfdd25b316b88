//! One application does not become ready again on the way back: no other waits for it, nor does what else is to be put back
//! of it.

use conductor_core::phase::Event;
use conductor_sim::{Call, CallFault, CallOutcome, Fault, FaultKind, Origin};

use crate::bed::{Bed, over, verdict};

/// Two applications get another version and more replicas; from the load on, this never ends for payments.
fn stuck(call: Call) -> Bed {
    let hit = CallFault { call, only: Some("payments".to_owned()), times: None, outcome: CallOutcome::Hangs };
    let fault = Fault { at: "0s".parse().unwrap(), from: Origin::Load, lasts: None, what: FaultKind::Call(hit) };
    Bed::new(|plant| {
        let payments = plant.environment.applications.iter_mut().find(|one| one.name.as_str() == "payments").unwrap();
        payments.production.as_mut().unwrap().version = "v8".to_owned();
        plant.environment.faults = vec![fault];
    })
}

fn found(bed: &Bed, name: &str) -> (String, u32) {
    let found = bed.environment.observed().remove(name).unwrap();
    (found.release.to_string(), found.allocation.replicas)
}

#[tokio::test(start_paused = true)]
async fn one_that_never_settles_keeps_nothing_else_from_being_put_back_and_is_named() {
    for (call, left, told) in [
        (
            Call::Scale,
            ("v7", 2),
            ["scale payments back: not done within 12m29s", "payments: 2 replicas → 1 replica is"],
        ),
        (Call::RollOut, ("v8", 1), ["roll payments back: not done within 24m49s", "payments: version is v8, not v7"]),
    ] {
        let bed = stuck(call);
        let conductor = bed.conductor();
        let run = conductor.start(bed.created.clone()).await.unwrap();
        while conductor.get(&run).await.unwrap().state != "ScalingDown" {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        assert_eq!(found(&bed, "shop"), ("v1".to_owned(), 1), "{call}");
        let view = over(&conductor, &run).await;
        assert_eq!(found(&bed, "payments"), (left.0.to_owned(), left.1), "{call}");
        assert!(!verdict(&view).restored, "{call}");
        let journal = bed.journal(&run).await;
        let restored = journal.iter().find(|record| record.event.name() == "Restored").map(|record| &record.event);
        let Some(Event::Restored { failures, .. }) = restored else { panic!("{call}: {restored:?}") };
        let failures: Vec<String> = failures.iter().map(ToString::to_string).collect();
        assert_eq!(failures.len(), told.len(), "{call}: {failures:?}");
        for (failure, told) in failures.iter().zip(told) {
            assert!(failure.contains(told), "{call}: {failure}");
        }
    }
}
