//! What somebody else changes under load is theirs: it is not overwritten on the way back, and it is told.

use crate::bed::{Bed, Version};
use crate::run::{Run, fine, look_again, names};

/// Theirs stays, all else is back; and once they have put their own back, everything is as before.
pub async fn replicas_that_somebody_else_gives_are_left_alone_and_told<B: Bed>() {
    let bed = B::fresh().await;
    let before = bed.state().await;
    let conductor = bed.conductor(1).await;
    let run = Run::like_production(&conductor).await;
    fine(run.there(&conductor).await);
    let [cart, ledger] = &names()[..] else { panic!("there are two applications") };
    let step = run.changes.plan.scale_steps.iter().find(|step| step.application == *cart).unwrap();
    let [original, applied] = [step.from.replicas, step.to.replicas];
    let theirs = applied + 1;
    bed.somebody_scales(cart, theirs).await;
    let foreign: Vec<String> = run.back(&conductor).await.iter().map(ToString::to_string).collect();
    let told = format!(
        "cart: replicas is {theirs}, which is neither {original} (before the run) nor {applied} (during it); left alone"
    );
    assert_eq!(foreign, [told]);
    let found = look_again(&conductor).await;
    assert_eq!(found[cart].allocation.replicas, theirs);
    assert_eq!(found[ledger], run.changes.baseline[ledger]);
    bed.somebody_scales(cart, original).await;
    assert_eq!(bed.state().await, before);
}

/// Theirs stays, all else is back.
pub async fn a_version_that_somebody_else_deploys_is_left_alone_and_told<B: Bed>() {
    let bed = B::fresh().await;
    let conductor = bed.conductor(1).await;
    let run = Run::like_production(&conductor).await;
    fine(run.there(&conductor).await);
    let [cart, ledger] = &names()[..] else { panic!("there are two applications") };
    let theirs = bed.version(cart, Version::Fine);
    bed.somebody_deploys(cart, &theirs).await;
    let foreign = run.back(&conductor).await;
    let [one] = &foreign[..] else { panic!("{foreign:?}") };
    assert_eq!((&one.application, &one.found), (cart, &theirs));
    assert!(one.field.starts_with("version of "), "{one}");
    let found = look_again(&conductor).await;
    assert_eq!(found[cart].release.version(), Some(theirs.as_str()));
    assert_eq!(found[cart].allocation, run.changes.baseline[cart].allocation);
    assert_eq!(found[ledger], run.changes.baseline[ledger]);
}
