//! What every store promises, as cases: a test each for every store, by [`cases!`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use conductor_core::phase::{Changes, Event, Retarget};
use conductor_core::ports::{Claim, RunRequest, RunRequests, RunStore, StoreError};
use conductor_core::run::{Record, RequestId};
use conductor_core::scale::Baseline;
use conductor_core::spec::IfBusy;
use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;

use crate::child::Holder;
use crate::events::{created, created_in, failed, note, record, requested, run_id, waiting};

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Where stores of one kind keep their runs: nobody else does.
#[allow(async_fn_in_trait, reason = "a test is one task")]
pub(crate) trait Bed {
    type Store: RunStore + RunRequests + 'static;

    /// A place without any run.
    async fn fresh() -> Self;

    /// A store as another process has it.
    async fn store(&self) -> Self::Store;

    /// What the example `hold_claim` is told of the place.
    fn told(&self) -> String;
}

/// A test for every case, each by its name.
macro_rules! cases {
    ($bed:ty) => {
        $crate::cases::cases! { $bed:
            a_run_is_rebuilt_from_what_is_kept_alone,
            what_is_kept_comes_back_to_the_last_digit_and_sign,
            a_journal_is_read_from_any_revision,
            a_run_that_is_adopted_after_its_end_has_not_ended_until_it_has_again,
            a_second_writer_of_a_revision_is_refused_and_told_where_the_journal_is,
            of_many_writers_exactly_one_wins_each_revision,
            of_many_beginnings_of_a_run_exactly_one_is_its_own,
            a_request_makes_one_run_for_ever,
            of_many_runs_by_one_request_exactly_one_is_made,
            a_run_that_waits_needs_no_claim_until_its_turn_and_is_listed_as_waiting,
            of_a_turn_and_of_those_who_take_it_out_exactly_one_is_written,
            an_event_that_does_not_belong_is_not_written,
            a_run_that_does_not_exist_is_named,
            runs_of_several_environments_are_listed_with_the_newest_first,
            requests_reach_other_processes_in_their_order_and_need_a_run,
            a_claim_is_exclusive_until_it_is_dropped,
            a_claim_that_was_given_back_is_free_at_once,
            a_claim_that_is_held_or_was_given_back_is_not_lost,
            a_claim_passes_on_when_its_process_is_killed,
            a_claim_is_free_when_its_process_has_ended_in_order,
        }
    };
    ($bed:ty: $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::cases::$case::<$bed>().await;
            }
        )+
    };
}
pub(crate) use cases;

