//! A count in PostgreSQL: in a transaction that reads, in UTC, with the server's own limit.

use std::time::Duration;

use conductor_database::{DatabaseTls, DatabaseTlsMode};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use super::settings::{SqlServerSettings, TimeFormat};
use super::statement::{Parameter, Statement};
use super::{Value, bound, readable};

const PORT: u16 = 5432;

pub(super) async fn number(
    server: &SqlServerSettings,
    password: Option<&str>,
    statement: &Statement,
    times: TimeFormat,
    values: &[Value],
    limit: Duration,
) -> Result<Option<i64>, sqlx::Error> {
    readable(&server.tls)?;
    let mut connection = options(server, password).connect().await?;
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

fn options(server: &SqlServerSettings, password: Option<&str>) -> PgConnectOptions {
    let DatabaseTls { mode, ca_file, cert_file, key_file } = &server.tls;
    let mode = match mode {
        _ if server.host.starts_with('/') => PgSslMode::Disable,
        DatabaseTlsMode::VerifyFull => PgSslMode::VerifyFull,
        DatabaseTlsMode::VerifyCa => PgSslMode::VerifyCa,
        DatabaseTlsMode::Require => PgSslMode::Require,
        DatabaseTlsMode::Disable => PgSslMode::Disable,
    };
    // An empty password keeps that of somebody's PGPASSWORD out.
    let mut options = PgConnectOptions::new_without_pgpass()
        .host(&server.host)
        .port(server.port.unwrap_or(PORT))
        .database(&server.database)
        .username(&server.user)
        .password(password.unwrap_or_default())
        .application_name("loadtest-conductor")
        .ssl_mode(mode)
        .disable_statement_logging();
    if let Some(file) = ca_file {
        options = options.ssl_root_cert(file);
    }
    if let (Some(certificate), Some(key)) = (cert_file, key_file) {
        options = options.ssl_client_cert(certificate).ssl_client_key(key);
    }
    options
}
