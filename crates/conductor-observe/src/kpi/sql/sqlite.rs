//! A count in a SQLite file, which is opened to be read.

use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use super::settings::SqliteFileSettings;
use super::statement::Statement;
use super::{Value, bound};

/// After how many steps of SQLite's machine it is looked whether the time is over.
const STEPS: i32 = 10_000;

pub(super) async fn number(
    file: &SqliteFileSettings,
    statement: &Statement,
    values: &[Value],
    limit: Duration,
) -> Result<Option<i64>, sqlx::Error> {
    if !file.path.is_file() {
        return Err(sqlx::Error::Configuration(format!("there is no database {}", file.path.display()).into()));
    }
    let options = SqliteConnectOptions::new().filename(&file.path).read_only(true).busy_timeout(limit);
    let mut connection = options.disable_statement_logging().connect().await?;
    let until = Instant::now() + limit;
    connection.lock_handle().await?.set_progress_handler(STEPS, move || Instant::now() < until);
    let arguments: SqliteArguments = bound(values)?;
    let text = format!("SELECT CAST(({}) AS INTEGER)", statement.text(|_, _| "?".to_owned()));
    let row = sqlx::query_with(AssertSqlSafe(text), arguments).fetch_one(&mut connection).await?;
    let number = row.try_get(0)?;
    // What was asked for is answered; the connection is gone either way.
    let _ = connection.close().await;
    Ok(number)
}
