//! Test data in a SQLite file.

mod catalogue;
mod foreign_keys;
mod settings;

use std::time::Duration;

use async_trait::async_trait;
use conductor_core::ports::{FailureKind, PortError, TableCount, TestDataStore};
use conductor_core::run::RunId;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Row};

pub use settings::SqliteTestDataSettings;

use crate::declaration::{Bind, Condition, RowGuardValue};
use crate::pace::Pace;
use catalogue::Checked;

/// How long one statement waits for another writer before the store counts as busy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

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

    /// Rows of the run that meet a condition; no more are counted than asked for.
    async fn count_rows(
        &self,
        connection: &mut SqliteConnection,
        table: &Checked,
        condition: &Condition,
        run: &RunId,
        most: Option<u64>,
    ) -> Result<u64, PortError> {
        let failed = |source| self.failed(&format!("could not count {} in", table.name), source);
        let row = sqlx::query_with(sqlx::AssertSqlSafe(table.count_sql(condition, most)), bound(condition, run))
            .fetch_one(connection)
            .await
            .map_err(failed)?;
        let rows: i64 = row.try_get(0).map_err(failed)?;
        Ok(rows.unsigned_abs())
    }

    /// Nothing is deleted anywhere when more rows carry the tag than a row guard lets pass.
    async fn guard(&self, connection: &mut SqliteConnection, tables: &[Checked], run: &RunId) -> Result<(), PortError> {
        for table in tables {
            let Some(most) = table.most_rows else { continue };
            let rows = self.count_rows(connection, table, &table.of_run, run, Some(most.saturating_add(1))).await?;
            if rows > most {
                return Err(crate::too_many(&self.settings.name, most, &table.name, run));
            }
        }
        Ok(())
    }

    /// Deletes one table's rows, batch by batch, until no more can be: a batch may come out short where rows wait for others
    /// of their own table.
    async fn delete_table(
        &self,
        connection: &mut SqliteConnection,
        table: &Checked,
        run: &RunId,
        pace: &mut Pace,
    ) -> Result<u64, PortError> {
        let sql = table.delete_sql(pace.at_most(u64::from(self.settings.batch_size)));
        let mut total = 0;
        loop {
            let done = sqlx::query_with(sqlx::AssertSqlSafe(sql.clone()), bound(&table.deletable, run))
                .execute(&mut *connection)
                .await
                .map_err(|source| self.failed(&format!("could not delete from {} in", table.name), source))?
                .rows_affected();
            if done == 0 {
                return Ok(total);
            }
            total += done;
            pace.after(done).await;
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
        for table in catalogue::check(&self.settings, &mut connection).await? {
            let all = self.count_rows(&mut connection, &table, &table.of_run, run, None).await?;
            let held = match &table.guarded {
                Some(guarded) => {
                    all.saturating_sub(self.count_rows(&mut connection, &table, guarded, run, None).await?)
                }
                None => 0,
            };
            counts.extend(crate::counts(&table.name, all, held));
        }
        connection.close().await.map_err(|source| self.failed("could not close", source))?;
        Ok(counts)
    }

    async fn delete(&self, run: &RunId) -> Result<Vec<TableCount>, PortError> {
        let mut connection = self.connect(false).await?;
        let mut counts = Vec::new();
        let tables = catalogue::check(&self.settings, &mut connection).await?;
        self.guard(&mut connection, &tables, run).await?;
        let mut pace = Pace::new(self.settings.rows_per_second);
        for table in tables {
            let rows = self.delete_table(&mut connection, &table, run, &mut pace).await?;
            counts.push(TableCount { table: table.name, rows });
        }
        connection.close().await.map_err(|source| self.failed("could not close", source))?;
        Ok(counts)
    }

    async fn check(&self) -> Result<Vec<String>, PortError> {
        let mut connection = self.connect(true).await?;
        catalogue::check(&self.settings, &mut connection).await?;
        connection.close().await.map_err(|source| self.failed("could not close", source))?;
        Ok(Vec::new())
    }
}

/// The values of a condition.
fn bound(condition: &Condition, run: &RunId) -> SqliteArguments {
    use sqlx::Arguments;
    let mut arguments = SqliteArguments::default();
    for bind in &condition.binds {
        // Encoding numbers and texts cannot fail.
        let _ = match bind {
            Bind::Run => arguments.add(run.as_str().to_owned()),
            Bind::Value(RowGuardValue::Flag(flag)) => arguments.add(*flag),
            Bind::Value(RowGuardValue::Number(number)) => arguments.add(*number),
            Bind::Value(RowGuardValue::Text(text)) => arguments.add(text.clone()),
        };
    }
    arguments
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
