//! The run's data goes however long it takes to come or to go, and what becomes of one store takes nothing from the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::failure::FailureKind;
use conductor_core::ports::{PortError, Ports, TableCount, TestDataStore};
use conductor_core::run::RunId;
use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;
use conductor_engine::{Conductor, Recovery};

use crate::bed::{Bed, outcome, over, verdict};

/// What an archive does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Habit {
    /// It never ends a deletion.
    Sticks,
    /// Nor a deletion, and it panics in its count.
    SticksAndPanics,
    /// It panics in a deletion.
    Panics,
    /// It deletes, and never ends a count.
    CountsForEver,
    /// It takes so many minutes for the first deletion.
    IsSlow(u64),
    /// So many deletions work for six minutes, and then nobody answers for 45 s.
    FailsOver(u32),
    /// Nobody answers.
    IsAway,
}

/// A store beside the shop's, with three rows of each run.
struct Archive {
    habit: Habit,
    is_deleted: AtomicBool,
    deletions: AtomicU32,
}

const MINUTE: Duration = Duration::from_secs(60);

fn unavailable() -> PortError {
    PortError::new(FailureKind::Unavailable, "could not reach the archive")
}

impl Archive {
    fn new(habit: Habit) -> Arc<Self> {
        Arc::new(Self { habit, is_deleted: AtomicBool::new(false), deletions: AtomicU32::new(0) })
    }

    fn done(&self) -> Vec<TableCount> {
        let rows = if self.is_deleted.swap(true, Ordering::Relaxed) { 0 } else { 3 };
        vec![TableCount { table: "copies".to_owned(), rows }]
    }
}

#[async_trait]
impl TestDataStore for Archive {
    fn name(&self) -> String {
        "archive".to_owned()
    }

    async fn count(&self, _run: &RunId) -> Result<Vec<TableCount>, PortError> {
        match self.habit {
            Habit::CountsForEver => std::future::pending().await,
            Habit::SticksAndPanics => panic!("the archive cannot count"),
            Habit::Sticks | Habit::Panics | Habit::IsSlow(_) | Habit::FailsOver(_) => {
                let rows = if self.is_deleted.load(Ordering::Relaxed) { 0 } else { 3 };
                Ok(vec![TableCount { table: "copies".to_owned(), rows }])
            }
            Habit::IsAway => Err(unavailable()),
        }
    }

    async fn delete(&self, _run: &RunId) -> Result<Vec<TableCount>, PortError> {
        let before = self.deletions.fetch_add(1, Ordering::Relaxed);
        match self.habit {
            Habit::Sticks | Habit::SticksAndPanics => std::future::pending().await,
            Habit::Panics => panic!("the archive is broken"),
            Habit::CountsForEver => Ok(self.done()),
            Habit::IsSlow(minutes) => {
                tokio::time::sleep(if before == 0 { MINUTE * minutes.try_into().unwrap() } else { MINUTE }).await;
                Ok(self.done())
            }
            // Three tries to connect, of 15 s each, come after each deletion.
            Habit::FailsOver(times) => match (before / 4 < times, before % 4) {
                (true, 0) => {
                    tokio::time::sleep(MINUTE * 6).await;
                    Err(unavailable())
                }
                (true, _) => {
                    tokio::time::sleep(Duration::from_secs(15)).await;
                    Err(unavailable())
                }
                (false, _) => Ok(self.done()),
            },
            Habit::IsAway => Err(unavailable()),
        }
    }

    async fn check(&self) -> Result<Vec<String>, PortError> {
        Ok(Vec::new())
    }
}

/// Rows of the shop come this late, so that they come at all once the load is over.
fn late_by(delay: &str) -> Bed {
    Bed::new(|plant| {
        plant.environment.test_data[0].write_delay = delay.parse().unwrap();
        let delays = &mut plant.environment.delays;
        (delays.roll_out, delays.scale) = Default::default();
    })
}

fn with_settle(bed: Bed, settle: Duration) -> Bed {
    bed.wrapped(move |ports: Ports| Ports { settle: Some(settle), ..ports })
}

/// A run with an archive, and how long it took.
async fn run_with(habit: Habit, settle: Option<Duration>) -> (Bed, RunView, Arc<Archive>, Duration) {
    let archive = Archive::new(habit);
    let store = Arc::clone(&archive);
    let bed = late_by("3s").wrapped(move |mut ports: Ports| {
        ports.test_data.push(store.clone());
        Ports { settle, ..ports }
    });
    let began = tokio::time::Instant::now();
    let view = bed.run().await;
    (bed, view, archive, began.elapsed())
}

/// What is told of the failures on the way back.
fn told(view: &RunView) -> Vec<String> {
    view.ending.as_ref().unwrap().teardown_failures.iter().map(|failure| format!("{failure}")).collect()
}