/// Claims an environment as soon as it can be had.
pub(crate) async fn soon(store: &dyn RunStore, environment: &str) -> Box<dyn Claim> {
    let begun = Instant::now();
    loop {
        match store.claim(environment).await {
            Ok(claim) => return claim,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A store that has claimed `shop`.
async fn claimed<B: Bed>(bed: &B) -> (B::Store, Box<dyn Claim>) {
    let store = bed.store().await;
    let claim = store.claim("shop").await.unwrap();
    (store, claim)
}

pub(crate) async fn a_run_is_rebuilt_from_what_is_kept_alone<B: Bed>() {
    let bed = B::fresh().await;
    let id = run_id("r-1");
    let (store, claim) = claimed(&bed).await;
    for (position, event) in [created(), Event::Started, failed()].into_iter().enumerate() {
        store.append(&id, &record(position as u64 + 1, event)).await.unwrap();
    }
    drop((store, claim));
    let store = bed.store().await;
    let view = RunView::of(&id, &store.journal(&id, 0).await.unwrap()).unwrap();
    assert_eq!(view.verdict.unwrap().outcome, Outcome::Failed);
    let runs = store.runs().await.unwrap();
    assert_eq!((runs.len(), runs[0].finished, runs[0].name.as_str()), (1, true, "rehearsal"));
}

pub(crate) async fn what_is_kept_comes_back_to_the_last_digit_and_sign<B: Bed>() {
    let bed = B::fresh().await;
    let id = run_id("r-1");
    let (store, _claim) = claimed(&bed).await;
    let at = "2026-11-27T23:59:59.123456789Z".parse().unwrap();
    let text = "nul \0, quote \" and ', backslash \\, new\nline, größer als 0.1, 🧪 \u{7f}";
    let kept = [
        Record { at, ..record(1, created()) },
        Record { at, ..record(2, note(text)) },
        Record { at, ..record(3, note(&"long ".repeat(200_000))) },
    ];
    for record in &kept {
        store.append(&id, record).await.unwrap();
    }
    let other = bed.store().await;
    assert!(other.journal(&id, 0).await.unwrap() == kept);
    assert_eq!(other.runs().await.unwrap()[0].created, at);
}

pub(crate) async fn a_journal_is_read_from_any_revision<B: Bed>() {
    let bed = B::fresh().await;
    let id = run_id("r-1");
    let (store, _claim) = claimed(&bed).await;
    let records: Vec<Record> =
        (1..=5).map(|revision| record(revision, if revision == 1 { created() } else { note("on") })).collect();
    for record in &records {
        store.append(&id, record).await.unwrap();
    }
    let other = bed.store().await;
    for after in 0..5 {
        assert!(other.journal(&id, after).await.unwrap() == records[after as usize..], "after {after}");
    }
    for after in [5, 6, u64::MAX] {
        assert_eq!(other.journal(&id, after).await.unwrap(), [], "after {after}");
    }
    assert_eq!(other.journal(&run_id("r-2"), 1).await.unwrap(), [], "of a run that does not exist");
}

pub(crate) async fn a_run_that_is_adopted_after_its_end_has_not_ended_until_it_has_again<B: Bed>() {
    let bed = B::fresh().await;
    let id = run_id("r-1");
    let (store, _claim) = claimed(&bed).await;
    let mut finished = Vec::new();
    let adopted = Event::Adopted { changes: Changes::default() };
    let back = Event::Restored { found: Baseline::new(), foreign: vec![], failures: vec![] };
    let cleaned = Event::CleanedUp { deleted: vec![], failures: vec![] };
    let events = [created(), failed(), adopted, Event::LoadStopped, back, Event::Thawed, cleaned];
    for (position, event) in events.into_iter().enumerate() {
        store.append(&id, &record(position as u64 + 1, event)).await.unwrap();
        finished.push(store.runs().await.unwrap()[0].finished);
    }
    assert_eq!(finished, [false, true, false, false, false, false, true]);
}

pub(crate) async fn a_second_writer_of_a_revision_is_refused_and_told_where_the_journal_is<B: Bed>() {
    let bed = B::fresh().await;
    let id = run_id("r-1");
    let (one, claim) = claimed(&bed).await;
    one.append(&id, &record(1, created())).await.unwrap();
    claim.give_back().await;
    let (two, claim) = claimed(&bed).await;
    two.append(&id, &record(2, note("two"))).await.unwrap();
    claim.give_back().await;
    // It has the run in mind as it was.
    let _claim = one.claim("shop").await.unwrap();
    let error = one.append(&id, &record(2, note("one"))).await.unwrap_err();
    assert_eq!(error.to_string(), "the journal of run r-1 is at revision 2, not 1: somebody else writes to it");
    let gap = one.append(&id, &record(5, note("gap"))).await.unwrap_err();
    assert!(matches!(gap, StoreError::Conflict { expected: 4, found: 2, .. }), "{gap}");
    let again = one.append(&id, &record(1, created())).await.unwrap_err();
    assert!(matches!(again, StoreError::Conflict { expected: 0, found: 2, .. }), "{again}");
    assert_eq!(one.journal(&id, 0).await.unwrap().len(), 2);
    one.append(&id, &record(3, note("one"))).await.unwrap();
}

pub(crate) async fn of_many_writers_exactly_one_wins_each_revision<B: Bed>() {
    let bed = B::fresh().await;
    let id = run_id("r-1");
    let (store, _claim) = claimed(&bed).await;
    let store = Arc::new(store);
    store.append(&id, &record(1, created())).await.unwrap();
    for revision in 2..12 {
        let attempts = (0..6).map(|writer: u32| {
            let (store, id) = (Arc::clone(&store), id.clone());
            tokio::spawn(async move { store.append(&id, &record(revision, note(&writer.to_string()))).await })
        });
        let mut won = 0;
        for attempt in attempts.collect::<Vec<_>>() {
            match attempt.await.unwrap() {
                Ok(()) => won += 1,
                Err(StoreError::Conflict { expected, found, .. }) => {
                    assert_eq!((expected, found), (revision - 1, revision))
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(won, 1, "revision {revision}");
    }
    assert_eq!(store.journal(&id, 0).await.unwrap().len(), 11);
}

pub(crate) async fn of_many_beginnings_of_a_run_exactly_one_is_its_own<B: Bed>() {
    let bed = B::fresh().await;
    let id = run_id("r-1");
    let (store, _claim) = claimed(&bed).await;
    let store = Arc::new(store);
    let attempts = (0..6).map(|_| {
        let (store, id) = (Arc::clone(&store), id.clone());
        tokio::spawn(async move { store.append(&id, &record(1, created())).await })
    });
    let mut won = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        match attempt.await.unwrap() {
            Ok(()) => won += 1,
            Err(StoreError::Conflict { expected: 0, found: 1, .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((won, store.runs().await.unwrap().len(), store.journal(&id, 0).await.unwrap().len()), (1, 1, 1));
}

pub(crate) async fn a_request_makes_one_run_for_ever<B: Bed>() {
    let bed = B::fresh().await;
    let (store, claim) = claimed(&bed).await;
    store.append(&run_id("r-1"), &record(1, requested("shop", "nightly-1"))).await.unwrap();
    store.append(&run_id("r-1"), &record(2, failed())).await.unwrap();
    claim.give_back().await;
    let (other, _claim) = claimed(&bed).await;
    let again = record(1, requested("shop", "nightly-1"));
    let refused = other.append(&run_id("r-2"), &again).await.unwrap_err();
    assert_eq!(refused.to_string(), "request nightly-1 has made run r-1 before");
    assert_eq!(other.journal(&run_id("r-2"), 0).await.unwrap_err().to_string(), "there is no run r-2");
    let same = other.append(&run_id("r-1"), &again).await.unwrap_err();
    assert!(matches!(same, StoreError::Conflict { expected: 0, found: 2, .. }), "{same}");
    // Of other names, and of none, there may be as many as there are.
    for (id, begun) in [("r-3", requested("shop", "nightly-2")), ("r-4", created()), ("r-5", created())] {
        other.append(&run_id(id), &record(1, begun)).await.unwrap();
    }
    let mut runs = store.runs().await.unwrap();
    runs.sort_by(|a, b| a.id.cmp(&b.id));
    let made: Vec<_> = runs.iter().map(|run| (run.id.as_str(), run.request.as_ref().map(RequestId::as_str))).collect();
    assert_eq!(made, [("r-1", Some("nightly-1")), ("r-3", Some("nightly-2")), ("r-4", None), ("r-5", None)]);
    let view = RunView::of(&run_id("r-3"), &store.journal(&run_id("r-3"), 0).await.unwrap()).unwrap();
    assert_eq!(view.by.as_deref(), Some("ops"));
}

pub(crate) async fn of_many_runs_by_one_request_exactly_one_is_made<B: Bed>() {
    let bed = B::fresh().await;
    let stores = [Arc::new(bed.store().await), Arc::new(bed.store().await)];
    let attempts = (0..8).map(|number: usize| {
        let store = Arc::clone(&stores[number % 2]);
        async move {
            let (id, environment) = (run_id(&format!("r-{number}")), format!("shop-{number}"));
            let _claim = store.claim(&environment).await.unwrap();
            store.append(&id, &record(1, requested(&environment, "nightly"))).await.map(|()| id)
        }
    });
    let (mut made, mut refused) = (Vec::new(), Vec::new());
    for attempt in futures::future::join_all(attempts).await {
        match attempt {
            Ok(id) => made.push(id),
            Err(StoreError::Requested { run, .. }) => refused.push(run),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((made.len(), refused.len()), (1, 7));
    assert!(refused.iter().all(|run| *run == made[0]), "{made:?}, {refused:?}");
    assert_eq!(stores[0].runs().await.unwrap().len(), 1);
}

pub(crate) async fn a_run_that_waits_needs_no_claim_until_its_turn_and_is_listed_as_waiting<B: Bed>() {
    let bed = B::fresh().await;
    let (active, claim) = claimed(&bed).await;
    active.append(&run_id("r-1"), &record(1, created())).await.unwrap();
    let other = bed.store().await;
    let stop = || Event::StopRequested { by: "ops".to_owned() };
    for (id, at, how) in [("r-2", 1, IfBusy::Queue), ("r-3", 1, IfBusy::Replace), ("r-4", 1, IfBusy::Queue)] {
        other.append(&run_id(id), &record(at, waiting(how))).await.unwrap();
    }
    other.append(&run_id("r-2"), &record(2, note("so"))).await.unwrap();
    other.append(&run_id("r-4"), &record(2, stop())).await.unwrap();
    let listed = async |store: &B::Store| {
        let mut runs = store.runs().await.unwrap();
        runs.sort_by(|a, b| a.id.cmp(&b.id));
        runs.into_iter().map(|run| (run.waiting, run.finished)).collect::<Vec<_>>()
    };
    let expected = [(None, false), (Some(IfBusy::Queue), false), (Some(IfBusy::Replace), false), (None, true)];
    assert_eq!(listed(&active).await, expected);
    claim.give_back().await;
    let _claim = soon(&other, "shop").await;
    other.append(&run_id("r-2"), &record(3, Event::Begun { learnt: None })).await.unwrap();
    other.append(&run_id("r-2"), &record(4, Event::Started)).await.unwrap();
    assert_eq!(listed(&other).await[1..3], [(None, false), (Some(IfBusy::Replace), false)]);
    let view = RunView::of(&run_id("r-2"), &bed.store().await.journal(&run_id("r-2"), 0).await.unwrap()).unwrap();
    assert_eq!((view.state.as_str(), view.revision), ("Preflight", 4));
}

pub(crate) async fn of_a_turn_and_of_those_who_take_it_out_exactly_one_is_written<B: Bed>() {
    let bed = B::fresh().await;
    let (owner, _claim) = claimed(&bed).await;
    let others = futures::future::join_all((0..4).map(|_| bed.store())).await;
    for round in 0..8 {
        let id = run_id(&format!("r-{round}"));
        others[0].append(&id, &record(1, waiting(IfBusy::Queue))).await.unwrap();
        let turn = record(2, Event::Begun { learnt: None });
        let stop = record(2, Event::StopRequested { by: "ops".to_owned() });
        let stops = others.iter().map(|store| store.append(&id, &stop));
        let (turned, stopped) = futures::join!(owner.append(&id, &turn), futures::future::join_all(stops));
        let results: Vec<Result<(), StoreError>> = std::iter::once(turned).chain(stopped).collect();
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        for refused in results.into_iter().filter_map(Result::err) {
            assert!(matches!(refused, StoreError::Conflict { found: 2, .. }), "{refused}");
        }
        assert_eq!(owner.journal(&id, 0).await.unwrap().len(), 2);
    }
}

pub(crate) async fn an_event_that_does_not_belong_is_not_written<B: Bed>() {
    let bed = B::fresh().await;
    let id = run_id("r-1");
    let (store, _claim) = claimed(&bed).await;
    let early = store.append(&id, &record(1, Event::Started)).await.unwrap_err();
    assert_eq!(early.to_string(), "could not append record 1 to run r-1");
    assert_eq!(store.runs().await.unwrap(), []);
    store.append(&id, &record(1, created())).await.unwrap();
    let error = store.append(&id, &record(2, Event::ScaledUp)).await.unwrap_err();
    assert_eq!(error.to_string(), "could not append record 2 to run r-1");
    assert_eq!(store.journal(&id, 0).await.unwrap().len(), 1);
}

pub(crate) async fn a_run_that_does_not_exist_is_named<B: Bed>() {
    let bed = B::fresh().await;
    let id = run_id("r-1");
    let (store, _claim) = claimed(&bed).await;
    let stop = RunRequest::Stop { by: "ops".to_owned() };
    let errors = [
        store.journal(&id, 0).await.unwrap_err(),
        store.append(&id, &record(2, note("nothing before"))).await.unwrap_err(),
        store.ask(&id, &stop).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.to_string(), "there is no run r-1");
    }
}

pub(crate) async fn runs_of_several_environments_are_listed_with_the_newest_first<B: Bed>() {
    let bed = B::fresh().await;
    let store = bed.store().await;
    assert_eq!(store.runs().await.unwrap(), []);
    let _claims = (store.claim("shop").await.unwrap(), store.claim("team/shop").await.unwrap());
    // As text the second would come after the third.
    for (id, environment, at) in [
        ("r-3", "shop", "2026-11-27T12:00:01Z"),
        ("r-1", "team/shop", "2026-11-27T12:00:00.5Z"),
        ("r-2", "shop", "2026-11-27T12:00:00Z"),
        ("r-4", "shop", "2026-11-27T12:00:01Z"),
    ] {
        let first = Record { at: at.parse().unwrap(), ..record(1, created_in(environment)) };
        store.append(&run_id(id), &first).await.unwrap();
    }
    let runs = bed.store().await.runs().await.unwrap();
    let listed: Vec<_> = runs.iter().map(|run| (run.id.as_str(), run.environment.as_str())).collect();
    assert_eq!(listed, [("r-4", "shop"), ("r-3", "shop"), ("r-1", "team/shop"), ("r-2", "shop")]);
}

pub(crate) async fn requests_reach_other_processes_in_their_order_and_need_a_run<B: Bed>() {
    let bed = B::fresh().await;
    let id = run_id("r-1");
    let (store, _claim) = claimed(&bed).await;
    let stop = RunRequest::Stop { by: "ops".to_owned() };
    assert_eq!(store.ask(&id, &stop).await.unwrap_err().to_string(), "there is no run r-1");
    store.append(&id, &record(1, created())).await.unwrap();
    assert_eq!(store.asked(&id, 0).await.unwrap(), []);
    let other = bed.store().await;
    let change = Retarget { target: "900/min".parse().unwrap(), within: None, plateau: "5m".parse().ok() };
    let retarget = RunRequest::Retarget { change, by: "ops".to_owned() };
    other.ask(&id, &retarget).await.unwrap();
    other.ask(&id, &stop).await.unwrap();
    let asked = store.asked(&id, 0).await.unwrap();
    assert_eq!(asked.iter().map(|(_, request)| request.clone()).collect::<Vec<_>>(), [retarget, stop]);
    assert!(0 < asked[0].0 && asked[0].0 < asked[1].0, "{asked:?}");
    assert_eq!(store.asked(&id, asked[0].0).await.unwrap(), asked[1..]);
    assert_eq!(store.asked(&id, asked[1].0).await.unwrap(), []);
}

pub(crate) async fn a_claim_is_exclusive_until_it_is_dropped<B: Bed>() {
    let bed = B::fresh().await;
    let (store, other) = (bed.store().await, bed.store().await);
    let claim = store.claim("team/shop").await.unwrap();
    for store in [&store, &other] {
        let error = store.claim("team/shop").await.err().unwrap().to_string();
        let expected = format!("environment team/shop is in use by process {}", std::process::id());
        assert!(error.starts_with(&expected), "{error}");
    }
    let elsewhere = other.claim("team/other").await.unwrap();
    drop(claim);
    let _claim = soon(&other, "team/shop").await;
    drop(elsewhere);
    let _elsewhere = soon(&store, "team/other").await;
}

pub(crate) async fn a_claim_that_was_given_back_is_free_at_once<B: Bed>() {
    let bed = B::fresh().await;
    let (store, other) = (bed.store().await, bed.store().await);
    let first = store.claim("shop").await.unwrap();
    first.give_back().await;
    first.give_back().await;
    let second = other.claim("shop").await.unwrap();
    // It is another's by now.
    first.give_back().await;
    drop(first);
    assert!(matches!(store.claim("shop").await.err().unwrap(), StoreError::Claimed { .. }));
    drop(second);
}

pub(crate) async fn a_claim_that_is_held_or_was_given_back_is_not_lost<B: Bed>() {
    let bed = B::fresh().await;
    let (_store, claim) = claimed(&bed).await;
    let moment = Duration::from_millis(200);
    assert!(tokio::time::timeout(moment, claim.lost()).await.is_err(), "held");
    claim.give_back().await;
    assert!(tokio::time::timeout(moment, claim.lost()).await.is_err(), "given back");
}

pub(crate) async fn a_claim_passes_on_when_its_process_is_killed<B: Bed>() {
    let bed = B::fresh().await;
    let store = bed.store().await;
    let mut holder = Holder::of(&bed.told(), "shop");
    let error = store.claim("shop").await.err().unwrap().to_string();
    assert!(error.contains(&format!("process {}", holder.process())), "{error}");
    holder.kill();
    let _claim = soon(&store, "shop").await;
}

pub(crate) async fn a_claim_is_free_when_its_process_has_ended_in_order<B: Bed>() {
    let bed = B::fresh().await;
    let store = bed.store().await;
    Holder::of(&bed.told(), "shop").end();
    let _claim = store.claim("shop").await.unwrap();
}
