//! Several stores on one database: who writes what, and who does not.

use std::sync::Arc;

use conductor_core::ports::{RunStore, StoreError};

use super::bed::PostgresBed;
use crate::cases::{Bed, soon};
use crate::events::{created, created_in, note, record, run_id};

#[tokio::test(flavor = "multi_thread")]
async fn of_many_writers_at_two_stores_only_those_with_the_lease_write_and_one_wins_each_revision() {
    let bed = PostgresBed::fresh().await;
    let id = run_id("r-1");
    let stores = [Arc::new(bed.store().await), Arc::new(bed.store().await)];
    let mut claim = stores[0].claim("shop").await.unwrap();
    stores[0].append(&id, &record(1, created())).await.unwrap();
    for revision in 2..14 {
        // The environment goes to and fro.
        let owner = revision as usize / 3 % 2;
        claim.give_back().await;
        claim = soon(&*stores[owner], "shop").await;
        let attempts = (0..8).map(|writer: usize| {
            let (store, id) = (Arc::clone(&stores[writer % 2]), id.clone());
            let appended = async move { store.append(&id, &record(revision, note(&writer.to_string()))).await };
            (writer % 2, tokio::spawn(appended))
        });
        let mut won = Vec::new();
        for (store, attempt) in attempts.collect::<Vec<_>>() {
            match attempt.await.unwrap() {
                Ok(()) => won.push(store),
                Err(StoreError::Conflict { .. }) => {}
                Err(StoreError::Lost { .. }) if store != owner => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(won, [owner], "revision {revision}");
    }
    assert_eq!(stores[1].journal(&id, 0).await.unwrap().len(), 13);
}

#[tokio::test]
async fn nothing_is_written_without_a_claim_on_the_very_environment() {
    let bed = PostgresBed::fresh().await;
    let store = bed.store().await;
    let refused =
        async |revision, event| store.append(&run_id("r-1"), &record(revision, event)).await.unwrap_err().to_string();
    let expected = "environment shop is not this conductor's to work on: it holds no lease of it";
    assert_eq!(refused(1, created()).await, expected);
    let _other = store.claim("other").await.unwrap();
    assert_eq!(refused(1, created()).await, expected);
    let claim = store.claim("shop").await.unwrap();
    store.append(&run_id("r-1"), &record(1, created())).await.unwrap();
    store.append(&run_id("r-2"), &record(1, created_in("other"))).await.unwrap();
    claim.give_back().await;
    assert_eq!(refused(2, note("late")).await, expected);
    assert_eq!(store.journal(&run_id("r-1"), 0).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_run_that_others_have_gone_on_with_is_gone_on_with_from_where_they_left_it() {
    let bed = PostgresBed::fresh().await;
    let id = run_id("r-1");
    let stores = [bed.store().await, bed.store().await];
    for revision in 1..10 {
        let store = &stores[revision as usize % 2];
        let claim = soon(store, "shop").await;
        let event = if revision == 1 { created() } else { note("on") };
        store.append(&id, &record(revision, event)).await.unwrap();
        claim.give_back().await;
    }
    assert_eq!(stores[0].journal(&id, 0).await.unwrap().len(), 9);
}
