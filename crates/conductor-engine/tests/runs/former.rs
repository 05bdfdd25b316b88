//! A run begins with what the last run of the same load test has learnt.

use conductor_core::learnt::{Hints, Learnt, Origin};
use conductor_core::phase::Event;
use conductor_core::run::{Created, Run, RunId};
use conductor_core::spec::{LoadTestDocument, LoadTestSpec};
use conductor_core::view::RunView;
use serde_json::json;

use crate::bed::{Bed, over};

/// Runs a load test in the bed's environment.
async fn run(bed: &Bed, created: &Created) -> RunView {
    let conductor = bed.conductor();
    let run = conductor.start(created.clone()).await.unwrap();
    over(&conductor, &run).await
}

/// What a run was created with, as its journal has it.
async fn created(bed: &Bed, run: &RunId) -> Created {
    let first = bed.journal(run).await.into_iter().next().unwrap();
    let Event::Created(created) = first.event else { panic!("the journal begins with {}", first.event.name()) };
    *created
}

/// The bed's load test with something else in its document.
fn changed(bed: &Bed, change: impl FnOnce(&mut LoadTestDocument)) -> Created {
    let mut document = LoadTestDocument::from(bed.created.spec.clone());
    change(&mut document);
    Created { spec: LoadTestSpec::try_from(document).unwrap(), ..bed.created.clone() }
}

fn of_run(run: &RunId) -> Option<Origin> {
    Some(Origin::Run(run.clone()))
}

#[tokio::test(start_paused = true)]
async fn the_second_run_begins_with_what_the_first_has_learnt() {
    let bed = Bed::healthy();
    let first = run(&bed, &bed.created).await;
    assert_eq!(created(&bed, &first.id).await.learnt, None, "there was no run before the first");
    let second = run(&bed, &bed.created).await;
    let told = created(&bed, &second.id).await;
    let learnt = told.learnt.clone().unwrap();
    assert_eq!((&learnt.run, learnt.ended), (&first.id, first.updated_at));
    // Users of the model order once in ten seconds.
    assert!((learnt.gain / 6.0 - 1.0).abs() < 0.05, "{learnt:?}");
    let hints = Hints::of(&told);
    assert_eq!(hints.users_per_kpi.map(|hint| hint.origin), of_run(&first.id));
    assert_eq!(hints.kpi_lag_s.map(|hint| hint.origin), of_run(&first.id));
    let said = format!("users for one of orders a minute, learnt by run {}", first.id);
    assert!(second.events.iter().any(|event| event.message.contains(&said)), "{:?}", second.events);
    let begin = |view: &RunView| view.ticks[0].advice.as_ref().unwrap().gain / learnt.gain;
    assert!(begin(&first) < 0.5, "the first run had to learn it: {}", begin(&first));
    assert!((begin(&second) - 1.0).abs() < 0.1, "the second knew it from the beginning: {}", begin(&second));
    bed.assert_clean(&second, "second");
}

#[tokio::test(start_paused = true)]
async fn another_test_or_environment_or_kpi_or_one_that_does_not_want_it_begins_with_nothing() {
    let bed = Bed::healthy();
    run(&bed, &bed.created).await;
    let others: [fn(&mut LoadTestDocument); 4] = [
        |document| document.metadata.name = "another".to_owned(),
        |document| document.spec.environment = "elsewhere".to_owned(),
        |document| document.spec.kpi.name = "baskets".to_owned(),
        |document| document.spec.load.as_mut().unwrap().learn_from_last_run = Some(false),
    ];
    for other in others {
        let other = changed(&bed, other);
        assert_eq!(bed.conductor().learnt(&other.spec).await.unwrap(), None, "{:?}", other.spec);
    }
    assert!(bed.conductor().learnt(&bed.created.spec).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn the_load_tests_own_hints_win_one_by_one() {
    let bed = Bed::healthy();
    let first = run(&bed, &bed.created).await;
    let own = changed(&bed, |document| document.spec.load.as_mut().unwrap().users_per_kpi = Some(0.2));
    let second = run(&bed, &own).await;
    let hints = Hints::of(&created(&bed, &second.id).await);
    let users = hints.users_per_kpi.unwrap();
    assert_eq!((users.value, users.origin), (0.2, Origin::LoadTest));
    assert_eq!(hints.kpi_lag_s.map(|hint| hint.origin), of_run(&first.id));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_cut_short_or_learns_nothing_is_passed_over() {
    let bed = Bed::healthy();
    let good = run(&bed, &bed.created).await;
    let published = changed(&bed, |document| {
        document.spec.load.as_mut().unwrap().algorithm = Some(conductor_core::ramp::Algorithm::Published);
    });
    run(&bed, &published).await;
    let conductor = bed.conductor();
    let stopped = conductor.start(bed.created.clone()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(200)).await;
    conductor.stop(&stopped, "ops").await.unwrap();
    over(&conductor, &stopped).await;
    let learnt = conductor.learnt(&bed.created.spec).await.unwrap();
    assert_eq!(learnt.map(|learnt| learnt.run), Some(good.id));
}

#[tokio::test(start_paused = true)]
async fn the_journal_of_a_run_with_a_former_one_replays_to_the_same_run_on_its_own() {
    let bed = Bed::healthy();
    run(&bed, &bed.created).await;
    let second = run(&bed, &bed.created).await;
    let journal = bed.journal(&second.id).await;
    assert_eq!(RunView::of(&second.id, &journal).unwrap(), second);
    let text = serde_json::to_string(&journal).unwrap();
    let read: Vec<conductor_core::run::Record> = serde_json::from_str(&text).unwrap();
    assert_eq!(RunView::of(&second.id, &read).unwrap(), second, "numbers survive being written down");
    assert_eq!(Run::replay(&read).unwrap(), Run::replay(&journal).unwrap());
    assert!(Learnt::of(&second.id, &read, &bed.created.spec).unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_journal_from_before_there_were_former_runs_is_read_as_it_was() {
    let bed = Bed::healthy();
    let first = run(&bed, &bed.created).await;
    let mut old = serde_json::to_value(bed.journal(&first.id).await).unwrap();
    let created = &mut old[0]["event"]["of"];
    assert!(created["learnt"].is_null(), "a run without a former one says nothing of it");
    let load = created["spec"]["spec"]["load"].as_object_mut().unwrap();
    assert_eq!(load.remove("learnFromLastRun"), Some(json!(true)));
    let old: Vec<conductor_core::run::Record> = serde_json::from_value(old).unwrap();
    assert_eq!(RunView::of(&first.id, &old).unwrap(), first);
}
