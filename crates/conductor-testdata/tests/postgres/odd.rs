//! Odd names and odd types: neither is run as SQL, and no run is taken for another.

use conductor_core::ports::TestDataStore;
use serde_json::json;

use crate::bed::{Bed, counted, run};

#[tokio::test]
async fn names_are_quoted_whatever_is_in_them() {
    let bed = Bed::with(
        r#"CREATE SCHEMA "Old; Shop"; CREATE TABLE "Old; Shop"."The ""Orders""; DROP TABLE x" ("Id" int PRIMARY KEY, "run; id" text);
           CREATE TABLE "Old; Shop"."SELECT" ("of order" int REFERENCES "Old; Shop"."The ""Orders""; DROP TABLE x", " " text);
           INSERT INTO "Old; Shop"."The ""Orders""; DROP TABLE x" VALUES (1, 'run-1'), (2, 'run-2'), (3, NULL);
           INSERT INTO "Old; Shop"."SELECT" VALUES (1, 'a'), (1, 'b'), (2, 'a'), (3, 'a')"#,
    )
    .await;
    let orders = "The \"Orders\"; DROP TABLE x";
    let tables = json!([
        { "schema": "Old; Shop", "table": orders, "tagColumn": "run; id" },
        { "schema": "Old; Shop", "table": "SELECT", "via": { "column": "of order", "references": orders, "parentColumn": "Id" },
          "rowGuard": { "where": [{ "column": " ", "op": "notEquals", "value": "'; DROP TABLE x; --" }] } }
    ]);
    let deleted = bed.store(tables, json!({})).delete(&run()).await.unwrap();
    assert_eq!(deleted, counted(&[("Old; Shop.SELECT", 2), ("Old; Shop.The \"Orders\"; DROP TABLE x", 1)]));
    assert_eq!(bed.number(r#"SELECT count(*) FROM "Old; Shop"."SELECT""#).await, 2);
}

#[tokio::test]
async fn a_name_that_the_catalogue_does_not_have_is_no_sql() {
    let bed = Bed::shop(1).await;
    let tables = json!([{ "table": "orders WHERE true; --", "tagColumn": "run_id" }]);
    assert!(bed.store(tables, json!({})).delete(&run()).await.is_err());
    let tables = json!([{ "table": "orders", "tagColumn": "run_id IS NOT NULL OR run_id" }]);
    assert!(bed.store(tables, json!({})).delete(&run()).await.is_err());
    assert_eq!(bed.rows().await, [3, 3, 3]);
}

#[tokio::test]
async fn a_run_is_told_from_one_that_a_type_may_take_for_the_same() {
    let bed = Bed::with(
        "CREATE DOMAIN run AS varchar(40);
         CREATE TABLE padded (run_id char(20));
         CREATE TABLE domains (run_id run); CREATE TABLE uuids (run_id uuid)",
    )
    .await;
    for table in ["padded", "domains"] {
        bed.run(&format!("INSERT INTO {table} VALUES ('run-1'), ('RUN-1'), ('run-10'), (NULL)")).await;
        let store = bed.store(json!([{ "table": table, "tagColumn": "run_id" }]), json!({}));
        assert_eq!(store.delete(&run()).await.unwrap(), counted(&[(table, 1)]));
        let left = format!("SELECT coalesce(trim(run_id), '') FROM {table} ORDER BY 1");
        assert_eq!(bed.texts(&left).await, ["", "RUN-1", "run-10"], "{table}");
    }
    let store = bed.store(json!([{ "table": "uuids", "tagColumn": "run_id" }]), json!({}));
    let id = "0190f5e0-0000-7000-8000-000000000001".parse().unwrap();
    bed.run(
        "INSERT INTO uuids VALUES ('0190f5e0-0000-7000-8000-000000000001'), ('0190f5e0-0000-7000-8000-000000000002')",
    )
    .await;
    assert_eq!(store.delete(&run()).await.unwrap(), counted(&[("uuids", 0)]));
    assert_eq!(store.delete(&id).await.unwrap(), counted(&[("uuids", 1)]));
}
