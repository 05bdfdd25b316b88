//! A count in MySQL or MariaDB: in a transaction that reads, in UTC, with the server's own limit.

use std::time::Duration;

use sqlx::mysql::MySqlArguments;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use super::settings::{SqlServerSettings, TimeFormat};
use super::statement::{Parameter, Statement};
use super::{Value, bound};

const PORT: u16 = 3306;

pub(super) async fn number(
    server: &SqlServerSettings,
    password: Option<&str>,
    statement: &Statement,
    times: TimeFormat,
    values: &[Value],
    limit: Duration,
) -> Result<Option<i64>, sqlx::Error> {
    server.tls.check()?;
    let mut connection = server.on(PORT, password).mysql().connect().await?;
    // MariaDB and MySQL call the same limit differently; each reads only the comment that is its own.
    let parameters = format!(
        "SET SESSION time_zone = '+00:00' /*M!, max_statement_time = {} */ /*!80000, max_execution_time = {} */",
        limit.as_secs_f64(),
        limit.as_millis()
    );
    sqlx::raw_sql(AssertSqlSafe(parameters)).execute(&mut connection).await?;
    let mut transaction = connection.begin_with("START TRANSACTION READ ONLY").await?;
    let arguments: MySqlArguments = bound(values)?;
    let text = statement.text(|_, parameter| match (parameter, times) {
        (Parameter::From | Parameter::To, TimeFormat::Timestamp) => "CAST(? AS DATETIME(6))".to_owned(),
        (Parameter::From | Parameter::To, TimeFormat::Text | TimeFormat::Seconds | TimeFormat::Milliseconds)
        | (Parameter::Run, _) => "?".to_owned(),
    });
    // A sum is a decimal, and a count is not; a derived table has no list of columns in every version.
    let text = format!("SELECT CAST(({text}) AS SIGNED)");
    let row = sqlx::query_with(AssertSqlSafe(text), arguments).persistent(false).fetch_one(&mut *transaction).await?;
    let number = row.try_get(0)?;
    transaction.rollback().await?;
    // What was asked for is answered; the connection is gone either way.
    let _ = connection.close().await;
    Ok(number)
}
