//! Answers that an API server gives when it cannot or will not do what it is asked.

use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::seen::{Seen, Verb};

/// An answer, as the API server words it for the object of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// 409: somebody else has changed the object since it was read.
    Conflict,
    /// 422 with `details`: the object would not be valid.
    Invalid,
    /// 422 without a word in its `details`: the `test` of a JSON patch failed, or the patch does not fit.
    FailedTest,
    /// 429: to be asked again after this time, in whole seconds; in the header and in the `details`.
    TooManyRequests(Duration),
    /// 500.
    InternalError,
    /// 503.
    Unavailable,
    /// 410: the resource version is too old. A watch gets it as the API server does it: 200, and an `ERROR` event at the end.
    Expired,
}

impl Answer {
    pub(crate) fn response(self, seen: &Seen) -> Response<Bytes> {
        let status = self.status(seen);
        let (code, body) = match (self, seen.verb) {
            (Self::Expired, Verb::Watch) => (StatusCode::OK, expired_event()),
            _ => (self.code(), Bytes::from(status.to_string())),
        };
        let mut response = Response::new(body);
        *response.status_mut() = code;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Self::TooManyRequests(wait) = self {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
        }
        response
    }

    const fn code(self) -> StatusCode {
        match self {
            Self::Conflict => StatusCode::CONFLICT,
            Self::Invalid | Self::FailedTest => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Expired => StatusCode::GONE,
        }
    }

    fn status(self, seen: &Seen) -> Value {
        let object = &seen.object;
        let kind = match &*object.api_group {
            "" => object.resource.clone(),
            group => format!("{}.{group}", object.resource),
        };
        let named = || {
            let mut details = json!({ "name": object.name, "kind": object.resource });
            if !object.api_group.is_empty() {
                details["group"] = object.api_group.clone().into();
            }
            details
        };
        let (reason, message, details) = match self {
            Self::Conflict => (
                "Conflict",
                format!(
                    "Operation cannot be fulfilled on {kind} \"{}\": the object has been modified; please apply your \
                     changes to the latest version and try again",
                    object.name
                ),
                Some(named()),
            ),
            Self::Invalid => {
                let complaint = "Invalid value: refused by the fault proxy";
                let mut details = named();
                details["causes"] = json!([{ "reason": "FieldValueInvalid", "message": complaint, "field": "spec" }]);
                ("Invalid", format!("{kind} \"{}\" is invalid: spec: {complaint}", object.name), Some(details))
            }
            Self::FailedTest => {
                let message = "the server rejected our request due to an error in our request";
                ("Invalid", message.to_owned(), Some(json!({})))
            }
            Self::TooManyRequests(wait) => {
                let details = json!({ "retryAfterSeconds": wait.as_secs() });
                ("TooManyRequests", "too many requests, says the fault proxy".to_owned(), Some(details))
            }
            Self::InternalError => {
                let cause = "by order of the fault proxy";
                let details = json!({ "causes": [{ "message": cause }] });
                ("InternalError", format!("Internal error occurred: {cause}"), Some(details))
            }
            Self::Unavailable => ("ServiceUnavailable", "unavailable, says the fault proxy".to_owned(), None),
            Self::Expired => return expired(),
        };
        failure(self.code(), reason, &message, details)
    }
}

/// What a watch ends with when its resource version is too old: one line of its stream.
pub(crate) fn expired_event() -> Bytes {
    Bytes::from(format!("{}\n", json!({ "type": "ERROR", "object": expired() })))
}

fn expired() -> Value {
    failure(StatusCode::GONE, "Expired", "too old resource version, says the fault proxy", None)
}

fn failure(code: StatusCode, reason: &str, message: &str, details: Option<Value>) -> Value {
    let mut status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code.as_u16(),
    });
    if let Some(details) = details {
        status["details"] = details;
    }
    status
}
