//! How fast the rows of a run go, and what whoever works on the same tables notices of it: the store, one bare statement a table, and
//! batches by OFFSET, each on data of its own. `--rows N` says how many rows the run has, in four tables; as many others stay.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on shall say so")]

mod foreground;

use std::time::{Duration, Instant};

use conductor_core::ports::TestDataStore;
use conductor_postgres_bed::{Postgres, PostgresSettings};
use conductor_testdata::PostgresTestData;
use sqlx::{AssertSqlSafe, Row};

use foreground::{Foreground, RATE};

/// For how long the foreground is measured alone: as long as the bare statement takes, within these.
const ALONE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));
/// Rows of a batch by OFFSET.
const NAIVE: u64 = 1000;
/// After so many times what the bare statements took, batches by OFFSET are given up.
const PATIENCE: u32 = 2;
const TABLES: [&str; 4] = ["lines", "orders", "events", "baskets"];
/// The database that all others are copies of.
const TEMPLATE: &str = "made";

/// A way to delete the rows of a run.
#[derive(Clone, Copy)]
enum Way {
    Bare,
    Store,
    Offset,
}

#[tokio::main]
async fn main() {
    let rows = rows();
    let settings = PostgresSettings::with([
        ("shared_buffers", "4GB"),
        // The files of its log are there already, as on a server that has run for a while: making them would take its customers
        // longer than all else.
        ("max_wal_size", "10GB"),
        ("min_wal_size", "10GB"),
        ("checkpoint_timeout", "30min"),
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("max_connections", "20"),
    ]);
    let server = Postgres::start(settings).await.unwrap_or_else(|error| panic!("{error}"));
    make(&server, rows).await;
    println!("{rows} rows of the run among as many others, in four tables; {RATE} foreground transactions a second");
    println!(
        "{:<16} {:>9} {:>10} {:>8} {:>10} {:>10} {:>7}",
        "", "seconds", "rows/s", "to bare", "alone p99", "p99 in ms", "growth"
    );
    // What is measured first finds another machine: it is measured once more at the end.
    let bare = case(&server, Way::Bare, rows, None).await;
    let store = case(&server, Way::Store, rows, Some(bare.took)).await;
    case(&server, Way::Offset, rows, Some(bare.took)).await;
    let again = case(&server, Way::Bare, rows, Some(bare.took)).await;
    let mean = (bare.took + again.took) / 2;
    println!(
        "the store has {:.2} of the bare statements' rows a second (aim: 0.80 or more); the 99th percentile of the foreground is \
         {:.2} times what it is alone (aim: less than 1.5), beside the bare statements {:.2} times",
        mean.as_secs_f64() / store.took.as_secs_f64(),
        store.growth,
        (bare.growth + again.growth) / 2.0,
    );
}

fn rows() -> u64 {
    let arguments: Vec<String> = std::env::args().collect();
    let given = arguments.iter().position(|word| word == "--rows").and_then(|at| arguments.get(at + 1));
    given.map_or(20_000, |rows| rows.parse::<u64>().unwrap()) / 4 * 4
}

async fn make(server: &Postgres, rows: u64) {
    server.run("postgres", &format!("CREATE DATABASE {TEMPLATE}")).await.unwrap();
    let each = rows / 4 * 2;
    let (run, from) = ("CASE id % 2 WHEN 0 THEN 'run-1' END", format!("FROM generate_series(1, {each}) AS id"));
    for sql in [
        "CREATE TABLE baskets (id bigint PRIMARY KEY, run_id text, note text)".to_owned(),
        format!("INSERT INTO baskets SELECT id, {run}, repeat('x', 40) {from}"),
        "CREATE TABLE orders (id bigint PRIMARY KEY, basket bigint, run_id text)".to_owned(),
        format!("INSERT INTO orders SELECT id, id, {run} {from}"),
        "CREATE TABLE lines (id bigint PRIMARY KEY, basket bigint, sku text)".to_owned(),
        format!("INSERT INTO lines SELECT id, id, repeat('s', 30) {from}"),
        "CREATE TABLE events (id bigint PRIMARY KEY, run_id text, payload text)".to_owned(),
        format!("INSERT INTO events SELECT id, {run}, repeat('p', 60) {from}"),
        "ALTER TABLE orders ADD FOREIGN KEY (basket) REFERENCES baskets".to_owned(),
        "ALTER TABLE lines ADD FOREIGN KEY (basket) REFERENCES baskets".to_owned(),
        "CREATE INDEX ON baskets (run_id)".to_owned(),
        "CREATE INDEX ON orders (run_id)".to_owned(),
        "CREATE INDEX ON orders (basket)".to_owned(),
        "CREATE INDEX ON lines (basket)".to_owned(),
        "CREATE INDEX ON events (run_id)".to_owned(),
        "VACUUM ANALYZE".to_owned(),
        "CHECKPOINT".to_owned(),
    ] {
        server.run(TEMPLATE, &sql).await.unwrap();
    }
}

/// How a way has done.
struct Done {
    took: Duration,
    growth: f64,
}

