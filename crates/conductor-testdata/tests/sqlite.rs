//! Deleting from real SQLite files.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use conductor_core::ports::{FailureKind, TableCount, TestDataStore};
use conductor_core::run::RunId;
use conductor_testdata::{SqliteTestData, SqliteTestDataSettings};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};

const SCHEMA: &str = "
    CREATE TABLE baskets (id INTEGER PRIMARY KEY, run_id TEXT);
    CREATE TABLE lines (id INTEGER PRIMARY KEY, basket INTEGER NOT NULL REFERENCES baskets (id));
    CREATE TABLE orders (id INTEGER PRIMARY KEY, basket INTEGER NOT NULL REFERENCES baskets (id), run_id TEXT);
";

struct Shop {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Shop {
    async fn with(rows: i64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a shop.db");
        let mut connection = open(&path).await;
        sqlx::raw_sql(SCHEMA).execute(&mut connection).await.unwrap();
        let mut transaction = connection.begin().await.unwrap();
        for id in 0..rows {
            for (offset, run) in [(0, Some("run-1")), (1_000_000, Some("run-2")), (2_000_000, None)] {
                for sql in [
                    "INSERT INTO baskets (id, run_id) VALUES (?1, ?2)",
                    "INSERT INTO lines (id, basket) VALUES (?1, ?1)",
                    "INSERT INTO orders (id, basket, run_id) VALUES (?1, ?1, ?2)",
                ] {
                    sqlx::query(sql).bind(id + offset).bind(run).execute(&mut *transaction).await.unwrap();
                }
            }
        }
        transaction.commit().await.unwrap();
        Self { _folder: folder, path }
    }

    fn settings(&self) -> SqliteTestDataSettings {
        serde_json::from_value(serde_json::json!({
            "name": "shop",
            "path": self.path,
            "batchSize": 7,
            "tables": [
                { "table": "baskets", "tagColumn": "run_id" },
                { "table": "lines", "via": { "column": "basket", "references": "baskets", "parentColumn": "id" } },
                { "table": "orders", "tagColumn": "run_id" }
            ]
        }))
        .unwrap()
    }

    fn store(&self) -> SqliteTestData {
        SqliteTestData::new(self.settings())
    }

    async fn rows(&self) -> Vec<i64> {
        let mut connection = open(&self.path).await;
        let mut counts = Vec::new();
        for sql in ["SELECT COUNT(*) FROM baskets", "SELECT COUNT(*) FROM lines", "SELECT COUNT(*) FROM orders"] {
            counts.push(sqlx::query(sql).fetch_one(&mut connection).await.unwrap().get(0));
        }
        counts
    }
}

async fn open(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).foreign_keys(true).connect().await.unwrap()
}

fn run() -> RunId {
    "run-1".parse().unwrap()
}

fn counts(rows: u64) -> Vec<TableCount> {
    ["lines", "orders", "baskets"].map(|table| TableCount { table: table.to_owned(), rows }).to_vec()
}

#[tokio::test]
async fn exactly_the_runs_rows_go_children_before_parents() {
    let shop = Shop::with(30).await;
    let store = shop.store();
    assert_eq!(store.count(&run()).await.unwrap(), counts(30));
    assert_eq!(store.delete(&run()).await.unwrap(), counts(30));
    assert_eq!(shop.rows().await, [60, 60, 60]);
    assert_eq!(store.delete(&run()).await.unwrap(), counts(0));
}

#[tokio::test]
async fn counting_changes_nothing() {
    let shop = Shop::with(3).await;
    shop.store().count(&run()).await.unwrap();
    assert_eq!(shop.rows().await, [9, 9, 9]);
}

#[tokio::test]
async fn thousands_of_rows_go_in_batches() {
    let shop = Shop::with(3000).await;
    let settings = SqliteTestDataSettings { batch_size: 500, ..shop.settings() };
    assert_eq!(SqliteTestData::new(settings).delete(&run()).await.unwrap(), counts(3000));
    assert_eq!(shop.rows().await, [6000, 6000, 6000]);
}

#[tokio::test]
async fn a_short_lock_by_another_writer_is_waited_for() {
    let shop = Shop::with(10).await;
    let mut other = open(&shop.path).await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let store = shop.store();
    let id = run();
    let delete = store.delete(&id);
    tokio::pin!(delete);
    let early = tokio::time::timeout(Duration::from_millis(200), &mut delete).await;
    assert!(early.is_err(), "the delete did not wait for the lock");
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    assert_eq!(delete.await.unwrap(), counts(10));
}

#[tokio::test]
async fn a_declaration_that_does_not_fit_is_refused_in_words() {
    let shop = Shop::with(1).await;
    let with = |change: &dyn Fn(&mut SqliteTestDataSettings)| {
        let mut settings = shop.settings();
        change(&mut settings);
        settings
    };
    let cases = [
        (
            with(&|s| s.tables[0].tag_column = Some("tag".to_owned())),
            FailureKind::Rejected,
            "test data shop: table baskets has no column tag; expected one of id, run_id",
        ),
        (
            with(&|s| s.tables[0].tag_column = None),
            FailureKind::Rejected,
            "test data shop: tables[0]: baskets has neither tagColumn nor via, so that rows of others could match; expected one of them",
        ),
        (
            with(&|s| s.tables[1].tag_column = Some("basket".to_owned())),
            FailureKind::Rejected,
            "test data shop: tables[1]: lines has both tagColumn and via; expected one of them",
        ),
        (with(&|s| s.batch_size = 0), FailureKind::Rejected, "test data shop: batchSize: it is 0; expected 1 or more"),
        (
            with(&|s| s.tables.clear()),
            FailureKind::Rejected,
            "test data shop: tables: it is empty; expected the tables in which runs leave rows",
        ),
        (
            with(&|s| s.tables.push(s.tables[0].clone())),
            FailureKind::Rejected,
            "test data shop: tables[3].table: baskets is declared twice; expected each table once",
        ),
    ];
    for (settings, kind, message) in cases {
        let error = SqliteTestData::new(settings).delete(&run()).await.unwrap_err();
        assert_eq!((error.kind, error.to_string().as_str()), (kind, message));
    }
    assert_eq!(shop.rows().await, [3, 3, 3]);
}

