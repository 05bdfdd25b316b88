//! The server goes away and comes back, and answers are lost.

use std::time::{Duration, Instant};

use conductor_core::ports::{RunStore, StoreError};
use conductor_core::run::{Record, RunId};

use super::bed::PostgresBed;
use crate::cases::{Bed, PATIENCE};
use crate::events::{created, note, record, run_id, told};

/// Writes a record as the engine does: until it is there, by this call or an earlier one without an answer.
async fn write(store: &dyn RunStore, run: &RunId, record: &Record) {
    let begun = Instant::now();
    let mut unanswered = false;
    loop {
        match store.append(run, record).await {
            Ok(()) => return,
            Err(StoreError::Conflict { .. }) if unanswered => match store.journal(run, 0).await {
                Ok(journal) => {
                    assert!(journal.contains(record), "somebody else has written");
                    return;
                }
                Err(error) => assert!(begun.elapsed() < PATIENCE, "{}", told(&error)),
            },
            Err(StoreError::Unavailable { act, source }) => {
                assert!(begun.elapsed() < PATIENCE, "{act}: {source}");
                unanswered = true;
            }
            Err(other) => panic!("{other}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_server_that_is_started_again_in_the_middle_loses_nothing_and_has_nothing_twice() {
    let mut bed = PostgresBed::of_its_own().await;
    let (store, id) = (bed.store_with(serde_json::json!({ "leaseTime": "60s" })).await, run_id("r-1"));
    let claim = store.claim("shop").await.unwrap();
    let records: Vec<Record> = (1..=300)
        .map(|revision| match revision {
            1 => record(1, created()),
            _ => record(revision, note(&revision.to_string())),
        })
        .collect();
    let (done, mut seen) = tokio::sync::watch::channel(0);
    let writing = async {
        for record in &records {
            write(&store, &id, record).await;
            done.send_replace(record.revision);
        }
    };
    let restarting = async {
        for after in [50, 150] {
            seen.wait_for(|done| *done >= after).await.unwrap();
            bed.restart().await;
        }
    };
    tokio::join!(writing, restarting);
    assert!(bed.store().await.journal(&id, 0).await.unwrap() == records);
    assert!(tokio::time::timeout(Duration::from_millis(100), claim.lost()).await.is_err(), "the lease was lost");
}

#[tokio::test]
async fn an_append_whose_answer_is_lost_is_found_and_not_written_twice() {
    let mut bed = PostgresBed::of_its_own().await;
    let front = bed.server().front().await.unwrap();
    let (store, id) = (bed.store_with(longer(&front)).await, run_id("r-1"));
    let _claim = store.claim("shop").await.unwrap();
    store.append(&id, &record(1, created())).await.unwrap();
    // What is committed is not answered before a standby has it, which there is none.
    bed.run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await;
    bed.restart().await;
    let lost = record(2, note("once"));
    let (answer, ()) = tokio::join!(store.append(&id, &lost), async {
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query = 'COMMIT'";
        bed.until("the record is committed", waits).await;
        front.cut();
        bed.run("ALTER SYSTEM RESET synchronous_standby_names").await;
        bed.run("SELECT pg_reload_conf()").await;
    });
    let error = answer.unwrap_err();
    assert!(told(&error).starts_with("could not append record 2 to run r-1: "), "{}", told(&error));
    let error = store.append(&id, &lost).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { expected: 1, found: 2, .. }), "{error}");
    assert!(store.journal(&id, 0).await.unwrap()[1] == lost);
    store.append(&id, &record(3, note("next"))).await.unwrap();
    assert_eq!(bed.store().await.journal(&id, 0).await.unwrap().len(), 3);
}

#[tokio::test]
async fn connections_that_fall_silent_are_not_waited_for_again_and_again() {
    let bed = PostgresBed::fresh().await;
    let front = bed.server().front().await.unwrap();
    let (store, id) = (bed.store_with(longer(&front)).await, run_id("r-1"));
    let _claim = store.claim("shop").await.unwrap();
    store.append(&id, &record(1, created())).await.unwrap();
    // So many have a connection each.
    let all = || futures::future::join_all((0..8).map(|_| store.journal(&id, 0)));
    assert!(all().await.iter().all(Result::is_ok));
    front.silence();
    let error = store.journal(&id, 0).await.unwrap_err();
    assert!(told(&error).starts_with("could not read the journal of run r-1: "), "{}", told(&error));
    front.open();
    let begun = Instant::now();
    assert!(all().await.iter().all(Result::is_ok));
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    store.append(&id, &record(2, note("on"))).await.unwrap();
}

/// A lease that lasts for as long as the silence.
fn longer(front: &conductor_postgres_bed::Front) -> serde_json::Value {
    let mut settings = super::bed::behind(front);
    settings["leaseTime"] = "60s".into();
    settings
}
