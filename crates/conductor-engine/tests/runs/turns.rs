//! One active run an environment: what becomes of another one, as its load test says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::failure::{FailureKind, PortError};
use conductor_core::phase::{Cause, Event, Phase};
use conductor_core::ports::{Ports, ProgressSink, RunRequest, RunRequests, RunStore, StoreError};
use conductor_core::run::{Created, RunId, queue};
use conductor_core::spec::IfBusy;
use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;
use conductor_engine::{Conductor, PortsFactory, Recovery, StartError, Steward, StewardOptions, Turn};
use conductor_sim::MemoryStore;

use crate::bed::{Bed, died_after, outcome, over, until, verdict};

fn wanting(bed: &Bed, if_busy: IfBusy) -> Created {
    let mut created = bed.created.clone();
    created.spec.if_busy = if_busy;
    created
}

async fn server(bed: &Bed) -> (Conductor, Steward) {
    let conductor = bed.conductor();
    let steward = Steward::begin(&conductor, StewardOptions::default());
    steward.ready().await;
    (conductor, steward)
}

async fn state(conductor: &Conductor, run: &RunId) -> String {
    conductor.get(run).await.unwrap().state
}

async fn until_load(conductor: &Conductor, run: &RunId) {
    until("load", || futures::executor::block_on(state(conductor, run)) == "GeneratingLoad").await;
}

/// The ids of the runs in the order in which they have begun, and that none of them was there together with another.
async fn one_by_one(bed: &Bed) -> Vec<RunId> {
    let mut times = BTreeMap::new();
    for summary in bed.store.runs().await.unwrap() {
        let journal = bed.journal(&summary.id).await;
        let started = journal.iter().find(|record| matches!(record.event, Event::Started)).map(|record| record.at);
        let last = journal.last().unwrap().at;
        times.extend(started.map(|started| ((started, last), summary.id)));
    }
    let spans: Vec<_> = times.keys().copied().collect();
    assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), "two at the same time: {times:?}");
    times.into_values().collect()
}

fn begun(journal: &[conductor_core::run::Record]) -> usize {
    journal.iter().filter(|record| matches!(record.event, Event::Begun { .. })).count()
}

/// Nothing of a run is left, though the next one may have begun since.
fn assert_put_back(bed: &Bed, view: &RunView, context: &str) {
    assert_eq!((view.phase, bed.environment.rows(&view.id)), (Phase::Finished, 0), "{context}");
    assert!(verdict(view).restored, "{context}: {:?}", verdict(view));
}

fn is_untouched(view: &RunView) -> bool {
    view.phases.iter().all(|phase| phase.started.is_none()) && view.applications.is_empty()
}

#[tokio::test(start_paused = true)]
async fn a_second_run_is_refused_unless_its_load_test_says_otherwise() {
    let bed = Bed::healthy();
    let (conductor, _steward) = server(&bed).await;
    let run = conductor.start(bed.created.clone()).await.unwrap();
    let refused = conductor.start(wanting(&bed, IfBusy::Refuse)).await.unwrap_err();
    assert!(matches!(refused, StartError::Claimed { .. }), "{refused}");
    assert_eq!(bed.store.runs().await.unwrap().len(), 1);
    over(&conductor, &run).await;
}

