//! The way back: look, put back what the run changed, look again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use conductor_core::app::ApplicationId;
use conductor_core::failure::{Failure, FailureKind, PortError};
use conductor_core::guard::{Drift, drift};
use conductor_core::phase::{Changes, Deadlines, Event};
use conductor_core::ports::Way;
use conductor_core::recheck::WayBack;
use conductor_core::release::Rollout;
use conductor_core::restore::{ForeignChange, ForeignPolicy, RestorePlan};
use conductor_core::scale::ScaleStep;
use futures::StreamExt;
use jiff::Timestamp;

use super::change::Progress;
use super::context::{Context, Shared, Surroundings};
use super::look::{Sight, look};

/// How long a look is tried, whatever the error is, before each application is looked at by itself.
const LOOK: Duration = Duration::from_secs(120);

/// Puts back what the run changed and proves it. What was only reverted is looked at and let go of, too.
pub(super) async fn restore(context: Shared, changes: Changes, reverted: BTreeSet<ApplicationId>) -> Event {
    let planned: BTreeSet<ApplicationId> = changes.plan.applications().into_iter().cloned().collect();
    let applications: Vec<ApplicationId> = planned.union(&reverted).cloned().collect();
    if applications.is_empty() {
        return Event::Restored { found: Surroundings::new(), foreign: Vec::new(), failures: Vec::new() };
    }
    let policy = context.created.foreign_policy;
    let Back { sight, mut foreign, failures } = go_back(&context, &changes, applications, policy).await;
    let unplanned = reverted.difference(&planned).filter(|name| !sight.unseen.contains_key(*name));
    foreign.extend(unplanned.flat_map(|name| changed_anew(name, &changes, &sight)));
    Event::Restored { found: sight.found, foreign, failures }
}

/// What somebody else has changed once more of an application that the run needs as it was before.
fn changed_anew(application: &ApplicationId, changes: &Changes, sight: &Sight) -> Vec<ForeignChange> {
    let Some(before) = changes.baseline.get(application) else { return Vec::new() };
    let drifts = drift(application, before, sight.found.get(application)).into_iter();
    let foreign = drifts.map(|Drift { application, field, expected, found, .. }| ForeignChange {
        application,
        field,
        original: expected.clone(),
        applied: expected,
        found,
        forced: false,
    });
    foreign.collect()
}

/// Puts back once more what has come back, whatever the policy for values of others: those are from after the run.
pub(super) async fn restore_again(context: Shared, back: WayBack) -> Event {
    let applications: Vec<ApplicationId> = back.changes.plan.applications().into_iter().cloned().collect();
    let Back { sight, failures, .. } = go_back(&context, &back.changes, applications, ForeignPolicy::Report).await;
    // What is still the run's is among the failures.
    let late = back.of_seen(|name| !sight.unseen.contains_key(name)).late(&sight.found);
    let late = late.into_iter().filter(|change| !change.put_back).collect();
    Event::PutBackAgain { found: sight.found, late, failures }
}

/// How far the way back got.
struct Back {
    /// What was seen at last.
    sight: Sight,
    foreign: Vec<ForeignChange>,
    failures: Vec<Failure>,
}

/// Puts back what can be looked at, lets go of it, and looks whether all of it is back. What nobody answers for a while is
/// looked at again until there would be no time left to put it back.
async fn go_back(context: &Shared, changes: &Changes, applications: Vec<ApplicationId>, policy: ForeignPolicy) -> Back {
    let began = context.clock.now();
    let limit = Deadlines::of(&context.created.spec).scale_down.as_duration();
    // The rest is for letting go and the last look.
    let until = began.saturating_add(limit * 5 / 6).unwrap_or(Timestamp::MAX);
    let (mut foreign, mut failures, mut unseen) = (Vec::new(), Vec::new(), BTreeMap::new());
    let mut left = applications.clone();
    loop {
        let sight = look(context, &left, LOOK).await;
        let plan = RestorePlan::make(changes, &sight.found, policy);
        let missing = plan.missing.iter().filter(|name| left.contains(name) && !sight.unseen.contains_key(*name));
        failures.extend(missing.map(gone));
        failures.extend(put_back(context, &plan, until).await);
        foreign.extend(plan.foreign);
        let (again, for_good): (BTreeMap<_, _>, BTreeMap<_, _>) =
            sight.unseen.into_iter().partition(|(_, failure)| failure.kind.is_transient());
        unseen.extend(for_good);
        let passed = Duration::try_from(context.clock.now().duration_since(began)).unwrap_or_default();
        if again.is_empty() || passed >= limit * 2 / 3 {
            unseen.extend(again);
            break;
        }
        left = again.into_keys().collect();
    }
    let seen: Vec<ApplicationId> = applications.into_iter().filter(|name| !unseen.contains_key(name)).collect();
    failures.extend(unseen.values().cloned());
    let mut sight = proved(context, changes, &seen, policy, &mut failures).await;
    sight.unseen.extend(unseen);
    Back { sight, foreign, failures }
}

