//! A conductor may die between any two of its writes: the next one puts everything back, by the tags alone, and what is left of
//! the old one is kept from writing.

use std::sync::Arc;

use conductor_core::phase::Changes;
use conductor_core::ports::{Deployer, EnvironmentGuard, FailureKind, Scaler, Way};
use conductor_core::restore::ForeignPolicy;
use conductor_ecs::EcsEnvironment;
use conductor_ecs_bed::Moment;

use super::scene::*;

/// Which way a conductor is on when it dies.
#[derive(Clone, Copy, Debug)]
enum On {
    WayThere,
    WayBack,
}

/// Lets a conductor die at one of its writes; true when there was such a write.
async fn dies(scene: &Scene, conductor: &Arc<EcsEnvironment>, changes: &Changes, on: On, at: (u32, Moment)) -> bool {
    if matches!(on, On::WayBack) {
        there(conductor, changes).await.unwrap();
    }
    let stop = scene.bed.stop_at(scene.conductors(), at.0, at.1);
    let (living, changes) = (Arc::clone(conductor), changes.clone());
    let task = tokio::spawn(async move {
        match on {
            On::WayThere => there(&living, &changes).await.unwrap(),
            On::WayBack => drop(back(&living, &changes, ForeignPolicy::Report).await.unwrap()),
        }
    });
    let task = &mut { task };
    tokio::select! {
        () = stop.reached(PATIENCE) => {
            task.abort();
            true
        }
        ended = &mut *task => {
            ended.unwrap();
            false
        }
    }
}

/// Dies at each write in turn, and is put back by tags alone each time.
async fn each(on: On, at: Moment) {
    let scene = Scene::autoscaled().await;
    let before = scene.state().await;
    let changes = plan(&scene.conductor(0).await, &[like_production("cart")]).await.unwrap();
    let mut number = 1;
    loop {
        let epoch = u64::from(number) * 2;
        let conductor = Arc::new(scene.conductor(epoch).await);
        let has_died = dies(&scene, &conductor, &changes, on, (number, at)).await;
        let next = scene.conductor(epoch + 1).await;
        match left(&next, &scene.names).await {
            Some(left) => drop(back(&next, &left, ForeignPolicy::Report).await.unwrap()),
            None => next.thaw(&run()).await.unwrap(),
        }
        assert_eq!(scene.state().await, before, "{on:?}, {at:?} write {number}");
        if !has_died {
            break;
        }
        number += 1;
    }
    assert!(number > 5, "it died {number} times only");
}

#[tokio::test]
async fn on_the_way_there_before_a_write() {
    each(On::WayThere, Moment::Before).await;
}

#[tokio::test]
async fn on_the_way_there_after_a_write() {
    each(On::WayThere, Moment::After).await;
}

#[tokio::test]
async fn on_the_way_back_before_a_write() {
    each(On::WayBack, Moment::Before).await;
}

#[tokio::test]
async fn on_the_way_back_after_a_write() {
    each(On::WayBack, Moment::After).await;
}

#[tokio::test]
async fn the_journal_leads_back_as_well_and_an_older_conductor_changes_nothing_more() {
    let scene = Scene::autoscaled().await;
    let (before, old) = (scene.state().await, scene.conductor(1).await);
    let changes = plan(&old, &[like_production("cart")]).await.unwrap();
    there(&old, &changes).await.unwrap();
    let next = scene.conductor(2).await;
    // What it is to put back is claimed with the first write, and the old one is kept from its own.
    next.scale(&run(), &changes.plan.scale_steps[0], Way::There).await.unwrap();
    for way in [Way::There, Way::Back] {
        let step = conductor_core::scale::ScaleStep {
            from: changes.plan.scale_steps[0].to.clone(),
            to: changes.plan.scale_steps[0].to.with_replicas(9),
            ..changes.plan.scale_steps[0].clone()
        };
        let error = old.scale(&run(), &step, way).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Rejected);
        let told = conductor_core::failure::Failure::of("", &error).message;
        assert!(told.contains("a younger conductor (epoch 2) has taken load test one over"), "{told}");
    }
    back(&next, &changes, ForeignPolicy::Report).await.unwrap();
    assert_eq!(scene.state().await, before);
    let error = old.roll_out(&run(), &changes.plan.rollouts[0], Way::There).await.unwrap_err();
    let told = conductor_core::failure::Failure::of("", &error).message;
    assert!(told.contains("the tags of the run are gone"), "{told}");
    assert_eq!(scene.state().await, before);
}