#[tokio::test(start_paused = true)]
async fn three_that_wait_begin_one_after_another_in_their_order_and_a_newcomer_does_not_go_before_them() {
    let bed = Bed::healthy();
    let (conductor, _steward) = server(&bed).await;
    let mut runs = vec![conductor.start(wanting(&bed, IfBusy::Queue)).await.unwrap()];
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        runs.push(conductor.start(wanting(&bed, IfBusy::Queue)).await.unwrap());
    }
    assert_ne!(state(&conductor, &runs[0]).await, "Waiting");
    let waiting = bed.store.runs().await.unwrap();
    let line: Vec<RunId> = queue(&waiting, "model").iter().map(|run| run.id.clone()).collect();
    assert_eq!(line, runs[1..]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(conductor.waiting(), BTreeMap::from([("model".to_owned(), 3)]));
    // Whoever does not wait is refused even between two runs.
    over(&conductor, &runs[0]).await;
    let refused = conductor.start(wanting(&bed, IfBusy::Refuse)).await.unwrap_err();
    assert!(matches!(refused, StartError::Awaited { .. } | StartError::Claimed { .. }), "{refused}");
    for run in &runs {
        let view = over(&conductor, run).await;
        assert_put_back(&bed, &view, "one after another");
        assert_eq!(outcome(&view), Outcome::Passed);
    }
    assert_eq!(one_by_one(&bed).await, runs);
    tokio::time::sleep(StewardOptions::default().every * 2).await;
    assert_eq!(conductor.waiting(), BTreeMap::new());
    // The next one begins at once, and with what the one before it has learnt.
    let [former, next] = [&runs[2], &runs[3]];
    let (ended, next) = (conductor.get(former).await.unwrap().updated_at, bed.journal(next).await);
    assert!(next[1].at.duration_since(ended).as_secs() < 1, "{} after {ended}", next[1].at);
    let Event::Begun { learnt: Some(learnt) } = &next[1].event else { panic!("{:?}", next[1]) };
    assert_eq!(learnt.run, *former);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_replaces_ends_the_active_one_in_order_and_goes_before_those_that_wait() {
    let bed = Bed::healthy();
    let (conductor, _steward) = server(&bed).await;
    let active = conductor.start(bed.created.clone()).await.unwrap();
    until_load(&conductor, &active).await;
    let queued = conductor.start(wanting(&bed, IfBusy::Queue)).await.unwrap();
    let newcomer = conductor.start(wanting(&bed, IfBusy::Replace)).await.unwrap();
    let view = conductor.get(&newcomer).await.unwrap();
    assert_eq!(
        view.events[0].message,
        format!("load test model accepted; it waits for the end of run {active}, which it replaces")
    );
    let replaced = over(&conductor, &active).await;
    assert_put_back(&bed, &replaced, "replaced");
    let by = format!("run {newcomer}, which replaces it");
    assert_eq!(replaced.ending.unwrap().cause, Cause::Cancelled { by });
    for run in [&newcomer, &queued] {
        assert_eq!(outcome(&over(&conductor, run).await), Outcome::Passed);
    }
    assert_eq!(one_by_one(&bed).await, [active.clone(), newcomer, queued]);
    assert_eq!(bed.store.asked(&active, 0).await.unwrap().len(), 1, "it was asked once");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_is_taken_out_by_a_stop_and_nothing_of_it_has_begun() {
    let bed = Bed::healthy();
    let (conductor, _steward) = server(&bed).await;
    let active = conductor.start(bed.created.clone()).await.unwrap();
    let queued = conductor.start(wanting(&bed, IfBusy::Queue)).await.unwrap();
    // By whichever process.
    bed.conductor().stop(&queued, "ops").await.unwrap();
    let view = conductor.get(&queued).await.unwrap();
    assert_eq!(view.ending.as_ref().unwrap().cause, Cause::Cancelled { by: "ops".to_owned() });
    assert!(is_untouched(&view));
    assert_eq!((outcome(&view), view.revision), (Outcome::Cancelled, 2));
    conductor.stop(&queued, "ops").await.unwrap();
    assert_eq!(outcome(&over(&conductor, &active).await), Outcome::Passed);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(bed.journal(&queued).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_run_begins_with_its_turn() {
    let bed = Bed::healthy();
    let (conductor, _steward) = server(&bed).await;
    conductor.start(bed.created.clone()).await.unwrap();
    let mut created = wanting(&bed, IfBusy::Queue);
    // The first run takes longer than what is left of this.
    created.spec.limits.deadline = "7m".parse().unwrap();
    let queued = conductor.start(created).await.unwrap();
    assert_eq!(outcome(&over(&conductor, &queued).await), Outcome::Passed);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_is_nobodys_to_recover_and_outlives_every_server() {
    let bed = Bed::healthy();
    let (first, steward) = server(&bed).await;
    let active = first.start(bed.created.clone()).await.unwrap();
    let queued = first.start(wanting(&bed, IfBusy::Queue)).await.unwrap();
    assert_eq!(
        bed.conductor().recover(&queued, Recovery::TearDown).await.unwrap_err().to_string(),
        "environment model is in use by another conductor"
    );
    // As by kill -9: nothing is handed over.
    drop(steward);
    first.let_go(&active).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((bed.journal(&queued).await.len(), state(&first, &queued).await.as_str()), (1, "Waiting"));
    assert!(bed.conductor().is_driven(&queued).await.unwrap());
    assert_eq!(
        bed.conductor().recover(&queued, Recovery::TearDown).await.unwrap_err().to_string(),
        format!(
            "run {queued} waits for its turn and has changed nothing; conductor stop {queued} takes it out of the queue"
        )
    );
    let (second, _steward) = server(&bed).await;
    for run in [&active, &queued] {
        assert_eq!(outcome(&over(&second, run).await), Outcome::Passed);
    }
    assert_eq!(one_by_one(&bed).await, [active, queued]);
}

#[tokio::test(start_paused = true)]
async fn of_many_conductors_that_see_the_turn_one_begins_the_run() {
    let bed = Bed::healthy();
    let first = bed.conductor();
    let active = first.start(bed.created.clone()).await.unwrap();
    let queued = first.start(wanting(&bed, IfBusy::Queue)).await.unwrap();
    over(&first, &active).await;
    let conductors: Vec<Conductor> = (0..8).map(|_| bed.conductor()).collect();
    let turns = conductors.iter().map(|conductor| conductor.take_turn("model", None));
    let turns: Vec<Turn> = futures::future::join_all(turns).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(turns.iter().filter(|turn| **turn == Turn::Begun(queued.clone())).count(), 1, "{turns:?}");
    assert_eq!(outcome(&over(&first, &queued).await), Outcome::Passed);
    assert_eq!(begun(&bed.journal(&queued).await), 1);
}

#[tokio::test(start_paused = true)]
async fn of_a_stop_and_a_turn_at_the_same_time_one_is_done_and_the_other_follows_it() {
    for stop_first in [true, false] {
        let bed = Bed::healthy();
        let conductor = bed.conductor();
        let active = conductor.start(bed.created.clone()).await.unwrap();
        let queued = conductor.start(wanting(&bed, IfBusy::Queue)).await.unwrap();
        over(&conductor, &active).await;
        let (stop, turn) = (conductor.stop(&queued, "ops"), conductor.take_turn("model", None));
        if stop_first {
            let (stopped, turn) = futures::join!(stop, turn);
            stopped.unwrap();
            turn.unwrap();
        } else {
            let (turn, stopped) = futures::join!(turn, stop);
            stopped.unwrap();
            turn.unwrap();
        }
        let view = over(&conductor, &queued).await;
        assert_eq!(outcome(&view), Outcome::Cancelled, "stop first: {stop_first}");
        assert_put_back(&bed, &view, "stopped at its turn");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_could_not_be_recorded_does_not_wait() {
    let bed = Bed::healthy();
    let (conductor, _steward) = server(&bed).await;
    let active = conductor.start(bed.created.clone()).await.unwrap();
    bed.store.hold_after(Some(0));
    let start = conductor.start(wanting(&bed, IfBusy::Queue));
    assert!(tokio::time::timeout(Duration::from_secs(5), start).await.is_err());
    bed.store.hold_after(None);
    assert_eq!(bed.store.runs().await.unwrap().len(), 1);
    conductor.let_go(&active).await;
    assert_eq!(outcome(&over(&conductor, &active).await), Outcome::Passed);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_replaces_does_so_though_its_conductor_dies_before_it_has_asked() {
    let bed = Bed::healthy();
    let conductor = bed.conductor();
    let active = conductor.start(bed.created.clone()).await.unwrap();
    until_load(&conductor, &active).await;
    let dying = bed.conductor_asking(Arc::new(Mute(bed.store.clone())));
    let start = dying.start(wanting(&bed, IfBusy::Replace));
    assert!(tokio::time::timeout(Duration::from_secs(1), start).await.is_err());
    assert_eq!(bed.store.asked(&active, 0).await.unwrap().len(), 0);
    let (_server, _steward) = server(&bed).await;
    let newcomer = bed.store.runs().await.unwrap()[0].id.clone();
    assert_eq!(outcome(&over(&conductor, &active).await), Outcome::Cancelled);
    assert_eq!(outcome(&over(&conductor, &newcomer).await), Outcome::Passed);
    assert_eq!(bed.store.asked(&active, 0).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_when_its_conductor_dies_at_any_write_of_its_turn() {
    let mut last = 1;
    loop {
        let bed = Bed::healthy();
        let first = bed.conductor();
        let active = first.start(bed.created.clone()).await.unwrap();
        let queued = first.start(wanting(&bed, IfBusy::Queue)).await.unwrap();
        over(&first, &active).await;
        bed.store.hold_after(Some(last));
        let (dying, steward) = server(&bed).await;
        let is_over = || futures::executor::block_on(state(&dying, &queued)) == "Finished";
        until("held or over", || bed.store.is_held() || is_over()).await;
        if !bed.store.is_held() {
            break;
        }
        drop(steward);
        dying.let_go(&queued).await;
        bed.store.hold_after(None);
        assert_eq!(bed.journal(&queued).await.len() as u64, last);
        let (next, _steward) = server(&bed).await;
        let view = over(&next, &queued).await;
        bed.assert_clean(&view, &format!("died after record {last}"));
        assert_eq!(outcome(&view), Outcome::Passed, "died after record {last}: {:?}", verdict(&view));
        assert_eq!(begun(&bed.journal(&queued).await), 1, "died after record {last}");
        last += if last < 6 { 1 } else { 9 };
    }
    assert!(last > 40, "only {last} records");
}

#[tokio::test(start_paused = true)]
async fn a_turn_whose_record_was_not_answered_is_taken_all_the_same_and_once() {
    let bed = Bed::healthy();
    let conductor = bed.conductor();
    let active = conductor.start(bed.created.clone()).await.unwrap();
    let queued = conductor.start(wanting(&bed, IfBusy::Queue)).await.unwrap();
    over(&conductor, &active).await;
    bed.store.lose_answers(1);
    assert_eq!(conductor.take_turn("model", None).await.unwrap(), Turn::Begun(queued.clone()));
    assert_eq!(outcome(&over(&conductor, &queued).await), Outcome::Passed);
    assert_eq!(begun(&bed.journal(&queued).await), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_environment_cannot_be_reached_waits_on_and_one_whose_settings_are_wrong_fails() {
    let bed = Bed::healthy();
    for (kind, fails) in [(FailureKind::Unavailable, false), (FailureKind::Rejected, true)] {
        let first = bed.conductor();
        let active = first.start(bed.created.clone()).await.unwrap();
        let queued = first.start(wanting(&bed, IfBusy::Queue)).await.unwrap();
        over(&first, &active).await;
        let broken = bed.conductor_of(Arc::new(bed.store.clone()), Arc::new(Broken(kind)));
        let turn = broken.take_turn("model", None).await.unwrap();
        let view = first.get(&queued).await.unwrap();
        if fails {
            assert_eq!(turn, Turn::Nobody);
            assert!(is_untouched(&view));
            let told = view.events.last().unwrap().message.as_str();
            assert_eq!(told, "connect to environment model: there is no such cluster");
        } else {
            let because = "environment model cannot be reached: there is no such cluster".to_owned();
            assert_eq!((turn, view.state.as_str()), (Turn::Waits(because), "Waiting"));
            assert_eq!(first.take_turn("model", None).await.unwrap(), Turn::Begun(queued.clone()));
            assert_eq!(outcome(&over(&first, &queued).await), Outcome::Passed);
        }
        // What cannot be reached at all is not waited for in the first place.
        let active = first.start(bed.created.clone()).await.unwrap();
        let refused = broken.start(wanting(&bed, IfBusy::Queue)).await.unwrap_err();
        assert_eq!(refused.to_string(), "could not connect to environment model");
        over(&first, &active).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_one_process_takes_only_its_own_turn_and_is_told_what_it_waits_for() {
    let bed = Bed::healthy();
    let conductors = [bed.conductor(), bed.conductor(), bed.conductor()];
    let active = conductors[0].start(bed.created.clone()).await.unwrap();
    let first = conductors[1].start(wanting(&bed, IfBusy::Queue)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let second = conductors[2].start(wanting(&bed, IfBusy::Queue)).await.unwrap();
    let turn = conductors[2].take_turn("model", Some(&second)).await.unwrap();
    assert_eq!(turn, Turn::Waits(format!("run {active} is active")));
    conductors[0].let_go(&active).await;
    let turn = conductors[2].take_turn("model", Some(&second)).await.unwrap();
    assert_eq!(turn, Turn::Left(active.clone()));
    conductors[0].recover(&active, Recovery::Continue).await.unwrap();
    over(&conductors[0], &active).await;
    let turn = conductors[2].take_turn("model", Some(&second)).await.unwrap();
    assert_eq!(turn, Turn::Waits(format!("run {first} is the next")));
    let turn = conductors[1].take_turn("model", Some(&first)).await.unwrap();
    assert_eq!(turn, Turn::Begun(first.clone()));
    assert_eq!(conductors[1].take_turn("model", Some(&first)).await.unwrap(), Turn::Nobody);
    conductors[2].stop(&second, "ops").await.unwrap();
    assert_eq!(conductors[2].take_turn("model", Some(&second)).await.unwrap(), Turn::Nobody);
    over(&conductors[1], &first).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_conductor_has_left_is_waited_for_only_where_somebody_takes_it_over() {
    let bed = Bed::healthy();
    let left = died_after(&bed, 9, None).await.unwrap();
    let refused = bed.conductor().start(wanting(&bed, IfBusy::Queue)).await.unwrap_err();
    assert!(matches!(refused, StartError::Unfinished { .. }), "{refused}");
    let (conductor, _steward) = server(&bed).await;
    let queued = conductor.start(wanting(&bed, IfBusy::Queue)).await.unwrap();
    for run in [&left, &queued] {
        assert_eq!(outcome(&over(&conductor, run).await), Outcome::Passed);
    }
    assert_eq!(one_by_one(&bed).await, [left, queued]);
}

/// Makes no ports.
struct Broken(FailureKind);

#[async_trait]
impl PortsFactory for Broken {
    async fn connect(&self, _: &Created, _: u64, _: Arc<dyn ProgressSink>) -> Result<Ports, PortError> {
        Err(PortError::new(self.0, "there is no such cluster"))
    }
}

/// Leaves no request, as a conductor that dies at it.
struct Mute(MemoryStore);

#[async_trait]
impl RunRequests for Mute {
    async fn ask(&self, _: &RunId, _: &RunRequest) -> Result<(), StoreError> {
        std::future::pending().await
    }

    async fn asked(&self, run: &RunId, after: u64) -> Result<Vec<(u64, RunRequest)>, StoreError> {
        self.0.asked(run, after).await
    }
}
