//! The shop beside a ledger in a real PostgreSQL server, to which a copier writes what the shop's database gets.

mod copier;

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use conductor_postgres_bed::{Postgres, PostgresSettings};
use sqlx::{AssertSqlSafe, Row};
use tokio::runtime::Runtime;

use crate::bed::{Bed, SHORT, Shop};
use crate::ledger::copier::Copier;
pub use crate::ledger::copier::Written;

/// The variable that holds the password of the conductor's role. The server takes any.
pub const PASSWORD: &str = "LEDGER_PASSWORD";

/// The entries of each receipt.
pub const ENTRIES: u64 = 5;

const SCHEMA: &str = "
CREATE TABLE receipts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run_id text, is_of_others boolean NOT NULL);
CREATE INDEX ON receipts (run_id);
CREATE TABLE entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    receipt_id bigint NOT NULL REFERENCES receipts,
    cents bigint NOT NULL
);
CREATE INDEX ON entries (receipt_id);
CREATE ROLE conductor LOGIN;
GRANT SELECT, UPDATE, DELETE ON receipts, entries TO conductor;
";

/// A shop with a ledger.
pub struct LedgerBed {
    // It writes to the server, and reads the shop's folder.
    copier: Copier,
    server: Arc<Postgres>,
    runtime: Runtime,
    bed: Bed,
}

impl Deref for LedgerBed {
    type Target = Bed;

    fn deref(&self) -> &Bed {
        &self.bed
    }
}

impl LedgerBed {
    /// Makes a shop with a ledger, starts its environment and lets orders be copied; of so many one comes late, when all that were
    /// copied before are gone again. `settings` are further ones of the store.
    pub fn up(late_one_of: Option<u64>, settings: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(Postgres::start(PostgresSettings::default())).unwrap();
        runtime.block_on(server.run("postgres", "CREATE DATABASE ledger")).unwrap();
        runtime.block_on(server.run("ledger", SCHEMA)).unwrap();
        let server = Arc::new(server);
        let mut bed = Bed::new(Shop::default());
        bed.set_variable(PASSWORD, Some("any"));
        let store = format!(
            "  testData:
    - postgres:
        name: ledger
        host: 127.0.0.1
        port: {}
        database: ledger
        user: conductor
        passwordEnv: {PASSWORD}
        tls: {{ mode: disable }}
        tables:
          - {{ table: receipts, tagColumn: run_id }}
          - {{ table: entries, via: {{ column: receipt_id, references: receipts, parentColumn: id }} }}
{settings}",
            server.port()
        );
        bed.edit("environment.yaml", "  testData:\n", &store);
        bed.write("loadtest.yaml", &SHORT.replace("plateau: 20s", "plateau: 10s"));
        bed.bring_up();
        let copier = Copier::start(Path::new(&bed.path("shop.db")), Arc::clone(&server), late_one_of);
        Self { copier, server, runtime, bed }
    }

    /// Sets a variable of the conductors that start from now on, or takes it away.
    pub fn set_variable(&mut self, name: &'static str, value: Option<&str>) {
        self.bed.set_variable(name, value);
    }

    /// What was written to the ledger until now.
    pub fn written(&self) -> Written {
        self.copier.written()
    }

    /// The rows of runs in the ledger: receipts and entries.
    pub fn rows_of_runs(&self) -> [u64; 2] {
        let of_runs = "run_id LIKE 'short-%' AND NOT is_of_others";
        let tables = ["receipts", "entries JOIN receipts ON receipts.id = receipt_id"];
        tables.map(|table| {
            let counted = self.numbers(&format!("SELECT count(*) FROM {table} WHERE {of_runs}"));
            u64::try_from(counted[0]).unwrap()
        })
    }

    /// Asserts that the ledger has exactly what others wrote, with all their entries.
    pub fn assert_only_others(&self) {
        let written = self.written();
        assert!(written.others.len() > 50, "others have written {} receipts only", written.others.len());
        assert_eq!(self.numbers("SELECT id FROM receipts ORDER BY id"), written.others);
        let entries = self.numbers("SELECT receipt_id FROM entries ORDER BY receipt_id");
        let expected: Vec<i64> = written.others.iter().flat_map(|id| (0..ENTRIES).map(|_| *id)).collect();
        assert_eq!(entries, expected);
    }

    /// Ends the sessions of conductors in the database; how many there were.
    pub fn end_sessions(&self) -> usize {
        // Who is chosen must be certain before somebody is ended.
        let sql = "WITH them AS MATERIALIZED (SELECT pid FROM pg_stat_activity WHERE usename = 'conductor')
                   SELECT 1::bigint FROM them WHERE pg_terminate_backend(pid)";
        self.numbers(sql).len()
    }

    fn numbers(&self, sql: &str) -> Vec<i64> {
        self.runtime.block_on(async {
            let mut connection = self.server.connect("ledger").await.unwrap();
            let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        })
    }
}
