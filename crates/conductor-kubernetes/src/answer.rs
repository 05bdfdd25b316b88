//! Waiting for the API server's answers: none is waited for too long, and a server that asks for a pause gets it.

use std::future::Future;
use std::time::Duration;

use conductor_core::ports::{FailureKind, PortError};

use crate::error::failed;

/// The longest wait for one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// The longest pause that is made because the server asks for it; what is longer is the caller's to decide.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often one call is made because the server asks for pauses.
const TRIES: u32 = 4;

/// Makes a call. `act` is what failed if it fails, such as `could not scale shop/checkout`.
pub(crate) async fn answer<T, F>(act: &str, mut call: impl FnMut() -> F) -> Result<T, PortError>
where
    F: Future<Output = kube::Result<T>>,
{
    match attempt(act, &mut call).await? {
        Ok(answer) => Ok(answer),
        Err(error) => Err(failed(act, error)),
    }
}

/// Makes a call and gives the server's refusal to the caller, who decides by it; only a server that does not answer is an
/// error of the port.
pub(crate) async fn attempt<T, F>(act: &str, mut call: impl FnMut() -> F) -> Result<kube::Result<T>, PortError>
where
    F: Future<Output = kube::Result<T>>,
{
    for _ in 1..TRIES {
        let answer = timely(act, call()).await?;
        match answer.as_ref().err().and_then(pause) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Ok(answer),
        }
    }
    timely(act, call()).await
}

async fn timely<T>(act: &str, call: impl Future<Output = T>) -> Result<T, PortError> {
    tokio::time::timeout(ANSWER_WITHIN, call).await.map_err(|_| {
        let why = format!("the API server did not answer within {} s", ANSWER_WITHIN.as_secs());
        PortError::because(FailureKind::Unavailable, act, why)
    })
}

/// The pause that a server asks for.
fn pause(error: &kube::Error) -> Option<Duration> {
    let kube::Error::Api(status) = error else { return None };
    let asked = status.details.as_ref().map_or(0, |details| details.retry_after_seconds);
    let pause = Duration::from_secs(u64::from(asked));
    (status.code == 429 && !pause.is_zero() && pause <= LONGEST_PAUSE).then_some(pause)
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn busy(seconds: u32) -> kube::Error {
        let details = serde_json::from_value(serde_json::json!({ "retryAfterSeconds": seconds })).unwrap();
        kube::Error::Api(Status::failure("busy", "TooManyRequests").with_code(429).with_details(details).boxed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_server_gets_the_pause_it_asks_for() {
        let began = tokio::time::Instant::now();
        let mut calls = 0;
        let answered = answer("could not look", || {
            calls += 1;
            std::future::ready(if calls < 3 { Err(busy(7)) } else { Ok(calls) })
        });
        assert_eq!(answered.await.unwrap(), 3);
        assert_eq!(began.elapsed(), Duration::from_secs(14));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stays_busy_or_asks_for_too_much_is_told_of() {
        let mut calls = 0;
        let error = answer::<(), _>("could not look", || {
            calls += 1;
            std::future::ready(Err(busy(1)))
        });
        assert_eq!(error.await.unwrap_err().kind, FailureKind::Unavailable);
        assert_eq!(calls, TRIES);
        let error = answer::<(), _>("could not look", || std::future::ready(Err(busy(3600))));
        assert_eq!(error.await.unwrap_err().kind, FailureKind::Unavailable);
    }

    #[tokio::test(start_paused = true)]
    async fn no_answer_is_waited_for_longer_than_its_time() {
        let error = answer::<(), _>("could not look", std::future::pending).await.unwrap_err();
        let text = conductor_core::failure::Failure::of("", &error).message;
        assert_eq!(text, "could not look: the API server did not answer within 20 s");
    }
}
