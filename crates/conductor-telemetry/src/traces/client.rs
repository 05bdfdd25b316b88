//! The HTTP client of the exporter. It knows the secrets of the headers, and tells them to nobody but the collector.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

use crate::error::TelemetryError;
use crate::settings::{HeaderSettings, TraceSettings};
use crate::traces::exporter::{Cause, chain};

/// The client of one collector. The exporter's thread has no runtime, so requests are made on that of the program.
pub(super) struct Client {
    http: reqwest::Client,
    runtime: Handle,
    cause: Arc<Cause>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    pub(super) fn new(
        settings: &TraceSettings,
        variable: &dyn Fn(&str) -> Option<String>,
        runtime: Handle,
        cause: Arc<Cause>,
    ) -> Result<Self, TelemetryError> {
        let mut headers = HeaderMap::new();
        for (position, header) in settings.headers.iter().enumerate() {
            let (name, value) = read(header, &format!("traces.headers[{position}]"), variable)?;
            headers.append(name, value);
        }
        // Spans for one collector are for no other, and neither are the headers.
        let mut builder = reqwest::Client::builder()
            .timeout(settings.timeout.as_duration())
            .redirect(reqwest::redirect::Policy::none())
            .default_headers(headers);
        if let Some(path) = &settings.ca_file {
            let field = "traces.caFile";
            let pem = std::fs::read(path).map_err(|source| TelemetryError::File {
                field: field.to_owned(),
                path: path.clone(),
                source,
            })?;
            let certificate = reqwest::Certificate::from_pem_bundle(&pem).ok().filter(|found| !found.is_empty());
            let certificate = certificate.ok_or_else(|| {
                let problem = format!("{} holds no certificate", path.display());
                TelemetryError::setting(field, problem, "a file of certificates in PEM")
            })?;
            builder = builder.tls_certs_merge(certificate);
        }
        let http = builder.build().map_err(|error| TelemetryError::Exporter(Box::new(error)))?;
        Ok(Self { http, runtime, cause })
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let http = self.http.clone();
        let sending = self.runtime.spawn(async move {
            let answer = http.execute(request.try_into()?).await?;
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = answer.status();
            *response.headers_mut() = answer.headers().clone();
            *response.body_mut() = answer.bytes().await?;
            Ok::<_, reqwest::Error>(response)
        });
        // The address is told by whoever warns; it may hold a password.
        let sent = sending.await?.map_err(reqwest::Error::without_url);
        self.cause.keep(sent.as_ref().err().map(|error| chain(error)));
        Ok(sent?)
    }
}

/// A header's value, from where it stands.
fn read(
    header: &HeaderSettings,
    field: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(HeaderName, HeaderValue), TelemetryError> {
    let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| {
        let problem = format!("{:?} is no name of a header", header.name);
        TelemetryError::setting(format!("{field}.name"), problem, "one such as Authorization")
    })?;
    let (field, value) = match (&header.env, &header.file) {
        (Some(env), None) => {
            let field = format!("{field}.env");
            let value = variable(env).ok_or_else(|| {
                TelemetryError::setting(&field, format!("the variable {env} is not set"), "one that holds the value")
            })?;
            (field, value)
        }
        (None, Some(path)) => {
            let field = format!("{field}.file");
            let value = std::fs::read_to_string(path).map_err(|source| TelemetryError::File {
                field: field.clone(),
                path: path.clone(),
                source,
            })?;
            (field, value)
        }
        (None, None) => return Err(TelemetryError::setting(field, "it has no value", "either env or file")),
        (Some(_), Some(_)) => return Err(TelemetryError::setting(field, "it has two values", "either env or file")),
    };
    // What it is, is not told: it may be a secret.
    let unusable =
        || TelemetryError::setting(field, "it cannot be the value of a header", "one line of printable ASCII");
    let mut value = HeaderValue::from_str(value.trim()).map_err(|_| unusable())?;
    value.set_sensitive(true);
    Ok((name, value))
}
