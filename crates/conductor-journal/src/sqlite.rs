//! The store of one machine: one SQLite file in the state folder, and a lock file for each environment.

mod claim;

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::phase::Event;
use conductor_core::ports::{Claim, RunRequest, RunRequests, RunStore, RunSummary, StoreError};
use conductor_core::run::{Record, RequestId, Revision, Run, RunId};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Row, SqlitePool};

use crate::folded::{Folded, conflict};
use crate::open_error::OpenError;
use crate::rows;

/// How long a writer waits for another process' write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Journals in one SQLite file.
pub struct SqliteStore {
    state_dir: PathBuf,
    pool: SqlitePool,
    folded: Folded,
}

impl SqliteStore {
    /// True when the state folder has a journal.
    pub fn exists(state_dir: &Path) -> bool {
        state_dir.join("journal.db").exists()
    }

    /// Opens the journal in the state folder; creates both where they are missing.
    ///
    /// # Errors
    /// When the folder cannot be made, or the file is not a journal this version can read.
    pub async fn open(state_dir: &Path) -> Result<Self, OpenError> {
        let path = state_dir.join("journal.db");
        let failed =
            |source: Box<dyn std::error::Error + Send + Sync>| OpenError::new(path.display().to_string(), source);
        std::fs::create_dir_all(state_dir).map_err(|source| failed(Box::new(source)))?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new()
            .max_connections(2)
            .connect_with(options)
            .await
            .map_err(|source| failed(Box::new(source)))?;
        sqlx::migrate!("migrations/sqlite").run(&pool).await.map_err(|source| failed(Box::new(source)))?;
        Ok(Self { state_dir: state_dir.to_owned(), pool, folded: Folded::default() })
    }

    async fn insert(&self, run: &RunId, record: &Record, folded: &Run, event: &str) -> Result<(), StoreError> {
        let failed = |source| rows::failed(format!("could not append record {} to run {run}", record.revision), source);
        let mut connection = self.pool.acquire().await.map_err(failed)?;
        let result = transact(&mut connection, run, record, folded, event).await;
        if let Err(StoreError::Unavailable { .. }) = result {
            // SQLite itself ends a transaction when the disk is full or fails. The connection would not know and never
            // begin another one, so that the run could not go on once there is room again.
            connection.close_on_drop();
        }
        result
    }
}

async fn transact(
    connection: &mut SqliteConnection,
    run: &RunId,
    record: &Record,
    folded: &Run,
    event: &str,
) -> Result<(), StoreError> {
    let act = || format!("could not append record {} to run {run}", record.revision);
    let failed = |source: sqlx::Error| rows::failed(act(), source);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    let last: i64 = sqlx::query("SELECT COALESCE(MAX(revision), 0) AS last FROM records WHERE run = ?")
        .bind(run.as_str())
        .fetch_one(&mut *transaction)
        .await
        .and_then(|row| row.try_get("last"))
        .map_err(failed)?;
    let found = Revision::try_from(last).map_err(|source| rows::unavailable(act(), source))?;
    if found + 1 != record.revision {
        return Err(conflict(run, record, found));
    }
    if let Event::Created(created) = &record.event {
        if let Some(request) = &created.request {
            let known = sqlx::query_scalar("SELECT id FROM runs WHERE request = ?").bind(request.as_str());
            let known: Option<String> = known.fetch_optional(&mut *transaction).await.map_err(failed)?;
            if let Some(known) = known {
                return Err(rows::requested(request, &known));
            }
        }
        sqlx::query("INSERT INTO runs (id, name, environment, created, request, waiting) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(run.as_str())
            .bind(&created.spec.name)
            .bind(&created.spec.environment)
            .bind(record.at.to_string())
            .bind(created.request.as_ref().map(RequestId::as_str))
            .bind(rows::waiting(created))
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
    }
    sqlx::query("INSERT INTO records (run, revision, at, event) VALUES (?, ?, ?, ?)")
        .bind(run.as_str())
        .bind(last + 1)
        .bind(record.at.to_string())
        .bind(event)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    if let Some(finished) = rows::listed(record, folded) {
        sqlx::query("UPDATE runs SET finished = ?, waiting = NULL WHERE id = ?")
            .bind(finished)
            .bind(run.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)
}

#[async_trait]
impl RunStore for SqliteStore {
    async fn append(&self, run: &RunId, record: &Record) -> Result<(), StoreError> {
        let event = serde_json::to_string(&record.event)
            .map_err(|source| rows::unavailable(format!("could not write down record {}", record.revision), source))?;
        let folded = self.folded.with(self, run, record).await?;
        self.insert(run, record, &folded, &event).await?;
        self.folded.keep(run, folded);
        Ok(())
    }

    async fn journal(&self, run: &RunId, after: Revision) -> Result<Vec<Record>, StoreError> {
        let find = "SELECT revision, at, event FROM records WHERE run = ? AND revision > ? ORDER BY revision";
        let found = sqlx::query_as(find)
            .bind(run.as_str())
            .bind(rows::number(after))
            .fetch_all(&self.pool)
            .await
            .map_err(|source| rows::failed(format!("could not read the journal of run {run}"), source))?;
        rows::journal(run, after, found)
    }

    async fn runs(&self) -> Result<Vec<RunSummary>, StoreError> {
        let found = sqlx::query_as("SELECT id, name, environment, created, finished, request, waiting FROM runs")
            .fetch_all(&self.pool)
            .await
            .map_err(|source| rows::failed("could not read the list of runs".to_owned(), source))?;
        rows::summaries(found)
    }

    async fn claim(&self, environment: &str) -> Result<Box<dyn Claim>, StoreError> {
        claim::claim(&self.state_dir, environment)
    }
}

#[async_trait]
impl RunRequests for SqliteStore {
    async fn ask(&self, run: &RunId, request: &RunRequest) -> Result<(), StoreError> {
        let act = || format!("could not leave a request for run {run}");
        let text = serde_json::to_string(request).map_err(|source| rows::unavailable(act(), source))?;
        let known = sqlx::query("INSERT INTO requests (run, request) SELECT id, ? FROM runs WHERE id = ?")
            .bind(text)
            .bind(run.as_str())
            .execute(&self.pool)
            .await
            .map_err(|source| rows::failed(act(), source))?;
        if known.rows_affected() == 0 { Err(StoreError::UnknownRun(run.clone())) } else { Ok(()) }
    }

    async fn asked(&self, run: &RunId, after: u64) -> Result<Vec<(u64, RunRequest)>, StoreError> {
        let act = || format!("could not look for requests to run {run}");
        let found = sqlx::query_as("SELECT number, request FROM requests WHERE run = ? AND number > ? ORDER BY number")
            .bind(run.as_str())
            .bind(rows::number(after))
            .fetch_all(&self.pool)
            .await
            .map_err(|source| rows::failed(act(), source))?;
        rows::requests(run, found)
    }
}
