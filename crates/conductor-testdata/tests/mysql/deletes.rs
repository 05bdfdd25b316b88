//! What is deleted, and what stays.

use conductor_core::ports::{FailureKind, TableCount, TestDataStore};
use serde_json::json;

use crate::bed::{Bed, counts, run, tables};

#[tokio::test]
async fn exactly_the_runs_rows_go_and_tags_that_only_look_alike_stay() {
    // To the server's collation all of these but the second and the last are one.
    let owners = ["'run-1'", "'run-10'", "'RUN-1'", "'run-1 '", "'rün-1'", "NULL"];
    let bed = Bed::shop(30, &owners).await;
    let store = bed.store(tables(), json!({ "batchSize": 7 }));
    assert_eq!(store.count(&run()).await.unwrap(), counts(30));
    assert_eq!(store.delete(&run()).await.unwrap(), counts(30));
    assert_eq!(bed.rows().await, [150, 300, 150]);
    assert_eq!(bed.number("SELECT COUNT(*) FROM orders WHERE CAST(run_id AS BINARY) = 'run-1'").await, 0);
    assert_eq!(store.count(&run()).await.unwrap(), counts(0));
    assert_eq!(store.delete(&run()).await.unwrap(), counts(0));
}

#[tokio::test]
async fn a_row_at_which_a_row_of_another_run_points_stays_and_is_told() {
    let bed = Bed::shop(3, &["'run-1'", "'run-2'"]).await;
    bed.run("INSERT INTO shop.orders VALUES ('strange', 1, 'run-2')").await;
    let error = bed.store(tables(), json!({})).delete(&run()).await.unwrap_err();
    assert_eq!(
        bed.told(&error),
        (
            FailureKind::Unsettled,
            "test data shop: could not delete all rows (1 of baskets are left, at which rows of others point) in shop at \
             127.0.0.1:PORT"
                .to_owned()
        )
    );
    assert_eq!(bed.rows().await, [4, 6, 4]);
}

#[tokio::test]
async fn a_tree_in_a_table_goes_from_its_leaves() {
    let bed = Bed::with(
        "CREATE DATABASE shop; USE shop;
         CREATE TABLE parts (id INT PRIMARY KEY, up INT, run_id TEXT, FOREIGN KEY (up) REFERENCES parts (id) ON DELETE CASCADE);
         INSERT INTO parts VALUES (1, NULL, 'run-1'), (2, 1, 'run-1'), (3, 2, 'run-1'), (4, NULL, 'run-2'), (5, 4, 'run-2')",
    )
    .await;
    let store = bed.store(json!([{ "table": "parts", "tagColumn": "run_id" }]), json!({}));
    assert_eq!(store.delete(&run()).await.unwrap(), [TableCount { table: "parts".to_owned(), rows: 3 }]);
    assert_eq!(bed.number("SELECT COUNT(*) FROM parts").await, 2);
}

#[tokio::test]
async fn rows_that_point_at_themselves_go_where_the_server_lets_them_and_are_told_where_not() {
    let bed = Bed::with(
        "CREATE DATABASE shop; USE shop;
         CREATE TABLE loose (id INT PRIMARY KEY, up INT, run_id VARCHAR(40), INDEX (run_id),
             FOREIGN KEY (up) REFERENCES loose (id) ON DELETE CASCADE);
         CREATE TABLE strict LIKE loose; ALTER TABLE strict ADD FOREIGN KEY (up) REFERENCES strict (id);
         INSERT INTO loose VALUES (1, 1, 'run-1'), (2, NULL, 'run-1'), (3, 2, 'run-1'), (4, 4, 'run-2');
         INSERT INTO strict VALUES (1, 1, 'run-1'), (2, NULL, 'run-1'), (3, 2, 'run-1'), (4, NULL, 'run-1');
         UPDATE strict SET up = 3 WHERE id = 2",
    )
    .await;
    let store = |table: &str| bed.store(json!([{ "table": table, "tagColumn": "run_id" }]), json!({}));
    assert_eq!(store("loose").delete(&run()).await.unwrap(), [TableCount { table: "loose".to_owned(), rows: 3 }]);
    assert_eq!(bed.number("SELECT CAST(SUM(id) AS SIGNED) FROM loose").await, 4);
    assert_eq!(
        bed.told(&store("strict").delete(&run()).await.unwrap_err()),
        (
            FailureKind::Unsettled,
            "test data shop: could not delete all rows (3 of strict are left, at which rows of others point, or rows of the run \
             at each other or at themselves) in shop at 127.0.0.1:PORT"
                .to_owned()
        )
    );
    assert_eq!(bed.number("SELECT COUNT(*) FROM strict").await, 3);
    bed.run(
        "INSERT INTO shop.loose VALUES (5, NULL, 'run-1'), (6, 5, 'run-1'); UPDATE shop.loose SET up = 6 WHERE id = 5",
    )
    .await;
    let (_, message) = bed.told(&store("loose").delete(&run()).await.unwrap_err());
    assert!(
        message.contains("(2 of loose are left, at which rows of others point, or rows of the run at each other)"),
        "{message}"
    );
    assert_eq!(bed.number("SELECT COUNT(*) FROM loose").await, 3);
}

