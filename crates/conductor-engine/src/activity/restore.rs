//! The way back: look, put back what the run changed, look again.

use std::sync::Arc;
use std::time::Duration;

use conductor_core::app::ApplicationId;
use conductor_core::failure::{Failure, FailureKind};
use conductor_core::phase::{Changes, Event};
use conductor_core::ports::Way;
use conductor_core::recheck::WayBack;
use conductor_core::release::Rollout;
use conductor_core::restore::{ForeignPolicy, RestorePlan};
use conductor_core::scale::ScaleStep;
use futures::future::{BoxFuture, FutureExt};

use super::change::Progress;
use super::context::{Shared, Surroundings};

/// Puts back what the run changed and proves it.
pub(super) async fn restore(context: Shared, changes: Changes) -> Event {
    let applications: Vec<ApplicationId> = changes.plan.applications().into_iter().cloned().collect();
    if applications.is_empty() {
        return Event::Restored { found: Surroundings::new(), foreign: Vec::new(), failures: Vec::new() };
    }
    let policy = context.created.foreign_policy;
    // Until the deadline: giving up to look would leave everything as the run made it.
    let found = match context.observe(&applications, Duration::MAX).await {
        Ok(found) => found,
        Err(error) => return Event::Failed(Failure::of("look at the environment", &error)),
    };
    let plan = RestorePlan::make(&changes, &found, policy);
    let mut failures: Vec<Failure> = plan.missing.iter().map(gone).collect();
    failures.extend(put_back(&context, &plan).await);
    let found = proved(&context, &changes, policy, &mut failures).await.unwrap_or_default();
    Event::Restored { found, foreign: plan.foreign, failures }
}

/// Puts back once more what has come back, whatever the policy for values of others: those are from after the run.
pub(super) async fn restore_again(context: Shared, back: WayBack) -> Event {
    const POLICY: ForeignPolicy = ForeignPolicy::Report;
    let applications: Vec<ApplicationId> = back.changes.plan.applications().into_iter().cloned().collect();
    let found = match context.observe(&applications, Duration::MAX).await {
        Ok(found) => found,
        Err(error) => return Event::Failed(Failure::of("look at the environment", &error)),
    };
    let mut failures = put_back(&context, &RestorePlan::make(&back.changes, &found, POLICY)).await;
    let found = proved(&context, &back.changes, POLICY, &mut failures).await;
    let late = found.as_ref().map(|found| back.late(found)).unwrap_or_default();
    // What is still the run's is among the failures.
    let late = late.into_iter().filter(|change| !change.put_back).collect();
    Event::PutBackAgain { found: found.unwrap_or_default(), late, failures }
}

/// Lets go of what is back, and looks whether all of it is; `None` where that could not be seen.
async fn proved(
    context: &Shared,
    changes: &Changes,
    policy: ForeignPolicy,
    failures: &mut Vec<Failure>,
) -> Option<Surroundings> {
    let applications: Vec<ApplicationId> = changes.plan.applications().into_iter().cloned().collect();
    failures.extend(let_go(context, &applications).await);
    match context.observe(&applications, Duration::MAX).await {
        Ok(found) => {
            let left = RestorePlan::make(changes, &found, policy);
            failures.extend(left.scale_steps.iter().map(still_scaled));
            failures.extend(left.rollouts.iter().map(still_rolled_out));
            Some(found)
        }
        Err(error) => {
            failures.push(Failure::of("look whether everything is back", &error));
            None
        }
    }
}

/// Allocations first, so that fewer replicas are rolled; a failure does not stop the others.
async fn put_back(context: &Shared, plan: &RestorePlan) -> Vec<Failure> {
    let progress = Progress::new(context, plan.scale_steps.len(), "put back");
    let steps = plan.scale_steps.iter().map(|step| scale_back(context, step.clone(), &progress));
    let mut failures = context.each(steps.collect()).await;
    let progress = Progress::new(context, plan.rollouts.len(), "put back");
    let rollouts = plan.rollouts.iter().map(|rollout| roll_back(context, rollout.clone(), &progress));
    failures.extend(context.each(rollouts.collect()).await);
    failures
}

/// Takes away what the run has left for its own way back.
async fn let_go(context: &Shared, applications: &[ApplicationId]) -> Option<Failure> {
    let scaler = &context.ports.scaler;
    let patience = context.options.retry.teardown_patience;
    let done = context.retry(patience, || scaler.let_go(&context.run, applications)).await;
    done.err().map(|error| Failure::of("let go of the applications", &error))
}

fn scale_back(context: &Shared, step: ScaleStep, progress: &Arc<Progress>) -> BoxFuture<'static, Result<(), Failure>> {
    let (context, progress) = (Arc::clone(context), Arc::clone(progress));
    async move {
        let scaler = &context.ports.scaler;
        let done = context
            .retry(context.options.retry.teardown_patience, || scaler.scale(&context.run, &step, Way::Back))
            .await
            .map_err(|error| Failure::of(format!("scale {} back", step.application), &error));
        progress.ended(&step.application, &step, done).await
    }
    .boxed()
}

fn roll_back(context: &Shared, rollout: Rollout, progress: &Arc<Progress>) -> BoxFuture<'static, Result<(), Failure>> {
    let (context, progress) = (Arc::clone(context), Arc::clone(progress));
    async move {
        let deployer = &context.ports.deployer;
        let done = context
            .retry(context.options.retry.teardown_patience, || deployer.roll_out(&context.run, &rollout, Way::Back))
            .await
            .map_err(|error| Failure::of(format!("roll {} back", rollout.application), &error));
        progress.ended(&rollout.application, &rollout, done).await
    }
    .boxed()
}

fn left(message: String) -> Failure {
    Failure { activity: "restore".to_owned(), kind: FailureKind::Unsettled, message }
}

fn gone(application: &ApplicationId) -> Failure {
    let message = format!("{application} is gone from the environment");
    Failure { activity: "restore".to_owned(), kind: FailureKind::NotFound, message }
}

fn still_scaled(step: &ScaleStep) -> Failure {
    left(format!("{step} is still to be put back"))
}

fn still_rolled_out(rollout: &Rollout) -> Failure {
    left(format!("{}: version is {}, not {}", rollout.application, rollout.from, rollout.to))
}