/// Lets go of what is back, and looks whether all of it is.
async fn proved(
    context: &Shared,
    changes: &Changes,
    applications: &[ApplicationId],
    policy: ForeignPolicy,
    failures: &mut Vec<Failure>,
) -> Sight {
    if applications.is_empty() {
        return Sight::default();
    }
    failures.extend(let_go(context, applications).await);
    let sight = look(context, applications, LOOK).await;
    let left = RestorePlan::make(changes, &sight.found, policy);
    failures.extend(left.scale_steps.iter().map(still_scaled));
    failures.extend(left.rollouts.iter().map(still_rolled_out));
    failures.extend(sight.unseen.values().cloned());
    sight
}

/// Each application by itself, so that none waits for another: its allocation first, so that fewer replicas are rolled. A
/// failure stops nothing, and what does not settle is not waited for beyond a time.
async fn put_back(context: &Shared, plan: &RestorePlan, until: Timestamp) -> Vec<Failure> {
    let progress = Progress::new(context, plan.scale_steps.len() + plan.rollouts.len(), "put back");
    let mut chains: BTreeMap<&ApplicationId, Chain> = BTreeMap::new();
    for step in &plan.scale_steps {
        chains.entry(&step.application).or_default().step = Some(step.clone());
    }
    for rollout in &plan.rollouts {
        chains.entry(&rollout.application).or_default().rollout = Some(rollout.clone());
    }
    let chains: Vec<_> = chains.into_values().map(|chain| chain.put_back(context, &progress, until)).collect();
    futures::stream::iter(chains).buffer_unordered(context.options.concurrency.max(1)).concat().await
}

/// What is put back of one application, one after the other.
#[derive(Default)]
struct Chain {
    step: Option<ScaleStep>,
    rollout: Option<Rollout>,
}

impl Chain {
    async fn put_back(self, context: &Context, progress: &Progress, until: Timestamp) -> Vec<Failure> {
        let left = || u64::try_from(until.duration_since(context.clock.now()).as_secs()).unwrap_or_default();
        let mut failures = Vec::new();
        if let Some(step) = self.step {
            let limit = if self.rollout.is_some() { left() / 2 } else { left() };
            failures.extend(scale_back(context, &step, progress, Duration::from_secs(limit)).await.err());
        }
        if let Some(rollout) = self.rollout {
            failures.extend(roll_back(context, &rollout, progress, Duration::from_secs(left())).await.err());
        }
        failures
    }
}

/// Takes away what the run has left for its own way back.
async fn let_go(context: &Shared, applications: &[ApplicationId]) -> Option<Failure> {
    let scaler = &context.ports.scaler;
    let patience = context.options.retry.teardown_patience;
    let done = context.retry(patience, || scaler.let_go(&context.run, applications)).await;
    done.err().map(|error| Failure::of("let go of the applications", &error))
}

async fn scale_back(context: &Context, step: &ScaleStep, progress: &Progress, limit: Duration) -> Result<(), Failure> {
    let scaler = &context.ports.scaler;
    let done = limited(context, limit, || scaler.scale(&context.run, step, Way::Back)).await;
    let done = done.map_err(|error| Failure::of(format!("scale {} back", step.application), &error));
    progress.ended(&step.application, step, done).await
}

async fn roll_back(context: &Context, rollout: &Rollout, progress: &Progress, limit: Duration) -> Result<(), Failure> {
    let deployer = &context.ports.deployer;
    let done = limited(context, limit, || deployer.roll_out(&context.run, rollout, Way::Back)).await;
    let done = done.map_err(|error| Failure::of(format!("roll {} back", rollout.application), &error));
    progress.ended(&rollout.application, rollout, done).await
}

/// A call that is tried again, within a time.
async fn limited<F>(context: &Context, limit: Duration, call: impl FnMut() -> F) -> Result<(), PortError>
where
    F: Future<Output = Result<(), PortError>>,
{
    context.within(limit, context.retry(context.options.retry.teardown_patience, call)).await
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
