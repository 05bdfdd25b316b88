//! Reading production, and the way there.

use conductor_core::failure::FailureKind;
use conductor_core::ports::{Deployer, ReleaseSource, Scaler, Way};
use conductor_core::release::{Release, Rollout};
use conductor_core::run::RunId;
use conductor_core::scale::ScaleStep;

use crate::bed::{Bed, Version};
use crate::run::{Run, fine, look_again, names, text};

/// [`ReleaseSource::production`]: versions and allocation.
pub async fn production_is_read_with_its_versions_replicas_and_resources<B: Bed>() {
    let bed = B::fresh().await;
    let found = fine(bed.conductor(1).await.production(&names()).await);
    let expected = bed.production().await;
    assert_eq!(expected.keys().cloned().collect::<Vec<_>>(), names());
    assert_eq!(found, expected);
}

/// [`Deployer::roll_out`] and [`Scaler::scale`]: they wait until every wanted replica runs what is wanted and is ready.
pub async fn a_change_is_made_and_ready_when_its_call_comes_back<B: Bed>() {
    let bed = B::fresh().await;
    let conductor = bed.conductor(1).await;
    let run = Run::like_production(&conductor).await;
    let before = bed.state().await;
    let ready = async || futures::future::join_all(names().iter().map(|name| bed.ready(name))).await;
    fine(run.roll_out(&conductor).await);
    let replicas = names().iter().map(|name| run.changes.baseline[name].allocation.replicas).collect::<Vec<_>>();
    assert_eq!(ready().await, replicas, "of the new version");
    fine(run.scale(&conductor).await);
    let replicas = run.changes.plan.scale_steps.iter().map(|step| step.to.replicas).collect::<Vec<_>>();
    assert_eq!(ready().await, replicas, "all that were wished");
    assert_ne!(bed.state().await, before);
    let found = look_again(&conductor).await;
    for rollout in &run.changes.plan.rollouts {
        assert_eq!(found[&rollout.application].release, rollout.to, "{}", rollout.application);
    }
    for step in &run.changes.plan.scale_steps {
        assert_eq!(found[&step.application].allocation, step.to, "{}", step.application);
    }
}

/// Every method is idempotent: after a crash the last commands are issued again.
pub async fn what_is_done_twice_changes_nothing_the_second_time<B: Bed>() {
    let bed = B::fresh().await;
    let conductor = bed.conductor(1).await;
    let run = Run::like_production(&conductor).await;
    fine(run.there(&conductor).await);
    let done = (bed.state().await, bed.done().await);
    assert!(!done.1.is_empty());
    fine(run.there(&conductor).await);
    assert_eq!((bed.state().await, bed.done().await), done);
}

/// What is absent from an answer does not exist; what cannot be changed since there is none is [`FailureKind::NotFound`].
pub async fn an_application_that_does_not_exist_is_absent_and_not_found_by_its_name<B: Bed>() {
    let bed = B::fresh().await;
    let conductor = bed.conductor(1).await;
    let (before, absent) = (bed.state().await, bed.absent());
    let mut all = names();
    all.push(absent.clone());
    assert_eq!(fine(conductor.production(&all).await).into_keys().collect::<Vec<_>>(), names());
    assert_eq!(fine(conductor.deployed(&all).await).into_keys().collect::<Vec<_>>(), names());
    assert_eq!(fine(conductor.still_allocated(&all).await).into_keys().collect::<Vec<_>>(), names());
    let allocated = fine(conductor.allocated(&all).await);
    assert_eq!(allocated.keys().cloned().collect::<Vec<_>>(), names());

    let run: RunId = "one".parse().unwrap();
    let release = Release::single(bed.version(&absent, Version::Fine));
    let rollout = Rollout::new(absent.clone(), Release::single("none"), release);
    let from = allocated[&names()[0]].clone();
    let step = ScaleStep { application: absent.clone(), to: from.with_replicas(from.replicas + 1), from };
    for way in [Way::There, Way::Back] {
        for error in [conductor.roll_out(&run, &rollout, way).await, conductor.scale(&run, &step, way).await] {
            let error = error.unwrap_err();
            let told = text(&error);
            assert_eq!(error.kind, FailureKind::NotFound, "{told}");
            assert!(told.contains(absent.as_str()), "{told}");
        }
    }
    fine(conductor.let_go(&run, &all).await);
    assert_eq!(bed.state().await, before);
}
