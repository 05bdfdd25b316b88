//! Spans to a collector: by OTLP as protobuf over HTTP, in batches, beside the work and never in its way.
//!
//! Only what the conductor's own crates tell goes there: what libraries tell may hold secrets.

mod client;
mod exporter;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::error::TelemetryError;
use crate::settings::TraceSettings;

/// Spans that wait to be sent; more are dropped, so that a dead collector costs no more memory than these.
const WAITING_SPANS: usize = 4096;
/// Most spans of one request.
const BATCH: usize = 512;

/// What makes spans and sends them.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Begins to send; the requests are made on `runtime`.
    pub(crate) fn begin(
        settings: &TraceSettings,
        variable: &dyn Fn(&str) -> Option<String>,
        runtime: Handle,
    ) -> Result<Self, TelemetryError> {
        check(settings)?;
        let cause = Arc::default();
        let client = client::Client::new(settings, variable, runtime, Arc::clone(&cause))?;
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", settings.endpoint.trim_end_matches('/')))
            .with_timeout(settings.timeout.as_duration())
            .with_http_client(client)
            .build()
            .map_err(|error| TelemetryError::Exporter(Box::new(error)))?;
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(WAITING_SPANS)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(settings.interval.as_duration())
            .build();
        let exporter = exporter::Exporter::new(exporter, settings.endpoint.clone(), cause);
        let processor = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource(settings))
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sampling))))
            .with_span_processor(processor)
            .build();
        Ok(Self { provider })
    }

    /// The layer that hands spans over.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let tracer = self.provider.tracer("conductor");
        tracing_opentelemetry::layer().with_tracer(tracer).with_filter(filter_fn(is_exported))
    }

    /// Sends what waits, for so long at most. It blocks.
    pub(crate) fn end(&self, limit: Duration) {
        if let Err(error) = self.provider.shutdown_with_timeout(limit) {
            tracing::warn!(%error, "the last spans may not have been sent");
        }
    }
}

fn is_exported(of: &Metadata<'_>) -> bool {
    of.target().starts_with("conductor") && *of.level() <= Level::INFO
}

fn resource(settings: &TraceSettings) -> Resource {
    let further = settings.resource.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
    Resource::builder_empty()
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attributes(further)
        .with_service_name(settings.service_name.clone())
        .build()
}

fn check(settings: &TraceSettings) -> Result<(), TelemetryError> {
    let endpoint = settings.endpoint.parse::<http::Uri>();
    let is_address =
        endpoint.is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none());
    if !is_address {
        let problem = format!("{:?} is no address of a collector", settings.endpoint);
        let expected = "one such as http://collector:4318";
        return Err(TelemetryError::setting("traces.endpoint", problem, expected));
    }
    if !(0.0..=1.0).contains(&settings.sampling) {
        let problem = format!("{} is no share", settings.sampling);
        return Err(TelemetryError::setting("traces.sampling", problem, "a number from 0 to 1"));
    }
    for (field, span) in [("traces.interval", settings.interval), ("traces.timeout", settings.timeout)] {
        if span.is_zero() {
            return Err(TelemetryError::setting(field, "it is zero", "a time such as 5s"));
        }
    }
    Ok(())
}
