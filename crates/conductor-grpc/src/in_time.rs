//! Requests that have to come in time, so that nobody holds a connection by beginning one and never ending it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;
use tonic::Status;
use tonic::body::Body;

/// How long a request may take to come: a megabyte over the slowest of lines.
const LONGEST: Duration = Duration::from_secs(20);

/// A body that fails when its end does not come in time.
struct InTime {
    body: Body,
    late: Pin<Box<Sleep>>,
}

/// The same body, which has to come in time from now on.
pub(crate) fn in_time(body: Body) -> Body {
    Body::new(InTime { body, late: Box::pin(tokio::time::sleep(LONGEST)) })
}

impl http_body::Body for InTime {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        if polled.is_pending() && this.late.as_mut().poll(context).is_ready() {
            let text = format!("the request has not come within {} s", LONGEST.as_secs());
            return Poll::Ready(Some(Err(Status::deadline_exceeded(text))));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::StreamExt;
    use http_body_util::{BodyExt, StreamBody};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_that_does_not_end_is_an_error_after_a_while() {
        let begin = Instant::now();
        let first = futures::stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"{")))]);
        let mut body = in_time(Body::new(StreamBody::new(first.chain(futures::stream::pending()))));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "{");
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(error.message(), "the request has not come within 20 s");
        assert_eq!((error.code(), begin.elapsed()), (tonic::Code::DeadlineExceeded, LONGEST));
    }
}
