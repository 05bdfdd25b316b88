//! From rows to records and back. A row that cannot be read is an error that names it, never skipped.

use conductor_core::ports::{RunRequest, RunSummary, StoreError};
use conductor_core::run::{Record, Revision, RunId};
use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

pub(crate) fn record(run: &RunId, row: &SqliteRow) -> Result<Record, StoreError> {
    let act = || format!("could not read a record of run {run}");
    let revision: i64 = row.try_get("revision").map_err(|source| failed(act(), source))?;
    let at: String = row.try_get("at").map_err(|source| failed(act(), source))?;
    let event: String = row.try_get("event").map_err(|source| failed(act(), source))?;
    let act = || format!("could not understand record {revision} of run {run}");
    Ok(Record {
        revision: Revision::try_from(revision).map_err(|source| unavailable(act(), source))?,
        at: at.parse::<Timestamp>().map_err(|source| unavailable(act(), source))?,
        event: serde_json::from_str(&event).map_err(|source| unavailable(act(), source))?,
    })
}

pub(crate) fn summary(row: &SqliteRow) -> Result<RunSummary, StoreError> {
    let act = || "could not read the list of runs".to_owned();
    let text = |column: &str| row.try_get::<String, _>(column).map_err(|source| unavailable(act(), source));
    Ok(RunSummary {
        id: text("id")?.parse().map_err(|source| unavailable(act(), source))?,
        name: text("name")?,
        environment: text("environment")?,
        created: text("created")?.parse().map_err(|source| unavailable(act(), source))?,
        finished: row.try_get("finished").map_err(|source| unavailable(act(), source))?,
    })
}

pub(crate) fn request(run: &RunId, row: &SqliteRow) -> Result<(u64, RunRequest), StoreError> {
    let act = || format!("could not read a request to run {run}");
    let number: i64 = row.try_get("number").map_err(|source| failed(act(), source))?;
    let request: String = row.try_get("request").map_err(|source| failed(act(), source))?;
    let act = || format!("could not understand request {number} to run {run}");
    Ok((
        u64::try_from(number).map_err(|source| unavailable(act(), source))?,
        serde_json::from_str(&request).map_err(|source| unavailable(act(), source))?,
    ))
}

pub(crate) fn unavailable(act: String, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable { act, source: source.into() }
}

/// The same for an error of the database, whose own words sqlx would say twice.
pub(crate) fn failed(act: String, source: sqlx::Error) -> StoreError {
    if let sqlx::Error::Database(words) = source {
        return unavailable(act, words.into_error());
    }
    unavailable(act, source)
}
