//! Calls of Hoverfly and Skipper: short, never redirected, and with errors that hold no secret.

use std::time::Duration;

use conductor_core::ports::{FailureKind, PortError};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode};

/// The longest that a call may take.
const PATIENCE: Duration = Duration::from_secs(5);
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);
/// The longest answer that is read, in bytes: metrics of a router with thousands of routes.
const LONGEST: usize = 32 << 20;

/// A client for both. A TLS provider of `rustls` must be installed.
pub(crate) fn client() -> Result<Client, PortError> {
    let builder =
        Client::builder().redirect(Policy::none()).no_proxy().connect_timeout(CONNECT_PATIENCE).timeout(PATIENCE);
    let failed = |error| PortError::because(FailureKind::Rejected, "could not set up the HTTP client for mocks", error);
    builder.build().map_err(failed)
}

/// Sends a request and reads the answer to it, which must be a good one.
pub(crate) async fn text(request: RequestBuilder, act: &str) -> Result<String, PortError> {
    let failed = |error: reqwest::Error| PortError::because(FailureKind::Unavailable, act, error.without_url());
    let mut response = request.send().await.map_err(failed)?;
    let status = response.status();
    if !status.is_success() {
        let kind = if status.is_server_error() { FailureKind::Unavailable } else { FailureKind::Rejected };
        return Err(PortError::new(kind, format!("{act}: it answered with {}", told(status))));
    }
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(failed)? {
        if body.len() + part.len() > LONGEST {
            return Err(PortError::new(
                FailureKind::Rejected,
                format!("{act}: the answer is longer than {LONGEST} bytes"),
            ));
        }
        body.extend_from_slice(&part);
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// A status in words, with what would be done about it where that is known.
fn told(status: StatusCode) -> String {
    let code = status.as_u16();
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            format!("status {code}; expected tokenEnv to name a token that it takes")
        }
        StatusCode::NOT_FOUND => format!("status {code}; expected an address of the right program there"),
        _ => format!("status {code}; expected 200"),
    }
}
