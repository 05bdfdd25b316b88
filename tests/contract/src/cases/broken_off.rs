//! Changes that do not come to their end: cancelled in the middle, with their conductor, or impossible.

use std::pin::pin;
use std::time::Instant;

use conductor_core::failure::FailureKind;
use conductor_core::ports::{Deployer, PortError, Scaler};
use conductor_core::scale::Baseline;

use crate::bed::{Bed, Version};
use crate::run::{LOOK_EVERY, PATIENCE, Run, fine, look_again, names, text, until};

/// How often a change may be over before it can be cancelled.
const ATTEMPTS: u64 = 8;

/// A change may be quicker than who looks for it: it is tried until one was cancelled, with a higher epoch each time. What was not
/// cancelled must be as exact.
async fn in_the_middle(mut attempt: impl AsyncFnMut(u64) -> bool) {
    for number in 0..ATTEMPTS {
        if attempt(2 * number + 1).await {
            return;
        }
    }
    panic!("it was over {ATTEMPTS} times before it could be cancelled");
}

/// Lets a change go on until somebody else sees it, and cancels it then. False where it has ended by that time.
pub(crate) async fn cancelled<C: Deployer + Scaler>(
    change: impl Future<Output = Result<(), PortError>>,
    other: &C,
    is_seen: impl Fn(&Baseline) -> bool,
) -> bool {
    let mut change = pin!(change);
    tokio::select! {
        biased;
        () = until("the change is seen", async || is_seen(&look_again(other).await)) => true,
        ended = &mut change => {
            fine(ended);
            false
        }
    }
}

/// Waits until everything is as it was.
async fn becomes<B: Bed>(bed: &B, before: &[String]) {
    let begun = Instant::now();
    while bed.state().await != before && begun.elapsed() < PATIENCE {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    assert_eq!(bed.state().await, before);
}

/// A rollout that never ends, and what is to be put back once it is cancelled.
pub(crate) async fn cancelled_rollout<B: Bed>(bed: &B) -> Run {
    let conductor = bed.conductor(1).await;
    let [cart, _] = &names()[..] else { panic!("there are two applications") };
    let run = Run::of_version(&conductor, cart.clone(), bed.version(cart, Version::NeverReady)).await;
    let to = run.changes.plan.rollouts[0].to.clone();
    let other = bed.conductor(1).await;
    assert!(cancelled(run.there(&conductor), &other, |found| found[cart].release == to).await, "it has ended");
    run
}

/// Dropping is cancelling, and another conductor goes back by the journal.
pub async fn a_rollout_that_is_cancelled_in_the_middle_is_put_back_exactly_by_a_second_conductor<B: Bed>() {
    let bed = B::fresh().await;
    let before = bed.state().await;
    let run = cancelled_rollout(&bed).await;
    assert_ne!(bed.state().await, before);
    assert_eq!(run.back(&bed.conductor(2).await).await, []);
    assert_eq!(bed.state().await, before);
}

/// The same for what it is given.
pub async fn a_scaling_that_is_cancelled_in_the_middle_is_put_back_exactly_by_a_second_conductor<B: Bed>() {
    let bed = B::fresh().await;
    let before = bed.state().await;
    in_the_middle(async |epoch| {
        let conductor = bed.conductor(epoch).await;
        let run = Run::like_production(&conductor).await;
        fine(run.roll_out(&conductor).await);
        let steps = &run.changes.plan.scale_steps;
        let is_seen = |found: &Baseline| steps.iter().all(|step| found[&step.application].allocation == step.to);
        let is_cancelled = cancelled(run.scale(&conductor), &bed.conductor(epoch).await, is_seen).await;
        drop(conductor);
        assert_eq!(run.back(&bed.conductor(epoch + 1).await).await, []);
        assert_eq!(bed.state().await, before);
        is_cancelled
    })
    .await;
}

/// The same on the way back. What was asked for when it was cancelled is wanted already, so that the second conductor need not ask for
/// it: it comes about by itself.
pub async fn a_way_back_that_is_cancelled_in_the_middle_is_gone_on_with_by_a_second_conductor<B: Bed>() {
    let bed = B::fresh().await;
    let before = bed.state().await;
    in_the_middle(async |epoch| {
        let conductor = bed.conductor(epoch).await;
        let run = Run::like_production(&conductor).await;
        fine(run.there(&conductor).await);
        let plan = run.restore_plan(&conductor, &run.changes).await;
        let is_seen = |found: &Baseline| found.iter().all(|(name, found)| *found == run.changes.baseline[name]);
        let is_cancelled = cancelled(run.put_back(&conductor, &plan), &bed.conductor(epoch).await, is_seen).await;
        drop(conductor);
        assert_eq!(run.back(&bed.conductor(epoch + 1).await).await, []);
        becomes(&bed, &before).await;
        is_cancelled
    })
    .await;
}

/// [`Deployer::roll_out`] fails early with [`FailureKind::Unsettled`] when a version cannot come about.
pub async fn a_version_that_cannot_come_about_fails_early_and_is_put_back_exactly<B: Bed>() {
    let bed = B::fresh().await;
    let before = bed.state().await;
    let conductor = bed.conductor(1).await;
    let [cart, _] = &names()[..] else { panic!("there are two applications") };
    let run = Run::of_version(&conductor, cart.clone(), bed.version(cart, Version::Broken)).await;
    let begun = Instant::now();
    let error = run.there(&conductor).await.unwrap_err();
    let told = text(&error);
    assert_eq!(error.kind, FailureKind::Unsettled, "{told}");
    assert!(told.contains(cart.as_str()), "{told}");
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    assert_eq!(run.back(&conductor).await, []);
    assert_eq!(bed.state().await, before);
}
