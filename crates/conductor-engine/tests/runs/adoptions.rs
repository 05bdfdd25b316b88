//! Runs that are put back by what they have left at applications: the journal is lost, or has ended too early.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::phase::Changes;
use conductor_core::ports::{FailureKind, LeftBehind, PortError, Ports, RunStore, Scaler, Way};
use conductor_core::run::{Run, RunId};
use conductor_core::scale::ScaleStep;
use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;
use conductor_engine::{Adoption, RecoverError, Recovery};
use conductor_sim::MemoryStore;
use futures::FutureExt;
use jiff::Timestamp;

use crate::altered::altered;
use crate::bed::{Bed, died_after, outcome, over, verdict};
use crate::guards::{Asked, Before};

/// What runs have left at applications, whether these can be scaled back, and what is asked of their guard.
#[derive(Clone, Default)]
struct Marks {
    left: Arc<Mutex<BTreeMap<RunId, LeftBehind>>>,
    stuck: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Marks {
    fn bed(&self) -> Bed {
        let marks = self.clone();
        Bed::healthy().wrapped(move |ports| {
            let scaler = Arc::new(Marked { scaler: ports.scaler.clone(), marks: marks.clone() });
            let asked = Arc::clone(&marks.asked);
            let happens = move |call| {
                asked.lock().unwrap().push(call);
                std::future::ready(()).boxed()
            };
            altered(Ports { scaler, ..ports }, |guard| Before { guard, happens })
        })
    }

    /// A whole run that cannot be scaled back, until it can.
    async fn unrestored(&self, bed: &Bed) -> RunView {
        self.stuck.store(true, Ordering::Relaxed);
        let view = bed.run().await;
        self.stuck.store(false, Ordering::Relaxed);
        assert!(!verdict(&view).restored && !bed.is_as_before());
        self.leave(&view.id, changes(bed, &view.id).await, None);
        view
    }

    fn leave(&self, run: &RunId, changes: Changes, alive_until: Option<Timestamp>) {
        self.left.lock().unwrap().insert(run.clone(), LeftBehind { changes, epoch: 7000, alive_until });
    }
}

/// What a run has changed, as its journal tells it.
async fn changes(bed: &Bed, run: &RunId) -> Changes {
    let journal = bed.journal(run).await;
    let mut folded = Run::begin(&journal[0]).unwrap();
    let mut changes = Changes::default();
    for record in &journal[1..] {
        folded.apply(record).unwrap();
        changes = folded.state.changes().cloned().unwrap_or(changes);
    }
    changes
}

struct Marked {
    scaler: Arc<dyn Scaler>,
    marks: Marks,
}

#[async_trait]
impl Scaler for Marked {
    async fn allocated(&self, names: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        self.scaler.allocated(names).await
    }

    async fn scale(&self, run: &RunId, step: &ScaleStep, way: Way) -> Result<(), PortError> {
        if way == Way::Back && self.marks.stuck.load(Ordering::Relaxed) {
            return Err(PortError::new(FailureKind::Rejected, "somebody denies it"));
        }
        self.scaler.scale(run, step, way).await
    }

    async fn left_behind(&self, _: &[ApplicationId]) -> Result<BTreeMap<RunId, LeftBehind>, PortError> {
        Ok(self.marks.left.lock().unwrap().clone())
    }

