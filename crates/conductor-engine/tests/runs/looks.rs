//! One application cannot be looked at on the way back: the others are put back all the same.

use conductor_core::failure::FailureKind;
use conductor_core::view::RunView;
use conductor_sim::{Call, CallFault, CallOutcome, Fault, FaultKind, Origin};

use crate::bed::{Bed, over, verdict};

const LOOKS: [Call; 2] = [Call::Deployed, Call::Allocated];

/// From a time after the beginning of the load on, payments cannot be looked at like this.
fn unseen(call: Call, at: &str, lasts: Option<&str>, times: Option<u32>, outcome: CallOutcome) -> Bed {
    let what = FaultKind::Call(CallFault { call, only: Some("payments".to_owned()), times, outcome });
    let lasts = lasts.map(|lasts| lasts.parse().unwrap());
    let fault = Fault { at: at.parse().unwrap(), from: Origin::Load, lasts, what };
    Bed::new(|plant| plant.environment.faults = vec![fault])
}

fn found(bed: &Bed, name: &str) -> (String, u32) {
    let found = bed.environment.observed().remove(name).unwrap();
    (found.release.to_string(), found.allocation.replicas)
}

fn failures(view: &RunView) -> Vec<String> {
    view.ending.as_ref().unwrap().teardown_failures.iter().map(ToString::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_looked_at_is_named_and_the_others_are_put_back() {
    let ways = [
        CallOutcome::Fails(FailureKind::Rejected),
        CallOutcome::Fails(FailureKind::NotFound),
        CallOutcome::Fails(FailureKind::Unavailable),
        CallOutcome::Hangs,
        CallOutcome::Panics,
    ];
    for call in LOOKS {
        for way in ways {
            let bed = unseen(call, "0s", None, None, way);
            let view = bed.run().await;
            let (told, context) = (failures(&view), format!("{call}: {way:?}"));
            assert_eq!(found(&bed, "shop"), ("v1".to_owned(), 1), "{context}: {told:?}");
            assert_eq!(found(&bed, "payments"), ("v7".to_owned(), 2), "{context}");
            assert!(!verdict(&view).restored, "{context}");
            assert_eq!(told.len(), 2, "once on the way back, and once at the second look: {context}: {told:?}");
            for one in told {
                assert!(one.contains("payments could not be looked at: "), "{context}: {one}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_a_moment_is_looked_at_again() {
    for call in LOOKS {
        for kind in [FailureKind::Rejected, FailureKind::NotFound] {
            let bed = unseen(call, "0s", None, Some(5), CallOutcome::Fails(kind));
            let view = bed.run().await;
            bed.assert_clean(&view, &format!("{call}: {kind:?}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_answers_for_is_put_back_once_somebody_does_and_the_others_before() {
    for call in LOOKS {
        let bed = unseen(call, "0s", Some("20m"), None, CallOutcome::Fails(FailureKind::Unavailable));
        let conductor = bed.conductor();
        let run = conductor.start(bed.created.clone()).await.unwrap();
        while conductor.get(&run).await.unwrap().state != "ScalingDown" {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        tokio::time::sleep(std::time::Duration::from_secs(240)).await;
        assert_eq!(found(&bed, "shop"), ("v1".to_owned(), 1), "{call}");
        assert_eq!(found(&bed, "payments"), ("v7".to_owned(), 2), "{call}");
        let view = over(&conductor, &run).await;
        bed.assert_clean(&view, &call.to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_looked_at_again_is_named_and_what_has_come_back_of_the_others_is_put_back() {
    for call in LOOKS {
        let mut bed = unseen(call, "12m", None, None, CallOutcome::Fails(FailureKind::Rejected));
        bed.created.recheck_after = "10m".parse().unwrap();
        let conductor = bed.conductor();
        let run = conductor.start(bed.created.clone()).await.unwrap();
        while conductor.get(&run).await.unwrap().state != "Rechecking" {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        assert!(bed.environment.change(&"shop".parse().unwrap(), Some("v2"), Some(3)));
        let view = over(&conductor, &run).await;
        assert!(bed.is_as_before(), "{call}: {:?}", verdict(&view));
        let [told] = &failures(&view)[..] else { panic!("{call}: {:?}", failures(&view)) };
        assert!(told.contains("payments could not be looked at: "), "{call}: {told}");
        let codes: Vec<&str> = verdict(&view).causes.iter().map(|cause| cause.code.as_str()).collect();
        assert!(codes.contains(&"restored_again") && !codes.contains(&"changed_afterwards"), "{call}: {codes:?}");
    }
}
