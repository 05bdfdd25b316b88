//! The deadlines of callers: who waits no longer is told so, and what was done for them alone is given up. A change that has begun
//! goes on, as it does for a caller who goes away; a watch that has begun has no deadline here, but its caller hangs up.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

/// The header in which callers of gRPC say how long they wait.
const HEADER: &str = "grpc-timeout";
/// The longest number that it may have, in digits.
const DIGITS: usize = 8;

/// Ends calls at their callers' deadlines.
#[derive(Clone, Copy)]
pub(crate) struct DeadlineLayer;

/// Services whose calls end so.
#[derive(Clone)]
pub(crate) struct Deadline<S> {
    inner: S,
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline { inner }
    }
}

impl<S> Service<Request<Body>> for Deadline<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // Tonic's own answer to the header would be CANCELLED, a moment later.
        let deadline = said(request.headers()).and_then(|waits| Instant::now().checked_add(waits).zip(Some(waits)));
        let answer = self.inner.call(request);
        Box::pin(async move {
            let Some((deadline, waits)) = deadline else { return answer.await };
            tokio::select! {
                biased;
                answer = answer => answer,
                () = tokio::time::sleep_until(deadline) => {
                    let text = format!("the call has not ended within the {waits:?} that its caller gave it");
                    Ok(Status::deadline_exceeded(text).into_http())
                }
            }
        })
    }
}

/// How long a caller waits, where they say it in order.
fn said(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(HEADER)?.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let is_number = (1..=DIGITS).contains(&number.len()) && number.bytes().all(|digit| digit.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| is_number)?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use futures::future::{BoxFuture, pending};
    use tonic::Code;
    use tower::service_fn;

    use super::*;

    fn waits(text: &str) -> Option<Duration> {
        said(&HeaderMap::from_iter([(HEADER.parse().unwrap(), text.parse().unwrap())]))
    }

    #[test]
    fn a_deadline_is_eight_digits_and_a_unit() {
        let second = Some(Duration::from_secs(1));
        for text in ["1S", "1000m", "1000000u", "00000001S"] {
            assert_eq!(waits(text), second, "{text}");
        }
        assert_eq!(waits("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        assert_eq!((waits("2M"), waits("5n")), (Some(Duration::from_secs(120)), Some(Duration::from_nanos(5))));
        for text in ["", "S", "1", "1s", "+1S", "-1S", "123456789S", "1.5S", "é"] {
            assert_eq!(
                said(&HeaderMap::from_iter([(
                    HEADER.parse().unwrap(),
                    http::HeaderValue::from_bytes(text.as_bytes()).unwrap()
                )])),
                None,
                "{text}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_takes_longer_than_its_caller_waits_is_given_up() {
        type Answer = BoxFuture<'static, Result<Response<Body>, Infallible>>;
        let never = service_fn(|_: Request<Body>| -> Answer { Box::pin(pending()) });
        let mut request = Request::new(Body::empty());
        request.headers_mut().insert(HEADER, "250m".parse().unwrap());
        let begun = Instant::now();
        let answer = DeadlineLayer.layer(never).call(request).await.unwrap();
        let status = Status::from_header_map(answer.headers()).unwrap();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(status.message(), "the call has not ended within the 250ms that its caller gave it");
        assert_eq!(begun.elapsed(), Duration::from_millis(250));
    }
}
