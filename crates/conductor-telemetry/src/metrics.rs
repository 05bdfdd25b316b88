//! Everything that is counted and measured, and its text for Prometheus. What is told stands in the files below.

mod calls;
mod figures;
mod process;
mod runs;
mod series;

use std::fmt;
use std::sync::Arc;

pub use calls::{ApiCalls, PortCalls};
use conductor_core::ports::Clock;
use prometheus_client::encoding::text;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
pub use runs::Runs;

use crate::settings::MetricsSettings;

/// What the text is, as the header `Content-Type` says it: OpenMetrics, which Prometheus reads since 2.5.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics of a program. Clones are handles on the same ones.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    runs: Arc<Runs>,
    ports: Arc<PortCalls>,
    api: Arc<ApiCalls>,
}

impl Metrics {
    /// Metrics of which nothing was told yet. `version` is the program's.
    pub fn new(settings: &MetricsSettings, version: &str, clock: Arc<dyn Clock>) -> Self {
        let mut registry = Registry::default();
        let build = Info::new(vec![("version", version.to_owned())]);
        registry.register("conductor_build", "The version of the conductor that runs", build);
        let runs = Arc::new(Runs::new(settings.keep_runs.as_duration(), clock));
        registry.register_collector(Box::new(series::RunSeries(Arc::clone(&runs))));
        let ports = Arc::new(PortCalls::register(&mut registry));
        let api = Arc::new(ApiCalls::register(&mut registry));
        registry.register_collector(Box::new(process::Process));
        Self { registry: Arc::new(registry), runs, ports, api }
    }

    /// The metrics of runs, which are to be told how runs go.
    pub fn runs(&self) -> Arc<Runs> {
        Arc::clone(&self.runs)
    }

    /// The observer of the calls of ports.
    pub fn ports(&self) -> Arc<PortCalls> {
        Arc::clone(&self.ports)
    }

    /// The metrics of the requests that the server answers.
    pub fn api(&self) -> Arc<ApiCalls> {
        Arc::clone(&self.api)
    }

    /// All of it as text.
    ///
    /// # Errors
    /// When a metric cannot be written, which none of ours does.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
