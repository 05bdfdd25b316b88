//! Load workers that are scaled while load is generated, and the same load without that.

use conductor_core::failure::FailureKind;
use conductor_core::phase::{Cause, Level};
use conductor_core::run::{Run, RunId};
use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;
use conductor_engine::Recovery;
use conductor_sim::{Call, CallFault, CallOutcome, Fault, FaultKind};
use futures::StreamExt;

use crate::bed::{Bed, lasting, load_workers, outcome, over, verdict};

/// Workers, one for each tick.
fn workers(view: &RunView) -> Vec<u32> {
    view.ticks.iter().filter_map(|tick| tick.workers).collect()
}

fn told<'a>(view: &'a RunView, text: &str) -> Vec<&'a str> {
    view.events.iter().map(|event| event.message.as_str()).filter(|message| message.contains(text)).collect()
}

#[tokio::test(start_paused = true)]
async fn load_workers_are_scaled_ahead_of_saturation_and_the_target_is_held() {
    let bed = Bed::scaling_workers(|_| ());
    let view = bed.run().await;
    bed.assert_clean(&view, "scaling workers");
    assert_eq!(outcome(&view), Outcome::Passed, "{:?}", verdict(&view));
    let workers = workers(&view);
    let most = *workers.last().unwrap();
    assert!(workers[0] == 1 && (3..=4).contains(&most), "{workers:?}");
    assert!(workers.is_sorted(), "never fewer during the load: {workers:?}");
    let busiest = view.ticks.iter().filter_map(|tick| tick.cpu_percent).fold(0.0, f64::max);
    assert!(busiest < 90.0, "a worker came to {busiest} %");
    let application = view.applications.iter().find(|view| view.application.as_str() == "load-workers").unwrap();
    let replicas = [Some(&application.before), Some(&application.during), application.after.as_ref()];
    assert_eq!(replicas.map(|observed| observed.unwrap().allocation.replicas), [1, most, 1]);
    let step = format!("load-workers: 1 replica → {most} replicas");
    assert_eq!(told(&view, &format!("load workers are scaled, {step}")).len(), 1, "{:?}", view.events);
    assert_eq!(told(&view, &format!("load workers are ready, {step}")).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_load_without_more_workers_is_bound_by_the_generator() {
    let mut bed = Bed::scaling_workers(|_| ());
    bed.created.spec.load.workers = None;
    let view = bed.run().await;
    bed.assert_clean(&view, "one worker");
    assert_eq!(outcome(&view), Outcome::Invalid, "{:?}", verdict(&view));
    assert_eq!(verdict(&view).causes[0].code, "generator_bound");
    assert!(workers(&view).iter().all(|workers| *workers == 1));
}

#[tokio::test(start_paused = true)]
async fn where_the_most_is_not_enough_that_is_told_once_and_the_verdict_is_as_ever() {
    let mut bed = Bed::scaling_workers(|plant| plant.environment.workers.users_per_worker = Some(60));
    bed.created.spec.load.workers.as_mut().unwrap().most = 2;
    let view = bed.run().await;
    bed.assert_clean(&view, "too few workers");
    assert_eq!(verdict(&view).causes[0].code, "generator_bound");
    assert_eq!(workers(&view).iter().max(), Some(&2));
    let short = view.events.iter().filter(|event| event.message.contains("spec.load.workers.most is 2"));
    assert_eq!(short.map(|event| event.level).collect::<Vec<_>>(), [Level::Warning]);
}

#[tokio::test(start_paused = true)]
async fn what_a_former_run_has_learnt_scales_the_workers_as_the_load_begins() {
    let bed = Bed::scaling_workers(|_| ());
    let (first, second) = (bed.run().await, bed.run().await);
    bed.assert_clean(&second, "the second run");
    let ready = |view: &RunView| {
        let begun = view.load_started.unwrap();
        let event = view.events.iter().find(|event| event.message.starts_with("load workers are ready")).unwrap();
        event.at.duration_since(begun).as_secs()
    };
    assert!((40..90).contains(&ready(&first)) && ready(&second) <= 11, "{} s, {} s", ready(&first), ready(&second));
    assert_eq!(outcome(&second), Outcome::Passed, "{:?}", verdict(&second));
}

/// A bed in which scaling the load workers, and nothing else, goes wrong so many times.
fn failing(outcome: CallOutcome, times: Option<u32>) -> Bed {
    let only = Some(load_workers().to_string());
    let what = FaultKind::Call(CallFault { call: Call::Scale, only, times, outcome });
    Bed::scaling_workers(|plant| plant.environment.faults = vec![lasting(what, false)])
}

#[tokio::test(start_paused = true)]
async fn a_scaling_that_fails_is_told_and_does_not_end_the_load() {
    let cases = [
        (
            CallOutcome::Fails(FailureKind::Rejected),
            "scale load-workers: could not scale (load-workers): the plant says so",
        ),
        (CallOutcome::FailsAfterwards(FailureKind::Unsettled), "the plant loses the answer"),
        (CallOutcome::Panics, "it panicked: the plant lets \"scale\" panic"),
    ];
    for (outcome_of_call, message) in cases {
        let bed = failing(outcome_of_call, Some(1));
        let view = bed.run().await;
        let context = format!("{outcome_of_call:?}: {:?}", view.events);
        bed.assert_clean(&view, &context);
        assert_eq!(view.ending.as_ref().unwrap().cause, Cause::Completed, "{context}");
        let told = told(&view, "load workers could not be scaled, and the load goes on without: ");
        assert!(told.len() == 1 && told[0].contains(message), "{context}");
        assert!(*workers(&view).last().unwrap() >= 3, "it was tried again, or was done already: {context}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_scaling_that_never_answers_is_given_up_after_its_time() {
    let mut bed = failing(CallOutcome::Hangs, Some(1));
    lasting_for(&mut bed, "2m", "20m", "10s");
    let view = bed.run().await;
    bed.assert_clean(&view, "hangs");
    assert_eq!(view.ending.as_ref().unwrap().cause, Cause::Completed);
    assert_eq!(told(&view, "scale load-workers: not done within 10m").len(), 1, "{:?}", view.events);
    assert!(*workers(&view).last().unwrap() >= 3, "it was not tried again: {:?}", view.events);
}

/// Gives a bed's load test another ramp, plateau and interval.
fn lasting_for(bed: &mut Bed, ramp_up: &str, plateau: &str, interval: &str) {
    let mut document = serde_json::to_value(&bed.created.spec).unwrap();
    let spec = document["spec"].as_object_mut().unwrap();
    for (field, time) in [("rampUp", ramp_up), ("plateau", plateau), ("interval", interval)] {
        spec.insert(field.to_owned(), time.into());
    }
    spec["limits"].as_object_mut().unwrap().remove("deadline");
    bed.created.spec = serde_json::from_value(document).unwrap();
}

/// A run whose conductor dies when it has written down for the `nth` time that load workers are to be scaled, and has
/// not done it yet.
async fn died_before_the_act(bed: &Bed, nth: usize) -> RunId {
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    let mut views = std::pin::pin!(conductor.watch(&run).await.unwrap());
    while let Some(view) = views.next().await {
        if told(&view, "load workers are scaled").len() == nth {
            break;
        }
    }
    conductor.let_go(&run).await;
    let state = Run::replay(&bed.journal(&run).await).unwrap().state;
    let asked = state.load().unwrap().workers_asked().expect("it was written down before the death");
    assert_eq!(state.changes().unwrap().plan.scale_steps.last(), Some(asked));
    assert_eq!(bed.environment.observed()[&load_workers()].allocation, asked.from, "it was done before the death");
    run
}

async fn recovered(bed: &Bed, run: &RunId, how: Recovery) -> RunView {
    let other = bed.conductor();
    other.recover(run, how).await.unwrap();
    let view = over(&other, run).await;
    bed.assert_clean(&view, &format!("{how:?}"));
    view
}

#[tokio::test(start_paused = true)]
async fn a_death_between_the_record_and_the_scaling_leaves_nothing_and_the_next_conductor_does_it() {
    for how in [Recovery::TearDown, Recovery::Continue] {
        let bed = Bed::scaling_workers(|_| ());
        let run = died_before_the_act(&bed, 1).await;
        let view = recovered(&bed, &run, how).await;
        let most = workers(&view).into_iter().max().unwrap();
        match how {
            Recovery::TearDown => assert_eq!(most, 1),
            Recovery::Continue => {
                assert!(most >= 3 && outcome(&view) == Outcome::Passed, "{most}: {:?}", verdict(&view))
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_death_before_the_second_scaling_the_first_one_is_the_runs_own() {
    for how in [Recovery::TearDown, Recovery::Continue] {
        let mut bed = Bed::scaling_workers(|_| ());
        lasting_for(&mut bed, "30m", "10m", "60s");
        let run = died_before_the_act(&bed, 2).await;
        assert!(bed.environment.observed()[&load_workers()].allocation.replicas > 1, "the first one was done");
        let view = recovered(&bed, &run, how).await;
        assert_eq!(view.ending.as_ref().unwrap().foreign_changes, []);
    }
}

#[tokio::test(start_paused = true)]
async fn workers_that_somebody_else_scales_meanwhile_are_left_and_reported() {
    let what = FaultKind::ChangedByOthers { application: load_workers(), version: None, replicas: Some(9) };
    let mut fault = lasting(what, true);
    fault.at = "200s".parse().unwrap();
    let bed = Bed::scaling_workers(|plant| plant.environment.faults = vec![fault]);
    let view = bed.run().await;
    assert_eq!(bed.environment.observed()[&load_workers()].allocation.replicas, 9);
    let foreign = &view.ending.as_ref().unwrap().foreign_changes;
    assert_eq!(foreign.len(), 1, "{foreign:?}");
    assert!(foreign[0].to_string().starts_with("load-workers: replicas is 9, which is neither 1 (before the run)"));
}

#[tokio::test(start_paused = true)]
async fn an_application_that_cannot_be_the_one_that_runs_the_workers_is_told() {
    let warning = "load-workers has 2 replicas, but the load generator has 1 worker; expected the application that runs \
                   all of them and nothing else (spec.load.workers.application)";
    let with = |faults: Vec<Fault>| {
        Bed::scaling_workers(|plant| {
            plant.environment.workers.count = 2;
            plant.environment.faults = faults;
        })
    };
    let view = with(vec![lasting(FaultKind::WorkersLost(1), false)]).run().await;
    assert_eq!(told(&view, warning).len(), 1, "{:?}", view.events);
    assert_eq!(told(&with(vec![]).run().await, "but the load generator has").len(), 0);
}
