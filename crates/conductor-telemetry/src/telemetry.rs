//! The beginning and the end: logs and spans are set up once for a program, and sent before it exits.

use std::time::Duration;

use tokio::runtime::Handle;
use tracing::Dispatch;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

use crate::error::TelemetryError;
use crate::logs::{self, LOG_VARIABLE};
use crate::settings::TelemetrySettings;
use crate::traces::Traces;

/// What a program tells of itself while it runs. [`Telemetry::end`] sends what was not sent yet.
#[must_use = "spans that wait are lost unless it is ended"]
pub struct Telemetry {
    traces: Option<Traces>,
}

impl Telemetry {
    /// Begins to log on standard error and to send spans, for the whole program. `variable` looks variables of the
    /// environment up; requests to the collector are made on `runtime`. A provider of rustls must be installed.
    ///
    /// # Errors
    /// When the settings make no sense, or something else takes the program's logs already.
    pub fn begin(
        settings: &TelemetrySettings,
        variable: &dyn Fn(&str) -> Option<String>,
        runtime: Handle,
    ) -> Result<Self, TelemetryError> {
        let (dispatch, telemetry) = Self::prepare(settings, variable, runtime, std::io::stderr)?;
        tracing::dispatcher::set_global_default(dispatch).map_err(TelemetryError::Taken)?;
        Ok(telemetry)
    }

    /// The same for a part of a program, which lets the subscriber take what it tells, and for lines that go elsewhere.
    ///
    /// # Errors
    /// When the settings make no sense.
    pub fn prepare<W>(
        settings: &TelemetrySettings,
        variable: &dyn Fn(&str) -> Option<String>,
        runtime: Handle,
        writer: W,
    ) -> Result<(Dispatch, Self), TelemetryError>
    where
        W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
    {
        let mut layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> = Vec::new();
        layers.push(logs::layer(&settings.logs, variable(LOG_VARIABLE), writer)?);
        let traces = settings.traces.as_ref().map(|traces| Traces::begin(traces, variable, runtime)).transpose()?;
        layers.extend(traces.as_ref().map(|traces| traces.layer().boxed()));
        Ok((Dispatch::new(tracing_subscriber::registry().with(layers)), Self { traces }))
    }

    /// Sends the spans that wait, for so long at most: a collector that is away does not keep a program from its end.
    pub async fn end(self, limit: Duration) {
        let Some(traces) = self.traces else { return };
        let current = tracing::dispatcher::get_default(Clone::clone);
        let ending = move || tracing::dispatcher::with_default(&current, || traces.end(limit));
        // It blocks, and the requests are made on this runtime.
        if tokio::time::timeout(limit, tokio::task::spawn_blocking(ending)).await.is_err() {
            tracing::warn!("the last spans were not sent within {limit:?}");
        }
    }
}
