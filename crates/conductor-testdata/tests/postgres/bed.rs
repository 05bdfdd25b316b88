//! A database of its own for each test, on one server for all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use conductor_core::failure::Failure;
use conductor_core::ports::{PortError, TableCount, TestDataStore};
use conductor_core::run::RunId;
use conductor_postgres_bed::{Postgres, PostgresSettings};
use conductor_testdata::{PostgresTestData, PostgresTestDataSettings};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use tokio::sync::OnceCell;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// It ends with the process.
static SERVER: OnceCell<Arc<Postgres>> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// True while somebody in this database waits for a lock.
pub(crate) const WAITS: &str = "SELECT count(*) > 0 FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE NOT granted AND datname = current_database()";

/// A shop's database.
pub(crate) struct Bed {
    pub(crate) server: Arc<Postgres>,
    pub(crate) database: String,
}

/// Baskets with lines, which know their run by their basket, and orders with a tag of their own.
pub(crate) const SHOP: &str = "
    CREATE TABLE baskets (id bigint PRIMARY KEY, run_id text);
    CREATE TABLE lines (id bigint PRIMARY KEY, basket bigint NOT NULL REFERENCES baskets);
    CREATE TABLE orders (id bigint PRIMARY KEY, basket bigint NOT NULL REFERENCES baskets, run_id text);
    CREATE INDEX ON baskets (run_id); CREATE INDEX ON orders (run_id);
    CREATE INDEX ON lines (basket); CREATE INDEX ON orders (basket);";

async fn start() -> Arc<Postgres> {
    start_with(PostgresSettings::default()).await
}

async fn start_with(settings: PostgresSettings) -> Arc<Postgres> {
    Arc::new(Postgres::start(settings).await.unwrap_or_else(|error| panic!("{error}")))
}

impl Bed {
    pub(crate) async fn with(schema: &str) -> Self {
        Self::on(SERVER.get_or_init(start).await, schema).await
    }

    async fn on(server: &Arc<Postgres>, schema: &str) -> Self {
        let database = format!("shop_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        server.run("postgres", &format!("CREATE DATABASE {database}")).await.unwrap();
        let bed = Self { server: Arc::clone(server), database };
        bed.run(schema).await;
        bed
    }

    /// A shop with so many of everything for each of run-1, run-2 and a customer, one after the other.
    pub(crate) async fn shop(rows: u32) -> Self {
        Self::with(SHOP).await.filled(rows).await
    }

    /// The same, on a server that is nobody else's.
    pub(crate) async fn of_its_own(rows: u32) -> Self {
        Self::of_its_own_with(PostgresSettings::default(), rows).await
    }

    /// The same, on a server with settings of its own.
    pub(crate) async fn of_its_own_with(settings: PostgresSettings, rows: u32) -> Self {
        Self::on(&start_with(settings).await, SHOP).await.filled(rows).await
    }

    async fn filled(self, rows: u32) -> Self {
        let run = "CASE id % 3 WHEN 1 THEN 'run-1' WHEN 2 THEN 'run-2' END";
        let from = format!("FROM generate_series(1, {}) AS id", rows * 3);
        self.run(&format!(
            "INSERT INTO baskets SELECT id, {run} {from}; INSERT INTO lines SELECT id, id {from};
             INSERT INTO orders SELECT id, id, {run} {from}; ANALYZE"
        ))
        .await;
        self
    }

    /// The same after its server, which is nobody else's, has ended without notice and has come again.
    pub(crate) async fn after_a_crash(self) -> Self {
        let mut server = Arc::into_inner(self.server).expect("the server is nobody else's");
        server.restart().await.unwrap_or_else(|error| panic!("{error}"));
        Self { server: Arc::new(server), ..self }
    }

    pub(crate) async fn run(&self, sql: &str) {
        self.server.run(&self.database, sql).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
    }

    pub(crate) async fn connect(&self) -> PgConnection {
        self.server.connect(&self.database).await.unwrap()
    }

    /// Texts that a query finds.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let mut connection = self.connect().await;
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let mut connection = self.connect().await;
        sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap().get(0)
    }

    /// How many rows the shop has left, by table.
    pub(crate) async fn rows(&self) -> [i64; 3] {
        let mut rows = [0; 3];
        for (at, table) in ["baskets", "lines", "orders"].into_iter().enumerate() {
            rows[at] = self.number(&format!("SELECT count(*) FROM {table}")).await;
        }
        rows
    }

    /// Everything that is not of run-1.
    pub(crate) async fn of_others(&self) -> [i64; 3] {
        let of_others = "(run_id IS NULL OR run_id <> 'run-1')";
        [
            self.number(&format!("SELECT count(*) FROM baskets WHERE {of_others}")).await,
            self.number(&format!(
                "SELECT count(*) FROM lines WHERE basket IN (SELECT id FROM baskets WHERE {of_others})"
            ))
            .await,
            self.number(&format!("SELECT count(*) FROM orders WHERE {of_others}")).await,
        ]
    }

    /// Settings for some tables, as an environment writes them, with what differs.
    pub(crate) fn settings(&self, tables: Value, other: Value) -> PostgresTestDataSettings {
        let mut written = json!({
            "name": "shop", "host": self.server.socket(), "port": self.server.port(), "database": self.database,
            "user": "postgres", "tables": tables
        });
        written.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        serde_json::from_value(written).unwrap()
    }

    pub(crate) fn store(&self, tables: Value, other: Value) -> PostgresTestData {
        PostgresTestData::new(self.settings(tables, other), None)
    }

    pub(crate) fn shop_store(&self, other: Value) -> PostgresTestData {
        self.store(shop_tables(), other)
    }

    /// Waits until a query answers with true.
    pub(crate) async fn until(&self, what: &str, sql: &str) {
        let mut connection = self.connect().await;
        let begun = Instant::now();
        loop {
            let row = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap();
            if row.get(0) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: did not happen within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

pub(crate) fn shop_tables() -> Value {
    json!([
        { "table": "baskets", "tagColumn": "run_id" },
        { "table": "lines", "via": { "column": "basket", "references": "baskets", "parentColumn": "id" } },
        { "table": "orders", "tagColumn": "run_id" }
    ])
}

pub(crate) fn run() -> RunId {
    "run-1".parse().unwrap()
}

/// Counts of the shop's tables, in the order in which they are deleted from.
pub(crate) fn counts(rows: u64) -> Vec<TableCount> {
    counted(&[("lines", rows), ("orders", rows), ("baskets", rows)])
}

pub(crate) fn counted(tables: &[(&str, u64)]) -> Vec<TableCount> {
    tables.iter().map(|(table, rows)| TableCount { table: (*table).to_owned(), rows: *rows }).collect()
}

/// All that an error says.
pub(crate) fn told(error: &PortError) -> String {
    Failure::of("", error).message
}

/// Deletes, and answers with the error that this must be.
pub(crate) async fn refused(store: &PostgresTestData) -> PortError {
    match store.delete(&run()).await {
        Err(error) => error,
        Ok(deleted) => panic!("nothing was refused, but deleted: {deleted:?}"),
    }
}