#[tokio::test]
async fn names_are_quoted_and_never_run_as_sql() {
    let shop = Shop::with(1).await;
    let mut settings = shop.settings();
    settings.tables.truncate(1);
    settings.tables[0].table = "baskets\"; DROP TABLE orders; --".to_owned();
    let error = SqliteTestData::new(settings).delete(&run()).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::NotFound);
    assert_eq!(shop.rows().await, [3, 3, 3]);
}

#[tokio::test]
async fn a_missing_file_is_named_and_not_made() {
    let shop = Shop::with(0).await;
    let settings = SqliteTestDataSettings { path: shop.path.with_file_name("none.db"), ..shop.settings() };
    let error = SqliteTestData::new(settings.clone()).delete(&run()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("test data shop: there is no database {}", settings.path.display()));
    assert!(!settings.path.exists());
}

#[tokio::test]
async fn a_row_guard_holds_rows_back_and_a_bound_keeps_everything() {
    let shop = Shop::with(10).await;
    let mut settings = shop.settings();
    settings.tables[0].row_guard =
        serde_json::from_value(serde_json::json!({ "where": [{ "column": "id", "op": "atLeast", "value": 4 }] }))
            .unwrap();
    settings.tables.truncate(2);
    let mut connection = open(&shop.path).await;
    sqlx::raw_sql("DELETE FROM orders").execute(&mut connection).await.unwrap();
    let store = SqliteTestData::new(settings.clone());
    let deleted = store.delete(&run()).await.unwrap();
    assert_eq!(deleted.iter().map(|table| table.rows).collect::<Vec<_>>(), [6, 6]);
    let left = store.count(&run()).await.unwrap();
    assert_eq!((left[1].table.as_str(), left[1].rows), ("lines (held back by a rowGuard)", 4));
    settings.tables[0].row_guard = serde_json::from_value(serde_json::json!({ "mostRows": 3 })).unwrap();
    let error = SqliteTestData::new(settings).delete(&run()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "test data shop: nothing is deleted, since more than 3 rows of baskets are of run run-1, which rowGuard.mostRows does not allow"
    );
}

#[tokio::test]
async fn what_could_change_rows_of_others_is_refused() {
    for (sql, text) in [
        (
            "CREATE TABLE notes (basket INTEGER REFERENCES baskets (id) ON DELETE CASCADE)",
            "test data shop: deleting from baskets would change rows of notes (ON DELETE CASCADE), which is not declared; expected it among tables",
        ),
        (
            "CREATE TRIGGER audit AFTER DELETE ON orders BEGIN DELETE FROM lines; END",
            "test data shop: table orders has triggers that a deletion may fire (audit), which may write elsewhere; expected none, or allowTriggers: true",
        ),
    ] {
        let shop = Shop::with(1).await;
        sqlx::raw_sql(sql).execute(&mut open(&shop.path).await).await.unwrap();
        assert_eq!(shop.store().delete(&run()).await.unwrap_err().to_string(), text);
        assert_eq!(shop.rows().await, [3, 3, 3]);
    }
    let shop = Shop::with(1).await;
    let mut settings = shop.settings();
    settings.tables[1].via.as_mut().unwrap().parent_column = "run_id".to_owned();
    assert_eq!(
        SqliteTestData::new(settings).delete(&run()).await.unwrap_err().to_string(),
        "test data shop: several rows of baskets may have the same run_id, so that a row of others could match by it; expected a parentColumn with a unique index"
    );
}

#[tokio::test]
async fn a_row_that_points_at_itself_goes_and_a_tree_goes_from_its_leaves() {
    let shop = Shop::with(1).await;
    let mut connection = open(&shop.path).await;
    let sql = "CREATE TABLE copies (id INTEGER PRIMARY KEY, original INTEGER REFERENCES copies (id), run_id TEXT);
               INSERT INTO copies VALUES (1, 1, 'run-1'), (2, 1, 'run-1'), (3, 2, 'run-1'), (4, 4, NULL)";
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    let mut settings = serde_json::to_value(shop.settings()).unwrap();
    settings["tables"] = serde_json::json!([{ "table": "copies", "tagColumn": "run_id" }]);
    let store = SqliteTestData::new(serde_json::from_value(settings).unwrap());
    assert_eq!(store.delete(&run()).await.unwrap(), [TableCount { table: "copies".to_owned(), rows: 3 }]);
    let left = sqlx::query("SELECT id FROM copies").fetch_all(&mut connection).await.unwrap();
    assert_eq!(left.iter().map(|row| row.get(0)).collect::<Vec<i64>>(), [4]);
}
