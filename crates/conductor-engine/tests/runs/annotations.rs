//! Annotations of whole runs: each is written once, whoever drives the run, and nothing of it touches a run.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::annotation::{Annotation, AnnotationKind};
use conductor_core::ports::{Annotator, FailureKind, PortError, Ports, ProgressSink};
use conductor_core::run::Created;
use conductor_engine::{Annotating, Conductor, PortsFactory, Recovery};
use conductor_sim::FaultKind;

use crate::bed::{Bed, died, lasting, over};

/// Longer than anything is tried.
const LONG: Duration = Duration::from_secs(7 * 3600);
const MOMENT: Duration = Duration::from_secs(3);

/// What a pin board does with what is to be pinned to it.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Pinned,
    /// So many times it is not there.
    AwayFor(u32),
    Away,
    Refused,
    /// It never answers.
    Silent,
}

/// A place for annotations that knows what is there already.
struct Board {
    answer: Answer,
    calls: Mutex<u32>,
    pinned: Mutex<Vec<Annotation>>,
}

#[async_trait]
impl Annotator for Board {
    async fn annotate(&self, annotation: &Annotation) -> Result<(), PortError> {
        let call = {
            let mut calls = self.calls.lock().unwrap();
            *calls += 1;
            *calls
        };
        match self.answer {
            Answer::AwayFor(times) if call > times => {}
            Answer::AwayFor(_) | Answer::Away => {
                return Err(PortError::new(FailureKind::Unavailable, "nobody is there"));
            }
            Answer::Refused => return Err(PortError::new(FailureKind::Rejected, "it is not for me")),
            Answer::Silent => std::future::pending().await,
            Answer::Pinned => {}
        }
        let mut pinned = self.pinned.lock().unwrap();
        if !pinned.contains(annotation) {
            pinned.push(annotation.clone());
        }
        Ok(())
    }
}

impl Board {
    fn new(answer: Answer) -> Arc<Self> {
        Arc::new(Self { answer, calls: Mutex::default(), pinned: Mutex::default() })
    }

    fn phases(&self) -> Vec<String> {
        let pinned = self.pinned.lock().unwrap();
        let phases = pinned.iter().filter(|one| one.kind == AnnotationKind::Phase);
        phases.map(|one| one.text.split(' ').next().unwrap_or_default().to_owned()).collect()
    }

    fn count(&self, kind: AnnotationKind) -> usize {
        self.pinned.lock().unwrap().iter().filter(|one| one.kind == kind).count()
    }
}

/// Makes ports of a bed, and has a board.
struct WithBoard {
    ports: Arc<dyn PortsFactory>,
    board: Arc<Board>,
}

#[async_trait]
impl PortsFactory for WithBoard {
    async fn connect(
        &self,
        created: &Created,
        epoch: u64,
        progress: Arc<dyn ProgressSink>,
    ) -> Result<Ports, PortError> {
        self.ports.connect(created, epoch, progress).await
    }

    fn annotator(&self, _: &Created) -> Result<Option<Arc<dyn Annotator>>, PortError> {
        Ok(Some(Arc::clone(&self.board) as _))
    }
}

fn conductor(bed: &Bed, board: &Arc<Board>) -> Conductor {
    let factory = WithBoard { ports: bed.factory(), board: Arc::clone(board) };
    bed.conductor_of(Arc::new(bed.store.clone()), Arc::new(factory))
}

/// A run in which the KPI is gone for a while.
fn stalling() -> Bed {
    let mut fault = lasting(FaultKind::Capacity(0.0), true);
    fault.at = "40s".parse().unwrap();
    fault.lasts = Some("250s".parse().unwrap());
    Bed::new(|plant| plant.environment.faults = vec![fault])
}

const PHASES: [&str; 6] = ["PREPARE", "DEPLOY", "SCALE_UP", "GENERATE_LOAD", "SCALE_DOWN", "CLEAN_UP"];

