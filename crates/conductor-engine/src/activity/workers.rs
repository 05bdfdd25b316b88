//! Scaling the load workers beside the load, which goes on whatever becomes of it.

use std::convert::Infallible;

use conductor_core::failure::{Failure, FailureKind, PortError};
use conductor_core::phase::{Deadlines, Event};
use conductor_core::ports::Way;
use conductor_core::scale::ScaleStep;
use conductor_core::units::Span;
use tokio::sync::watch;

use super::context::Shared;
use super::unpanicking;

/// Scales as it is told, one step after the other, and tells what became of each. It ends by being dropped.
pub(super) async fn follow(context: Shared, mut steps: watch::Receiver<Option<ScaleStep>>) -> Infallible {
    loop {
        let step = steps.borrow_and_update().clone();
        if let Some(step) = step {
            let event = match scale(&context, &step).await {
                Ok(()) => Event::WorkersScaled(step),
                Err(failure) => Event::WorkersNotScaled(failure),
            };
            context.tell(event).await;
        }
        if steps.changed().await.is_err() {
            // The state was left, and this work is being dropped.
            std::future::pending::<()>().await;
        }
    }
}

async fn scale(context: &Shared, step: &ScaleStep) -> Result<(), Failure> {
    let activity = || format!("scale {}", step.application);
    let scaler = &context.ports.scaler;
    let patience = context.options.retry.patience;
    let work = unpanicking(context.retry(patience, || scaler.scale(&context.run, step, Way::There)));
    let limit = Deadlines::of(&context.created.spec).scale_workers.map_or(std::time::Duration::MAX, Span::as_duration);
    tokio::select! {
        biased;
        done = work => done?.map_err(|error: PortError| Failure::of(activity(), &error)),
        () = context.clock.sleep(limit) => Err(Failure {
            activity: activity(),
            kind: FailureKind::TimedOut,
            message: context.overdue(limit),
        }),
    }
}
