//! From rows to records and back. A row that cannot be read is an error that names it, never skipped.

use conductor_core::phase::Event;
use conductor_core::ports::{RunRequest, RunSummary, StoreError};
use conductor_core::run::{Created, Record, RequestId, Revision, Run, RunId};
use conductor_core::spec::IfBusy;
use jiff::Timestamp;

use crate::folded::is_over;

/// A row of `records`: revision, time, event.
pub(crate) type RecordRow = (i64, String, String);

/// A row of `runs`: id, name, environment, time of its creation, whether it has ended, the request that has made it, and how it
/// waits.
pub(crate) type RunRow = (String, String, String, String, bool, Option<String>, Option<String>);

/// A row of `requests`: number and request.
pub(crate) type RequestRow = (i64, String);

/// The records of a run after a revision. There is no such run when there are no rows after 0.
pub(crate) fn journal(run: &RunId, after: Revision, rows: Vec<RecordRow>) -> Result<Vec<Record>, StoreError> {
    if rows.is_empty() && after == 0 {
        return Err(StoreError::UnknownRun(run.clone()));
    }
    rows.into_iter().map(|row| record(run, row)).collect()
}

fn record(run: &RunId, (revision, at, event): RecordRow) -> Result<Record, StoreError> {
    let act = || format!("could not understand record {revision} of run {run}");
    Ok(Record {
        revision: Revision::try_from(revision).map_err(|source| unavailable(act(), source))?,
        at: at.parse::<Timestamp>().map_err(|source| unavailable(act(), source))?,
        event: serde_json::from_str(&event).map_err(|source| unavailable(act(), source))?,
    })
}

/// The list of runs, newest first. Times as text do not sort as times do.
pub(crate) fn summaries(rows: Vec<RunRow>) -> Result<Vec<RunSummary>, StoreError> {
    let mut runs = rows.into_iter().map(summary).collect::<Result<Vec<RunSummary>, _>>()?;
    runs.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
    Ok(runs)
}

fn summary((id, name, environment, created, finished, request, waiting): RunRow) -> Result<RunSummary, StoreError> {
    let act = || format!("could not understand run {id} of the list of runs");
    let created = created.parse().map_err(|source| unavailable(act(), source))?;
    let known = id.parse().map_err(|source| unavailable(act(), source))?;
    let request = request.map(|request| request.parse()).transpose().map_err(|source| unavailable(act(), source))?;
    let waiting = waiting.map(|word| serde_json::from_value::<IfBusy>(word.into())).transpose();
    let waiting = waiting.map_err(|source| unavailable(act(), source))?;
    Ok(RunSummary { id: known, name, environment, created, finished, waiting, request })
}

/// What the list of runs says of one from now on, where a record changes that: whether it has ended. It does not wait then.
pub(crate) fn listed(record: &Record, folded: &Run) -> Option<bool> {
    let finished = is_over(folded);
    (finished || matches!(record.event, Event::Adopted { .. } | Event::Begun { .. })).then_some(finished)
}

/// How a run that is created waits, as its row says it.
pub(crate) fn waiting(created: &Created) -> Option<String> {
    created.waits.as_ref().map(|_| created.spec.if_busy.to_string())
}

/// Requests with their numbers.
pub(crate) fn requests(run: &RunId, rows: Vec<RequestRow>) -> Result<Vec<(u64, RunRequest)>, StoreError> {
    rows.into_iter().map(|row| request(run, row)).collect()
}

fn request(run: &RunId, (number, request): RequestRow) -> Result<(u64, RunRequest), StoreError> {
    let act = || format!("could not understand request {number} to run {run}");
    Ok((
        u64::try_from(number).map_err(|source| unavailable(act(), source))?,
        serde_json::from_str(&request).map_err(|source| unavailable(act(), source))?,
    ))
}

/// A number as databases have them. None of what is numbered ever comes near the end of these.
pub(crate) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A request has made this run before.
pub(crate) fn requested(request: &RequestId, run: &str) -> StoreError {
    match run.parse() {
        Ok(run) => StoreError::Requested { request: request.clone(), run },
        Err(source) => unavailable(format!("could not understand run {run} of request {request}"), source),
    }
}

pub(crate) fn unavailable(act: String, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable { act, source: source.into() }
}

/// The same for an error of the database.
pub(crate) fn failed(act: String, source: sqlx::Error) -> StoreError {
    unavailable(act, in_its_words(source))
}

/// An error of the database in its own words, which sqlx would say twice.
pub(crate) fn in_its_words(source: sqlx::Error) -> Box<dyn std::error::Error + Send + Sync> {
    if let sqlx::Error::Database(words) = source {
        return words.into_error();
    }
    Box::new(source)
}