#[tokio::test(start_paused = true)]
async fn phases_alerts_and_the_verdict_are_written_in_order_and_all_of_them_by_the_end() {
    let bed = stalling();
    let board = Board::new(Answer::Pinned);
    let conductor = conductor(&bed, &board);
    let annotating = Annotating::begin(&conductor);
    let run = conductor.start(bed.created.clone()).await.unwrap();
    let view = over(&conductor, &run).await;
    annotating.end(MOMENT).await;
    assert_eq!(board.phases(), PHASES);
    assert_eq!(board.count(AnnotationKind::Verdict), 1);
    assert!(board.count(AnnotationKind::Alert) >= 2, "it fires and is resolved");
    let pinned = board.pinned.lock().unwrap();
    let times: Vec<_> = pinned.iter().map(|one| one.to.unwrap_or(one.from)).collect();
    assert!(times.is_sorted(), "{pinned:?}");
    assert!(pinned.iter().all(|one| one.run == run));
    for (shown, written) in view.phases.iter().zip(pinned.iter().filter(|one| one.to.is_some()).skip(1)) {
        assert_eq!((shown.started, shown.ended), (Some(written.from), written.to));
    }
}

#[tokio::test(start_paused = true)]
async fn a_board_that_is_away_gets_everything_once_it_is_back() {
    let bed = stalling();
    let board = Board::new(Answer::AwayFor(30));
    let conductor = conductor(&bed, &board);
    let annotating = Annotating::begin(&conductor);
    let run = conductor.start(bed.created.clone()).await.unwrap();
    over(&conductor, &run).await;
    annotating.end(LONG).await;
    assert_eq!((board.phases(), board.count(AnnotationKind::Verdict)), (PHASES.map(str::to_owned).to_vec(), 1));
}

#[tokio::test(start_paused = true)]
async fn a_board_that_is_away_deaf_or_refuses_touches_no_run_and_is_not_waited_for() {
    let expected = stalling().run().await;
    for answer in [Answer::Away, Answer::Silent, Answer::Refused] {
        let bed = stalling();
        let board = Board::new(answer);
        let conductor = conductor(&bed, &board);
        let annotating = Annotating::begin(&conductor);
        let run = conductor.start(bed.created.clone()).await.unwrap();
        let view = over(&conductor, &run).await;
        let begun = tokio::time::Instant::now();
        annotating.end(MOMENT).await;
        assert!(begun.elapsed() <= MOMENT, "{:?}", begun.elapsed());
        assert_eq!(
            (view.ticks, view.verdict, view.phases),
            (expected.ticks.clone(), expected.verdict.clone(), expected.phases.clone())
        );
        assert!(*board.calls.lock().unwrap() > 0);
        assert_eq!(board.phases(), [""; 0]);
    }
}

/// Lets a conductor die in the load of a run that this board is told of, and another one go on with it that has the other board.
async fn taken_over(first: &Arc<Board>, second: &Arc<Board>) {
    let bed = stalling();
    // In the load: every phase before it is over.
    bed.store.hold_after(Some(20));
    let before = conductor(&bed, first);
    let annotating = Annotating::begin(&before);
    let run = before.start(bed.created.clone()).await.unwrap();
    assert!(died(&bed, &before, &run).await, "it goes on by then");
    annotating.end(MOMENT).await;
    let after = conductor(&bed, second);
    let annotating = Annotating::begin(&after);
    after.recover(&run, Recovery::Continue).await.unwrap();
    over(&after, &run).await;
    annotating.end(MOMENT).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_takes_a_run_over_writes_what_its_predecessor_has_not() {
    let (deaf, board) = (Board::new(Answer::Silent), Board::new(Answer::Pinned));
    taken_over(&deaf, &board).await;
    assert_eq!((deaf.phases(), board.phases()), (Vec::new(), PHASES.map(str::to_owned).to_vec()));
    assert_eq!(board.count(AnnotationKind::Event), 1, "that it was taken over is told, too");
}

#[tokio::test(start_paused = true)]
async fn what_its_predecessor_has_written_is_there_once() {
    let board = Board::new(Answer::Pinned);
    taken_over(&board, &board).await;
    assert_eq!(board.phases(), PHASES);
    assert_eq!((board.count(AnnotationKind::Event), board.count(AnnotationKind::Verdict)), (1, 1));
}
