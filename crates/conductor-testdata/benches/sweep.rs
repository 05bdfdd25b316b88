//! How fast the rows of a run go, and what whoever works on the same tables notices of it: the store, one bare statement a table, and
//! batches by LIMIT, each on data of its own. `--rows N` says how many rows the run has, in four tables; as many others stay.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on shall say so")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use conductor_core::ports::TestDataStore;
use conductor_postgres_bed::{Postgres, PostgresSettings};
use conductor_testdata::PostgresTestData;
use sqlx::{AssertSqlSafe, PgConnection};

/// Requests of the foreground in a second: a point select, an update and an insert each.
const RATE: u32 = 50;
/// How long the foreground is measured alone.
const ALONE: Duration = Duration::from_secs(5);
/// Rows of a batch by LIMIT.
const NAIVE: u64 = 1000;
const TABLES: [&str; 4] = ["lines", "orders", "events", "baskets"];

#[tokio::main]
async fn main() {
    let rows = rows();
    let server = Postgres::start(PostgresSettings {
        parameters: vec![("shared_buffers", "512MB".to_owned()), ("max_wal_size", "4GB".to_owned())],
        ..PostgresSettings::default()
    })
    .await
    .unwrap_or_else(|error| panic!("{error}"));
    println!("{rows} rows of the run among as many others, in four tables; {RATE} foreground transactions a second");
    println!("{:<20} {:>9} {:>10} {:>9} {:>9}", "", "seconds", "rows/s", "p50 ms", "p99 ms");
    make(&server, "alone", rows).await;
    let foreground = Foreground::start(&server, "alone", rows).await;
    tokio::time::sleep(ALONE).await;
    line("foreground alone", None, rows, &foreground.stop().await);
    for way in ["ours", "bare", "naive"] {
        make(&server, way, rows).await;
        let foreground = Foreground::start(&server, way, rows).await;
        let begun = Instant::now();
        match way {
            "ours" => ours(&server, way).await,
            "bare" => bare(&server, way).await,
            _ => naive(&server, way).await,
        }
        let took = begun.elapsed();
        line(way, Some(took), rows, &foreground.stop().await);
        check(&server, way, rows).await;
    }
}

fn rows() -> u64 {
    let arguments: Vec<String> = std::env::args().collect();
    let given = arguments.iter().position(|word| word == "--rows").and_then(|at| arguments.get(at + 1));
    given.map_or(20_000, |rows| rows.parse().unwrap())
}

async fn make(server: &Postgres, database: &str, rows: u64) {
    server.run("postgres", &format!("CREATE DATABASE {database}")).await.unwrap();
    let each = rows / 4 * 2;
    let (run, from) = ("CASE id % 2 WHEN 0 THEN 'run-1' END", format!("FROM generate_series(1, {each}) AS id"));
    for sql in [
        "CREATE TABLE baskets (id bigint PRIMARY KEY, run_id text, note text)".to_owned(),
        format!("INSERT INTO baskets SELECT id, {run}, repeat('x', 40) {from}"),
        "CREATE TABLE orders (id bigint PRIMARY KEY, basket bigint REFERENCES baskets, run_id text)".to_owned(),
        format!("INSERT INTO orders SELECT id, id, {run} {from}"),
        "CREATE TABLE lines (id bigint PRIMARY KEY, basket bigint REFERENCES baskets, sku text)".to_owned(),
        format!("INSERT INTO lines SELECT id, id, repeat('s', 30) {from}"),
        "CREATE TABLE events (id bigint PRIMARY KEY, run_id text, payload text)".to_owned(),
        format!("INSERT INTO events SELECT id, {run}, repeat('p', 60) {from}"),
        "CREATE INDEX ON baskets (run_id)".to_owned(),
        "CREATE INDEX ON orders (run_id)".to_owned(),
        "CREATE INDEX ON orders (basket)".to_owned(),
        "CREATE INDEX ON lines (basket)".to_owned(),
        "CREATE INDEX ON events (run_id)".to_owned(),
        "VACUUM ANALYZE".to_owned(),
        "CHECKPOINT".to_owned(),
    ] {
        server.run(database, &sql).await.unwrap();
    }
}

