//! The conductor dies after every record and in the middle of everything; another one takes over.

use std::time::Duration;

use conductor_core::run::RunId;
use conductor_core::verdict::Outcome;
use conductor_engine::{RecoverError, Recovery, StartError};
use conductor_sim::Fault;

use crate::bed::{Bed, died, died_after, outcome, over, verdict};

/// Recovers with another conductor and asserts that nothing is left.
async fn recovered(bed: &Bed, run: &RunId, how: Recovery, context: &str) -> Outcome {
    let other = bed.conductor();
    other.recover(run, how).await.unwrap();
    let view = over(&other, run).await;
    bed.assert_clean(&view, context);
    let journal = bed.journal(run).await;
    assert!(journal.iter().zip(1..).all(|(record, revision)| record.revision == revision), "{context}");
    outcome(&view)
}

async fn crash_after_every_record(bed: fn(Vec<Fault>) -> Bed, how: Recovery) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    loop {
        let bed = bed(vec![]);
        let revision = outcomes.len() as u64 + 1;
        let Some(run) = died_after(&bed, revision, None).await else { return outcomes };
        outcomes.push(recovered(&bed, &run, how, &format!("{how:?} after record {revision}")).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_died_after_any_record_can_be_torn_down() {
    for bed in Bed::KINDS {
        let outcomes = crash_after_every_record(bed, Recovery::TearDown).await;
        assert!(outcomes.len() > 40, "only {} records", outcomes.len());
        assert!(outcomes.contains(&Outcome::Invalid));
        assert_eq!(outcomes.last(), Some(&Outcome::Passed), "a run that died at the end has passed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_died_after_any_record_can_go_on_and_pass() {
    for bed in Bed::KINDS {
        let outcomes = crash_after_every_record(bed, Recovery::Continue).await;
        assert!(outcomes.len() > 40, "only {} records", outcomes.len());
        for (position, outcome) in outcomes.iter().enumerate() {
            assert_eq!(*outcome, Outcome::Passed, "after record {}", position + 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_died_in_the_middle_of_anything_can_be_recovered_both_ways() {
    let both = [Recovery::TearDown, Recovery::Continue];
    for (bed, how) in Bed::KINDS.into_iter().flat_map(|bed| both.map(|how| (bed, how))) {
        let mut tenths = 0;
        loop {
            let bed = bed(vec![]);
            let conductor = bed.conductor();
            let run = conductor.start(bed.created.clone()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100 * tenths)).await;
            if conductor.get(&run).await.unwrap().verdict.is_some() {
                break;
            }
            conductor.let_go(&run).await;
            recovered(&bed, &run, how, &format!("{how:?} after {tenths} tenths of a second")).await;
            tenths += 43;
        }
        assert!(tenths > 3000);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_can_die_again_while_it_is_being_recovered() {
    let bed = Bed::healthy();
    let run = died_after(&bed, 12, None).await.unwrap();
    for revision in 13..20 {
        bed.store.hold_after(Some(revision));
        let conductor = bed.conductor();
        conductor.recover(&run, Recovery::TearDown).await.unwrap();
        if !died(&bed, &conductor, &run).await {
            break;
        }
    }
    let conductor = bed.conductor();
    match conductor.recover(&run, Recovery::TearDown).await {
        Ok(()) | Err(RecoverError::Finished(_)) => {}
        Err(error) => panic!("{error}"),
    }
    bed.assert_clean(&over(&conductor, &run).await, "died again and again");
}

#[tokio::test(start_paused = true)]
async fn after_a_death_no_run_starts_before_the_last_one_is_restored() {
    let bed = Bed::healthy();
    let run = died_after(&bed, 9, None).await.unwrap();
    let conductor = bed.conductor();
    let refused = conductor.start(bed.created.clone()).await.unwrap_err();
    assert!(matches!(refused, StartError::Unfinished { .. }));
    assert_eq!(refused.to_string(), format!("run {run} of environment model never ended; restore it first"));
    recovered(&bed, &run, Recovery::TearDown, "restored").await;
    let next = conductor.start(bed.created.clone()).await.unwrap();
    let view = over(&conductor, &next).await;
    bed.assert_clean(&view, "the next run");
    assert_eq!(outcome(&view), Outcome::Passed, "{:?}", verdict(&view));
}
