//! The one table of statuses: what each error is to a caller, with its details. A load test that fails is none.

use std::error::Error;
use std::num::NonZeroU32;
use std::time::Duration;

use conductor_access::{Denied, Refusal};
use conductor_core::failure::PortError;
use conductor_core::ports::StoreError;
use conductor_core::run::RequestId;
use conductor_core::spec::{SpecError, Violation};
use conductor_engine::{StartError, UpdateError, ViewError};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

/// When to try again what will soon be possible.
const SOON: Duration = Duration::from_secs(5);

/// Statuses travel in headers, which clients refuse when they are long, so that nobody would read why: longest message,
/// longest description of a field, and most of these.
const LONGEST: usize = 2000;
const LONGEST_VIOLATION: usize = 400;
const VIOLATIONS: usize = 20;

/// A load test, or a change of one, that makes no sense.
pub(crate) fn of_spec(error: &SpecError) -> Status {
    let violation = |found: &Violation| {
        let description = format!("{}; expected {}", found.problem, found.expected);
        FieldViolation::new(short(found.field.clone(), LONGEST_VIOLATION), short(description, LONGEST_VIOLATION))
    };
    let violations: Vec<FieldViolation> = error.violations.iter().take(VIOLATIONS).map(violation).collect();
    let text = short(error.to_string(), LONGEST);
    Status::with_error_details(Code::InvalidArgument, text, ErrorDetails::with_bad_request(violations))
}

/// A text of callers, cut where it is longer than anything sensible.
fn short(mut text: String, longest: usize) -> String {
    if text.len() > longest {
        text.truncate(text.floor_char_boundary(longest));
        text.push('…');
    }
    text
}

/// A field of a request that makes no sense.
pub(crate) fn of_field(field: &str, problem: impl Into<String>, expected: impl Into<String>) -> Status {
    let violation = Violation { field: field.to_owned(), problem: problem.into(), expected: expected.into() };
    of_spec(&SpecError { violations: vec![violation] })
}

/// Why a run was not started.
pub(crate) fn of_start(error: &StartError) -> Status {
    match error {
        StartError::Claimed { environment, .. } => unmet("ENVIRONMENT_IN_USE", environment, error),
        StartError::Unfinished { environment, .. } => unmet("RUN_UNFINISHED", environment, error),
        StartError::Awaited { environment, .. } => unmet("ENVIRONMENT_AWAITED", environment, error),
        StartError::Connect { environment, source } => of_environment(environment, source, error),
        StartError::Unusable { environment, .. } => unmet("ENVIRONMENT_UNUSABLE", environment, error),
        StartError::Baseline { run, .. } => unmet("BASELINE_UNUSABLE", run.as_str(), error),
        StartError::RequestReused { request, .. } => taken(request, "a run of another load test"),
        StartError::Unreadable { request, source, .. } => of_lost(request, source),
        StartError::TakingOver | StartError::HandedOver => later(error),
        StartError::Store(source) => of_store(source, error),
    }
}

/// Why a run was not changed.
pub(crate) fn of_update(error: &UpdateError) -> Status {
    match error {
        UpdateError::Change(violations) => of_spec(violations),
        UpdateError::PastDeadline { .. } => {
            let violation = FieldViolation::new("plateau", error.to_string());
            let details = ErrorDetails::with_bad_request(vec![violation]);
            Status::with_error_details(Code::InvalidArgument, error.to_string(), details)
        }
        UpdateError::Searches(run) => unmet("RUN_SEARCHES", run.as_str(), error),
        UpdateError::LoadIsOver { run, .. } => unmet("LOAD_IS_OVER", run.as_str(), error),
        UpdateError::Replay { .. } => Status::data_loss(chain(error)),
        UpdateError::Store(source) => of_store(source, error),
    }
}

/// Why a run is not shown.
pub(crate) fn of_view(error: &ViewError) -> Status {
    match error {
        ViewError::Replay { .. } => Status::data_loss(chain(error)),
        ViewError::Store(source) => of_store(source, error),
    }
}

