//! The store on real files: durability, one writer, claims that die with their process.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use conductor_core::failure::{Failure, FailureKind};
use conductor_core::phase::{Changes, Event, Level, Note, Retarget};
use conductor_core::ports::{RunRequest, RunRequests, RunStore, StoreError};
use conductor_core::restore::ForeignPolicy;
use conductor_core::run::{Created, Record, RunId};
use conductor_core::scale::Baseline;
use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;
use conductor_journal::SqliteStore;
use jiff::Timestamp;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

fn run_id(text: &str) -> RunId {
    text.parse().unwrap()
}

fn record(revision: u64, event: Event) -> Record {
    Record { revision, at: Timestamp::from_second(1_700_000_000 + revision as i64).unwrap(), event }
}

fn created() -> Event {
    let spec = serde_json::from_value(serde_json::json!({
        "apiVersion": "loadtest-conductor.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": { "name": "rehearsal" },
        "spec": {
            "environment": "shop",
            "kpi": { "name": "orders", "target": "600/min" },
            "rampUp": "1m",
            "plateau": "1m"
        }
    }))
    .unwrap();
    Event::Created(Box::new(Created::new(spec, vec![], ForeignPolicy::Report, serde_json::json!({ "any": 1 }))))
}

fn note(text: &str) -> Event {
    Event::Noted(Note { level: Level::Info, message: text.to_owned() })
}

fn failed() -> Event {
    Event::Failed(Failure {
        activity: "check".to_owned(),
        kind: FailureKind::NotFound,
        message: "no Locust".to_owned(),
    })
}

#[tokio::test]
async fn a_run_is_rebuilt_from_the_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let id = run_id("r-1");
    let store = SqliteStore::open(folder.path()).await.unwrap();
    for (position, event) in [created(), Event::Started, failed()].into_iter().enumerate() {
        store.append(&id, &record(position as u64 + 1, event)).await.unwrap();
    }
    drop(store);
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let view = RunView::of(&id, &store.journal(&id).await.unwrap()).unwrap();
    assert_eq!(view.verdict.unwrap().outcome, Outcome::Failed);
    let runs = store.runs().await.unwrap();
    assert_eq!((runs.len(), runs[0].finished, runs[0].name.as_str()), (1, true, "rehearsal"));
}

