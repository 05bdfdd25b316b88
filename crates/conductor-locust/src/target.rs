//! Whether the system under load can be reached at all, found out before anything is changed for it.

use std::time::Duration;

use conductor_core::ports::{FailureKind, PortError};
use tokio::net::TcpStream;

const LONGEST: Duration = Duration::from_secs(5);

/// Connects once to the host that the users will call; nothing is sent.
///
/// Hosts that are no addresses (of users that speak something else than HTTP) are not looked at.
pub(crate) async fn reachable(host: &str) -> Result<(), PortError> {
    let Ok(url) = reqwest::Url::parse(host) else { return Ok(()) };
    let (Some(name), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return Ok(()) };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let act = format!(
        "the users' target {host} cannot be reached; expected a running system there, another locust.host, or \
         locust.checkTarget: false where only Locust can reach it"
    );
    match tokio::time::timeout(LONGEST, TcpStream::connect((name, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(PortError::because(FailureKind::Unavailable, act, error)),
        Err(_) => Err(PortError::because(FailureKind::Unavailable, act, format!("no answer within {LONGEST:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_target_that_is_not_there_is_named_with_what_can_be_done() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let host = format!("http://{}/shop", listener.local_addr().unwrap());
        assert!(reachable(&host).await.is_ok());
        drop(listener);
        let error = reachable(&host).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Unavailable);
        assert!(
            error.to_string().starts_with(&format!("the users' target {host} cannot be reached; expected")),
            "{error}"
        );
    }

    #[tokio::test]
    async fn what_is_no_address_is_left_to_locust() {
        assert!(reachable("kafka-bootstrap").await.is_ok());
    }
}
