//! Answers: as moto gave them, as the bed writes them, and refusals in the words of AWS.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use hyper::body::Bytes;
use serde_json::{Value, json};

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// What was asked for.
    pub(crate) fn done(value: &Value) -> Self {
        Self::new(StatusCode::OK, value)
    }

    /// A refusal with status 400, as nearly all of them are.
    pub(crate) fn refused(kind: &str, message: impl Into<String>) -> Self {
        Self::error(StatusCode::BAD_REQUEST, kind, &message.into())
    }

    pub(crate) fn error(status: StatusCode, kind: &str, message: &str) -> Self {
        let mut reply = Self::new(status, &json!({ "__type": kind, "message": message }));
        // A kind that is no header is in the body only, which is as good to clients.
        if let Ok(kind) = HeaderValue::from_str(kind) {
            reply.headers.insert("x-amzn-errortype", kind);
        }
        reply
    }

    fn new(status: StatusCode, value: &Value) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
        Self { status, headers, body: Bytes::from(value.to_string()) }
    }

    /// The document of an answer that is no refusal; else the refusal.
    pub(crate) fn document(self) -> Result<Value, Box<Self>> {
        if !self.status.is_success() {
            return Err(Box::new(self));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            let message = format!("the bed does not understand what moto has answered: {error}");
            Box::new(Self::error(StatusCode::INTERNAL_SERVER_ERROR, "ServerException", &message))
        })
    }

    /// The name and the words of a refusal.
    pub(crate) fn complaint(&self) -> (String, String) {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let kind = text("__type");
        let kind = kind.rsplit('#').next().unwrap_or_default().to_owned();
        let message = if body["message"].is_string() { text("message") } else { text("Message") };
        (kind, message)
    }
}

impl From<Response<Bytes>> for Reply {
    fn from(response: Response<Bytes>) -> Self {
        let (parts, body) = response.into_parts();
        let mut headers = parts.headers;
        // They are about the connection to moto.
        for name in ["connection", "content-length", "transfer-encoding", "date", "status"] {
            headers.remove(name);
        }
        Self { status: parts.status, headers, body }
    }
}
