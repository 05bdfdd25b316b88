//! Another target while a run goes on: taken once, without a jump, and through crashes.

use std::time::Duration;

use conductor_core::phase::{Event, Retarget};
use conductor_core::ports::{RunRequest, RunRequests};
use conductor_core::run::{Run, RunId};
use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;
use conductor_engine::{Conductor, Recovery, UpdateError};

use crate::bed::{Bed, died_after, outcome, over, until, verdict};

/// Less than the 1500/min of the bed, in a minute, for two more.
fn change() -> Retarget {
    let span = |text: &str| text.parse().ok();
    Retarget { target: "900/min".parse().unwrap(), within: span("1m"), plateau: span("2m") }
}

fn request() -> RunRequest {
    RunRequest::Retarget { change: change(), by: "ops".to_owned() }
}

async fn reached(conductor: &Conductor, run: &RunId, state: &str) -> RunView {
    let is_there = || futures::executor::block_on(conductor.get(run)).unwrap().state == state;
    until(state, is_there).await;
    conductor.get(run).await.unwrap()
}

async fn retargets(bed: &Bed, run: &RunId) -> usize {
    bed.journal(run).await.iter().filter(|record| matches!(record.event, Event::Retargeted { .. })).count()
}

fn line(view: &RunView) -> Vec<(f64, f64)> {
    view.profile.points().iter().map(|point| (point.at_s, point.per_min)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_for_another_target_in_its_plateau_and_is_judged_by_both() {
    let bed = Bed::healthy();
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    reached(&conductor, &run, "GeneratingLoad").await;
    tokio::time::sleep(Duration::from_secs(240)).await;
    conductor.update(&run, change(), "ops").await.unwrap();
    let view = over(&conductor, &run).await;
    bed.assert_clean(&view, "retargeted");
    assert_eq!(outcome(&view), Outcome::Passed, "{:?}", verdict(&view));
    assert_eq!((view.target_per_min, retargets(&bed, &run).await), (900.0, 1));
    let points = line(&view);
    assert_eq!(&points[..2], [(0.0, 0.0), (120.0, 1500.0)]);
    let asked_s = points[2].0;
    assert!((240.0..242.0).contains(&asked_s), "it was taken after {asked_s} s");
    assert_eq!(&points[2..], [(asked_s, 1500.0), (asked_s + 60.0, 900.0), (asked_s + 180.0, 900.0)]);
    let levels: Vec<f64> = verdict(&view).holds.iter().map(|hold| hold.level_per_min).collect();
    assert_eq!(levels, [1500.0, 900.0]);
    let last = view.last_tick().unwrap();
    assert!((last.to_s - asked_s - 180.0).abs() < 1.0, "the load ended after {} s", last.to_s);
    let ends: Vec<f64> = view.ticks.windows(2).map(|pair| pair[1].from_s - pair[0].to_s).collect();
    assert!(ends.iter().all(|gap| gap.abs() < 1e-6), "windows follow each other without a gap: {ends:?}");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_asked_for_before_the_load_is_taken_when_it_begins() {
    for state in ["Deploying", "ScalingUp", "Rehearsing"] {
        let bed = Bed::healthy();
        let conductor = bed.conductor();
        let run = conductor.start(bed.created.clone()).await.unwrap();
        reached(&conductor, &run, state).await;
        conductor.update(&run, change(), "ops").await.unwrap();
        let view = over(&conductor, &run).await;
        bed.assert_clean(&view, state);
        assert_eq!(line(&view), [(0.0, 0.0), (60.0, 900.0), (180.0, 900.0)], "{state}");
        assert_eq!((outcome(&view), retargets(&bed, &run).await), (Outcome::Passed, 1), "{state}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_for_the_load_does_not_keep_a_later_one_to_stop() {
    let bed = Bed::healthy();
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    reached(&conductor, &run, "Deploying").await;
    bed.store.ask(&run, &request()).await.unwrap();
    bed.store.ask(&run, &RunRequest::Stop { by: "ops".to_owned() }).await.unwrap();
    let view = over(&conductor, &run).await;
    bed.assert_clean(&view, "stopped");
    assert_eq!((outcome(&view), retargets(&bed, &run).await), (Outcome::Cancelled, 0));
}

#[tokio::test(start_paused = true)]
async fn several_targets_are_taken_in_their_order() {
    let bed = Bed::healthy();
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    reached(&conductor, &run, "GeneratingLoad").await;
    for target in ["300/min", "1200/min", "600/min"] {
        let change = Retarget { target: target.parse().unwrap(), ..change() };
        conductor.update(&run, change, "ops").await.unwrap();
    }
    let view = over(&conductor, &run).await;
    bed.assert_clean(&view, "three times");
    assert_eq!((view.target_per_min, retargets(&bed, &run).await), (600.0, 3));
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_is_refused_before_it_reaches_the_run() {
    let bed = Bed::healthy();
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    let short = Retarget { plateau: "1s".parse().ok(), ..change() };
    assert_eq!(
        conductor.update(&run, short, "ops").await.unwrap_err().to_string(),
        "plateau: 1s is shorter than the test's interval of 10s; expected at least one interval, or nothing is measured at the target"
    );
    let long = Retarget { plateau: "2h".parse().ok(), ..change() };
    assert_eq!(
        conductor.update(&run, long, "ops").await.unwrap_err().to_string(),
        "plateau: the load would not be over before the run's deadline of 1h5m (limits.deadline); expected less time to reach the target and to hold it"
    );
    let view = over(&conductor, &run).await;
    let late = conductor.update(&run, change(), "ops").await.unwrap_err();
    assert!(matches!(late, UpdateError::LoadIsOver { state: "Finished", .. }), "{late}");
    assert!(conductor.update(&"nobody".parse().unwrap(), change(), "ops").await.is_err());
    assert_eq!((outcome(&view), retargets(&bed, &run).await), (Outcome::Passed, 0));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_comes_while_the_last_window_is_awaited_is_told_to_be_late() {
    let bed = Bed::healthy();
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    reached(&conductor, &run, "GeneratingLoad").await;
    tokio::time::sleep(Duration::from_millis(300_500)).await;
    assert_eq!(conductor.get(&run).await.unwrap().state, "GeneratingLoad");
    bed.store.ask(&run, &request()).await.unwrap();
    let view = over(&conductor, &run).await;
    bed.assert_clean(&view, "late");
    assert_eq!((outcome(&view), retargets(&bed, &run).await), (Outcome::Passed, 0));
    let told =
        view.events.iter().any(|event| event.message == "another target was asked for when it could not be taken");
    assert!(told, "{:?}", view.events);
}

#[tokio::test(start_paused = true)]
async fn a_conductor_that_dies_after_any_record_takes_the_request_once_or_not_at_all() {
    for how in [Recovery::Continue, Recovery::TearDown] {
        let mut revision = 1;
        loop {
            let bed = Bed::healthy();
            let Some(run) = died_after(&bed, revision, Some(&request())).await else { break };
            let taken = retargets(&bed, &run).await;
            let other = bed.conductor();
            other.recover(&run, how).await.unwrap();
            let view = over(&other, &run).await;
            let context = format!("{how:?} after record {revision}");
            bed.assert_clean(&view, &context);
            let journal = bed.journal(&run).await;
            assert_eq!(RunView::of(&run, &journal).unwrap(), view, "{context}");
            assert!(Run::replay(&journal).is_ok(), "{context}");
            if how == Recovery::Continue {
                assert_eq!(retargets(&bed, &run).await, 1, "{context}");
                let points = line(&view);
                let [.., taken, reached, end] = points.as_slice() else { panic!("{context}: {points:?}") };
                assert!(taken.0 < 2.0, "{context}: {points:?}");
                assert_eq!((reached.1, end.1), (900.0, 900.0), "{context}");
                assert!((end.0 - taken.0 - 180.0).abs() < 1e-6, "{context}: {points:?}");
                // The line begins anew before anything is learnt: what counts here is that it is followed to its end.
                let last = view.last_tick().and_then(|tick| tick.kpi_per_min).unwrap();
                assert!((last / 900.0 - 1.0).abs() < 0.05, "{context}: {last}/min, {:?}", verdict(&view));
            } else {
                assert_eq!(retargets(&bed, &run).await, taken, "{context}");
            }
            revision += 1;
        }
        assert!(revision > 25, "only {revision} records");
    }
}