/// Measures the foreground alone and beside a way to delete, on a copy of the data, and prints both.
async fn case(server: &Postgres, way: Way, rows: u64, bare: Option<Duration>) -> Done {
    let (name, database) = match way {
        Way::Bare => ("bare DELETE", "bare"),
        Way::Store => ("the store", "ours"),
        Way::Offset => ("OFFSET batches", "naive"),
    };
    let copy = format!("CREATE DATABASE {database} TEMPLATE {TEMPLATE} STRATEGY file_copy");
    server.run("postgres", &copy).await.unwrap();
    // Both are measured with what the copy leaves to be written out of the way.
    server.run("postgres", "CHECKPOINT").await.unwrap();
    let mut foreground = Foreground::start(server, database, rows).await;
    // Its first look at every page is no figure of either.
    let (shortest, longest) = ALONE;
    tokio::time::sleep(shortest).await;
    foreground.measured().await;
    tokio::time::sleep(bare.unwrap_or_default().clamp(shortest, longest)).await;
    let alone = foreground.measured().await;
    let begun = Instant::now();
    let gone = match way {
        Way::Bare => by_statements(server, database, rows).await,
        Way::Store => by_the_store(server, database, rows).await,
        Way::Offset => by_offset(server, database, bare.unwrap_or(shortest) * PATIENCE).await,
    };
    let took = begun.elapsed();
    let beside = foreground.measured().await;
    foreground.stop().await;
    let given_up = if gone < rows { ", given up" } else { "" };
    check(server, database, rows, gone).await;
    server.run("postgres", &format!("DROP DATABASE {database} WITH (FORCE)")).await.unwrap();
    let (took, done) = (took, per_second(gone, took));
    let to_bare = bare.map_or(1.0, |bare| done / per_second(rows, bare));
    let growth = beside.p99() / alone.p99();
    println!(
        "{name:<16} {:>9.2} {done:>10.0} {to_bare:>8.2} {:>10.2} {:>10.2} {growth:>7.2}{given_up}",
        took.as_secs_f64(),
        alone.p99(),
        beside.p99()
    );
    Done { took, growth }
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn per_second(rows: u64, took: Duration) -> f64 {
    rows as f64 / took.as_secs_f64()
}

async fn by_the_store(server: &Postgres, database: &str, rows: u64) -> u64 {
    let settings = serde_json::json!({
        "name": "shop", "host": server.socket(), "port": server.port(), "database": database, "user": "postgres",
        "tables": [
            { "table": "baskets", "tagColumn": "run_id" },
            { "table": "lines", "via": { "column": "basket", "references": "baskets", "parentColumn": "id" } },
            { "table": "orders", "tagColumn": "run_id" },
            { "table": "events", "tagColumn": "run_id" }
        ]
    });
    let store = PostgresTestData::new(serde_json::from_value(settings).unwrap(), None);
    let counts = store.delete(&"run-1".parse().unwrap()).await.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(counts.iter().map(|table| table.rows).sum::<u64>(), rows, "what the store has counted");
    rows
}

/// How a row is known to be of the run.
fn of_run(table: &str) -> &'static str {
    match table {
        "lines" => "basket IN (SELECT id FROM baskets WHERE run_id = 'run-1')",
        _ => "run_id = 'run-1'",
    }
}

async fn by_statements(server: &Postgres, database: &str, rows: u64) -> u64 {
    for table in TABLES {
        server.run(database, &format!("DELETE FROM {table} WHERE {}", of_run(table))).await.unwrap();
    }
    rows
}

/// Batch after batch from the last one to the first: the rows of the run are numbered by OFFSET for each of them.
async fn by_offset(server: &Postgres, database: &str, within: Duration) -> u64 {
    let mut connection = server.connect(database).await.unwrap();
    let (begun, mut gone) = (Instant::now(), 0);
    for table in TABLES {
        let of_run = of_run(table);
        let count = format!("SELECT count(*) FROM {table} WHERE {of_run}");
        let all: i64 = sqlx::query(AssertSqlSafe(count)).fetch_one(&mut connection).await.unwrap().get(0);
        for batch in (0..all.unsigned_abs().div_ceil(NAIVE)).rev() {
            if begun.elapsed() > within {
                return gone;
            }
            let sql = format!(
                "DELETE FROM {table} WHERE id IN
                     (SELECT id FROM {table} WHERE {of_run} ORDER BY id LIMIT {NAIVE} OFFSET {})",
                batch * NAIVE
            );
            gone += sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap().rows_affected();
        }
    }
    gone
}

/// A benchmark of something that deletes too little or too much is none.
async fn check(server: &Postgres, database: &str, rows: u64, gone: u64) {
    let mut connection = server.connect(database).await.unwrap();
    let (mut others, mut of_run) = (0, 0);
    for table in TABLES {
        let each = rows / 4 * 2;
        let sql = format!(
            "SELECT count(*) FILTER (WHERE id % 2 = 1 AND id <= {each}), count(*) FILTER (WHERE id % 2 = 0 AND id <= {each})
             FROM {table}"
        );
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap();
        others += row.get::<i64, _>(0).unsigned_abs();
        of_run += row.get::<i64, _>(1).unsigned_abs();
    }
    assert_eq!((others, of_run), (rows, rows - gone), "rows of others and of the run in {database}");
}
