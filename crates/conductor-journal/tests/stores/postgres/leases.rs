//! Leases: how long they last, who has them, and what is in the table.

use std::time::{Duration, Instant};

use conductor_core::phase::Event;
use conductor_core::ports::{RunStore, StoreError};
use conductor_core::spec::IfBusy;
use serde_json::json;

use super::bed::{LEASE, PostgresBed, lost_at};
use crate::cases::{Bed, soon};
use crate::events::{created, note, record, run_id, told, waiting};

#[tokio::test]
async fn a_lease_says_who_has_it_and_until_when() {
    let bed = PostgresBed::fresh().await;
    let (store, other) = (bed.store().await, bed.store().await);
    let _claim = store.claim("shop").await.unwrap();
    let error = other.claim("shop").await.err().unwrap().to_string();
    let host = nix::unistd::gethostname().unwrap().into_string().unwrap();
    let begins = format!("environment shop is in use by process {} on {host} since 20", std::process::id());
    assert!(error.starts_with(&begins), "{error}");
    assert!(
        error.contains(" UTC, whose lease lasts until 20") && error.ends_with(" UTC and may be renewed"),
        "{error}"
    );
}

#[tokio::test]
async fn a_lease_that_is_renewed_lasts_for_as_long_as_its_holder() {
    let bed = PostgresBed::fresh().await;
    let lease = Duration::from_secs(3);
    let (store, other) = (bed.store_with(json!({ "leaseTime": "3s" })).await, bed.store().await);
    let claim = store.claim("shop").await.unwrap();
    let begun = Instant::now();
    while begun.elapsed() < lease * 3 {
        let error = other.claim("shop").await.err().expect("it is held");
        assert!(matches!(error, StoreError::Claimed { .. }), "{error}");
        assert!(tokio::time::timeout(Duration::from_millis(100), claim.lost()).await.is_err(), "lost");
    }
    store.append(&run_id("r-1"), &record(1, created())).await.unwrap();
}

#[tokio::test]
async fn an_epoch_is_never_used_again() {
    let bed = PostgresBed::fresh().await;
    let stores = [bed.store().await, bed.store().await];
    for epoch in 1..6 {
        let claim = soon(&stores[epoch as usize % 2], "shop").await;
        assert_eq!(bed.number("SELECT epoch FROM conductor.leases WHERE environment = 'shop'").await, epoch);
        claim.give_back().await;
        assert_eq!(bed.number("SELECT count(*) FROM conductor.leases WHERE expires = '-infinity'").await, 1);
    }
}

#[tokio::test]
async fn whoever_has_lost_the_lease_cannot_write_even_if_nothing_newer_was_written() {
    let bed = PostgresBed::fresh().await;
    let id = run_id("r-1");
    // It renews it so seldom that it learns of its loss by the append.
    let store = bed.store_with(json!({ "leaseTime": "10m" })).await;
    let claim = store.claim("shop").await.unwrap();
    store.append(&id, &record(1, created())).await.unwrap();
    bed.run("UPDATE conductor.leases SET expires = clock_timestamp()").await;
    // Nobody has taken it yet.
    store.append(&id, &record(2, note("mine"))).await.unwrap();
    let other = bed.store().await;
    let _taken = other.claim("shop").await.unwrap();
    let error = store.append(&id, &record(3, note("late"))).await.unwrap_err().to_string();
    let begins = "environment shop is not this conductor's to work on: its lease was taken by process ";
    assert!(error.starts_with(begins), "{error}");
    // Whoever waits for the loss learns of it, too.
    lost_at(&*claim).await;
    let again = store.append(&id, &record(3, note("late"))).await.unwrap_err().to_string();
    assert_eq!(again, error);
    assert_eq!(other.journal(&id, 0).await.unwrap().len(), 2);
    drop(claim);
    // What is given back late is another's.
    let error = soon_refused(&store).await;
    assert!(matches!(error, StoreError::Claimed { .. }), "{error}");
    other.append(&id, &record(3, note("theirs"))).await.unwrap();
}

/// What a claim is answered with once the former one is done with here.
async fn soon_refused(store: &dyn RunStore) -> StoreError {
    store.claim("shop").await.err().expect("it is another's")
}

#[tokio::test]
async fn a_lease_that_is_taken_away_is_found_lost_at_the_next_renewal() {
    let bed = PostgresBed::fresh().await;
    for taken in ["UPDATE conductor.leases SET epoch = epoch + 1, holder = 'somebody'", "DELETE FROM conductor.leases"]
    {
        let store = bed.store().await;
        let claim = soon(&store, "shop").await;
        let begun = Instant::now();
        bed.run(taken).await;
        assert!(lost_at(&*claim).await - begun < LEASE, "{taken}");
        let error = store.append(&run_id("r-1"), &record(1, created())).await.unwrap_err().to_string();
        assert!(
            error.ends_with("its lease was taken by somebody")
                || error.ends_with("its lease is not in the database any more"),
            "{error}"
        );
        bed.run("UPDATE conductor.leases SET expires = '-infinity'").await;
    }
}

#[tokio::test]
async fn a_store_that_is_closed_leaves_no_lease_that_others_would_wait_for() {
    let bed = PostgresBed::fresh().await;
    let (store, other) = (bed.store().await, bed.store().await);
    for environment in ["shop", "team/shop", "elsewhere"] {
        drop(store.claim(environment).await.unwrap());
    }
    store.close().await;
    for environment in ["shop", "team/shop", "elsewhere"] {
        other.claim(environment).await.unwrap();
    }
    let error = store.runs().await.unwrap_err();
    assert!(told(&error).starts_with("could not read the list of runs: "), "{}", told(&error));
}

#[tokio::test]
async fn the_turn_of_a_run_is_taken_by_whoever_has_the_lease() {
    let bed = PostgresBed::fresh().await;
    let (owner, other) = (bed.store().await, bed.store().await);
    let _claim = owner.claim("shop").await.unwrap();
    other.append(&run_id("r-1"), &record(1, waiting(IfBusy::Queue))).await.unwrap();
    let begun = record(2, Event::Begun { learnt: None });
    let error = other.append(&run_id("r-1"), &begun).await.unwrap_err().to_string();
    assert_eq!(error, "environment shop is not this conductor's to work on: it holds no lease of it");
    owner.append(&run_id("r-1"), &begun).await.unwrap();
}
