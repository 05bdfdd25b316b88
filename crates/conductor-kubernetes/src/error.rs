//! What the API server answers, as the error of a port. Long messages are cut: it may echo whole objects.

use conductor_core::ports::{FailureKind, PortError};
use kube::core::Status;

/// Characters of a message that are kept.
const KEPT: usize = 400;

/// The error of a port for an act that failed, such as `could not scale shop/checkout`.
pub(crate) fn failed(act: impl Into<String>, error: kube::Error) -> PortError {
    let kind = kind(&error);
    if let kube::Error::Api(status) = &error {
        return PortError::because(kind, act, said(status));
    }
    PortError::because(kind, act, error)
}

/// True when the answer is that there is no such object, or no such kind or namespace.
pub(crate) fn is_absent(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// What an answer means for trying again.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "kube adds kinds with every feature; those named here are decided on"
)]
fn kind(error: &kube::Error) -> FailureKind {
    match error {
        kube::Error::Api(status) => match status.code {
            404 => FailureKind::NotFound,
            // Somebody else wrote at the same time, a watch or a list is too old, the server is busy or in trouble.
            409 | 410 | 429 | 500..=599 => FailureKind::Unavailable,
            _ => FailureKind::Rejected,
        },
        kube::Error::HyperError(_)
        | kube::Error::Service(_)
        | kube::Error::ReadEvents(_)
        | kube::Error::HttpError(_) => FailureKind::Unavailable,
        _ => FailureKind::Rejected,
    }
}

/// The server's own words.
fn said(status: &Status) -> String {
    let text = if status.message.is_empty() { status.reason.clone() } else { status.message.clone() };
    format!("{} ({})", cut(text), status.code)
}

/// A text of others, with no more of it than people read.
pub(crate) fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(KEPT) {
        text.truncate(end);
        text.push_str(" …");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(code: u16, message: &str) -> kube::Error {
        kube::Error::Api(Status::failure(message, "Reason").with_code(code).boxed())
    }

    #[test]
    fn only_what_may_pass_by_itself_is_tried_again() {
        for (code, kind) in [
            (400, FailureKind::Rejected),
            (401, FailureKind::Rejected),
            (403, FailureKind::Rejected),
            (404, FailureKind::NotFound),
            (409, FailureKind::Unavailable),
            (410, FailureKind::Unavailable),
            (422, FailureKind::Rejected),
            (429, FailureKind::Unavailable),
            (500, FailureKind::Unavailable),
            (503, FailureKind::Unavailable),
        ] {
            assert_eq!(failed("act", api(code, "why")).kind, kind, "{code}");
        }
    }

    #[test]
    fn the_servers_words_are_kept_but_not_the_whole_object_it_may_echo() {
        let failure = |message: &str| {
            conductor_core::failure::Failure::of("scale", &failed("could not scale shop/checkout", api(422, message)))
                .message
        };
        assert_eq!(failure("exceeded quota"), "could not scale shop/checkout: exceeded quota (422)");
        assert!(failure(&"ö".repeat(5000)).len() < 1000);
        assert!(failure("").ends_with("Reason (422)"));
    }
}
