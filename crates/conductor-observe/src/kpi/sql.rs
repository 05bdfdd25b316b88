//! Rows of a database, counted by one statement that only reads.

mod mysql;
mod postgres;
mod settings;
mod sqlite;
mod statement;

use std::time::Duration;

use async_trait::async_trait;
use conductor_core::crosscheck::Counts;
use conductor_core::load::KpiSample;
use conductor_core::ports::{FailureKind, KpiSource, PortError};
use conductor_core::run::RunId;
use conductor_core::units::Span;
use jiff::Timestamp;
pub use settings::{SqlKpiSettings, SqlServerSettings, SqliteFileSettings, TimeFormat};
use sqlx::{Arguments, Encode, Type};
use statement::{Parameter, Statement};

use super::readings::{Reading, Readings, sample};
use super::{NumberKind, Per};

/// How much longer than the database's own limit an answer is waited for, connecting included.
const GRACE: Duration = Duration::from_secs(5);

/// Rows of a database, counted by one statement that only reads.
pub struct SqlKpi {
    settings: SqlKpiSettings,
    password: Option<String>,
    statement: Statement,
    readings: Readings,
}

/// A value that is bound.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Text(String),
    Seconds(f64),
    Milliseconds(i64),
}

/// The values, as one kind of database takes them.
fn bound<A>(values: &[Value]) -> Result<A, sqlx::Error>
where
    A: Arguments,
    String: Encode<'static, A::Database> + Type<A::Database>,
    f64: Encode<'static, A::Database> + Type<A::Database>,
    i64: Encode<'static, A::Database> + Type<A::Database>,
{
    let mut arguments = A::default();
    for value in values {
        let added = match value {
            Value::Text(text) => arguments.add(text.clone()),
            Value::Seconds(seconds) => arguments.add(*seconds),
            Value::Milliseconds(milliseconds) => arguments.add(*milliseconds),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

impl SqlKpi {
    /// A source for these settings, with the password that they name. The database is talked to when it is used.
    ///
    /// # Errors
    /// When the query is not one statement that reads.
    pub fn new(settings: SqlKpiSettings, password: Option<String>) -> Result<Self, PortError> {
        let statement = Statement::parse(&settings.query)
            .map_err(|why| PortError::new(FailureKind::Rejected, format!("query: {why}")))?;
        Ok(Self { settings, password, statement, readings: Readings::default() })
    }

    /// What is bound for each parameter.
    fn values(&self, run: &RunId, window: (Timestamp, Timestamp)) -> Vec<Value> {
        let time = |time: Timestamp| match self.settings.times {
            TimeFormat::Timestamp | TimeFormat::Text => Value::Text(utc(time)),
            TimeFormat::Seconds => Value::Seconds(time.as_duration().as_secs_f64()),
            TimeFormat::Milliseconds => Value::Milliseconds(time.as_millisecond()),
        };
        let value = |parameter: &Parameter| match parameter {
            Parameter::From => time(window.0),
            Parameter::To => time(window.1),
            Parameter::Run => Value::Text(run.to_string()),
        };
        self.statement.parameters().iter().map(value).collect()
    }

    /// The one number that the query gives.
    async fn number(&self, run: &RunId, window: (Timestamp, Timestamp)) -> Result<u64, PortError> {
        let (settings, values) = (&self.settings, self.values(run, window));
        let limit = settings.timeout.as_duration();
        let asked = async {
            match (&settings.postgres, &settings.mysql, &settings.sqlite) {
                (Some(server), _, _) => {
                    postgres::number(server, self.password.as_deref(), &self.statement, settings.times, &values, limit)
                        .await
                }
                (None, Some(server), _) => {
                    mysql::number(server, self.password.as_deref(), &self.statement, settings.times, &values, limit)
                        .await
                }
                (None, None, Some(file)) => sqlite::number(file, &self.statement, &values, limit).await,
                (None, None, None) => Err(sqlx::Error::Configuration("the settings name no database".into())),
            }
        };
        let act = || format!("could not count the KPI in {}", settings.place());
        let answered = tokio::time::timeout(limit + GRACE, asked).await.map_err(|_| {
            let text = format!("{}: no answer within {}", act(), Span::from(limit + GRACE));
            PortError::new(FailureKind::Unavailable, text)
        })?;
        let number = answered.map_err(|error| failed(act(), error))?;
        let number = number.ok_or_else(|| {
            let text = format!("{}: the query gives NULL, which is no count; use count(*), or coalesce(…, 0)", act());
            PortError::new(FailureKind::KpiUnmeasured, text)
        })?;
        u64::try_from(number).map_err(|_| {
            PortError::new(
                FailureKind::KpiUnmeasured,
                format!("{}: the query gives {number}, which is no count", act()),
            )
        })
    }
}

#[async_trait]
impl KpiSource for SqlKpi {
    async fn sample(&self, run: &RunId, since: Timestamp) -> Result<KpiSample, PortError> {
        let now = Timestamp::now();
        if !self.statement.has(Parameter::To) {
            let value = self.number(run, (since, now)).await? as f64;
            let reading = Reading { at: Timestamp::now(), value };
            return Ok(self.readings.window(since, reading, NumberKind::Counter, Per::default()));
        }
        // Rows are seen once their transaction is over; times of whole milliseconds survive every format.
        let settled = now.saturating_sub(self.settings.settle.as_duration()).unwrap_or(Timestamp::MIN);
        let to = Timestamp::from_millisecond(settled.as_millisecond()).unwrap_or(settled);
        if to <= since {
            return Ok(sample(since, since, Some(0), Vec::new()));
        }
        let count = self.number(run, (since, to)).await?;
        Ok(sample(since, to, Some(count), Vec::new()))
    }

    fn counts(&self) -> Counts {
        self.settings.counts()
    }
}

/// A time in UTC as every database reads it, to the microsecond.
fn utc(time: Timestamp) -> String {
    let text = format!("{time:.6}");
    text.trim_end_matches('Z').replace('T', " ")
}

/// The error of a count: what the database refuses will not become better by trying again.
fn failed(act: String, error: sqlx::Error) -> PortError {
    let unreadable =
        matches!(&error, sqlx::Error::Configuration(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::RowNotFound);
    let told = error.as_database_error().and_then(|told| told.code());
    let refused = unreadable || told.is_some_and(|code| is_refusal(&code));
    let kind = if refused { FailureKind::Rejected } else { FailureKind::Unavailable };
    PortError::because(kind, act, error)
}

/// Classes of SQLSTATE that say that the statement, or who asks, is not right; in SQLite an error of the statement is 1.
fn is_refusal(code: &str) -> bool {
    code == "1" || ["22", "25", "28", "3D", "42"].iter().any(|class| code.len() == 5 && code.starts_with(class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_to_the_microsecond() {
        let time: Timestamp = "2026-11-24T14:00:00.5+02:00".parse().unwrap();
        assert_eq!(utc(time), "2026-11-24 12:00:00.500000");
    }

    #[test]
    fn a_refusal_is_told_from_a_database_that_is_not_there() {
        for (code, expected) in [("42P01", true), ("28P01", true), ("1", true), ("57014", false), ("08006", false)] {
            assert_eq!(is_refusal(code), expected, "{code}");
        }
    }
}
