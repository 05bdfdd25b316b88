//! Rolling out and scaling, application by application.

use std::sync::Arc;

use conductor_core::app::ApplicationId;
use conductor_core::failure::Failure;
use conductor_core::phase::{Event, Level};
use conductor_core::ports::Way;
use conductor_core::release::Rollout;
use conductor_core::scale::ScaleStep;
use futures::future::{BoxFuture, FutureExt};

use super::context::{Shared, merged};

/// Rolls out versions; one failure does not hide the others.
pub(super) async fn roll_out(context: Shared, rollouts: Vec<Rollout>) -> Event {
    let total = rollouts.len();
    let progress = Progress::new(&context, total, "rolled out");
    let work = rollouts.into_iter().map(|rollout| one_rollout(Arc::clone(&context), rollout, Arc::clone(&progress)));
    let failures = context.each(work.collect()).await;
    merged("roll out", failures).map_or(Event::Deployed, Event::Failed)
}

/// Scales applications; one failure does not hide the others.
pub(super) async fn scale(context: Shared, steps: Vec<ScaleStep>) -> Event {
    let total = steps.len();
    let progress = Progress::new(&context, total, "scaled");
    let work = steps.into_iter().map(|step| one_step(Arc::clone(&context), step, Arc::clone(&progress)));
    let failures = context.each(work.collect()).await;
    merged("scale", failures).map_or(Event::ScaledUp, Event::Failed)
}

fn one_rollout(context: Shared, rollout: Rollout, progress: Arc<Progress>) -> BoxFuture<'static, Result<(), Failure>> {
    async move {
        let deployer = &context.ports.deployer;
        let done = context
            .retry(context.options.retry.patience, || deployer.roll_out(&context.run, &rollout, Way::There))
            .await
            .map_err(|error| Failure::of(format!("roll out {}", rollout.application), &error));
        progress.ended(&rollout.application, &rollout, done).await
    }
    .boxed()
}

fn one_step(context: Shared, step: ScaleStep, progress: Arc<Progress>) -> BoxFuture<'static, Result<(), Failure>> {
    async move {
        let scaler = &context.ports.scaler;
        let done = context
            .retry(context.options.retry.patience, || scaler.scale(&context.run, &step, Way::There))
            .await
            .map_err(|error| Failure::of(format!("scale {}", step.application), &error));
        progress.ended(&step.application, &step, done).await
    }
    .boxed()
}

/// Tells people how far the work is.
pub(super) struct Progress {
    context: Shared,
    done: std::sync::atomic::AtomicUsize,
    total: usize,
    verb: &'static str,
}

impl Progress {
    pub(super) fn new(context: &Shared, total: usize, verb: &'static str) -> Arc<Self> {
        context.board.begin(verb, total);
        Arc::new(Self { context: Arc::clone(context), done: 0.into(), total, verb })
    }

    /// One application is done or has failed, which is told at once: the others may take long.
    pub(super) async fn ended(
        &self,
        application: &ApplicationId,
        what: &(impl std::fmt::Display + Sync),
        result: Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.context.board.ended(application, result.is_ok());
        match &result {
            Ok(()) => {
                let done = self.done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
                let message = format!("{what} {} ({done} of {})", self.verb, self.total);
                self.context.note(Level::Info, message).await;
            }
            Err(failure) if self.total > 1 => self.context.note(Level::Warning, failure.to_string()).await,
            // It ends the work, and is told by that.
            Err(_) => {}
        }
        result
    }
}
