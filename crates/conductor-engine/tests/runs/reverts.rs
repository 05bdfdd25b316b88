//! What somebody else changes of an application that is as production already is reverted: the run leaves nothing there, and
//! looks at it on the way back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::guard::DriftPolicy;
use conductor_core::phase::Exactness;
use conductor_core::ports::{FailureKind, LeftBehind, PortError, Ports, Scaler, Way};
use conductor_core::run::RunId;
use conductor_core::scale::ScaleStep;
use conductor_core::view::RunView;
use conductor_engine::Conductor;

use crate::bed::{Bed, over, until, verdict};

#[derive(Default)]
struct Kept {
    /// What was before with what a run has changed, as applications on Kubernetes carry it.
    originals: BTreeMap<ApplicationId, Allocation>,
    let_go: BTreeSet<ApplicationId>,
    /// True where payments cannot be given what the run needs.
    refuses: bool,
    /// True where payments never get what the run needs, and nobody says that they do not.
    hangs: bool,
}

impl Kept {
    fn note(&mut self, step: &ScaleStep, way: Way) {
        match way {
            Way::There if step.from != step.to => {
                self.originals.entry(step.application.clone()).or_insert_with(|| step.from.clone());
            }
            Way::Back if self.originals.get(&step.application) == Some(&step.to) => {
                self.originals.remove(&step.application);
            }
            Way::There | Way::Back => {}
        }
    }
}

struct Carrying {
    scaler: Arc<dyn Scaler>,
    kept: Arc<Mutex<Kept>>,
}

#[async_trait]
impl Scaler for Carrying {
    async fn allocated(&self, names: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        self.scaler.allocated(names).await
    }

    async fn scale(&self, run: &RunId, step: &ScaleStep, way: Way) -> Result<(), PortError> {
        if self.kept.lock().unwrap().refuses && way == Way::There && step.application == payments() {
            return Err(PortError::new(FailureKind::Rejected, "payments may not be scaled"));
        }
        self.kept.lock().unwrap().note(step, way);
        if self.kept.lock().unwrap().hangs && way == Way::There && step.application == payments() {
            std::future::pending::<()>().await;
        }
        self.scaler.scale(run, step, way).await
    }

    async fn left_behind(&self, names: &[ApplicationId]) -> Result<BTreeMap<RunId, LeftBehind>, PortError> {
        self.scaler.left_behind(names).await
    }

    async fn let_go(&self, run: &RunId, names: &[ApplicationId]) -> Result<(), PortError> {
        self.kept.lock().unwrap().let_go.extend(names.iter().cloned());
        self.scaler.let_go(run, names).await
    }
}

fn payments() -> ApplicationId {
    "payments".parse().unwrap()
}

/// A bed that reverts, in which payments is as in production already, and so is the shop where that is wanted.
fn bed(nothing_to_do: bool) -> (Bed, Arc<Mutex<Kept>>) {
    let kept = Arc::<Mutex<Kept>>::default();
    let carried = Arc::clone(&kept);
    let bed = Bed::new(|plant| {
        for application in &mut plant.environment.applications {
            if nothing_to_do || application.name == payments() {
                application.test = application.production.clone().unwrap();
            }
        }
    });
    let mut bed = bed.wrapped(move |ports| {
        let scaler = Arc::new(Carrying { scaler: ports.scaler.clone(), kept: Arc::clone(&carried) });
        Ports { scaler, ..ports }
    });
    bed.created.drift_policy = DriftPolicy::Revert;
    (bed, kept)
}

/// A run during whose load somebody sets nine replicas of payments.
async fn disturbed(bed: &Bed) -> (Conductor, RunId) {
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    until("there is load", || bed.environment.users() > 50).await;
    assert!(bed.environment.change(&payments(), None, Some(9)));
    (conductor, run)
}

fn codes(view: &RunView) -> Vec<&str> {
    verdict(view).causes.iter().map(|cause| cause.code.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_the_run_does_not_change_is_reverted_to_what_it_was_and_let_go_of() {
    for nothing_to_do in [false, true] {
        let (bed, kept) = bed(nothing_to_do);
        let (conductor, run) = disturbed(&bed).await;
        let view = over(&conductor, &run).await;
        bed.assert_clean(&view, "reverted");
        assert_eq!(codes(&view), ["drift_reverted"], "{:?}", verdict(&view));
        let kept = kept.lock().unwrap();
        assert_eq!(kept.originals, BTreeMap::new(), "the value of somebody else is kept as that of before the run");
        assert!(kept.let_go.contains(&payments()), "nothing to do: {nothing_to_do}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_changed_once_more_after_it_was_reverted_is_told_and_left_alone() {
    let (bed, _) = bed(false);
    let (conductor, run) = disturbed(&bed).await;
    while conductor.get(&run).await.unwrap().state != "ScalingDown" {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(bed.environment.observed()["payments"].allocation.replicas, 2);
    assert!(bed.environment.change(&payments(), None, Some(7)));
    let view = over(&conductor, &run).await;
    assert_eq!(codes(&view), ["drift_reverted", "changed_by_others"]);
    let told = &verdict(&view).causes[1].message;
    assert_eq!(told, "payments: replicas is 7, which is neither 2 (before the run) nor 2 (during it); left alone");
    assert_eq!(view.ending.as_ref().unwrap().exactness(), Exactness::ButForOthers);
    assert_eq!(bed.environment.observed()["payments"].allocation.replicas, 7);
}

#[tokio::test(start_paused = true)]
async fn what_could_be_put_back_in_part_makes_the_run_invalid_and_is_let_go_of_all_the_same() {
    let (bed, kept) = bed(false);
    kept.lock().unwrap().refuses = true;
    let (conductor, run) = disturbed(&bed).await;
    let view = over(&conductor, &run).await;
    bed.assert_clean(&view, "not reverted");
    assert_eq!(codes(&view), ["environment_drifted"], "{:?}", verdict(&view));
    assert_eq!(verdict(&view).causes[0].message, "during the load, payments: replicas is 9, not 2");
    let text = "put payments back as the run needs it: payments may not be scaled";
    assert_eq!(view.events.iter().filter(|event| event.message == text).count(), 1);
    assert!(kept.lock().unwrap().let_go.contains(&payments()));
}

#[tokio::test(start_paused = true)]
async fn what_is_still_being_put_back_when_the_load_ends_makes_the_run_invalid_and_keeps_nothing_else_from_it() {
    let (bed, kept) = bed(false);
    kept.lock().unwrap().hangs = true;
    let (conductor, run) = disturbed(&bed).await;
    let shop: ApplicationId = "shop".parse().unwrap();
    let replicas = || bed.environment.observed()["shop"].allocation.replicas;
    let wanted = replicas();
    assert!(bed.environment.change(&shop, None, Some(9)) && wanted != 9);
    until("the shop is put back", || replicas() == wanted).await;
    let view = over(&conductor, &run).await;
    bed.assert_clean(&view, "being reverted");
    let causes: Vec<&str> = verdict(&view).causes.iter().map(|cause| cause.message.as_str()).collect();
    assert_eq!(codes(&view), ["environment_drifted", "drift_reverted"], "{causes:?}");
    assert_eq!(causes[0], "during the load, payments: replicas is 9, not 2");
}