async fn ours(server: &Postgres, database: &str) {
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
    store.delete(&"run-1".parse().unwrap()).await.unwrap_or_else(|error| panic!("{error:?}"));
}

/// How a row is known to be of the run.
fn of_run(table: &str) -> &'static str {
    match table {
        "lines" => "basket IN (SELECT id FROM baskets WHERE run_id = 'run-1')",
        _ => "run_id = 'run-1'",
    }
}

async fn bare(server: &Postgres, database: &str) {
    for table in TABLES {
        server.run(database, &format!("DELETE FROM {table} WHERE {}", of_run(table))).await.unwrap();
    }
}

async fn naive(server: &Postgres, database: &str) {
    let mut connection = server.connect(database).await.unwrap();
    for table in TABLES {
        let sql = format!(
            "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {} ORDER BY id LIMIT {NAIVE})",
            of_run(table)
        );
        while execute(&mut connection, &sql).await > 0 {}
    }
}

/// A benchmark of something that deletes too little or too much is none.
async fn check(server: &Postgres, database: &str, rows: u64) {
    use sqlx::Row;
    let mut connection = server.connect(database).await.unwrap();
    for table in TABLES {
        let sql = format!(
            "SELECT count(*) FILTER (WHERE id <= {0}), count(*) FILTER (WHERE id % 2 = 0 AND id <= {0}) FROM {table}",
            rows / 4 * 2
        );
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap();
        let (left, of_run): (i64, i64) = (row.get(0), row.get(1));
        assert_eq!((left.unsigned_abs(), of_run), (rows / 4, 0), "{table} after {database}");
    }
}

async fn execute(connection: &mut PgConnection, sql: &str) -> u64 {
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap().rows_affected()
}

/// Customers on the same tables.
struct Foreground {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Vec<Duration>>,
}

impl Foreground {
    async fn start(server: &Postgres, database: &str, rows: u64) -> Self {
        let mut connection = server.connect(database).await.unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut beat = tokio::time::interval(Duration::from_secs(1) / RATE);
            let (mut took, mut number) = (Vec::new(), 0_u64);
            while !stopped.load(Ordering::Relaxed) {
                // Latency counts from when a request was due: waiting behind a slow one is part of it.
                let due = beat.tick().await;
                number += 1;
                // Odd numbers are nobody's run.
                let id = number.wrapping_mul(2_654_435_761) % (rows / 4) * 2 + 1;
                let fresh = 1_000_000_000 + number;
                for sql in [
                    format!("SELECT note FROM baskets WHERE id = {id}"),
                    format!("UPDATE events SET payload = 'seen' WHERE id = {id}"),
                    format!("INSERT INTO orders VALUES ({fresh}, {id}, NULL)"),
                ] {
                    execute(&mut connection, &sql).await;
                }
                took.push(due.elapsed());
            }
            took
        });
        Self { stop, task }
    }

    async fn stop(self) -> Vec<Duration> {
        self.stop.store(true, Ordering::Relaxed);
        let mut took = self.task.await.unwrap();
        took.sort_unstable();
        took
    }
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn line(what: &str, took: Option<Duration>, rows: u64, latencies: &[Duration]) {
    let at = |share: usize| latencies[(latencies.len() * share / 100).min(latencies.len() - 1)].as_secs_f64() * 1000.0;
    let (seconds, rate) = took.map_or((String::new(), String::new()), |took| {
        (format!("{:.2}", took.as_secs_f64()), format!("{:.0}", rows as f64 / took.as_secs_f64()))
    });
    println!("{what:<20} {seconds:>9} {rate:>10} {:>9.2} {:>9.2}", at(50), at(99));
}
