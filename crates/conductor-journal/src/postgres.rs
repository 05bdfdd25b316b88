//! The store that many conductors share: a PostgreSQL database.

mod append;
mod connections;
mod held;
mod lease;
mod leases;
mod line;
mod schema;
mod settings;

use std::sync::Arc;

use async_trait::async_trait;
use conductor_core::ports::{Claim, RunRequest, RunRequests, RunStore, RunSummary, StoreError};
use conductor_core::run::{Record, Revision, RunId};

pub use settings::PostgresStoreSettings;

use crate::folded::{Folded, conflict};
use crate::open_error::OpenError;
use crate::rows;
use append::{Append, Refusal};
use connections::Connections;
use held::Leases;

/// Journals in a PostgreSQL database, and a lease for each environment that is worked on.
///
/// The lease goes by the server's clock. By its own, a process lets go of what it could not renew a third of the lease's time
/// before that; this clock goes on while a process is stopped, but not while its whole machine sleeps.
pub struct PostgresStore {
    connections: Connections,
    leases: Arc<Leases>,
    folded: Folded,
}

impl PostgresStore {
    /// Opens the journal in a database; creates its schema where it is missing, and brings its tables up to date. Several
    /// conductors may do so at the same time. `password` is what [`PostgresStoreSettings::password_env`] names.
    ///
    /// # Errors
    /// When a setting is wrong, which is named by its field, or the server does not answer or refuses, or the tables are of a
    /// newer version than this program knows.
    pub async fn open(settings: &PostgresStoreSettings, password: Option<&str>) -> Result<Self, OpenError> {
        let failed = |source| OpenError::new(settings.journal(), source);
        let wrong = settings.violations().into_iter().next().or_else(|| settings.tls.unreadable());
        if let Some((field, problem, expected)) = wrong {
            return Err(failed(format!("{field}: {problem}; expected {expected}").into()));
        }
        let options = connections::options(settings, password);
        schema::bring_up_to_date(&options, &settings.schema).await.map_err(failed)?;
        let leases = Arc::new(Leases::new(options.clone(), settings.lease_time.as_duration()));
        Ok(Self { connections: Connections::new(options), leases, folded: Folded::default() })
    }

    /// Waits until every claim that was given back or dropped is free for others, as far as the server can be told, and ends
    /// the connections. For the orderly end of a process: without it, others would wait for leases that nobody holds.
    pub async fn close(&self) {
        self.leases.settled().await;
        self.connections.close().await;
    }
}

#[async_trait]
impl RunStore for PostgresStore {
    async fn append(&self, run: &RunId, record: &Record) -> Result<(), StoreError> {
        let act = || format!("could not append record {} to run {run}", record.revision);
        let event = serde_json::to_string(&record.event)
            .map_err(|source| rows::unavailable(format!("could not write down record {}", record.revision), source))?;
        let folded = self.folded.with(self, run, record).await?;
        let environment = &folded.created.spec.environment;
        // Nobody drives a run whose turn has not come.
        let lease = folded.begun_at.map(|_| self.leases.of(environment)).transpose()?;
        let append = Append { run, record, event: &event, folded: &folded, lease };
        let done = self.connections.ask(async |connection| append.transact(connection).await).await;
        match done.map_err(|source| rows::failed(act(), source))? {
            Ok(()) => {
                self.folded.keep(run, folded);
                Ok(())
            }
            Err(refusal) => {
                self.folded.forget(run);
                Err(match refusal {
                    Refusal::Lost(error) => error,
                    Refusal::Conflict { found } => conflict(run, record, found),
                    Refusal::Requested { request, run } => rows::requested(&request, &run),
                })
            }
        }
    }

    async fn journal(&self, run: &RunId, after: Revision) -> Result<Vec<Record>, StoreError> {
        let failed = |source| rows::failed(format!("could not read the journal of run {run}"), source);
        let find = "SELECT revision, at, event FROM records WHERE run = $1 AND revision > $2 ORDER BY revision";
        let find = sqlx::query_as(find).bind(run.as_str()).bind(rows::number(after));
        let found = self.connections.ask(async |connection| find.fetch_all(connection).await).await;
        rows::journal(run, after, found.map_err(failed)?)
    }

    async fn runs(&self) -> Result<Vec<RunSummary>, StoreError> {
        let failed = |source| rows::failed("could not read the list of runs".to_owned(), source);
        let find = sqlx::query_as("SELECT id, name, environment, created, finished, request, waiting FROM runs");
        let found = self.connections.ask(async |connection| find.fetch_all(connection).await).await;
        rows::summaries(found.map_err(failed)?)
    }

    async fn claim(&self, environment: &str) -> Result<Box<dyn Claim>, StoreError> {
        self.leases.claim(environment).await
    }
}

#[async_trait]
impl RunRequests for PostgresStore {
    async fn ask(&self, run: &RunId, request: &RunRequest) -> Result<(), StoreError> {
        let act = || format!("could not leave a request for run {run}");
        let failed = |source| rows::failed(act(), source);
        let text = serde_json::to_string(request).map_err(|source| rows::unavailable(act(), source))?;
        let leave = "INSERT INTO requests (run, request) SELECT id, $1 FROM runs WHERE id = $2";
        let leave = sqlx::query(leave).bind(text).bind(run.as_str());
        let left = self.connections.ask(async |connection| leave.execute(connection).await).await;
        let left = left.map_err(failed)?;
        if left.rows_affected() == 0 { Err(StoreError::UnknownRun(run.clone())) } else { Ok(()) }
    }

    async fn asked(&self, run: &RunId, after: u64) -> Result<Vec<(u64, RunRequest)>, StoreError> {
        let act = || format!("could not look for requests to run {run}");
        let failed = |source| rows::failed(act(), source);
        let find = "SELECT number, request FROM requests WHERE run = $1 AND number > $2 ORDER BY number";
        let find = sqlx::query_as(find).bind(run.as_str()).bind(rows::number(after));
        let found = self.connections.ask(async |connection| find.fetch_all(connection).await).await;
        rows::requests(run, found.map_err(failed)?)
    }
}
