//! What is deleted: exactly the run's rows, in the right order, whatever the tables are like.

use std::time::{Duration, Instant};

use conductor_core::ports::{FailureKind, TestDataStore};
use serde_json::json;

use crate::bed::{Bed, SHOP, counted, counts, refused, run, shop_tables, told};

#[tokio::test]
async fn exactly_the_runs_rows_go_children_before_parents() {
    let bed = Bed::shop(2000).await;
    let store = bed.shop_store(json!({}));
    let others = bed.of_others().await;
    assert_eq!(store.count(&run()).await.unwrap(), counts(2000));
    assert_eq!(store.delete(&run()).await.unwrap(), counts(2000));
    assert_eq!((bed.rows().await, bed.of_others().await), (others, others));
    assert_eq!(others, [4000, 4000, 4000]);
    assert_eq!(store.delete(&run()).await.unwrap(), counts(0));
    assert_eq!(store.check().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn counting_changes_nothing() {
    let bed = Bed::shop(5).await;
    bed.shop_store(json!({})).count(&run()).await.unwrap();
    assert_eq!(bed.rows().await, [15, 15, 15]);
}

#[tokio::test]
async fn children_without_an_index_go_by_pages_of_their_own() {
    let bed = Bed::shop(3000).await;
    bed.run("DROP INDEX lines_basket_idx; DROP INDEX orders_run_id_idx").await;
    let store = bed.shop_store(json!({ "batchSize": 500 }));
    assert_eq!(
        store.check().await.unwrap(),
        [
            "orders.run_id has no index: all of orders is read for each run, and to count",
            "lines.basket points at baskets and has no index: all of lines is read for each row that is deleted from baskets",
        ]
    );
    // A key without an index makes a deletion of a basket slow, which is no matter of this test.
    bed.run("ALTER TABLE lines DROP CONSTRAINT lines_basket_fkey").await;
    assert_eq!(store.delete(&run()).await.unwrap(), counts(3000));
    assert_eq!(bed.rows().await, [6000, 6000, 6000]);
}

/// True when nobody else is in the database.
const ALONE: &str =
    "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'";

#[tokio::test]
async fn a_run_of_which_the_planner_knows_nothing_is_not_read_again_for_each_batch() {
    let bed = Bed::with(SHOP).await;
    for table in ["baskets", "lines", "orders"] {
        bed.run(&format!("ALTER TABLE {table} SET (autovacuum_enabled = false)")).await;
    }
    // What there was before the run was analysed, and was little.
    bed.run("INSERT INTO baskets SELECT -id, 'run-0' FROM generate_series(1, 100) AS id; ANALYZE").await;
    bed.run(
        "INSERT INTO baskets SELECT id, 'run-1' FROM generate_series(1, 20000) AS id;
         INSERT INTO lines SELECT id, id FROM generate_series(1, 20000) AS id;
         INSERT INTO orders SELECT id, id, 'run-1' FROM generate_series(1, 20000) AS id",
    )
    .await;
    let read = "SELECT sum(idx_tup_read)::int8 FROM pg_stat_user_indexes";
    // A session tells what it has read when it ends.
    bed.until("all others have ended", ALONE).await;
    let before = bed.number(read).await;
    let store = bed.shop_store(json!({ "batchSize": 200 }));
    assert_eq!(store.delete(&run()).await.unwrap(), counts(20_000));
    bed.until("it has ended", ALONE).await;
    let entries = bed.number(read).await - before;
    assert!(entries < 600_000, "{entries} entries of indexes were read");
}

#[tokio::test]
async fn few_rows_of_a_large_table_are_found_by_their_index() {
    let bed = Bed::with("CREATE TABLE events (id bigint PRIMARY KEY, run_id text, note text)").await;
    bed.run(
        "INSERT INTO events SELECT id, CASE WHEN id % 5000 = 0 THEN 'run-1' WHEN id % 7 = 0 THEN 'run-2' END, repeat('x', 80)
         FROM generate_series(1, 100000) AS id; CREATE INDEX ON events (run_id)",
    )
    .await;
    bed.run("VACUUM ANALYZE events").await;
    let read = "SELECT (heap_blks_read + heap_blks_hit)::int8 FROM pg_statio_user_tables WHERE relname = 'events'";
    // A session tells what it has read when it ends.
    bed.until("all others have ended", ALONE).await;
    let before = bed.number(read).await;
    let store = bed.store(json!([{ "table": "events", "tagColumn": "run_id" }]), json!({}));
    assert_eq!(store.delete(&run()).await.unwrap(), counted(&[("events", 20)]));
    // A session tells what it has read when it ends.
    bed.until("all others have ended", ALONE).await;
    let pages = bed.number("SELECT pg_relation_size('events') / 8192").await;
    let read = bed.number(read).await - before;
    assert!(pages > 1000 && read < pages / 4, "{read} of {pages} pages were looked at");
    assert_eq!(bed.number("SELECT count(*) FROM events").await, 99_980);
}

#[tokio::test]
async fn rows_of_partitions_and_of_inheriting_tables_go_too() {
    let bed = Bed::with(
        "CREATE TABLE orders (id bigint, day int, run_id text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
         CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (1) TO (10);
         CREATE TABLE orders_2 PARTITION OF orders FOR VALUES FROM (10) TO (20) PARTITION BY LIST (day);
         CREATE TABLE orders_2_a PARTITION OF orders_2 DEFAULT;
         CREATE TABLE notes (id bigint, run_id text); CREATE TABLE old_notes (year int) INHERITS (notes);
         INSERT INTO orders SELECT id, id % 19 + 1, CASE WHEN id % 2 = 0 THEN 'run-1' END FROM generate_series(1, 1000) AS id;
         INSERT INTO notes SELECT id, CASE WHEN id % 2 = 0 THEN 'run-1' ELSE 'run-2' END FROM generate_series(1, 100) AS id;
         INSERT INTO old_notes SELECT id, CASE WHEN id % 2 = 0 THEN 'run-1' ELSE 'run-2' END FROM generate_series(1, 100) AS id",
    )
    .await;
    let tables = json!([{ "table": "orders", "tagColumn": "run_id" }, { "table": "notes", "tagColumn": "run_id" }]);
    let deleted = bed.store(tables, json!({})).delete(&run()).await.unwrap();
    assert_eq!(deleted, counted(&[("orders", 500), ("notes", 100)]));
    assert_eq!(bed.number("SELECT count(*) FROM orders").await, 500);
    assert_eq!(bed.number("SELECT count(*) FROM notes WHERE run_id = 'run-2'").await, 100);
}

#[tokio::test]
async fn a_tree_within_one_table_goes_from_its_leaves() {
    let bed = Bed::with(
        "CREATE TABLE comments (id bigint PRIMARY KEY, answers bigint REFERENCES comments, run_id text);
         CREATE INDEX ON comments (run_id); CREATE INDEX ON comments (answers);
         INSERT INTO comments SELECT id, nullif(id / 3, 0), CASE WHEN id % 4 < 4 THEN 'run-1' END FROM generate_series(1, 3000) AS id;
         INSERT INTO comments VALUES (4000, NULL, NULL), (4001, 4000, 'run-2')",
    )
    .await;
    let tables = json!([{ "table": "comments", "tagColumn": "run_id" }]);
    let deleted = bed.store(tables, json!({ "batchSize": 300 })).delete(&run()).await.unwrap();
    assert_eq!(deleted, counted(&[("comments", 3000)]));
    assert_eq!(bed.texts("SELECT id::text FROM comments ORDER BY id").await, ["4000", "4001"]);
}

#[tokio::test]
async fn a_row_that_points_at_itself_goes() {
    let bed = Bed::with(
        "CREATE TABLE orders (id bigint PRIMARY KEY, original bigint REFERENCES orders, run_id text);
         INSERT INTO orders SELECT id, id, CASE WHEN id % 2 = 0 THEN 'run-1' END FROM generate_series(1, 100) AS id;
         INSERT INTO orders VALUES (101, 2, 'run-1')",
    )
    .await;
    let store = bed.store(json!([{ "table": "orders", "tagColumn": "run_id" }]), json!({}));
    assert_eq!(store.delete(&run()).await.unwrap(), counted(&[("orders", 51)]));
    assert_eq!(bed.number("SELECT count(*) FROM orders").await, 50);
}

#[tokio::test]
async fn one_parent_may_have_more_children_than_go_at_a_time() {
    let bed = Bed::with(
        "CREATE TABLE sessions (id bigint PRIMARY KEY, run_id text);
         CREATE TABLE events (id bigint, session bigint NOT NULL REFERENCES sessions) PARTITION BY HASH (id);
         CREATE TABLE even PARTITION OF events FOR VALUES WITH (MODULUS 2, REMAINDER 0);
         CREATE TABLE odd PARTITION OF events FOR VALUES WITH (MODULUS 2, REMAINDER 1);
         CREATE INDEX ON events (session);
         CREATE TABLE sizes (rows bigint);
         CREATE FUNCTION size() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN INSERT INTO sizes SELECT count(*) FROM gone; RETURN NULL; END';
         CREATE TRIGGER size AFTER DELETE ON events REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION size();
         INSERT INTO sessions VALUES (1, 'run-1'), (2, NULL), (3, 'run-1');
         INSERT INTO events SELECT id, 1 + id % 3 FROM generate_series(1, 9000) AS id",
    )
    .await;
    let tables = json!([
        { "table": "sessions", "tagColumn": "run_id" },
        { "table": "events", "allowTriggers": true,
          "via": { "column": "session", "references": "sessions", "parentColumn": "id" } }
    ]);
    let deleted = bed.store(tables, json!({ "batchSize": 500 })).delete(&run()).await.unwrap();
    assert_eq!(deleted, counted(&[("events", 6000), ("sessions", 2)]));
    assert_eq!(bed.number("SELECT count(*) FROM events").await, 3000);
    let most = bed.number("SELECT max(rows) FROM sizes").await;
    assert!((1..=500).contains(&most), "{most} rows at a time");
}

#[tokio::test]
async fn a_parent_waits_for_children_that_no_key_keeps_to_it() {
    let bed = Bed::with(
        "CREATE TABLE baskets (id bigint PRIMARY KEY, run_id text);
         CREATE TABLE lines (basket bigint, kept boolean NOT NULL); CREATE INDEX ON lines (basket);
         INSERT INTO baskets VALUES (1, 'run-1'), (2, 'run-1'), (3, NULL);
         INSERT INTO lines VALUES (1, false), (2, true), (3, false)",
    )
    .await;
    let tables = json!([
        { "table": "baskets", "tagColumn": "run_id" },
        { "table": "lines", "via": { "column": "basket", "references": "baskets", "parentColumn": "id" },
          "rowGuard": { "where": [{ "column": "kept", "value": false }] } }
    ]);
    let store = bed.store(tables, json!({}));
    let remark = "no foreign key keeps lines.basket to baskets: rows that come after those of baskets are deleted are not found any more";
    assert!(store.check().await.unwrap().contains(&remark.to_owned()), "{:?}", store.check().await);
    let error = refused(&store).await;
    assert!(told(&error).contains("(1 of baskets are left, at which rows of others point)"), "{}", told(&error));
    assert_eq!(bed.texts("SELECT basket::text FROM lines ORDER BY basket").await, ["2", "3"]);
    assert_eq!(bed.texts("SELECT id::text FROM baskets ORDER BY id").await, ["2", "3"]);
}

#[tokio::test]
async fn a_row_that_others_point_at_stays_and_is_told_while_all_else_goes() {
    let bed = Bed::shop(100).await;
    // An order of a customer in a basket of the run, and a line of the run's own.
    bed.run("INSERT INTO orders VALUES (9001, 1, NULL)").await;
    let store = bed.shop_store(json!({}));
    let error = refused(&store).await;
    assert_eq!(
        (error.kind, told(&error)),
        (
            FailureKind::Unsettled,
            format!(
                "test data shop: could not delete all rows (1 of baskets are left, at which rows of others point) in {} at {}:{}",
                bed.database,
                bed.server.socket().display(),
                bed.server.port()
            )
        )
    );
    assert_eq!(bed.rows().await, [201, 200, 201]);
    // What was deleted is told by the call that ends in order.
    bed.run("DELETE FROM orders WHERE id = 9001").await;
    assert_eq!(store.delete(&run()).await.unwrap(), counts(100));
    assert_eq!(bed.rows().await, [200, 200, 200]);
}

#[tokio::test]
async fn rows_that_a_trigger_keeps_are_not_said_to_be_pointed_at() {
    let bed = Bed::shop(3).await;
    bed.run(
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TRIGGER keep BEFORE DELETE ON baskets FOR EACH ROW EXECUTE FUNCTION keep()",
    )
    .await;
    let mut tables = shop_tables();
    tables[0]["allowTriggers"] = json!(true);
    let error = refused(&bed.store(tables, json!({}))).await;
    assert_eq!(error.kind, FailureKind::Unavailable);
    let text = "(3 of baskets are left, which came or moved meanwhile, or are kept by a trigger)";
    assert!(told(&error).contains(text), "{}", told(&error));
}

#[tokio::test]
async fn no_row_of_others_is_changed_by_a_cascade() {
    for act in ["CASCADE", "SET NULL", "SET DEFAULT"] {
        let bed = Bed::with(&format!(
            "CREATE TABLE baskets (id bigint PRIMARY KEY, run_id text);
             CREATE TABLE orders (id bigint PRIMARY KEY, basket bigint REFERENCES baskets ON DELETE {act}, run_id text);
             CREATE INDEX ON orders (basket);
             INSERT INTO baskets VALUES (1, 'run-1'), (2, 'run-1'), (3, 'run-2');
             INSERT INTO orders VALUES (1, 1, 'run-1'), (2, 2, 'run-1'), (3, 2, 'run-2'), (4, 3, 'run-1'), (5, 3, NULL)"
        ))
        .await;
        let orders = json!({ "table": "orders", "tagColumn": "run_id" });
        let baskets = json!({ "table": "baskets", "tagColumn": "run_id" });
        let error = refused(&bed.store(json!([baskets, orders]), json!({}))).await;
        assert!(told(&error).contains("(1 of baskets are left, at which rows of others point)"), "{}", told(&error));
        let left = "SELECT id || ' in ' || coalesce(basket::text, 'none') FROM orders ORDER BY id";
        assert_eq!(bed.texts(left).await, ["3 in 2", "5 in 3"], "{act}");
        assert_eq!(bed.texts("SELECT id::text FROM baskets ORDER BY id").await, ["2", "3"], "{act}");
        let error = refused(&bed.store(json!([baskets]), json!({}))).await;
        assert_eq!(
            told(&error),
            format!(
                "test data shop: deleting from baskets would change rows of orders (ON DELETE {act}), which is not declared; expected it among tables"
            )
        );
    }
}

#[tokio::test]
async fn rows_that_come_while_others_go_are_found() {
    let bed = Bed::shop(3000).await;
    // It takes a second for each table, so that the baskets are there when the late lines come.
    let store = bed.shop_store(json!({ "batchSize": 100, "rowsPerSecond": 3000 }));
    let late = async {
        // A line of a basket that is still there keeps it, until the next round takes the line.
        bed.until("the first rows are gone", "SELECT count(*) < 9000 FROM lines").await;
        bed.run("INSERT INTO lines SELECT 20000 + id, id FROM baskets WHERE run_id = 'run-1' LIMIT 7").await;
    };
    let id = run();
    let (deleted, ()) = tokio::join!(store.delete(&id), late);
    assert_eq!(deleted.unwrap(), counted(&[("lines", 3007), ("orders", 3000), ("baskets", 3000)]));
    assert_eq!(bed.rows().await, [6000, 6000, 6000]);
    bed.run("INSERT INTO orders VALUES (30000, 2, 'run-1')").await;
    assert_eq!(store.delete(&id).await.unwrap(), counted(&[("lines", 0), ("orders", 1), ("baskets", 0)]));
}

#[tokio::test]
async fn no_more_rows_go_in_a_second_than_are_allowed() {
    let bed = Bed::shop(200).await;
    let begun = Instant::now();
    let deleted = bed.shop_store(json!({ "rowsPerSecond": 300 })).delete(&run()).await.unwrap();
    assert_eq!(deleted, counts(200));
    assert!(begun.elapsed() >= Duration::from_millis(1900), "600 rows in {:?}", begun.elapsed());
}