/// Why a store did not do what it was asked for, as `whole` tells it.
pub(crate) fn of_store(error: &StoreError, whole: &(dyn Error + 'static)) -> Status {
    match error {
        StoreError::UnknownRun(run) => {
            let details = ErrorDetails::with_resource_info("run", run.as_str(), "", error.to_string());
            Status::with_error_details(Code::NotFound, error.to_string(), details)
        }
        StoreError::Claimed { environment, .. } => unmet("ENVIRONMENT_IN_USE", environment, whole),
        StoreError::Requested { request, .. } => taken(request, "a run before"),
        StoreError::Conflict { .. } => Status::aborted(chain(whole)),
        StoreError::Lost { .. } | StoreError::Unavailable { .. } => later(whole),
    }
}

/// Why an environment could not be looked at.
pub(crate) fn of_port(environment: &str, error: &PortError) -> Status {
    of_environment(environment, error, error)
}

/// Why an environment cannot be used, as `whole` tells it: what may pass by itself is tried again.
fn of_environment(environment: &str, error: &PortError, whole: &(dyn Error + 'static)) -> Status {
    if error.kind.is_transient() { later(whole) } else { unmet("ENVIRONMENT_UNUSABLE", environment, whole) }
}

/// Why somebody is not let in, or may not do what they ask for.
pub(crate) fn of_denied(denied: &Denied) -> Status {
    let text = denied.public();
    match denied.refusal() {
        Refusal::Unauthenticated => Status::unauthenticated(text),
        Refusal::Forbidden => Status::permission_denied(text),
        Refusal::Unavailable => again(Code::Unavailable, text, SOON),
    }
}

/// More calls than a caller may make.
pub(crate) fn too_many(per_second: NonZeroU32, wait: Duration) -> Status {
    let text =
        format!("the caller makes more than {per_second} calls a second; try again in {} ms", wait.as_millis() + 1);
    again(Code::ResourceExhausted, &text, wait)
}

/// A change that the audit trail cannot tell of.
pub(crate) fn untrailed() -> Status {
    let text = "the audit trail cannot be written; nothing is changed until it can be";
    again(Code::Unavailable, text, SOON)
}

/// What the conductor cannot say, though it should.
pub(crate) fn unsayable(error: &serde_json::Error) -> Status {
    Status::internal(format!("the answer could not be written: {error}"))
}

/// A request is named as one before it was. Its run is not told: it may be of an environment that the caller must not see.
fn taken(request: &RequestId, what: &str) -> Status {
    let text = format!("request {request} has made {what}; expected an id that was not used before");
    let details = ErrorDetails::with_resource_info("request", request.as_str(), "", text.clone());
    Status::with_error_details(Code::AlreadyExists, text, details)
}

/// The run that a request has made cannot be read. It is not named, for the same reason.
fn of_lost(request: &RequestId, error: &ViewError) -> Status {
    match error {
        ViewError::Replay { source, .. } => {
            let why = chain(source);
            Status::data_loss(format!("the journal of the run that request {request} has made makes no sense: {why}"))
        }
        ViewError::Store(source) => of_store(source, source),
    }
}

/// Something must be otherwise before it can be done.
fn unmet(kind: &str, subject: &str, error: &(dyn Error + 'static)) -> Status {
    let text = chain(error);
    let details = ErrorDetails::with_precondition_failure_violation(kind, subject, text.clone());
    Status::with_error_details(Code::FailedPrecondition, text, details)
}

/// The same call may do in a moment.
fn later(error: &(dyn Error + 'static)) -> Status {
    again(Code::Unavailable, &chain(error), SOON)
}

fn again(code: Code, text: &str, after: Duration) -> Status {
    Status::with_error_details(code, text, ErrorDetails::with_retry_info(Some(after)))
}

/// An error with its reasons.
fn chain(error: &(dyn Error + 'static)) -> String {
    let (mut text, mut reason) = (error.to_string(), error.source());
    while let Some(found) = reason {
        text = format!("{text}: {found}");
        reason = found.source();
    }
    text
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
