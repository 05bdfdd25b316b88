//! What the platform has no room for is told before anything is changed; what it may still get is a warning.

use std::sync::Arc;

use async_trait::async_trait;
use conductor_core::capacity::Shortage;
use conductor_core::phase::{Cause, Event, Level};
use conductor_core::ports::{Capacity, PortError, Ports};
use conductor_core::scale::ScaleStep;
use conductor_core::verdict::Outcome;

use crate::bed::{Bed, outcome, over, verdict};

/// A platform without room for any step.
struct Full {
    is_final: bool,
}

#[async_trait]
impl Capacity for Full {
    async fn shortages(&self, steps: &[ScaleStep]) -> Result<Vec<Shortage>, PortError> {
        let told = |step: &ScaleStep| Shortage { is_final: self.is_final, message: format!("no room for {step}") };
        Ok(steps.iter().map(told).collect())
    }
}

fn full(ports: Ports) -> Ports {
    Ports { capacity: Some(Arc::new(Full { is_final: true })), ..ports }
}

fn nearly_full(ports: Ports) -> Ports {
    Ports { capacity: Some(Arc::new(Full { is_final: false })), ..ports }
}

#[tokio::test(start_paused = true)]
async fn what_will_be_refused_ends_the_run_before_any_change() {
    let bed = Bed::healthy().wrapped(full);
    let view = bed.run().await;
    bed.assert_clean(&view, "full");
    let Cause::Failed(failure) = &view.ending.as_ref().unwrap().cause else { panic!("{:?}", view.ending) };
    assert_eq!(
        failure.to_string(),
        "check: look for room: no room for shop: 1 replica → 3 replicas; look for room: no room for payments: 1 replica → \
         2 replicas"
    );
    assert!(bed.journal(&view.id).await.iter().all(|record| !matches!(record.event, Event::BaselineRecorded { .. })));
}

#[tokio::test(start_paused = true)]
async fn what_may_still_be_got_is_a_warning_and_the_run_goes_on() {
    let bed = Bed::healthy().wrapped(nearly_full);
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    let view = over(&conductor, &run).await;
    assert_eq!(outcome(&view), Outcome::Passed, "{:?}", verdict(&view));
    let warned = view.events.iter().find(|event| event.message.starts_with("no room for shop")).unwrap();
    assert_eq!(warned.level, Level::Warning);
}
