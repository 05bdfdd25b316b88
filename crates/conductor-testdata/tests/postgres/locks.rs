//! Rows that somebody else has locked, and statements that take too long.

use conductor_core::ports::{FailureKind, TableCount, TestDataStore};
use conductor_testdata::PostgresTestData;
use serde_json::json;
use sqlx::{Connection, Postgres, Transaction};

use crate::bed::{Bed, WAITS, counted, counts, refused, run, told};

/// What is deleted by a store that has to wait for a transaction, which is committed once it does.
async fn waited_for(bed: &Bed, store: &PostgresTestData, other: Transaction<'_, Postgres>) -> Vec<TableCount> {
    let (id, mut early) = (run(), None);
    let delete = store.delete(&id);
    tokio::pin!(delete);
    let waits = bed.until("the deletion waits", WAITS);
    tokio::select! {
        deleted = &mut delete => early = Some(deleted),
        () = waits => {}
    }
    assert!(early.is_none(), "the deletion did not wait: {early:?}");
    other.commit().await.unwrap();
    delete.await.unwrap()
}

#[tokio::test]
async fn a_lock_of_somebody_else_holds_up_one_row_and_no_other() {
    let bed = Bed::shop(500).await;
    let mut other = bed.connect().await;
    let mut transaction = other.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM orders WHERE id = 601 FOR UPDATE").execute(&mut *transaction).await.unwrap();
    let store = bed.shop_store(json!({ "lockTimeout": "50ms" }));
    let error = refused(&store).await;
    assert_eq!(error.kind, FailureKind::Unavailable, "{}", told(&error));
    assert!(told(&error).contains(" of baskets are left)"), "{}", told(&error));
    assert!(told(&error).ends_with("canceling statement due to lock timeout"), "{}", told(&error));
    // Of the pages without the lock nothing is left, and whoever has it goes on undisturbed.
    assert!(bed.rows().await[2] < 1200, "{:?}", bed.rows().await);
    transaction.rollback().await.unwrap();
    assert_eq!(store.delete(&run()).await.unwrap(), counts(500));
    assert_eq!(bed.rows().await, [1000, 1000, 1000]);
}

#[tokio::test]
async fn a_lock_that_is_let_go_in_time_is_waited_for() {
    let bed = Bed::shop(10).await;
    let mut other = bed.connect().await;
    let mut transaction = other.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM orders FOR UPDATE").execute(&mut *transaction).await.unwrap();
    let store = bed.shop_store(json!({ "lockTimeout": "30s" }));
    assert_eq!(waited_for(&bed, &store, transaction).await, counts(10));
}

#[tokio::test]
async fn batches_that_take_too_long_become_smaller_until_they_do_not() {
    // Four pages, with which it begins, take more than a second, and one takes less than half of one.
    let bed = Bed::with(
        "CREATE TABLE notes (run_id text, note text);
         INSERT INTO notes SELECT 'run-1', repeat('x', 500) FROM generate_series(1, 90);
         CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.025); RETURN OLD; END';
         CREATE TRIGGER slow BEFORE DELETE ON notes FOR EACH ROW EXECUTE FUNCTION slow()",
    )
    .await;
    let tables = json!([{ "table": "notes", "tagColumn": "run_id", "allowTriggers": true }]);
    let store = bed.store(tables, json!({ "statementTimeout": "1s", "lockTimeout": "100ms" }));
    assert_eq!(store.delete(&run()).await.unwrap(), counted(&[("notes", 90)]));
    let cancelled = "SELECT xact_rollback > 0 FROM pg_stat_database WHERE datname = current_database()";
    bed.until("it is known that one took too long", cancelled).await;
}

#[tokio::test]
async fn a_server_that_ends_long_transactions_gets_shorter_ones() {
    // Four pages, with which it begins, take more than a second, and one takes less.
    let bed = Bed::with(
        "CREATE TABLE notes (run_id text, note text);
         INSERT INTO notes SELECT 'run-1', repeat('x', 500) FROM generate_series(1, 90);
         CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.025); RETURN OLD; END';
         CREATE TRIGGER slow BEFORE DELETE ON notes FOR EACH ROW EXECUTE FUNCTION slow()",
    )
    .await;
    bed.run(&format!("ALTER DATABASE {} SET transaction_timeout = '1s'", bed.database)).await;
    let store = bed.store(json!([{ "table": "notes", "tagColumn": "run_id", "allowTriggers": true }]), json!({}));
    assert_eq!(store.delete(&run()).await.unwrap(), counted(&[("notes", 90)]));
}

#[tokio::test]
async fn a_row_that_is_given_to_somebody_else_while_it_is_waited_for_stays() {
    let bed = Bed::shop(1).await;
    let mut other = bed.connect().await;
    let mut transaction = other.begin().await.unwrap();
    sqlx::query("UPDATE lines SET basket = 3 WHERE id = 1").execute(&mut *transaction).await.unwrap();
    let store = bed.shop_store(json!({ "lockTimeout": "30s" }));
    assert_eq!(waited_for(&bed, &store, transaction).await, counted(&[("lines", 0), ("orders", 1), ("baskets", 1)]));
    assert_eq!(bed.texts("SELECT id || ' in ' || basket FROM lines ORDER BY id").await, ["1 in 3", "2 in 2", "3 in 3"]);
}

#[tokio::test]
async fn what_never_gets_done_in_time_is_told_as_such() {
    let bed = Bed::with(
        "CREATE TABLE notes (run_id text); INSERT INTO notes VALUES ('run-1');
         CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN OLD; END';
         CREATE TRIGGER slow BEFORE DELETE ON notes FOR EACH ROW EXECUTE FUNCTION slow()",
    )
    .await;
    let tables = json!([{ "table": "notes", "tagColumn": "run_id", "allowTriggers": true }]);
    let error = refused(&bed.store(tables, json!({ "statementTimeout": "50ms", "lockTimeout": "50ms" }))).await;
    assert_eq!(error.kind, FailureKind::Unavailable);
    assert!(told(&error).starts_with("test data shop: could not delete all rows (1 of notes are left) in "));
    assert!(told(&error).ends_with("canceling statement due to statement timeout"), "{}", told(&error));
}
