//! JSON over HTTP by the same contract: a call in JSON becomes one of gRPC for everything behind this layer, and its answer
//! JSON again.
//!
//! It is `POST /conductor.v1.LoadTestService/METHOD` with the content type `application/json`. The answers of a stream are
//! lines of JSON, each of which is sent at once.

mod frames;
mod refusal;
mod twice;

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::StreamExt;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, TE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, StreamBody};
use prost_reflect::prost::Message;
use prost_reflect::{DeserializeOptions, DynamicMessage, MethodDescriptor};
use serde::de::DeserializeSeed;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::contract::CONTRACT;
use frames::{Frames, framed};
use refusal::{in_json, refused};
use twice::Once;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const LINES: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// Puts JSON in front of services that speak gRPC.
#[derive(Clone, Copy)]
pub(crate) struct JsonLayer {
    /// Longest request, in bytes.
    pub(crate) longest: usize,
}

/// A service that speaks both.
#[derive(Clone)]
pub(crate) struct Json<S> {
    inner: S,
    longest: usize,
}

impl<S> Layer<S> for JsonLayer {
    type Service = Json<S>;

    fn layer(&self, inner: S) -> Json<S> {
        Json { inner, longest: self.longest }
    }
}

impl<S> Service<Request<Body>> for Json<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The one that is ready is called, not its clone.
        let clone = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, clone);
        let longest = self.longest;
        Box::pin(async move {
            match Language::of(&request) {
                Language::Grpc => ready.call(request).await,
                Language::Json => translate(ready, request, longest).await,
                Language::Other(kind) => Ok(of_another_kind(&kind)),
            }
        })
    }
}

/// What a caller speaks.
enum Language {
    Grpc,
    Json,
    /// Something else, of this content type.
    Other(String),
}

impl Language {
    fn of<B>(request: &Request<B>) -> Self {
        let kind = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        let kind = String::from_utf8_lossy(kind).to_ascii_lowercase();
        match kind.split(';').next().unwrap_or_default().trim() {
            "application/json" => Self::Json,
            grpc if grpc == "application/grpc" || grpc.starts_with("application/grpc+") => Self::Grpc,
            _ => Self::Other(kind),
        }
    }
}

fn of_another_kind(kind: &str) -> Response<Body> {
    let given = if kind.is_empty() {
        "the request has no content type".to_owned()
    } else {
        format!("the request's content type is {kind:?}")
    };
    let mut response =
        refused(&Status::invalid_argument(format!("{given}; expected application/json, or application/grpc")));
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response
}

/// The request goes on before it is read, so that nobody's is read whom nobody behind this layer lets in.
async fn translate<S>(mut grpc: S, request: Request<Body>, longest: usize) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    let Some(method) = method(request.uri().path()) else {
        let text =
            format!("there is no method {}; expected /conductor.v1.LoadTestService/METHOD", request.uri().path());
        return Ok(refused(&Status::unimplemented(text)));
    };
    if request.method() != Method::POST {
        let text = format!("{} is called by POST, not by {}", method.name(), request.method());
        let mut response = refused(&Status::unimplemented(text));
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return Ok(response);
    }
    let answer = grpc.call(in_grpc(&method, request, longest)).await?;
    Ok(if method.is_server_streaming() { lines(&method, answer) } else { one(&method, answer).await })
}

/// The method that a path names.
fn method(path: &str) -> Option<MethodDescriptor> {
    let (service, name) = path.strip_prefix('/')?.split_once('/')?;
    CONTRACT.get_service_by_name(service)?.methods().find(|method| method.name() == name)
}

/// The message that a request's JSON says.
async fn read(method: &MethodDescriptor, body: Body, longest: usize) -> Result<Vec<u8>, Status> {
    let body = Limited::new(body, longest).collect().await.map_err(|error| {
        if error.downcast_ref::<LengthLimitError>().is_some() {
            Status::out_of_range(format!("the request is longer than {longest} bytes"))
        } else {
            Status::cancelled(format!("the request ended too early: {error}"))
        }
    })?;
    let text = body.to_bytes();
    let text = if text.is_empty() { Bytes::from_static(b"{}") } else { text };
    let mut json = serde_json::Deserializer::from_slice(&text);
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let message = Once("").deserialize(&mut serde_json::Deserializer::from_slice(&text)).and_then(|()| {
        let message = DynamicMessage::deserialize_with_options(method.input(), &mut json, &options)?;
        json.end().map(|()| message)
    });
    let message = message.map_err(|error| {
        Status::invalid_argument(format!("the request is no {}: {error}", method.input().full_name()))
    })?;
    Ok(message.encode_to_vec())
}

