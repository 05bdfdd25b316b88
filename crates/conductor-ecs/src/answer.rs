//! What AWS answers, as the error of a port, and whether what was asked for may have been done all the same.

use std::error::Error;

use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use conductor_core::ports::{FailureKind, PortError};

/// Characters of a message that are kept: some echo whole task definitions.
const KEPT: usize = 400;

/// What ECS says of several registrations of one family at the same time.
const TOO_MANY_AT_ONCE: &str = "Too many concurrent attempts to create a new revision";

/// A call that failed.
#[derive(Debug)]
pub(crate) struct Failed {
    /// What is known of it.
    pub(crate) outcome: Outcome,
    /// It as the error of a port.
    pub(crate) error: PortError,
}

/// What is known of a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was one too many, and is not done.
    Throttled,
    /// It was refused for now, and is not done.
    Busy,
    /// No answer has come, or one that does not say: it may be done.
    Unknown,
    /// It was refused, and would be once more.
    Refused,
}

impl Failed {
    /// What becomes of an act that failed, such as `could not describe services of cluster shop`.
    pub(crate) fn of<E>(act: &str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let Some(code) = error.code().map(str::to_owned) else { return Self::without_code(act, error) };
        let status = error.raw_response().map_or(0, |response| response.status().as_u16());
        let message = cut(error.message().unwrap_or_default());
        let (kind, outcome) = match message.contains(TOO_MANY_AT_ONCE) {
            // It comes under the code of everything that a caller does wrong.
            true => (FailureKind::Unavailable, Outcome::Busy),
            false => meaning(&code, status),
        };
        let said = if message.is_empty() { code } else { format!("{message} ({code})") };
        Self { outcome, error: PortError::because(kind, act, said) }
    }

    fn without_code<E>(act: &str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: Error + Send + Sync + 'static,
    {
        let status = error.raw_response().map_or(0, |response| response.status().as_u16());
        let is_ours = matches!(error, SdkError::ConstructionFailure(_));
        let (kind, outcome) = match status {
            _ if is_ours => (FailureKind::Rejected, Outcome::Refused),
            429 => (FailureKind::Unavailable, Outcome::Throttled),
            400..=499 => (FailureKind::Rejected, Outcome::Refused),
            _ => (FailureKind::Unavailable, Outcome::Unknown),
        };
        let is_late = matches!(error, SdkError::TimeoutError(_));
        let text = if is_late { "no answer in time".to_owned() } else { cut(&chain(&error)) };
        let text = if status == 0 { text } else { format!("{text} (HTTP {status})") };
        Self { outcome, error: PortError::because(kind, act, text) }
    }
}

/// What the code of an error means.
fn meaning(code: &str, status: u16) -> (FailureKind, Outcome) {
    match code {
        "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "SlowDown"
        | "BandwidthLimitExceeded" => (FailureKind::Unavailable, Outcome::Throttled),
        // Somebody else changes it at this moment, or the credentials are about to be renewed.
        "ConcurrentUpdateException"
        | "UpdateInProgressException"
        | "ExpiredTokenException"
        | "ExpiredToken"
        | "RequestExpired" => (FailureKind::Unavailable, Outcome::Busy),
        "ServiceNotFoundException"
        | "ClusterNotFoundException"
        | "ObjectNotFoundException"
        | "ResourceNotFoundException"
        | "ServiceNotActiveException" => (FailureKind::NotFound, Outcome::Refused),
        "ServerException"
        | "InternalServiceException"
        | "InternalFailure"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "ServiceUnavailableException" => (FailureKind::Unavailable, Outcome::Unknown),
        _ if status >= 500 => (FailureKind::Unavailable, Outcome::Unknown),
        _ if status == 429 => (FailureKind::Unavailable, Outcome::Throttled),
        _ => (FailureKind::Rejected, Outcome::Refused),
    }
}

/// An error with its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let told = cause.to_string();
        if !text.ends_with(&told) {
            text = format!("{text}: {told}");
        }
        source = cause.source();
    }
    text
}

/// A text of others, with no more of it than people read.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(KEPT) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::error::ErrorMetadata;
    use aws_sdk_ecs::operation::update_service::UpdateServiceError;
    use conductor_core::failure::Failure;

    use super::*;

    fn answered(code: Option<&str>, status: u16) -> Failed {
        let mut meta = ErrorMetadata::builder().message("because");
        if let Some(code) = code {
            meta = meta.code(code);
        }
        let error = UpdateServiceError::generic(meta.build());
        let response = HttpResponse::new(status.try_into().unwrap(), "".into());
        Failed::of("could not update service cart", SdkError::service_error(error, response))
    }

    #[test]
    fn only_what_may_pass_by_itself_is_tried_again_and_only_what_was_not_done_is_sent_again() {
        use FailureKind::{NotFound, Rejected, Unavailable};
        for (code, status, kind, outcome) in [
            ("ThrottlingException", 400, Unavailable, Outcome::Throttled),
            ("ConcurrentUpdateException", 400, Unavailable, Outcome::Busy),
            ("AccessDeniedException", 400, Rejected, Outcome::Refused),
            ("ClientException", 400, Rejected, Outcome::Refused),
            ("InvalidParameterException", 400, Rejected, Outcome::Refused),
            ("ServiceNotFoundException", 400, NotFound, Outcome::Refused),
            ("ServiceNotActiveException", 400, NotFound, Outcome::Refused),
            ("ServerException", 500, Unavailable, Outcome::Unknown),
            ("WhoKnows", 503, Unavailable, Outcome::Unknown),
            ("WhoKnows", 429, Unavailable, Outcome::Throttled),
        ] {
            let failed = answered(Some(code), status);
            assert_eq!((failed.error.kind, failed.outcome), (kind, outcome), "{code}");
        }
        for (status, kind, outcome) in [(502, Unavailable, Outcome::Unknown), (403, Rejected, Outcome::Refused)] {
            let failed = answered(None, status);
            assert_eq!((failed.error.kind, failed.outcome), (kind, outcome), "{status}");
        }
        let silent = Failed::of::<UpdateServiceError>("act", SdkError::timeout_error("late"));
        assert_eq!((silent.error.kind, silent.outcome), (Unavailable, Outcome::Unknown));
        let ours = Failed::of::<UpdateServiceError>("act", SdkError::construction_failure("no region"));
        assert_eq!((ours.error.kind, ours.outcome), (Rejected, Outcome::Refused));
    }

    #[test]
    fn the_words_of_aws_are_kept_with_their_code() {
        let told = |failed: Failed| Failure::of("", &failed.error).message;
        assert_eq!(
            told(answered(Some("AccessDeniedException"), 400)),
            "could not update service cart: because (AccessDeniedException)"
        );
        let silent = Failed::of::<UpdateServiceError>("could not update service cart", SdkError::timeout_error("late"));
        assert_eq!(told(silent), "could not update service cart: no answer in time");
        assert!(cut(&"ö".repeat(5000)).chars().count() < 500);
    }
}