#[tokio::test]
async fn a_run_that_is_adopted_after_its_end_has_not_ended_until_it_has_again() {
    let folder = tempfile::tempdir().unwrap();
    let id = run_id("r-1");
    let store = SqliteStore::open(folder.path()).await.unwrap();
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

#[tokio::test]
async fn a_second_writer_of_a_revision_is_refused_and_told_where_the_journal_is() {
    let folder = tempfile::tempdir().unwrap();
    let id = run_id("r-1");
    let (one, two) = (SqliteStore::open(folder.path()).await.unwrap(), SqliteStore::open(folder.path()).await.unwrap());
    one.append(&id, &record(1, created())).await.unwrap();
    one.append(&id, &record(2, note("one"))).await.unwrap();
    let error = two.append(&id, &record(2, note("two"))).await.unwrap_err();
    assert_eq!(error.to_string(), "the journal of run r-1 is at revision 2, not 1: somebody else writes to it");
    let gap = one.append(&id, &record(5, note("gap"))).await.unwrap_err();
    assert!(matches!(gap, StoreError::Conflict { expected: 4, found: 2, .. }), "{gap}");
    assert_eq!(two.journal(&id).await.unwrap().len(), 2);
}

#[tokio::test]
async fn of_many_writers_exactly_one_wins_each_revision() {
    let folder = tempfile::tempdir().unwrap();
    let id = run_id("r-1");
    let stores = [
        Arc::new(SqliteStore::open(folder.path()).await.unwrap()),
        Arc::new(SqliteStore::open(folder.path()).await.unwrap()),
    ];
    stores[0].append(&id, &record(1, created())).await.unwrap();
    for revision in 2..12 {
        let attempts = (0..6).map(|writer| {
            let (store, id) = (Arc::clone(&stores[writer % 2]), id.clone());
            tokio::spawn(async move { store.append(&id, &record(revision, note(&writer.to_string()))).await })
        });
        let mut won = 0;
        for attempt in attempts.collect::<Vec<_>>() {
            match attempt.await.unwrap() {
                Ok(()) => won += 1,
                Err(StoreError::Conflict { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(won, 1, "revision {revision}");
    }
    assert_eq!(stores[1].journal(&id).await.unwrap().len(), 11);
}

#[tokio::test]
async fn an_event_that_does_not_belong_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let id = run_id("r-1");
    let store = SqliteStore::open(folder.path()).await.unwrap();
    store.append(&id, &record(1, created())).await.unwrap();
    assert!(store.append(&id, &record(2, Event::ScaledUp)).await.is_err());
    assert_eq!(store.journal(&id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_run_goes_on_after_a_write_that_the_database_itself_took_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let run = run_id("r-1");
    store.append(&run, &record(1, created())).await.unwrap();
    // What SQLite does when the disk is full: the statement fails and the whole transaction is over.
    let options = SqliteConnectOptions::new().filename(folder.path().join("journal.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    let full = "CREATE TRIGGER full BEFORE INSERT ON records BEGIN SELECT RAISE(ROLLBACK, 'disk is full'); END";
    sqlx::raw_sql(full).execute(&mut other).await.unwrap();
    for _ in 0..5 {
        let error = store.append(&run, &record(2, Event::Started)).await.unwrap_err();
        assert!(
            matches!(&error, StoreError::Unavailable { source, .. } if source.to_string().contains("disk is full"))
        );
    }
    sqlx::raw_sql("DROP TRIGGER full").execute(&mut other).await.unwrap();
    store.append(&run, &record(2, Event::Started)).await.unwrap();
    assert_eq!(store.journal(&run).await.unwrap().len(), 2);
}

#[tokio::test]
async fn requests_reach_other_processes_in_their_order_and_need_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let id = run_id("r-1");
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let stop = RunRequest::Stop { by: "ops".to_owned() };
    assert_eq!(store.ask(&id, &stop).await.unwrap_err().to_string(), "there is no run r-1");
    store.append(&id, &record(1, created())).await.unwrap();
    assert_eq!(store.asked(&id, 0).await.unwrap(), []);
    let other = SqliteStore::open(folder.path()).await.unwrap();
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

#[tokio::test]
async fn a_claim_is_exclusive_until_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let claim = store.claim("team/shop").await.unwrap();
    let error = store.claim("team/shop").await.err().unwrap().to_string();
    let expected = format!("environment team/shop is in use by process {}", std::process::id());
    assert!(error.starts_with(&expected), "{error}");
    store.claim("team/other").await.unwrap();
    drop(claim);
    // A process that another test starts at this moment has the file open until it becomes another program.
    let deadline = Instant::now() + Duration::from_secs(10);
    while store.claim("team/shop").await.is_err() {
        assert!(Instant::now() < deadline, "the claim outlives its drop");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_claim_ends_with_its_process_even_when_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let mut child = Command::new(example("hold_claim"))
        .args([folder.path().to_str().unwrap(), "shop"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "held\n");
    let error = store.claim("shop").await.err().unwrap().to_string();
    assert!(error.contains(&format!("process {}", child.id())), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while let Err(error) = store.claim("shop").await.map(drop) {
        assert!(Instant::now() < deadline, "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_file_that_is_no_journal_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("journal.db"), "not a database, but long enough to be looked at as one").unwrap();
    let error = SqliteStore::open(folder.path()).await.err().unwrap();
    assert!(error.to_string().starts_with("could not open the journal "), "{error}");
    assert!(error.to_string().ends_with("journal.db"), "{error}");
}

/// The example's executable; cargo builds examples beside the tests of their package.
fn example(name: &str) -> std::path::PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).unwrap().join("examples").join(name)
}
