//! Telling how long calls took and what became of them, of streams at their end.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::{Request, Response};
use http_body_util::{BodyExt, StreamBody};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use crate::code;
use crate::method::Method;

/// Hears of every call, once it is over.
pub trait CallObserver: Send + Sync {
    /// A call was answered: a method of the service by its name, any other one as `other`; the code by its name in gRPC,
    /// `CANCELLED` where the caller was gone before.
    fn answered(&self, method: &'static str, code: &'static str, took: Duration);
}

/// Tells of the calls of the services behind it.
#[derive(Clone)]
pub(crate) struct AnsweredLayer {
    pub(crate) observer: Arc<dyn CallObserver>,
}

/// Services whose calls are told of.
#[derive(Clone)]
pub(crate) struct Answered<S> {
    inner: S,
    observer: Arc<dyn CallObserver>,
}

impl<S> Layer<S> for AnsweredLayer {
    type Service = Answered<S>;

    fn layer(&self, inner: S) -> Answered<S> {
        Answered { inner, observer: Arc::clone(&self.observer) }
    }
}

impl<S> Service<Request<Body>> for Answered<S>
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
        let mut call = Call::of(request.uri().path(), Arc::clone(&self.observer));
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            if let Some(status) = Status::from_header_map(answer.headers()) {
                call.ended(&status);
                return Ok(answer);
            }
            Ok(answer.map(|body| told(body, call)))
        })
    }
}

/// A body that tells of its call at its end.
fn told(mut body: Body, mut call: Call) -> Body {
    Body::new(StreamBody::new(async_stream::stream! {
        while let Some(frame) = body.frame().await {
            match &frame {
                Ok(frame) => if let Some(status) = frame.trailers_ref().and_then(Status::from_header_map) {
                    call.ended(&status);
                },
                Err(status) => call.ended(status),
            }
            yield frame;
        }
    }))
}

/// A call that goes on. It is told of when it is dropped, whatever becomes of it.
struct Call {
    observer: Arc<dyn CallObserver>,
    method: &'static str,
    begun: Instant,
    code: Code,
}

impl Call {
    fn of(path: &str, observer: Arc<dyn CallObserver>) -> Self {
        let method = Method::of(path);
        let method = if method.is_ours() { method.name() } else { "other" };
        Self { observer, method, begun: Instant::now(), code: Code::Cancelled }
    }

    fn ended(&mut self, status: &Status) {
        self.code = status.code();
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.observer.answered(self.method, code::name(self.code), self.begun.elapsed());
    }
}
