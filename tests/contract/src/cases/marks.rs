//! What a run changes carries whose it is: others are refused by that, and it leads back without a journal.

use conductor_core::failure::FailureKind;
use conductor_core::phase::Changes;
use conductor_core::ports::{Deployer, LeftBehind, PortError, Scaler, Way};
use conductor_core::release::Rollout;
use conductor_core::run::RunId;
use conductor_core::scale::ScaleStep;

use super::broken_off::cancelled_rollout;
use crate::bed::{Bed, Marks, Version};
use crate::run::{Run, fine, names, text};

/// What the run, and no other one, has left; nothing where it has left nothing.
async fn left<C: Scaler>(conductor: &C, run: &RunId) -> Option<LeftBehind> {
    let mut all = fine(conductor.left_behind(&names()).await);
    let left = all.remove(run);
    assert!(all.is_empty(), "{all:?}");
    left
}

/// [`Scaler::left_behind`]: by run, with what was there before and the epoch of who has written; empty once it is put back.
pub async fn what_a_run_leaves_is_told_by_its_name_and_leads_back_without_a_journal<B: Bed<Knowledge = Marks>>() {
    let bed = B::fresh().await;
    let before = bed.state().await;
    let conductor = bed.conductor(7).await;
    let run = Run::like_production(&conductor).await;
    assert_eq!(left(&conductor, &run.id).await, None);
    fine(run.there(&conductor).await);
    drop(conductor);
    let next = bed.conductor(8).await;
    let LeftBehind { changes, epoch, .. } = left(&next, &run.id).await.unwrap();
    assert_eq!(epoch, 7);
    assert_eq!(changes.baseline, run.changes.baseline);
    assert_eq!(changes.plan.applications(), run.changes.plan.applications());
    assert_eq!(run.back_by(&next, &changes).await, []);
    assert_eq!(bed.state().await, before);
    assert_eq!(left(&next, &run.id).await, None);
}

/// The same for a change that has not come to its end.
pub async fn a_cancelled_change_is_put_back_exactly_by_what_it_has_left_alone<B: Bed<Knowledge = Marks>>() {
    let bed = B::fresh().await;
    let before = bed.state().await;
    let run = cancelled_rollout(&bed).await;
    let next = bed.conductor(2).await;
    let LeftBehind { changes, .. } = left(&next, &run.id).await.unwrap();
    let Changes { plan, .. } = &changes;
    assert_eq!((&plan.rollouts, plan.scale_steps.len()), (&run.changes.plan.rollouts, 0));
    assert_eq!(run.back_by(&next, &changes).await, []);
    assert_eq!(bed.state().await, before);
    assert_eq!(left(&next, &run.id).await, None);
}

/// Of two conductors of a run the older one is refused, from the first write of the younger one on.
pub async fn an_older_conductor_changes_nothing_any_more_once_a_younger_one_has_taken_over<
    B: Bed<Knowledge = Marks>,
>() {
    let bed = B::fresh().await;
    let before = bed.state().await;
    let older = bed.conductor(1).await;
    let run = Run::like_production(&older).await;
    fine(run.there(&older).await);
    let younger = bed.conductor(2).await;
    // The command of before once more: nothing is to be changed, but whose it is.
    fine(run.there(&younger).await);
    let (taken, done) = (bed.state().await, bed.done().await.len());
    let (step, rollout) = further(&bed, &run);
    for way in [Way::There, Way::Back] {
        refused(older.scale(&run.id, &step, way).await, &run.id);
        refused(older.roll_out(&run.id, &rollout, way).await, &run.id);
    }
    assert_eq!((bed.state().await, bed.done().await.len()), (taken, done));
    assert_eq!(run.back(&younger).await, []);
    assert_eq!(bed.state().await, before);
}

/// What a run has changed is its own until it is put back: no other one writes there.
pub async fn another_run_cannot_change_what_a_run_holds<B: Bed<Knowledge = Marks>>() {
    let bed = B::fresh().await;
    let before = bed.state().await;
    let conductor = bed.conductor(1).await;
    let run = Run::like_production(&conductor).await;
    fine(run.there(&conductor).await);
    let (held, done) = (bed.state().await, bed.done().await.len());
    let (other, theirs) = (bed.conductor(9).await, "two".parse().unwrap());
    assert!(left(&other, &run.id).await.is_some(), "who looks is told");
    let (step, rollout) = further(&bed, &run);
    refused(other.scale(&theirs, &step, Way::There).await, &run.id);
    refused(other.roll_out(&theirs, &rollout, Way::There).await, &run.id);
    fine(other.let_go(&theirs, &names()).await);
    assert_eq!((bed.state().await, bed.done().await.len()), (held, done));
    assert_eq!(run.back(&conductor).await, []);
    assert_eq!(bed.state().await, before);
}

/// What would come next where the run is done with its own: one replica more, and one more version.
fn further<B: Bed>(bed: &B, run: &Run) -> (ScaleStep, Rollout) {
    let (step, rollout) = (&run.changes.plan.scale_steps[0], &run.changes.plan.rollouts[0]);
    let to = rollout.to.with(&bed.version(&rollout.application, Version::Fine)).unwrap();
    let more = step.to.with_replicas(step.to.replicas + 1);
    let step = ScaleStep { application: step.application.clone(), from: step.to.clone(), to: more };
    (step, Rollout::new(rollout.application.clone(), rollout.to.clone(), to))
}

/// It is refused for good, and it is told whose what is.
#[track_caller]
fn refused(result: Result<(), PortError>, holder: &RunId) {
    let error = result.unwrap_err();
    let told = text(&error);
    assert_eq!(error.kind, FailureKind::Rejected, "{told}");
    assert!(told.contains(&format!("load test {holder}")), "{told}");
}
