//! Test data in a SQLite file.

mod catalogue;
mod order;

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::ports::{FailureKind, PortError, TableCount, TestDataStore};
use conductor_core::run::RunId;
use conductor_core::units::Span;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Row};

use catalogue::Checked;

/// How long one statement waits for another writer before the store counts as busy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What to delete from a SQLite file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SqliteTestDataSettings {
    /// The store's name, for people.
    pub name: String,
    /// The database file.
    pub path: PathBuf,
    /// The tables in which runs leave rows.
    pub tables: Vec<Table>,
    /// Rows deleted in one transaction.
    #[serde(default = "default_batch_size")]
    pub batch_size: u32,
    /// Rest between two transactions.
    #[serde(default)]
    pub pause: Span,
}

fn default_batch_size() -> u32 {
    500
}

/// One table and how its rows are known to be of a run: exactly one of `tagColumn` and `via`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Table {
    /// The table.
    pub table: String,
    /// The column that holds the run's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag_column: Option<String>,
    /// The parent row that has the tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
}

/// A column that points at a parent row, which must be declared too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Via {
    /// The column of the table.
    pub column: String,
    /// The parent's table.
    pub references: String,
    /// The parent's column.
    pub parent_column: String,
}

/// Test data in a SQLite file.
pub struct SqliteTestData {
    settings: SqliteTestDataSettings,
}

impl SqliteTestData {
    /// A store for these settings. The file is looked at when it is used.
    pub fn new(settings: SqliteTestDataSettings) -> Self {
        Self { settings }
    }

    async fn connect(&self, read_only: bool) -> Result<SqliteConnection, PortError> {
        let path = &self.settings.path;
        if !path.is_file() {
            let act = format!("test data {}: there is no database {}", self.settings.name, path.display());
            return Err(PortError::new(FailureKind::NotFound, act));
        }
        SqliteConnectOptions::new()
            .filename(path)
            .read_only(read_only)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .connect()
            .await
            .map_err(|source| self.failed("could not open", source))
    }

    fn failed(&self, act: &str, source: sqlx::Error) -> PortError {
        let act = format!("test data {}: {act} {}", self.settings.name, self.settings.path.display());
        because(act, source)
    }

    async fn checked(&self, connection: &mut SqliteConnection) -> Result<Vec<Checked>, PortError> {
        let tables = catalogue::check(&self.settings, connection).await?;
        order::children_first(&self.settings.name, tables)
    }

    async fn count_table(
        &self,
        connection: &mut SqliteConnection,
        table: &Checked,
        run: &RunId,
    ) -> Result<u64, PortError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(table.count_sql()))
            .bind(run.as_str())
            .fetch_one(connection)
            .await
            .map_err(|source| self.failed(&format!("could not count {} in", table.name), source))?;
        let rows: i64 =
            row.try_get(0).map_err(|source| self.failed(&format!("could not count {} in", table.name), source))?;
        Ok(rows.unsigned_abs())
    }

    /// Deletes one table's rows, batch by batch, until a batch comes out short.
    async fn delete_table(
        &self,
        connection: &mut SqliteConnection,
        table: &Checked,
        run: &RunId,
    ) -> Result<u64, PortError> {
        let batch = u64::from(self.settings.batch_size);
        let mut total = 0;
        loop {
            let done = sqlx::query(sqlx::AssertSqlSafe(table.delete_sql()))
                .bind(run.as_str())
                .bind(i64::from(self.settings.batch_size))
                .execute(&mut *connection)
                .await
                .map_err(|source| self.failed(&format!("could not delete from {} in", table.name), source))?
                .rows_affected();
            total += done;
            if done < batch {
                return Ok(total);
            }
            tokio::time::sleep(self.settings.pause.as_duration()).await;
        }
    }
}

#[async_trait]
impl TestDataStore for SqliteTestData {
    fn name(&self) -> String {
        self.settings.name.clone()
    }

    async fn count(&self, run: &RunId) -> Result<Vec<TableCount>, PortError> {
        let mut connection = self.connect(true).await?;
        let mut counts = Vec::new();
        for table in self.checked(&mut connection).await? {
            let rows = self.count_table(&mut connection, &table, run).await?;
            counts.push(TableCount { table: table.name, rows });
        }
        connection.close().await.map_err(|source| self.failed("could not close", source))?;
        Ok(counts)
    }

    async fn delete(&self, run: &RunId) -> Result<Vec<TableCount>, PortError> {
        let mut connection = self.connect(false).await?;
        let mut counts = Vec::new();
        for table in self.checked(&mut connection).await? {
            let rows = self.delete_table(&mut connection, &table, run).await?;
            counts.push(TableCount { table: table.name, rows });
        }
        connection.close().await.map_err(|source| self.failed("could not close", source))?;
        Ok(counts)
    }
}

/// The error of an act on the database, with the database's words once; sqlx would say them twice.
fn because(act: String, source: sqlx::Error) -> PortError {
    let kind = kind(&source);
    if let sqlx::Error::Database(words) = source {
        return PortError::because(kind, act, words.into_error());
    }
    PortError::because(kind, act, source)
}

/// Busy and locked databases are worth another try; what the database refuses is not.
fn kind(error: &sqlx::Error) -> FailureKind {
    const BUSY: &str = "5";
    const LOCKED: &str = "6";
    let Some(database) = error.as_database_error() else { return FailureKind::Unavailable };
    match database.code() {
        Some(code) if code == BUSY || code == LOCKED || database.message().contains("locked") => {
            FailureKind::Unavailable
        }
        Some(_) | None => FailureKind::Rejected,
    }
}
