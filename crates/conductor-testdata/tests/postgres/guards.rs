//! Row guards: what must be true beside the tag.

use conductor_core::ports::{FailureKind, TestDataStore};
use serde_json::json;

use crate::bed::{Bed, counted, counts, refused, run, shop_tables, told};

#[tokio::test]
async fn rows_that_do_not_meet_a_guard_stay_with_what_belongs_to_them_and_are_told() {
    let bed = Bed::shop(10).await;
    bed.run(
        "ALTER TABLE baskets ADD test boolean, ADD price numeric DEFAULT 5, ADD day date DEFAULT '2026-05-01';
         UPDATE baskets SET test = true WHERE id > 6; UPDATE baskets SET test = false WHERE id = 4",
    )
    .await;
    let mut tables = shop_tables();
    tables[0]["rowGuard"] = json!({ "mostRows": 10, "where": [
        { "column": "test", "value": true },
        { "column": "price", "op": "lessThan", "value": "5.5" },
        { "column": "day", "op": "atLeast", "value": "2026-01-01" },
    ] });
    let store = bed.store(tables, json!({}));
    // Of the run are 1, 4, 7 and so on: the first is of nobody knows what, the second no test.
    bed.run("DELETE FROM orders WHERE basket IN (1, 4)").await;
    let held = [
        ("lines", 8),
        ("lines (held back by a rowGuard)", 2),
        ("orders", 8),
        ("baskets", 8),
        ("baskets (held back by a rowGuard)", 2),
    ];
    assert_eq!(store.count(&run()).await.unwrap(), counted(&held));
    assert_eq!(store.delete(&run()).await.unwrap(), counts(8));
    assert_eq!(bed.texts("SELECT id::text FROM baskets WHERE run_id = 'run-1' ORDER BY id").await, ["1", "4"]);
    assert_eq!(bed.texts("SELECT id::text FROM lines WHERE basket IN (1, 4) ORDER BY id").await, ["1", "4"]);
    let left = [
        ("lines", 0),
        ("lines (held back by a rowGuard)", 2),
        ("orders", 0),
        ("baskets", 0),
        ("baskets (held back by a rowGuard)", 2),
    ];
    assert_eq!(store.count(&run()).await.unwrap(), counted(&left));
}

#[tokio::test]
async fn more_rows_than_a_guard_lets_pass_keep_everything_from_being_deleted() {
    let bed = Bed::shop(10).await;
    let mut tables = shop_tables();
    tables[2]["rowGuard"] = json!({ "mostRows": 9 });
    let error = refused(&bed.store(tables.clone(), json!({}))).await;
    assert_eq!(
        (error.kind, told(&error).as_str()),
        (
            FailureKind::Rejected,
            "test data shop: nothing is deleted, since more than 9 rows of orders are of run run-1, which rowGuard.mostRows does not allow"
        )
    );
    assert_eq!(bed.rows().await, [30, 30, 30]);
    tables[2]["rowGuard"] = json!({ "mostRows": 10 });
    assert_eq!(bed.store(tables, json!({})).delete(&run()).await.unwrap(), counts(10));
}

#[tokio::test]
async fn a_value_that_the_column_cannot_have_is_refused_by_the_database() {
    let bed = Bed::shop(1).await;
    let mut tables = shop_tables();
    tables[0]["rowGuard"] = json!({ "where": [{ "column": "id", "value": "many" }] });
    let error = refused(&bed.store(tables, json!({}))).await;
    assert_eq!(error.kind, FailureKind::Rejected);
    assert!(told(&error).ends_with("invalid input syntax for type bigint: \"many\""), "{}", told(&error));
    assert_eq!(bed.rows().await, [3, 3, 3]);
}
