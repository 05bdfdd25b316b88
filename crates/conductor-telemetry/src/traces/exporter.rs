//! The exporter, and what is said when the collector is away: once at first, and seldom after that.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// How often a collector that stays away is spoken of.
const WARNED_EACH: Duration = Duration::from_secs(10 * 60);

/// Sends spans, and tells when that fails.
#[derive(Debug)]
pub(super) struct Exporter {
    inner: opentelemetry_otlp::SpanExporter,
    endpoint: String,
    cause: Arc<Cause>,
    trouble: Mutex<Option<Trouble>>,
}

/// Why the last request had no answer, which the exporter of the library calls a network error and leaves out.
#[derive(Debug, Default)]
pub(super) struct Cause(Mutex<Option<String>>);

impl Cause {
    /// What is so of the last request; `None` where it had an answer.
    pub(super) fn keep(&self, cause: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cause;
    }

    fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A collector that is away.
#[derive(Debug)]
struct Trouble {
    told: Instant,
    lost: usize,
}

impl Exporter {
    pub(super) fn new(inner: opentelemetry_otlp::SpanExporter, endpoint: String, cause: Arc<Cause>) -> Self {
        Self { inner, endpoint, cause, trouble: Mutex::new(None) }
    }

    fn failed(&self, spans: usize, error: &dyn std::error::Error) {
        let mut kept = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = kept.is_none();
        let trouble = kept.get_or_insert_with(|| Trouble { told: Instant::now(), lost: 0 });
        trouble.lost += spans;
        if is_new || trouble.told.elapsed() >= WARNED_EACH {
            trouble.told = Instant::now();
            let (endpoint, lost) = (self.without_password(), trouble.lost);
            let error = self.cause.take().unwrap_or_else(|| chain(error));
            tracing::warn!(endpoint, lost, error, "spans cannot be sent to the collector and are lost");
        }
    }

    fn succeeded(&self) {
        let ended = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Trouble { lost, .. }) = ended {
            tracing::info!(endpoint = self.without_password(), lost, "the collector takes spans again");
        }
    }

    fn without_password(&self) -> String {
        let Some((scheme, rest)) = self.endpoint.split_once("://") else { return String::new() };
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        format!("{scheme}://{host}")
    }
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let sent = self.inner.export(batch).await;
        match &sent {
            Ok(()) => self.succeeded(),
            Err(error) => self.failed(spans, error),
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// An error with all of its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message.push_str(": ");
        message.push_str(&cause.to_string());
        source = cause.source();
    }
    message
}