    async fn let_go(&self, run: &RunId, names: &[ApplicationId]) -> Result<(), PortError> {
        self.marks.left.lock().unwrap().remove(run);
        self.scaler.let_go(run, names).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_way_back_failed_is_put_back_by_what_it_has_left_and_its_journal_goes_on() {
    let marks = Marks::default();
    let bed = marks.bed();
    let run = marks.unrestored(&bed).await.id;
    let ended = bed.journal(&run).await.len();
    let conductor = bed.conductor();
    let refused = conductor.recover(&run, Recovery::TearDown).await.unwrap_err();
    assert!(matches!(refused, RecoverError::Finished(_)), "{refused}");

    marks.asked.lock().unwrap().clear();
    conductor.adopt(&run, bed.created.clone(), Adoption::Gone).await.unwrap();
    assert_eq!(bed.last_epoch(), 7001, "a conductor that has written for the run elsewhere is an older one");
    let view = over(&conductor, &run).await;
    bed.assert_clean(&view, "adopted");
    assert_eq!(*marks.asked.lock().unwrap(), [Asked::Extend, Asked::Thaw], "a sign of life comes first");
    assert_eq!(outcome(&view), Outcome::Passed, "{:?}", verdict(&view));
    let journal = bed.journal(&run).await;
    assert_eq!(journal[ended].event.name(), "Adopted");
    let summaries = bed.store.runs().await.unwrap();
    assert_eq!((summaries.len(), summaries[0].finished), (1, true));
    let next = conductor.start(bed.created.clone()).await.unwrap();
    bed.assert_clean(&over(&conductor, &next).await, "the next run");
}

#[tokio::test(start_paused = true)]
async fn a_way_back_that_fails_again_can_be_gone_again_and_one_that_dies_on_it_is_recovered() {
    let marks = Marks::default();
    let bed = marks.bed();
    let run = marks.unrestored(&bed).await.id;
    let conductor = bed.conductor();
    marks.stuck.store(true, Ordering::Relaxed);
    let left = marks.left.lock().unwrap().clone();
    conductor.adopt(&run, bed.created.clone(), Adoption::Gone).await.unwrap();
    assert!(!verdict(&over(&conductor, &run).await).restored);
    marks.stuck.store(false, Ordering::Relaxed);
    *marks.left.lock().unwrap() = left;

    conductor.adopt(&run, bed.created.clone(), Adoption::Gone).await.unwrap();
    conductor.let_go(&run).await;
    let refused = conductor.adopt(&run, bed.created.clone(), Adoption::Named).await.unwrap_err();
    let text = format!("run {run} has a journal here and has not ended; conductor restore {run} puts it back by that");
    assert_eq!(refused.to_string(), text);
    conductor.recover(&run, Recovery::TearDown).await.unwrap();
    bed.assert_clean(&over(&conductor, &run).await, "died and recovered");
}

#[tokio::test(start_paused = true)]
async fn what_a_run_has_left_is_looked_at_again_once_the_environment_is_claimed() {
    let marks = Marks::default();
    let mut bed = marks.bed();
    let run = died_after(&bed, 9, None).await.unwrap();
    let changes = changes(&bed, &run).await;
    // Another machine has no journal of it.
    bed.store = MemoryStore::new();
    let conductor = bed.conductor();
    let adopt = async |how| conductor.adopt(&run, bed.created.clone(), how).await;
    let refused = async |text: String| assert_eq!(adopt(Adoption::Gone).await.unwrap_err().to_string(), text);

    refused(format!("run {run} has left nothing in the environment any more")).await;
    marks.leave(&run, changes.clone(), Some("2026-11-24T23:00:00Z".parse().unwrap()));
    refused(format!("run {run} is left alone: its conductor lives, or has until 2026-11-24T23:00:00Z to say so")).await;
    marks.leave(&run, changes.clone(), None);
    refused(format!(
        "run {run} is left alone: nothing tells whether its conductor lives; if none does, conductor restore {run} \
         --from-cluster --settings FILE puts back what was before"
    ))
    .await;
    assert!(bed.store.runs().await.unwrap().is_empty(), "a run that is left alone gets no journal");
    assert!(!bed.is_as_before(), "the run has changed something");

    adopt(Adoption::Named).await.unwrap();
    bed.assert_clean(&over(&conductor, &run).await, "named");
    marks.leave(&run, changes, Some("2026-11-24T13:00:00Z".parse().unwrap()));
    adopt(Adoption::Gone).await.unwrap();
    bed.assert_clean(&over(&conductor, &run).await, "its signs have stayed out");
}