/// The same request in gRPC. What is wrong with its JSON is told to whoever reads the message.
fn in_grpc(method: &MethodDescriptor, request: Request<Body>, longest: usize) -> Request<Body> {
    let (mut parts, body) = request.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    parts.headers.insert(TE, HeaderValue::from_static("trailers"));
    let method = method.clone();
    let message = async move { read(&method, body, longest).await.map(|message| Frame::data(framed(&message))) };
    Request::from_parts(parts, Body::new(StreamBody::new(futures::stream::once(Box::pin(message)))))
}

/// The only answer of a method.
async fn one(method: &MethodDescriptor, answer: Response<Body>) -> Response<Body> {
    match message(answer).await.and_then(|message| json(method, message)) {
        Ok(text) => {
            let mut response = Response::new(Body::new(Full::new(text)));
            response.headers_mut().insert(CONTENT_TYPE, JSON);
            response
        }
        Err(status) => refused(&status),
    }
}

async fn message(answer: Response<Body>) -> Result<Bytes, Status> {
    if let Some(status) = Status::from_header_map(answer.headers()) {
        ok(Some(status))?;
    }
    let body = answer.into_body().collect().await?;
    ok(body.trailers().and_then(Status::from_header_map))?;
    let mut frames = Frames::default();
    frames.push(&body.to_bytes());
    frames.next()?.ok_or_else(|| Status::internal("the service has answered nothing"))
}

/// Nothing, where the status is that all went well.
fn ok(status: Option<Status>) -> Result<(), Status> {
    match status {
        Some(status) if status.code() == tonic::Code::Ok => Ok(()),
        Some(status) => Err(status),
        None => Err(Status::unavailable("the answer has ended too early")),
    }
}

/// The answers of a stream, a line each; where it ends with an error, that is the last line.
fn lines(method: &MethodDescriptor, answer: Response<Body>) -> Response<Body> {
    // Nothing was answered before it.
    if let Some(status) = Status::from_header_map(answer.headers()).filter(|status| status.code() != tonic::Code::Ok) {
        return refused(&status);
    }
    let method = method.clone();
    let mut body = answer.into_body();
    let lines = async_stream::stream! {
        let mut frames = Frames::default();
        let mut end = None;
        while let Some(frame) = body.frame().await {
            let data = match frame.map(Frame::into_data) {
                Ok(Ok(data)) => data,
                Ok(Err(frame)) => {
                    end = frame.into_trailers().ok().as_ref().and_then(Status::from_header_map);
                    continue;
                }
                Err(status) => {
                    end = Some(status);
                    break;
                }
            };
            frames.push(&data);
            while let Some(message) = frames.next().transpose() {
                match message.and_then(|message| json(&method, message)) {
                    Ok(line) => yield line,
                    Err(status) => yield in_json(&status),
                }
            }
        }
        if let Err(status) = ok(end) {
            yield in_json(&status);
        }
    };
    let ends = lines.map(|line| Ok::<_, Infallible>(Frame::data([&line[..], b"\n"].concat().into())));
    let mut response = Response::new(Body::new(StreamBody::new(ends)));
    response.headers_mut().insert(CONTENT_TYPE, LINES);
    response
}

fn json(method: &MethodDescriptor, message: Bytes) -> Result<Bytes, Status> {
    let unsayable =
        |error: &dyn std::fmt::Display| Status::internal(format!("the answer could not be written: {error}"));
    let message = DynamicMessage::decode(method.output(), message).map_err(|error| unsayable(&error))?;
    serde_json::to_vec(&message).map(Bytes::from).map_err(|error| unsayable(&error))
}
