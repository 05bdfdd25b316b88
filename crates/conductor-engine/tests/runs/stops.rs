//! Requests to stop, at any time and in any state.

use std::collections::BTreeSet;
use std::time::Duration;

use conductor_core::ports::{RunRequest, RunRequests};
use conductor_core::verdict::Outcome;
use conductor_sim::Fault;
use futures::StreamExt;

use crate::bed::{Bed, outcome, over, verdict};

#[tokio::test(start_paused = true)]
async fn a_run_can_be_stopped_at_any_time() {
    for bed in Bed::KINDS {
        stopped_at_any_time(bed).await;
    }
}

async fn stopped_at_any_time(bed: fn(Vec<Fault>) -> Bed) {
    let mut finished_before = false;
    let mut second = 0;
    while !finished_before {
        let bed = bed(vec![]);
        let conductor = bed.conductor();
        let run = conductor.start(bed.created.clone()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(second)).await;
        let load_was_over = conductor.get(&run).await.unwrap().ending.is_some();
        conductor.stop(&run, "the test").await.unwrap();
        let view = over(&conductor, &run).await;
        bed.assert_clean(&view, &format!("stopped after {second} s"));
        let expected = if load_was_over { Outcome::Passed } else { Outcome::Cancelled };
        assert_eq!(outcome(&view), expected, "stopped after {second} s: {:?}", verdict(&view));
        finished_before = load_was_over;
        second += 7;
    }
    assert!(second > 300, "the load was over after {second} s already");
}

#[tokio::test(start_paused = true)]
async fn a_run_can_be_stopped_in_every_state_from_here_and_from_elsewhere() {
    let states = ["Accepted", "Preflight", "RecordingBaseline", "Deploying", "ScalingUp", "Rehearsing"];
    let states =
        states.into_iter().chain(["GeneratingLoad", "StoppingLoad", "ScalingDown", "CleaningUp", "Rechecking"]);
    let mut reached = BTreeSet::new();
    for state in states {
        for elsewhere in [false, true] {
            let bed = Bed::healthy();
            let conductor = bed.conductor();
            let run = conductor.start(bed.created.clone()).await.unwrap();
            let mut views = std::pin::pin!(conductor.watch(&run).await.unwrap());
            while let Some(view) = views.next().await {
                if view.state == state {
                    reached.insert(state);
                    break;
                }
            }
            if elsewhere {
                bed.store.ask(&run, &RunRequest::Stop { by: "ops".to_owned() }).await.unwrap();
            } else {
                conductor.stop(&run, "ops").await.unwrap();
            }
            let view = over(&conductor, &run).await;
            bed.assert_clean(&view, state);
            if !matches!(state, "StoppingLoad" | "ScalingDown" | "CleaningUp" | "Rechecking") {
                assert_eq!(outcome(&view), Outcome::Cancelled, "{state}");
                assert_eq!(verdict(&view).causes[0].message, "stopped by ops");
            }
        }
    }
    assert!(reached.len() >= 10, "only {reached:?} were seen");
}

#[tokio::test(start_paused = true)]
async fn stopping_a_run_that_is_over_does_nothing() {
    let bed = Bed::healthy();
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    let before = over(&conductor, &run).await;
    conductor.stop(&run, "too late").await.unwrap();
    assert_eq!(over(&conductor, &run).await, before);
}
