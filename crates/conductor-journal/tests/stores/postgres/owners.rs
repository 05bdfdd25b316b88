//! Owners that are killed, stopped, or cut off from the database.

use std::time::{Duration, Instant};

use conductor_core::ports::RunStore;
use serde_json::json;

use super::bed::{LEASE, PostgresBed, lost_at};
use crate::cases::{Bed, PATIENCE, soon};
use crate::child::Holder;
use crate::events::{created, note, record, run_id};

/// Some record's append waits for a lock.
const WAITS: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO records%'";

#[tokio::test]
async fn the_lease_of_a_killed_owner_passes_on_within_two_lease_times() {
    let bed = PostgresBed::fresh().await;
    let store = bed.store().await;
    let mut holder = Holder::of(&bed.told(), "shop");
    holder.kill();
    let begun = Instant::now();
    let _claim = soon(&store, "shop").await;
    assert!(begun.elapsed() < LEASE * 2, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_owner_that_was_stopped_for_three_lease_times_knows_that_it_is_none_and_cannot_write() {
    let bed = PostgresBed::fresh().await;
    let (store, id) = (bed.store().await, run_id("r-1"));
    let mut holder = Holder::of(&bed.told(), "shop");
    holder.append(&id, &record(1, created()));
    assert_eq!(holder.says(), "appended");
    holder.stop();
    let begun = Instant::now();
    // When it goes on, this is the first that it hears.
    holder.append(&id, &record(2, note("late")));
    let _claim = soon(&store, "shop").await;
    let passed = begun.elapsed();
    assert!(passed < LEASE * 2, "{passed:?}");
    tokio::time::sleep((LEASE * 3).saturating_sub(passed)).await;
    holder.go_on();
    let mut says = [holder.says(), holder.says()];
    says.sort();
    assert_eq!(says[0], "lost");
    assert!(
        says[1].starts_with("refused: environment shop is not this conductor's to work on: its lease "),
        "{says:?}"
    );
    // Nobody has written anything newer; it was the lease that kept it out.
    assert_eq!(store.journal(&id, 0).await.unwrap().len(), 1);
    store.append(&id, &record(2, note("mine"))).await.unwrap();
}

#[tokio::test]
async fn an_owner_that_was_stopped_in_the_middle_of_a_record_does_not_keep_the_lease() {
    let bed = PostgresBed::fresh().await;
    let (store, id) = (bed.store().await, run_id("r-1"));
    // The record waits for a third of this at most.
    let mut holder = Holder::of(&bed.written(json!({ "leaseTime": "15s" })).to_string(), "shop");
    holder.append(&id, &record(1, created()));
    assert_eq!(holder.says(), "appended");
    let mut keeper = bed.connect().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE conductor.records IN EXCLUSIVE MODE").execute(&mut keeper).await.unwrap();
    holder.append(&id, &record(2, note("half")));
    bed.until("the record waits", WAITS).await;
    holder.stop();
    // Its transaction goes on and stands idle then, with a lock on the lease.
    sqlx::raw_sql("ROLLBACK").execute(&mut keeper).await.unwrap();
    let begun = Instant::now();
    let _claim = soon(&store, "shop").await;
    assert!(begun.elapsed() < Duration::from_secs(2 * 15), "{:?}", begun.elapsed());
    assert_eq!(store.journal(&id, 0).await.unwrap().len(), 1);
    store.append(&id, &record(2, note("mine"))).await.unwrap();
    holder.go_on();
    let says = [holder.says(), holder.says()];
    assert!(says.contains(&"lost".to_owned()), "{says:?}");
    assert!(says.iter().any(|line| line.starts_with("refused: ")), "{says:?}");
    assert_eq!(store.journal(&id, 0).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_owner_that_loses_the_database_has_let_go_before_another_can_have_the_environment() {
    for silently in [true, false] {
        let bed = PostgresBed::fresh().await;
        let front = bed.server().front().await.unwrap();
        let (owner, other) = (bed.store_behind(&front).await, bed.store().await);
        let id = run_id("r-1");
        let claim = owner.claim("shop").await.unwrap();
        owner.append(&id, &record(1, created())).await.unwrap();
        let begun = Instant::now();
        if silently {
            front.silence();
        } else {
            front.close();
        }
        let (lost, (taken, passed)) = tokio::join!(lost_at(&*claim), async {
            let claim = soon(&other, "shop").await;
            (claim, Instant::now())
        });
        assert!(lost < passed, "silently: {silently}; lost {:?} after another had it", lost - passed);
        assert!(passed - begun < LEASE * 2, "silently: {silently}; {:?}", passed - begun);
        front.open();
        let error = owner.append(&id, &record(2, note("late"))).await.unwrap_err().to_string();
        assert_eq!(
            error, "environment shop is not this conductor's to work on: its lease could not be renewed within 4s",
            "silently: {silently}"
        );
        taken.give_back().await;
        // By a new claim it may work there again.
        drop(claim);
        let _claim = soon(&owner, "shop").await;
        let begun = Instant::now();
        while let Err(error) = owner.append(&id, &record(2, note("again"))).await {
            assert!(begun.elapsed() < PATIENCE, "silently: {silently}; {error}");
        }
        assert_eq!(other.journal(&id, 0).await.unwrap().len(), 2);
    }
}
