//! Requests with names: asking once more makes no second run, wherever it is asked.

use std::time::Duration;

use conductor_core::ports::RunStore;
use conductor_core::run::Created;
use conductor_engine::{StartError, Steward, StewardOptions};

use crate::bed::{Bed, outcome, over};

fn named(bed: &Bed, request: &str) -> Created {
    Created { request: request.parse().ok(), by: Some("nightly".to_owned()), ..bed.created.clone() }
}

#[tokio::test(start_paused = true)]
async fn the_same_request_gives_the_same_run_here_and_elsewhere_while_it_goes_on_and_when_it_is_over() {
    let bed = Bed::healthy();
    let (conductor, other) = (bed.conductor(), bed.conductor());
    let run = conductor.start(named(&bed, "a-1")).await.unwrap();
    assert_eq!(conductor.start(named(&bed, "a-1")).await.unwrap(), run);
    assert_eq!(other.start(named(&bed, "a-1")).await.unwrap(), run);
    let view = over(&other, &run).await;
    bed.assert_clean(&view, "asked three times");
    assert_eq!(view.by.as_deref(), Some("nightly"));
    assert_eq!(view.events[0].message, "load test model accepted, as nightly has asked");
    assert_eq!(bed.conductor().start(named(&bed, "a-1")).await.unwrap(), run);
    assert_eq!(bed.store.runs().await.unwrap().len(), 1);
    let next = conductor.start(named(&bed, "a-2")).await.unwrap();
    assert_ne!(next, run);
    assert_ne!(conductor.start(bed.created.clone()).await.ok(), Some(next));
}

#[tokio::test(start_paused = true)]
async fn the_request_of_one_load_test_is_not_that_of_another() {
    let bed = Bed::healthy();
    let conductor = bed.conductor();
    let run = conductor.start(named(&bed, "a-1")).await.unwrap();
    let mut other = named(&bed, "a-1");
    other.spec.target = "900/min".parse().unwrap();
    let refused = conductor.start(other).await.unwrap_err();
    assert!(matches!(refused, StartError::RequestReused { .. }));
    assert_eq!(
        refused.to_string(),
        format!("request a-1 has made run {run} of another load test; expected an id that was not used before")
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_request_at_many_conductors_at_once_makes_one_run() {
    let bed = Bed::healthy();
    let conductors: Vec<_> = (0..8).map(|_| bed.conductor()).collect();
    let asked = conductors.iter().map(|conductor| conductor.start(named(&bed, "a-1")));
    let asked = futures::future::join_all(asked).await;
    let run = bed.store.runs().await.unwrap()[0].id.clone();
    for asked in asked {
        assert_eq!(asked.unwrap(), run);
    }
    assert_eq!(bed.store.runs().await.unwrap().len(), 1);
    bed.assert_clean(&over(&conductors[3], &run).await, "asked at once");
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_beginning_was_not_answered_is_found_by_its_request_and_driven() {
    let bed = Bed::healthy();
    let conductor = bed.conductor();
    let steward = Steward::begin(&conductor, StewardOptions::default());
    steward.ready().await;
    bed.store.lose_answers(1);
    let run = conductor.start(named(&bed, "a-1")).await.unwrap();
    assert_eq!(conductor.start(named(&bed, "a-1")).await.unwrap(), run);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(conductor.is_driven(&run).await.unwrap());
    let view = over(&conductor, &run).await;
    bed.assert_clean(&view, "not answered");
    assert_eq!(outcome(&view), conductor_core::verdict::Outcome::Passed);
}
