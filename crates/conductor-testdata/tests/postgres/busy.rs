//! Deletion waits while the database is busy with what others do.

use std::time::Duration;

use conductor_core::ports::TestDataStore;
use conductor_postgres_bed::PostgresSettings;
use serde_json::json;
use sqlx::{Connection, PgConnection, Postgres, Transaction};
use tokio::task::JoinHandle;

use crate::bed::{Bed, WAITS, counts, refused, run, told};

/// A transaction that has locked a basket of a customer, and somebody who waits for it.
async fn somebody_waits<'a>(bed: &Bed, one: &'a mut PgConnection) -> (Transaction<'a, Postgres>, JoinHandle<()>) {
    let mut two = bed.connect().await;
    let mut holder = one.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM baskets WHERE id = 3 FOR UPDATE").execute(&mut *holder).await.unwrap();
    let waiter = tokio::spawn(async move {
        sqlx::query("UPDATE baskets SET id = id WHERE id = 3").execute(&mut two).await.unwrap();
    });
    bed.until("somebody waits", WAITS).await;
    (holder, waiter)
}

#[tokio::test]
async fn others_that_wait_for_locks_hold_deletion_up() {
    let bed = Bed::shop(50).await;
    let mut one = bed.connect().await;
    let (holder, waiter) = somebody_waits(&bed, &mut one).await;
    let store = bed.shop_store(json!({ "busy": { "lockWaits": 0 } }));
    let id = run();
    let delete = store.delete(&id);
    tokio::pin!(delete);
    let early = tokio::time::timeout(Duration::from_millis(700), &mut delete).await;
    assert!(early.is_err(), "the deletion did not wait: {early:?}");
    assert_eq!(bed.rows().await, [150, 150, 150]);
    holder.commit().await.unwrap();
    waiter.await.unwrap();
    assert_eq!(delete.await.unwrap(), counts(50));
}

#[tokio::test]
async fn as_many_that_wait_as_are_allowed_hold_nothing_up() {
    let bed = Bed::shop(5).await;
    let mut one = bed.connect().await;
    let (holder, waiter) = somebody_waits(&bed, &mut one).await;
    let deleted = bed.shop_store(json!({ "busy": { "lockWaits": 1 } })).delete(&run()).await.unwrap();
    assert_eq!(deleted, counts(5));
    holder.commit().await.unwrap();
    waiter.await.unwrap();
}

#[tokio::test]
async fn a_lag_that_the_role_may_not_see_is_not_taken_for_none() {
    let bed = Bed::shop(5).await;
    let user = format!("blind_{}", bed.database);
    bed.run(&format!("CREATE ROLE {user} LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO {user}")).await;
    let store = bed.shop_store(json!({ "user": user, "busy": { "replicationLag": "5s" } }));
    let text = format!(
        "test data shop: busy.replicationLag needs a role that may see it (GRANT pg_read_all_stats), for {} at {}:{}",
        bed.database,
        bed.server.socket().display(),
        bed.server.port()
    );
    assert_eq!(told(&refused(&store).await), text);
    bed.run(&format!("GRANT pg_read_all_stats TO {user}")).await;
    assert_eq!(store.delete(&run()).await.unwrap(), counts(5));
    bed.run(&format!("DROP OWNED BY {user}; DROP ROLE {user}")).await;
}

#[tokio::test]
async fn a_standby_that_is_behind_holds_deletion_up() {
    let bed = Bed::of_its_own(50).await;
    let standby = bed.server.standby(PostgresSettings::default()).await.unwrap_or_else(|error| panic!("{error}"));
    standby.run("postgres", "SELECT pg_wal_replay_pause()").await.unwrap();
    bed.run("CREATE TABLE not_there_yet (id int)").await;
    let store = bed.shop_store(json!({ "batchSize": 10, "rowsPerSecond": 40, "busy": { "replicationLag": "500ms" } }));
    let id = run();
    let delete = store.delete(&id);
    tokio::pin!(delete);
    // It has deleted for half a second until the standby was behind for long enough.
    let early = tokio::time::timeout(Duration::from_secs(4), &mut delete).await;
    assert!(early.is_err(), "the deletion did not wait: {early:?}");
    let left = bed.rows().await;
    assert!(left[1] < 150, "{left:?}");
    let early = tokio::time::timeout(Duration::from_secs(1), &mut delete).await;
    assert!(early.is_err(), "the deletion did not wait: {early:?}");
    assert_eq!(bed.rows().await, left);
    standby.run("postgres", "SELECT pg_wal_replay_resume()").await.unwrap();
    assert_eq!(delete.await.unwrap(), counts(50));
}
