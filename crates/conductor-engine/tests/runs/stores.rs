//! The store goes away, or loses its answers, while a run goes on.

use std::time::Duration;

use conductor_core::ports::RunStore;
use conductor_core::verdict::Outcome;

use crate::bed::{Bed, outcome, over};

#[tokio::test(start_paused = true)]
async fn an_outage_of_minutes_never_loses_a_run() {
    for second in (0..340).step_by(17) {
        let bed = Bed::healthy();
        let conductor = bed.conductor();
        let run = conductor.start(bed.created.clone()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(second)).await;
        bed.store.set_unavailable(true);
        tokio::time::sleep(Duration::from_secs(240)).await;
        let told = conductor.get(&run).await.unwrap().events.iter().any(|event| event.message.contains("journal"));
        assert!(told, "nobody was told of the outage after {second} s");
        bed.store.set_unavailable(false);
        let view = over(&conductor, &run).await;
        bed.assert_clean(&view, &format!("outage after {second} s"));
        assert_eq!(bed.store.runs().await.unwrap().iter().filter(|run| !run.finished).count(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_whose_answer_was_lost_is_not_written_twice() {
    for second in [0, 5, 25, 60, 200] {
        let bed = Bed::healthy();
        let conductor = bed.conductor();
        let run = conductor.start(bed.created.clone()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(second)).await;
        bed.store.lose_answers(1);
        let view = over(&conductor, &run).await;
        bed.assert_clean(&view, "lost answer");
        assert_eq!(outcome(&view), Outcome::Passed);
        assert_eq!(bed.journal(&run).await.len() as u64, view.revision);
    }
}
