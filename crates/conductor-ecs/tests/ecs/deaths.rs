//! A conductor may die at any of its writes, before or after it is done: the next one puts everything back, by the tags alone, and
//! what is left of the old one is kept from writing.

use conductor_core::phase::Changes;
use conductor_core::ports::{Deployer, EnvironmentGuard, FailureKind, Scaler, Way};
use conductor_core::restore::ForeignPolicy;
use conductor_core::spec::{Intent, ScaleChoice, VersionChoice};
use conductor_ecs::EcsEnvironment;
use conductor_ecs_bed::{Moment, Pull, Seen};
use futures::StreamExt;

use super::scene::*;

/// How many scenes a test plays at the same time: they wait most of the time.
const AT_ONCE: usize = 6;

/// A write, by its operation and the service that it names.
type Write = (&'static str, &'static str);

/// Which way a conductor is on when it dies.
#[derive(Clone, Copy, Debug)]
enum On {
    WayThere,
    WayBack,
}

impl On {
    /// All writes of the way, one after the other.
    const fn writes(self) -> &'static [Write] {
        match self {
            Self::WayThere => &[
                // It lives.
                ("TagResource", ""),
                // Autoscaling stands still.
                ("TagResource", "cart"),
                ("RegisterScalableTarget", "cart"),
                // The version.
                ("RegisterTaskDefinition", ""),
                ("TagResource", "cart"),
                ("UpdateService", "cart"),
                // Resources and tasks.
                ("RegisterTaskDefinition", ""),
                ("TagResource", "cart"),
                ("UpdateService", "cart"),
            ],
            Self::WayBack => &[
                // What an older conductor has left is claimed.
                ("TagResource", "cart"),
                // Tasks, then the version.
                ("UpdateService", "cart"),
                ("UpdateService", "cart"),
                ("UntagResource", "cart"),
                // Autoscaling goes on.
                ("RegisterScalableTarget", "cart"),
                ("UntagResource", "cart"),
                // It lives no more.
                ("UntagResource", ""),
            ],
        }
    }

    /// What the run changes: on the way back tasks and versions alone, for resources come back with the version.
    async fn changes(self, scene: &Scene) -> Changes {
        let tasks = ScaleChoice::Exactly { replicas: Some(6), cpu: None, memory: None };
        let intent = match self {
            Self::WayThere => like_production("cart"),
            Self::WayBack => Intent::new(scene.names[0].clone(), VersionChoice::Production, tasks),
        };
        plan(&scene.conductor(1).await, &[intent]).await.unwrap()
    }

    async fn go(self, conductor: &EcsEnvironment, changes: &Changes) {
        match self {
            Self::WayThere => there(conductor, changes).await.unwrap(),
            Self::WayBack => drop(back(conductor, changes, ForeignPolicy::Report).await.unwrap()),
        }
    }
}

/// A scene in which an autoscaler fights throughout, and a conductor is about to go one of the ways.
struct Play {
    scene: Scene,
    /// Everything as it was before the run.
    before: Vec<String>,
    changes: Changes,
    /// How many writes there were before the way.
    begun: usize,
}

impl Play {
    async fn of(on: On) -> Self {
        let scene = Scene::autoscaled().await;
        scene.fight(Pull::Scheduled);
        let (before, changes) = (scene.state().await, on.changes(&scene).await);
        if matches!(on, On::WayBack) {
            there(&scene.conductor(1).await, &changes).await.unwrap();
        }
        let begun = scene.written().len();
        Self { scene, before, changes, begun }
    }

    /// The writes of the way so far.
    fn written(&self) -> Vec<Seen> {
        self.scene.written().split_off(self.begun)
    }

    /// A conductor goes that way, and is gone for good at one of its writes.
    async fn dies(&self, on: On, number: usize, at: Moment) {
        let stop = self.scene.bed.stop_at(self.scene.conductors(), number.try_into().unwrap(), at);
        let (conductor, changes) = (self.scene.conductor(2).await, self.changes.clone());
        let mut living = tokio::spawn(async move { on.go(&conductor, &changes).await });
        tokio::select! {
            () = stop.reached(PATIENCE) => living.abort(),
            ended = &mut living => panic!("{on:?}: it ended before write {number}: {ended:?}"),
        }
        // What it waits for is lost only when it is gone.
        assert!(living.await.unwrap_err().is_cancelled());
    }

    /// The next conductor puts back what the tags tell.
    async fn is_put_back(&self) {
        let next = self.scene.conductor(3).await;
        match left(&next, &self.scene.names).await {
            Some(left) => drop(back(&next, &left, ForeignPolicy::Report).await.unwrap()),
            None => next.thaw(&run()).await.unwrap(),
        }
        assert_eq!(self.scene.state().await, self.before);
        assert_eq!(left(&next, &self.scene.names).await, None);
        assert_eq!(self.scene.moves(), 0, "no autoscaler had anything to move");
    }
}

fn named(writes: &[Seen]) -> Vec<(&str, &str)> {
    writes.iter().map(|seen| (&*seen.operation, &*seen.service)).collect()
}

/// Plays a scene of its own for each of the writes of a way, with a conductor that dies there.
async fn each(on: On, at: Moment) {
    let scenes = futures::stream::iter(1..=on.writes().len()).map(|number| async move {
        let play = Play::of(on).await;
        play.dies(on, number, at).await;
        let written = play.written();
        assert_eq!(named(&written), on.writes()[..number], "{on:?}, {at:?} write {number}");
        let is_done = written.last().map(Seen::is_done);
        assert_eq!(is_done, Some(at == Moment::After), "{on:?}, {at:?} write {number}");
        play.is_put_back().await;
    });
    scenes.buffer_unordered(AT_ONCE).collect::<()>().await;
}

#[tokio::test]
async fn these_are_all_writes_of_a_way() {
    for on in [On::WayThere, On::WayBack] {
        let play = Play::of(on).await;
        on.go(&play.scene.conductor(2).await, &play.changes).await;
        assert_eq!(named(&play.written()), on.writes(), "{on:?}");
    }
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
