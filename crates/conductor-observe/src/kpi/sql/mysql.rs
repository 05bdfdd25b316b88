//! A count in MySQL or MariaDB: in a transaction that reads, in UTC, with the server's own limit.

use std::time::Duration;

use conductor_database::{DatabaseTls, DatabaseTlsMode};
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use super::settings::{SqlServerSettings, TimeFormat};
use super::statement::{Parameter, Statement};
use super::{Value, bound, readable};

const PORT: u16 = 3306;

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

fn options(server: &SqlServerSettings, password: Option<&str>) -> MySqlConnectOptions {
    let DatabaseTls { mode, ca_file, cert_file, key_file } = &server.tls;
    let mode = match mode {
        DatabaseTlsMode::VerifyFull => MySqlSslMode::VerifyIdentity,
        DatabaseTlsMode::VerifyCa => MySqlSslMode::VerifyCa,
        DatabaseTlsMode::Require => MySqlSslMode::Required,
        DatabaseTlsMode::Disable => MySqlSslMode::Disabled,
    };
    let mut options = MySqlConnectOptions::new()
        .host(&server.host)
        .port(server.port.unwrap_or(PORT))
        .username(&server.user)
        .database(&server.database)
        .ssl_mode(mode)
        .disable_statement_logging();
    if let Some(password) = password {
        options = options.password(password);
    }
    if let Some(file) = ca_file {
        options = options.ssl_ca(file);
    }
    if let (Some(certificate), Some(key)) = (cert_file, key_file) {
        options = options.ssl_client_cert(certificate).ssl_client_key(key);
    }
    options
}
