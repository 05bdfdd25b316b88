//! Rows of real databases.

use std::time::Duration;

use conductor_core::load::Mark;
use conductor_core::ports::{FailureKind, KpiSource};
use conductor_mariadb_bed::{Mariadb, MariadbSettings};
use conductor_observe::{SqlKpi, SqlKpiSettings};
use conductor_postgres_bed::{Postgres, PostgresSettings};
use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection};

use crate::contract::{count_to, first, run, windows_add_up, words};

const WINDOW: &str = "SELECT count(*) FROM orders WHERE placed > :from AND placed <= :to AND run_id = :run";

fn source(written: Value) -> SqlKpi {
    let settings: SqlKpiSettings = serde_json::from_value(written).unwrap();
    assert_eq!(settings.violations(), []);
    SqlKpi::new(settings, None).unwrap()
}

/// Somebody else's orders beside those of the run.
fn rows(orders: u64, now: &str) -> String {
    let ours = vec![format!("({now}, 'run-1')"); orders as usize].join(", ");
    format!("INSERT INTO orders (placed, run_id) VALUES {ours}, ({now}, 'run-2')")
}

async fn postgres() -> (Postgres, Value) {
    let server = Postgres::start(PostgresSettings::default()).await.unwrap_or_else(|error| panic!("{error}"));
    server.run("postgres", "CREATE TABLE orders (placed timestamptz, run_id text)").await.unwrap();
    let database = json!({
        "host": server.socket(), "port": server.port(), "database": "postgres", "user": "postgres",
    });
    (server, database)
}

#[tokio::test]
async fn windows_in_postgresql_add_up() {
    let (server, database) = postgres().await;
    let source = source(json!({ "postgres": database, "query": WINDOW, "settle": "500ms" }));
    windows_add_up(&source, async |orders| server.run("postgres", &rows(orders, "clock_timestamp()")).await.unwrap())
        .await;
}

#[tokio::test]
async fn a_time_zone_of_the_server_moves_no_window() {
    let (server, database) = postgres().await;
    server.run("postgres", "ALTER DATABASE postgres SET timezone = 'Asia/Tokyo'").await.unwrap();
    let source = source(json!({ "postgres": database, "query": WINDOW, "settle": "0s" }));
    let since = Timestamp::now();
    server.run("postgres", &rows(3, "now()")).await.unwrap();
    count_to(&source, Timestamp::from_millisecond(since.as_millisecond() - 1).unwrap(), 3).await;
}

#[tokio::test]
async fn a_query_of_postgresql_that_writes_takes_long_or_gives_nothing_is_told() {
    let (server, database) = postgres().await;
    let kpi = |query: &str| source(json!({ "postgres": database, "query": query, "timeout": "500ms" }));
    server.run("postgres", "CREATE SEQUENCE numbers").await.unwrap();
    for (query, kind, expected) in [
        ("SELECT nextval('numbers')", FailureKind::Rejected, "read-only transaction"),
        ("SELECT pg_sleep(20)::text::bigint", FailureKind::Unavailable, "statement timeout"),
        ("SELECT sum(1) FROM orders", FailureKind::KpiUnmeasured, "the query gives NULL, which is no count"),
        ("SELECT -1", FailureKind::KpiUnmeasured, "the query gives -1, which is no count"),
        ("SELECT count(*) FROM returns", FailureKind::Rejected, "relation \"returns\" does not exist"),
    ] {
        let error = kpi(query).sample(&run(), Timestamp::now()).await.unwrap_err();
        assert!(words(&error).contains(expected), "{query}: {}", words(&error));
        assert_eq!(error.kind, kind, "{query}: {}", words(&error));
    }
}

#[tokio::test]
async fn windows_in_mariadb_add_up() {
    let server = Mariadb::start(MariadbSettings::default()).await.unwrap_or_else(|error| panic!("{error}"));
    server
        .run("CREATE DATABASE shop; CREATE TABLE shop.orders (placed timestamp(6), run_id varchar(80))")
        .await
        .unwrap();
    server.run("SET GLOBAL time_zone = '+09:00'").await.unwrap();
    let front = server.front().await.unwrap();
    let database = json!({
        "host": "127.0.0.1", "port": front.port(), "database": "shop", "user": "root", "tls": { "mode": "disable" },
    });
    let kpi = |query: &str| source(json!({ "mysql": database, "query": query, "settle": "500ms", "timeout": "1s" }));
    let order = async |orders| {
        let rows = rows(orders, "now(6)").replace("INTO orders", "INTO shop.orders");
        server.run(&rows).await.unwrap();
    };
    windows_add_up(&kpi(WINDOW), order).await;
    let error = kpi("SELECT sleep(20)").sample(&run(), Timestamp::now()).await;
    // The server wakes it up, which its answer tells, or ends it.
    assert!(error.is_ok() || error.is_err_and(|error| words(&error).contains("max_statement_time")));
    let error = kpi("SELECT count(*) FROM returns").sample(&run(), Timestamp::now()).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected, "{}", words(&error));
}

#[tokio::test]
async fn a_total_and_a_window_in_sqlite_add_up_and_deleted_rows_are_a_reset() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let connection = tokio::sync::Mutex::new(options.connect().await.unwrap());
    let execute = async |sql: String| {
        let mut connection = connection.lock().await;
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *connection).await.unwrap();
    };
    execute("PRAGMA journal_mode = wal; CREATE TABLE orders (placed integer, run_id text)".to_owned()).await;
    let now = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";
    let order = async |orders| execute(rows(orders, now)).await;
    let total =
        source(json!({ "sqlite": { "path": path }, "query": "SELECT count(*) FROM orders WHERE run_id = :run" }));
    windows_add_up(&total, order).await;
    let window = source(json!({
        "sqlite": { "path": path }, "query": WINDOW, "times": "milliseconds", "settle": "300ms",
    }));
    windows_add_up(&window, order).await;
    let start = first(&total, Timestamp::now()).await;
    execute("DELETE FROM orders".to_owned()).await;
    let gone = total.sample(&run(), start.to).await.unwrap();
    assert_eq!((gone.count, gone.marks.as_slice()), (None, &[Mark::CounterReset][..]));
    connection.into_inner().close().await.unwrap();
}

#[tokio::test]
async fn a_sqlite_file_that_is_not_there_and_a_query_without_end_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    let kpi = |query: &str| source(json!({ "sqlite": { "path": path }, "query": query, "timeout": "500ms" }));
    let error = kpi("SELECT 1").sample(&run(), Timestamp::now()).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected);
    assert!(words(&error).contains(&format!("there is no database {}", path.display())), "{}", words(&error));
    std::fs::write(&path, "").unwrap();
    let endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";
    let begun = std::time::Instant::now();
    let error = kpi(endless).sample(&run(), Timestamp::now()).await.unwrap_err();
    assert!(words(&error).contains("interrupted"), "{}", words(&error));
    assert!(begun.elapsed() < Duration::from_secs(30));
}