#[tokio::test]
async fn more_rows_of_one_parent_than_are_found_at_once_go_all() {
    let bed = Bed::shop(2, &["'run-1'", "'run-2'"]).await;
    bed.run("INSERT INTO shop.`lines` SELECT 1, seq FROM shop.seq_10_to_24009").await;
    bed.run("INSERT INTO shop.`lines` SELECT 2, seq FROM shop.seq_10_to_20").await;
    let deleted = bed.store(tables(), json!({ "batchSize": 5000 })).delete(&run()).await.unwrap();
    assert_eq!(deleted[0], TableCount { table: "lines".to_owned(), rows: 24_004 });
    assert_eq!(bed.rows().await, [2, 4 + 11, 2]);
}

/// Types of keys, and forty values of each by a number `n`.
const KEYS: [(&str, &str); 14] = [
    ("BIGINT", "n * 17 - 300"),
    ("BIGINT UNSIGNED", "18446744073709551615 - CAST(n AS UNSIGNED)"),
    ("TINYINT UNSIGNED", "n + 128"),
    ("YEAR", "1950 + n"),
    ("VARCHAR(20) COLLATE utf8mb4_general_ci", "CONCAT(n, 'ä😀')"),
    ("VARCHAR(20) CHARACTER SET latin1", "CONCAT(n, 'äß')"),
    ("CHAR(10) COLLATE utf8mb4_bin", "CONCAT(' ', n)"),
    ("BINARY(8)", "UNHEX(LPAD(HEX(n), 16, 'F0'))"),
    ("VARBINARY(8)", "UNHEX(CONCAT('00FF', LPAD(HEX(n), 2, '0')))"),
    ("DATE", "DATE_ADD('2024-02-01', INTERVAL n DAY)"),
    ("DATETIME(6)", "DATE_ADD('2024-02-01', INTERVAL n MICROSECOND)"),
    ("TIMESTAMP(3) DEFAULT 0", "DATE_ADD('2024-02-01', INTERVAL n * 1000 MICROSECOND)"),
    ("TIME(6)", "SEC_TO_TIME(n * 1000.5 - 20000)"),
    ("UUID", "CONCAT('00000000-0000-0000-0000-', LPAD(n, 12, '0'))"),
];

