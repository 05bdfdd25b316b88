//! How far the applications are while they are changed: one that fails is told at once, and hides no other.

use conductor_core::failure::FailureKind;
use conductor_core::phase::{Event, Level, Note};
use conductor_sim::{Call, CallFault, CallOutcome, FaultKind};

use crate::bed::{Bed, lasting, over};

#[tokio::test(start_paused = true)]
async fn an_application_that_fails_is_told_at_once_and_the_others_go_on() {
    let bed = Bed::new(|plant| {
        let outcome = CallOutcome::Fails(FailureKind::Rejected);
        let fault = CallFault { call: Call::Scale, only: Some("shop".to_owned()), times: None, outcome };
        plant.environment.faults = vec![lasting(FaultKind::Call(fault), false)];
    });
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    let mut progress = conductor.progress(&run).unwrap();
    let mut seen = Vec::new();
    while progress.changed().await.is_ok() {
        let now = progress.borrow_and_update().clone();
        seen.push((now.verb, now.total, now.done, now.failed));
    }
    let view = over(&conductor, &run).await;
    bed.assert_clean(&view, "failed");
    assert!(seen.contains(&("scaled", 2, 0, 1)), "one has failed, and the other goes on: {seen:?}");
    assert!(conductor.progress(&run).is_none(), "nobody drives it any more");

    let journal = bed.journal(&run).await;
    let position = |is_it: &dyn Fn(&Event) -> bool| journal.iter().position(|record| is_it(&record.event)).unwrap();
    let noted = |level: Level, part: &'static str| {
        position(
            &|event| matches!(event, Event::Noted(Note { level: found, message }) if *found == level && message.contains(part)),
        )
    };
    let failed = noted(Level::Warning, "scale shop: could not scale");
    let scaled = noted(Level::Info, "scaled (1 of 2)");
    assert!(failed < scaled && scaled < position(&|event| matches!(event, Event::Failed(_))));
}
