//! Why a call was not answered: statuses of gRPC as errors for people, with exit codes.

use std::error::Error;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{FieldViolation, StatusExt};

use super::server_url::ServerUrl;
use crate::exit::{BAD_INPUT, FAILED, Failed, NOT_LET_IN, UNREACHABLE};

/// Why a call was not answered.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The server has said so, or could not be reached.
    Status(Box<Status>),
    /// The server is of the other scheme, as this text says.
    Scheme(String),
    /// The token could not be had.
    Token(anyhow::Error),
    /// There was an answer, which cannot be understood.
    Answer(String),
}

impl Refusal {
    /// True where the same call may do in a moment.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Status(status) => is_lost(status) || is_passing(status.code()),
            // Whoever gives it may be unwell for a moment, as a server may.
            Self::Token(_) => true,
            Self::Scheme(_) | Self::Answer(_) => false,
        }
    }

    /// How long the server wants to be left alone.
    pub(super) fn pause(&self) -> Option<Duration> {
        match self {
            Self::Status(status) => status.get_details_retry_info().and_then(|info| info.retry_delay),
            Self::Scheme(_) | Self::Token(_) | Self::Answer(_) => None,
        }
    }

    /// True where nobody has answered.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Status(status) if is_lost(status))
    }

    /// True where the server has not known the token.
    pub(super) fn is_unauthenticated(&self) -> bool {
        matches!(self, Self::Status(status) if status.code() == Code::Unauthenticated && !is_lost(status))
    }

    /// What the server finds wrong with single fields.
    pub(super) fn fields(&self) -> Vec<FieldViolation> {
        match self {
            Self::Status(status) => {
                status.get_details_bad_request().map(|found| found.field_violations).unwrap_or_default()
            }
            Self::Scheme(_) | Self::Token(_) | Self::Answer(_) => Vec::new(),
        }
    }

    /// For people.
    pub(super) fn failed(&self, server: &ServerUrl) -> Failed {
        match self {
            Self::Status(status) if is_lost(status) => {
                Failed::with(UNREACHABLE, format!("could not reach {server}: {}", reasons(status)))
            }
            Self::Status(status) => Failed::with(exit_code(status.code()), told(status, server)),
            Self::Scheme(problem) => Failed::input(problem),
            Self::Token(error) => Failed::with(NOT_LET_IN, format!("no token for {server}: {error:#}")),
            Self::Answer(problem) => Failed::with(FAILED, format!("the answer of {server} {problem}")),
        }
    }
}

/// True where nobody has answered: what a server says has no error of this process behind it.
fn is_lost(status: &Status) -> bool {
    status.source().is_some()
}

fn is_passing(code: Code) -> bool {
    match code {
        Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded => true,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss
        | Code::Unauthenticated => false,
    }
}

/// The same as for a run of this machine, and two of its own: an environment in use is something that could not be done,
/// a run that does not exist is an argument that is wrong.
fn exit_code(code: Code) -> u8 {
    match code {
        Code::InvalidArgument | Code::NotFound | Code::AlreadyExists | Code::OutOfRange => BAD_INPUT,
        Code::Unauthenticated | Code::PermissionDenied => NOT_LET_IN,
        Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded => UNREACHABLE,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss => FAILED,
    }
}

fn told(status: &Status, server: &ServerUrl) -> String {
    match (status.code(), status.message()) {
        (Code::Unimplemented, _) => {
            format!("{server} does not know this call: it is no conductord, or one of another version")
        }
        (code, "") => format!("{server} refused: {code}"),
        (_, message) => message.to_owned(),
    }
}

/// The errors behind a call that nobody has answered, each once.
fn reasons(status: &Status) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = status.source();
    while let Some(error) = next {
        let text = error.to_string();
        if !texts.iter().any(|told| told.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    fn server() -> ServerUrl {
        ServerUrl::read("https://a.example:7400").unwrap()
    }

    fn refusal(status: Status) -> Refusal {
        Refusal::Status(Box::new(status))
    }

    #[test]
    fn every_status_has_an_exit_code_and_its_own_words() {
        for (code, exit) in [
            (Code::InvalidArgument, 2),
            (Code::NotFound, 2),
            (Code::AlreadyExists, 2),
            (Code::OutOfRange, 2),
            (Code::Unauthenticated, 7),
            (Code::PermissionDenied, 7),
            (Code::Unavailable, 6),
            (Code::ResourceExhausted, 6),
            (Code::DeadlineExceeded, 6),
            (Code::FailedPrecondition, 1),
            (Code::Aborted, 1),
            (Code::Internal, 1),
            (Code::DataLoss, 1),
            (Code::Unknown, 1),
            (Code::Cancelled, 1),
        ] {
            let refusal = refusal(Status::new(code, "as it says"));
            let failed = refusal.failed(&server());
            assert_eq!((failed.code, failed.to_string().as_str()), (exit, "as it says"), "{code:?}");
            assert_eq!(refusal.may_pass(), exit == UNREACHABLE, "{code:?}");
        }
        let told = refusal(Status::new(Code::PermissionDenied, "")).failed(&server()).to_string();
        assert!(told.starts_with("https://a.example:7400 refused: "), "{told}");
        let told = refusal(Status::unimplemented("grpc says so")).failed(&server()).to_string();
        assert_eq!(
            told,
            "https://a.example:7400 does not know this call: it is no conductord, or one of another version"
        );
    }

    #[test]
    fn what_nobody_has_answered_is_told_with_its_reasons_and_may_pass() {
        let error = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "nobody listens");
        let refusal = refusal(Status::from_error(Box::new(error)));
        let failed = refusal.failed(&server());
        assert_eq!(
            (failed.code, failed.to_string().as_str()),
            (6, "could not reach https://a.example:7400: nobody listens")
        );
        assert!(refusal.may_pass());
    }

    #[test]
    fn details_tell_fields_and_pauses() {
        let details = ErrorDetails::with_bad_request_violation("spec.interval", "is odd; expected another");
        let refusal = Refusal::Status(Box::new(Status::with_error_details(Code::InvalidArgument, "odd", details)));
        assert_eq!(refusal.fields()[0].field, "spec.interval");
        let pause = Duration::from_secs(5);
        let details = ErrorDetails::with_retry_info(Some(pause));
        let refusal = Refusal::Status(Box::new(Status::with_error_details(Code::Unavailable, "soon", details)));
        assert_eq!((refusal.pause(), refusal.fields().len()), (Some(pause), 0));
    }

    #[test]
    fn a_token_that_cannot_be_had_is_as_good_as_none() {
        let refusal = Refusal::Token(anyhow::anyhow!("could not run login"));
        let failed = refusal.failed(&server());
        assert_eq!(
            (failed.code, failed.to_string().as_str()),
            (7, "no token for https://a.example:7400: could not run login")
        );
        assert!(refusal.may_pass() && !refusal.is_unauthenticated());
    }
}