#[tokio::test]
async fn rows_are_found_and_deleted_by_keys_of_every_kind() {
    let bed = Bed::with("CREATE DATABASE shop").await;
    for (number, (kind, value)) in KEYS.into_iter().enumerate() {
        let made = "IF(n % 2, 'run-1', 'run-2') FROM (SELECT CAST(seq AS SIGNED) AS n FROM seq_1_to_40) AS made";
        bed.run(&format!(
            "USE shop; SET NAMES utf8mb4; SET sql_mode = 'STRICT_ALL_TABLES';
             CREATE TABLE one{number} (k {kind}, run_id VARCHAR(40), PRIMARY KEY (k), INDEX (run_id));
             CREATE TABLE two{number} (a INT, k {kind}, run_id VARCHAR(40), PRIMARY KEY (a, k), INDEX (run_id));
             INSERT INTO one{number} SELECT {value}, {made}; INSERT INTO two{number} SELECT n % 3, {value}, {made}"
        ))
        .await;
        for table in [format!("one{number}"), format!("two{number}")] {
            let store = bed.store(json!([{ "table": table, "tagColumn": "run_id" }]), json!({ "batchSize": 3 }));
            let deleted = store.delete(&run()).await.unwrap_or_else(|error| panic!("{kind}: {error:?}"));
            assert_eq!(deleted[0].rows, 20, "{kind}");
            let left = |condition: &str| format!("SELECT COUNT(*) FROM {table} WHERE {condition}");
            assert_eq!(bed.number(&left("run_id = 'run-2'")).await, 20, "{kind}");
            assert_eq!(bed.number(&left("run_id = 'run-1'")).await, 0, "{kind}");
        }
    }
}

fn shown(counts: Vec<TableCount>) -> Vec<(String, u64)> {
    counts.into_iter().map(|count| (count.table, count.rows)).collect()
}

#[tokio::test]
async fn row_guards_hold_back_what_they_say_and_bound_what_goes() {
    let bed = Bed::shop(4, &["'run-1'", "'run-2'"]).await;
    let mut guarded = tables();
    guarded[0]["rowGuard"] = json!({ "where": [{ "column": "id", "op": "lessThan", "value": 5 }] });
    guarded[2]["rowGuard"] = json!({ "mostRows": 4, "where": [{ "column": "basket", "op": "lessThan", "value": 5 }] });
    let store = bed.store(guarded.clone(), json!({}));
    let expected = [
        ("lines", 4),
        ("lines (held back by a rowGuard)", 4),
        ("orders", 2),
        ("orders (held back by a rowGuard)", 2),
        ("baskets", 2),
        ("baskets (held back by a rowGuard)", 2),
    ];
    assert_eq!(shown(store.count(&run()).await.unwrap()), expected.map(|(table, rows)| (table.to_owned(), rows)));
    guarded[2]["rowGuard"]["mostRows"] = json!(3);
    assert_eq!(
        bed.told(&bed.store(guarded, json!({})).delete(&run()).await.unwrap_err()),
        (
            FailureKind::Rejected,
            "test data shop: nothing is deleted, since more than 3 rows of orders are of run run-1, which rowGuard.mostRows \
             does not allow"
                .to_owned()
        )
    );
    assert_eq!(bed.rows().await, [8, 16, 8]);
    let gone = [("lines", 4), ("orders", 2), ("baskets", 2)].map(|(table, rows)| (table.to_owned(), rows));
    assert_eq!(shown(store.delete(&run()).await.unwrap()), gone);
    assert_eq!(bed.rows().await, [6, 12, 6]);
}

#[tokio::test]
async fn tables_of_several_databases_go_by_the_keys_between_them() {
    let bed = Bed::shop(3, &["'run-1'", "'run-2'"]).await;
    bed.run(
        "CREATE DATABASE mail; CREATE TABLE mail.letters (id INT PRIMARY KEY, basket BIGINT,
             FOREIGN KEY (basket) REFERENCES shop.baskets (id));
         INSERT INTO mail.letters SELECT id, id FROM shop.baskets",
    )
    .await;
    let mut all = tables().as_array().unwrap().clone();
    for table in &mut all {
        table["schema"] = json!("shop");
    }
    let via = json!({ "column": "basket", "references": "baskets", "schema": "shop", "parentColumn": "id" });
    all.push(json!({ "table": "letters", "schema": "mail", "via": via }));
    let deleted = bed.store(json!(all), json!({})).delete(&run()).await.unwrap();
    assert_eq!(deleted.iter().map(|count| count.rows).sum::<u64>(), 3 + 6 + 3 + 3);
    assert_eq!((bed.rows().await, bed.number("SELECT COUNT(*) FROM mail.letters").await), ([3, 6, 3], 3));
}
