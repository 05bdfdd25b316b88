//! The exporter, and what is said when the collector is away: once at first, and seldom after that.

use std::sync::{Mutex, PoisonError};
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
    trouble: Mutex<Option<Trouble>>,
}

/// A collector that is away.
#[derive(Debug)]
struct Trouble {
    told: Instant,
    lost: usize,
}

impl Exporter {
    pub(super) fn new(inner: opentelemetry_otlp::SpanExporter, endpoint: String) -> Self {
        Self { inner, endpoint, trouble: Mutex::new(None) }
    }

    fn failed(&self, spans: usize, error: &dyn std::error::Error) {
        let mut kept = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = kept.is_none();
        let trouble = kept.get_or_insert_with(|| Trouble { told: Instant::now(), lost: 0 });
        trouble.lost += spans;
        if is_new || trouble.told.elapsed() >= WARNED_EACH {
            trouble.told = Instant::now();
            let (endpoint, lost) = (self.without_password(), trouble.lost);
            tracing::warn!(endpoint, lost, error = chain(error), "spans cannot be sent to the collector and are lost");
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

fn chain(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message.push_str(": ");
        message.push_str(&cause.to_string());
        source = cause.source();
    }
    message
}
