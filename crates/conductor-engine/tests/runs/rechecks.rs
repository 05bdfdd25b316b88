//! The second look: what is no longer as it was put back is told, and put back once more where it is the run's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::phase::{Event, Exactness};
use conductor_core::ports::{FailureKind, LeftBehind, PortError, Ports, Scaler, Way};
use conductor_core::restore::ForeignPolicy;
use conductor_core::run::RunId;
use conductor_core::scale::ScaleStep;
use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;
use conductor_engine::{Conductor, Recovery};

use crate::bed::{Bed, outcome, over, verdict};

/// A run that has cleaned up and waits for its second look.
async fn waiting(bed: &Bed) -> (Conductor, RunId) {
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    while conductor.get(&run).await.unwrap().state != "Rechecking" {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    (conductor, run)
}

fn change(bed: &Bed, version: Option<&str>, replicas: Option<u32>) {
    assert!(bed.environment.change(&"shop".parse().unwrap(), version, replicas));
}

/// Why the run ended as it did, as codes and sentences.
fn causes(view: &RunView) -> Vec<String> {
    verdict(view).causes.iter().map(|cause| format!("{}: {}", cause.code, cause.message)).collect()
}

fn exactness(view: &RunView) -> Exactness {
    view.ending.as_ref().unwrap().exactness()
}

#[tokio::test(start_paused = true)]
async fn the_second_look_is_a_minute_after_the_way_back_whatever_the_clean_up_takes() {
    let bed = Bed::healthy();
    let view = bed.run().await;
    bed.assert_clean(&view, "quiet");
    assert_eq!((outcome(&view), exactness(&view)), (Outcome::Passed, Exactness::Exact));
    let journal = bed.journal(&view.id).await;
    let at = |name| journal.iter().find(|record| record.event.name() == name).unwrap().at;
    let between = at("Rechecked").duration_since(at("Restored")).as_secs_f64();
    assert!((60.0..61.0).contains(&between), "{between} s");
    let told = view.events.last().unwrap();
    assert_eq!(told.message, "the environment was looked at again, and stays as it was put back");
}

#[tokio::test(start_paused = true)]
async fn what_others_change_after_the_way_back_is_told_and_never_overwritten() {
    for policy in [ForeignPolicy::Report, ForeignPolicy::Force] {
        let mut bed = Bed::healthy();
        bed.created.foreign_policy = policy;
        let (conductor, run) = waiting(&bed).await;
        change(&bed, Some("v9"), Some(7));
        let view = over(&conductor, &run).await;
        assert_eq!(
            causes(&view),
            [
                "changed_afterwards: after the way back, shop: replicas is 7, not 1; left alone",
                "changed_afterwards: after the way back, shop: version of main is v9, not v1; left alone",
            ]
        );
        assert_eq!((outcome(&view), exactness(&view)), (Outcome::Warned, Exactness::ButForOthers), "{policy:?}");
        assert!(verdict(&view).restored, "nothing of the run is left");
        let found = bed.environment.observed().remove("shop").unwrap();
        assert_eq!((found.release.to_string(), found.allocation.replicas), ("v9".to_owned(), 7), "{policy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_of_the_run_that_comes_back_is_put_back_once_more() {
    let bed = Bed::healthy();
    let (conductor, run) = waiting(&bed).await;
    change(&bed, Some("v2"), Some(3));
    let view = over(&conductor, &run).await;
    bed.assert_clean(&view, "come back");
    assert_eq!(
        causes(&view),
        [
            "restored_again: after the way back, shop: version of main is v2, not v1; put back once more",
            "restored_again: after the way back, shop: replicas is 3, not 1; put back once more",
        ]
    );
    assert_eq!((outcome(&view), exactness(&view)), (Outcome::Warned, Exactness::Exact));
}

#[tokio::test(start_paused = true)]
async fn a_conductor_that_dies_before_or_after_the_second_look_is_followed_by_one_that_goes_on() {
    for how in [Recovery::TearDown, Recovery::Continue] {
        for state in ["Rechecking", "PuttingBackAgain"] {
            let bed = Bed::healthy();
            let (conductor, run) = waiting(&bed).await;
            change(&bed, None, Some(3));
            while conductor.get(&run).await.unwrap().state != state {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            conductor.let_go(&run).await;
            tokio::time::sleep(Duration::from_secs(600)).await;
            let other = bed.conductor();
            other.recover(&run, how).await.unwrap();
            let view = over(&other, &run).await;
            bed.assert_clean(&view, state);
            let told = ["restored_again: after the way back, shop: replicas is 3, not 1; put back once more"];
            assert_eq!(causes(&view), told, "{how:?} in {state}");
            let journal = bed.journal(&run).await;
            let looks = journal.iter().filter(|record| matches!(record.event, Event::Rechecked { .. }));
            assert_eq!(looks.count(), 1, "{how:?} in {state}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_wants_no_second_look_ends_with_the_clean_up() {
    let mut bed = Bed::healthy();
    bed.created.recheck_after = "0s".parse().unwrap();
    let view = bed.run().await;
    bed.assert_clean(&view, "not looked at again");
    let journal = bed.journal(&view.id).await;
    assert_eq!(journal.last().unwrap().event.name(), "CleanedUp");
}

/// An environment that somebody makes unfit for runs as soon as one has begun in it.
struct Unfit {
    scaler: Arc<dyn Scaler>,
    has_begun: AtomicBool,
}

#[async_trait]
impl Scaler for Unfit {
    async fn allocated(&self, names: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        match self.has_begun.load(Ordering::Relaxed) {
            true => Err(PortError::new(FailureKind::Rejected, "shop could not be put back")),
            false => self.scaler.allocated(names).await,
        }
    }

    async fn still_allocated(&self, names: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        self.scaler.allocated(names).await
    }

    async fn scale(&self, run: &RunId, step: &ScaleStep, way: Way) -> Result<(), PortError> {
        self.has_begun.store(true, Ordering::Relaxed);
        self.scaler.scale(run, step, way).await
    }

    async fn left_behind(&self, names: &[ApplicationId]) -> Result<BTreeMap<RunId, LeftBehind>, PortError> {
        self.scaler.left_behind(names).await
    }

    async fn let_go(&self, run: &RunId, names: &[ApplicationId]) -> Result<(), PortError> {
        self.scaler.let_go(run, names).await
    }
}

#[tokio::test(start_paused = true)]
async fn what_keeps_a_run_from_beginning_keeps_none_from_being_put_back_and_looked_at_again() {
    let bed = Bed::healthy().wrapped(|ports| {
        let scaler = Arc::new(Unfit { scaler: ports.scaler.clone(), has_begun: AtomicBool::new(false) });
        Ports { scaler, ..ports }
    });
    let view = bed.run().await;
    assert_eq!(outcome(&view), Outcome::Passed, "{:?}", verdict(&view));
    bed.assert_clean(&view, "put back");
}