fn rows(view: &RunView, table: &str) -> Option<u64> {
    view.deleted.iter().find(|deleted| deleted.table == table).map(|deleted| deleted.rows)
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_do_its_work_is_a_failure_of_its_own_and_what_the_others_deleted_is_told() {
    for (habit, of_archive, expected) in [
        (Habit::Sticks, None, "delete the run's data in archive: not done within 28m; 3 rows are left in copies"),
        (Habit::SticksAndPanics, None, "delete the run's data in archive: not done within 28m"),
        (Habit::Panics, None, "work through a port: it panicked: the archive is broken; 3 rows are left in copies"),
        (Habit::CountsForEver, Some(3), "look whether archive is clean: not done within "),
        (Habit::IsAway, None, "delete the run's data in archive: could not reach the archive"),
    ] {
        let (bed, view, _, _) = run_with(habit, None).await;
        assert!(bed.is_as_before(), "{habit:?}");
        assert_eq!(bed.environment.rows(&view.id), 0, "{habit:?}");
        assert!(rows(&view, "shop/orders").is_some_and(|rows| rows > 4000), "{habit:?}: {:?}", view.deleted);
        // Its second sweep was made, too.
        assert!(rows(&view, "shop/orders (late)").is_some_and(|rows| rows > 0), "{habit:?}: {:?}", view.deleted);
        assert_eq!(rows(&view, "archive/copies"), of_archive, "{habit:?}");
        let told = told(&view);
        assert!(told.len() == 1 && told[0].starts_with(expected), "{habit:?}: {told:?}");
        assert!(!verdict(&view).restored, "{habit:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_given_up_long_before_the_end_of_the_phase() {
    let (_, _, archive, took) = run_with(Habit::IsAway, None).await;
    assert!(archive.deletions.load(Ordering::Relaxed) > 20);
    let (_, _, _, healthy) = run_with(Habit::IsSlow(0), None).await;
    // Five minutes for each of two deletions and a count.
    assert!(took < healthy + MINUTE * 17, "{took:?} instead of {healthy:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_leaves_its_second_sweep_some_time_however_long_late_rows_may_take() {
    for minutes in [3, 20, 25] {
        let (bed, view, archive, _) = run_with(Habit::IsSlow(minutes), Some(MINUTE * 20)).await;
        bed.assert_clean(&view, &format!("{minutes} minutes"));
        assert_eq!(archive.deletions.load(Ordering::Relaxed), 2, "{minutes} minutes");
        assert_eq!(rows(&view, "archive/copies"), Some(3), "{minutes} minutes");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_got_somewhere_is_tried_again_after_each_trouble() {
    for times in [1, 3] {
        let (bed, view, archive, _) = run_with(Habit::FailsOver(times), None).await;
        bed.assert_clean(&view, &format!("{times} times"));
        assert_eq!(archive.deletions.load(Ordering::Relaxed), 4 * times + 2);
        assert_eq!(rows(&view, "archive/copies"), Some(3), "{times} times");
    }
}

#[tokio::test(start_paused = true)]
async fn an_environment_says_how_late_rows_may_come() {
    let bed = with_settle(late_by("4m"), MINUTE * 5);
    let view = bed.run().await;
    bed.assert_clean(&view, "late rows");
    assert!(rows(&view, "shop/orders (late)").is_some_and(|rows| rows > 0), "{:?}", view.deleted);
    let bed = late_by("4m");
    let view = bed.run().await;
    assert!(bed.environment.rows(&view.id) > 0, "the shop's rows are not late");
}

/// A run that is two minutes in the rest between two sweeps.
async fn resting(bed: &Bed) -> (Conductor, RunId) {
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    while conductor.get(&run).await.unwrap().state != "CleaningUp" {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    tokio::time::sleep(MINUTE * 2).await;
    assert_eq!(conductor.get(&run).await.unwrap().state, "CleaningUp");
    (conductor, run)
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_while_late_rows_are_waited_for_waits_on() {
    let bed = with_settle(late_by("4m"), MINUTE * 5);
    let (conductor, run) = resting(&bed).await;
    conductor.stop(&run, "ops").await.unwrap();
    let view = over(&conductor, &run).await;
    bed.assert_clean(&view, "stopped");
    assert_eq!(outcome(&view), Outcome::Passed);
    assert!(rows(&view, "shop/orders (late)").is_some_and(|rows| rows > 0), "{:?}", view.deleted);
}

#[tokio::test(start_paused = true)]
async fn who_takes_over_a_run_that_died_while_late_rows_were_waited_for_waits_anew() {
    for how in [Recovery::TearDown, Recovery::Continue] {
        let bed = with_settle(late_by("4m"), MINUTE * 5);
        let (conductor, run) = resting(&bed).await;
        conductor.let_go(&run).await;
        let other = bed.conductor();
        other.recover(&run, how).await.unwrap();
        let view = over(&other, &run).await;
        bed.assert_clean(&view, &format!("{how:?}"));
        assert!(rows(&view, "shop/orders (late)").is_some_and(|rows| rows > 0), "{how:?}: {:?}", view.deleted);
    }
}
