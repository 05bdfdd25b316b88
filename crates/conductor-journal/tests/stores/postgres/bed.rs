//! A database of its own for each test, on one server for all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use conductor_core::ports::Claim;
use conductor_journal::{PostgresStore, PostgresStoreSettings};
use conductor_postgres_bed::{Front, Postgres, PostgresSettings};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use tokio::sync::OnceCell;

use crate::cases::{Bed, PATIENCE};

/// How long leases last here, unless a test says otherwise: long enough for a busy machine to renew them.
pub(crate) const LEASE: Duration = Duration::from_secs(6);

/// It ends with the process.
static SERVER: OnceCell<Arc<Postgres>> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A database.
pub(crate) struct PostgresBed {
    server: Arc<Postgres>,
    database: String,
}

async fn start() -> Arc<Postgres> {
    Arc::new(Postgres::start(PostgresSettings::default()).await.unwrap_or_else(|error| panic!("{error}")))
}

impl PostgresBed {
    async fn on(server: Arc<Postgres>) -> Self {
        let database = format!("runs_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        server.run("postgres", &format!("CREATE DATABASE {database}")).await.unwrap();
        Self { server, database }
    }

    /// On a server that is nobody else's.
    pub(crate) async fn of_its_own() -> Self {
        Self::on(start().await).await
    }

    pub(crate) const fn server(&self) -> &Arc<Postgres> {
        &self.server
    }

    /// Ends the server, as when it crashes, and starts it again. It must be of its own.
    pub(crate) async fn restart(&mut self) {
        let server = Arc::get_mut(&mut self.server).expect("nobody else has the server");
        server.restart().await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// How a conductor reaches the database, with what differs.
    pub(crate) fn written(&self, other: Value) -> Value {
        let mut written = json!({
            "host": self.server.socket(), "port": self.server.port(), "database": self.database, "user": "postgres",
            "leaseTime": format!("{}s", LEASE.as_secs())
        });
        written.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        written
    }

    pub(crate) fn settings(&self, other: Value) -> PostgresStoreSettings {
        serde_json::from_value(self.written(other)).unwrap()
    }

    pub(crate) async fn store_with(&self, other: Value) -> PostgresStore {
        PostgresStore::open(&self.settings(other), None)
            .await
            .unwrap_or_else(|error| panic!("{}", crate::events::told(&error)))
    }

    /// A store that reaches the server through a front.
    pub(crate) async fn store_behind(&self, front: &Front) -> PostgresStore {
        self.store_with(behind(front)).await
    }

    pub(crate) async fn run(&self, sql: &str) {
        self.server.run(&self.database, sql).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
    }

    pub(crate) async fn connect(&self) -> PgConnection {
        self.server.connect(&self.database).await.unwrap()
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let mut connection = self.connect().await;
        sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap().get(0)
    }

    /// Waits until a query counts something.
    pub(crate) async fn until(&self, what: &str, sql: &str) {
        let begun = Instant::now();
        while self.number(sql).await == 0 {
            assert!(begun.elapsed() < PATIENCE, "{what}: did not happen within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// What settings say of a server that is reached through a front.
pub(crate) fn behind(front: &Front) -> Value {
    json!({ "host": "127.0.0.1", "port": front.port(), "tls": { "mode": "disable" } })
}

impl Bed for PostgresBed {
    type Store = PostgresStore;

    async fn fresh() -> Self {
        Self::on(Arc::clone(SERVER.get_or_init(start).await)).await
    }

    async fn store(&self) -> PostgresStore {
        self.store_with(json!({})).await
    }

    fn told(&self) -> String {
        self.written(json!({})).to_string()
    }
}

/// When a claim was lost; it is held on to for as long as the test goes on.
pub(crate) async fn lost_at(claim: &dyn Claim) -> Instant {
    tokio::time::timeout(PATIENCE, claim.lost()).await.expect("it is lost");
    Instant::now()
}
