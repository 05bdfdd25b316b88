//! A count in PostgreSQL: in a transaction that reads, in UTC, with the server's own limit.

use std::time::Duration;

use sqlx::postgres::PgArguments;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use super::settings::{SqlServerSettings, TimeFormat};
use super::statement::{Parameter, Statement};
use super::{Value, bound};

const PORT: u16 = 5432;

pub(super) async fn number(
    server: &SqlServerSettings,
    password: Option<&str>,
    statement: &Statement,
    times: TimeFormat,
    values: &[Value],
    limit: Duration,
) -> Result<Option<i64>, sqlx::Error> {
    server.tls.check()?;
    let mut connection = server.on(PORT, password).postgres().connect().await?;
    let parameters = format!(
        "SET TimeZone = 'UTC'; SET default_transaction_read_only = on; SET statement_timeout = {}; SET row_security = off",
        limit.as_millis()
    );
    sqlx::raw_sql(AssertSqlSafe(parameters)).execute(&mut connection).await?;
    let mut transaction = connection.begin_with("BEGIN TRANSACTION READ ONLY").await?;
    let arguments: PgArguments = bound(values)?;
    // The server reads a time from text: a plain text beside a time is an error there.
    let text = statement.text(|place, parameter| match (parameter, times) {
        (Parameter::From | Parameter::To, TimeFormat::Timestamp) => format!("${place}::text::timestamptz"),
        (Parameter::From | Parameter::To, TimeFormat::Text | TimeFormat::Seconds | TimeFormat::Milliseconds)
        | (Parameter::Run, _) => format!("${place}"),
    });
    // A sum is a numeric, and a count is not.
    let text = format!("SELECT (counted.value)::bigint FROM ({text}) AS counted(value)");
    let row = sqlx::query_with(AssertSqlSafe(text), arguments).persistent(false).fetch_one(&mut *transaction).await?;
    let number = row.try_get(0)?;
    transaction.rollback().await?;
    // What was asked for is answered; the connection is gone either way.
    let _ = connection.close().await;
    Ok(number)
}
