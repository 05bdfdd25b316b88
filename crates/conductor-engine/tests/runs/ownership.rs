//! Who may work on an environment, and what others do to it meanwhile.

use std::time::Duration;

use conductor_core::phase::Event;
use conductor_core::ports::RunStore;
use conductor_core::run::Record;
use conductor_core::verdict::Outcome;
use conductor_engine::Recovery;

use crate::bed::{Bed, outcome, over};

#[tokio::test(start_paused = true)]
async fn a_second_conductor_is_refused_while_the_first_one_works() {
    let bed = Bed::healthy();
    let (first, second) = (bed.conductor(), bed.conductor());
    let run = first.start(bed.created.clone()).await.unwrap();
    let refused = second.start(bed.created.clone()).await.unwrap_err();
    assert_eq!(refused.to_string(), "environment model is in use by another conductor");
    let refused = second.recover(&run, Recovery::TearDown).await.unwrap_err();
    assert_eq!(refused.to_string(), "environment model is in use by another conductor");
    let view = over(&second, &run).await;
    bed.assert_clean(&view, "watched by the second");
    assert_eq!(outcome(&view), Outcome::Passed);
    let refused = second.recover(&run, Recovery::Continue).await.unwrap_err();
    assert_eq!(refused.to_string(), format!("run {run} has ended"));
}

#[tokio::test(start_paused = true)]
async fn a_run_is_driven_until_it_ends_or_its_conductor_dies() {
    let bed = Bed::healthy();
    let (first, second) = (bed.conductor(), bed.conductor());
    let run = first.start(bed.created.clone()).await.unwrap();
    assert!(first.is_driven(&run).await.unwrap() && second.is_driven(&run).await.unwrap());
    first.let_go(&run).await;
    assert!(!first.is_driven(&run).await.unwrap() && !second.is_driven(&run).await.unwrap());
    second.recover(&run, Recovery::TearDown).await.unwrap();
    assert!(first.is_driven(&run).await.unwrap(), "looking did not keep the claim");
    over(&second, &run).await;
    assert!(!second.is_driven(&run).await.unwrap());
    let unknown = second.is_driven(&"nobody-1".parse().unwrap()).await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no run nobody-1");
}

#[tokio::test(start_paused = true)]
async fn a_conductor_whose_journal_somebody_else_writes_lets_go_and_touches_nothing_more() {
    let bed = Bed::healthy();
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    let last = bed.journal(&run).await.pop().unwrap();
    let next = Record { revision: last.revision + 1, at: last.at, event: Event::Resumed };
    bed.store.append(&run, &next).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let calls = bed.environment.calls().len();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(bed.environment.calls().len(), calls, "it goes on");
    let other = bed.conductor();
    other.recover(&run, Recovery::TearDown).await.unwrap();
    bed.assert_clean(&over(&other, &run).await, "taken over");
}

#[tokio::test(start_paused = true)]
async fn a_conductor_whose_claim_is_lost_lets_go_at_once_wherever_the_run_is() {
    let mut lost = 0;
    for second in (0..340).step_by(17) {
        let bed = Bed::healthy();
        let conductor = bed.conductor();
        let run = conductor.start(bed.created.clone()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(second)).await;
        if conductor.get(&run).await.unwrap().verdict.is_some() {
            break;
        }
        lost += 1;
        let watching = tokio::spawn({
            let (conductor, run) = (conductor.clone(), run.clone());
            async move { over(&conductor, &run).await }
        });
        let (calls, written) = (bed.environment.calls().len(), bed.journal(&run).await.len());
        bed.store.lose_claims();
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(bed.environment.calls().len(), calls, "it goes on after {second} s");
        assert_eq!(bed.journal(&run).await.len(), written, "it writes after {second} s");
        assert_eq!(conductor.get(&run).await.unwrap().revision, written as u64, "it is shown by the store");
        assert!(!conductor.is_driven(&run).await.unwrap(), "after {second} s");
        let other = bed.conductor();
        other.recover(&run, Recovery::TearDown).await.unwrap();
        let context = format!("lost after {second} s");
        bed.assert_clean(&over(&other, &run).await, &context);
        // Who has watched it all the time, at the conductor that lost it, sees its end.
        bed.assert_clean(&watching.await.unwrap(), &context);
    }
    assert!(lost > 15, "{lost}");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_waits_for_the_store_is_not_written_any_more_once_the_claim_is_lost() {
    let bed = Bed::healthy();
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    let written = bed.journal(&run).await.len();
    bed.store.set_unavailable(true);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let (told, calls) = (conductor.get(&run).await.unwrap().events, bed.environment.calls().len());
    assert!(told.iter().any(|event| event.message.contains("the journal cannot be written")), "{told:?}");
    bed.store.lose_claims();
    tokio::time::sleep(Duration::from_secs(60)).await;
    bed.store.set_unavailable(false);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!((bed.journal(&run).await.len(), bed.environment.calls().len()), (written, calls));
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_is_lost_before_the_run_is_driven_is_noticed_before_anything_is_done() {
    let bed = Bed::healthy();
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    // The run's task has not begun yet: tests have one thread.
    bed.store.lose_claims();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!((bed.journal(&run).await.len(), bed.environment.calls().len()), (1, 0));
}
