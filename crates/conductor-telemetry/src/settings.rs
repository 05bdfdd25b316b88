//! What an installation says of logs, metrics and spans. Nothing is read here, neither files nor the process environment.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use conductor_core::units::Span;
use serde::{Deserialize, Serialize};

/// What the conductor tells of itself, and where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TelemetrySettings {
    /// Lines on standard error.
    #[serde(default)]
    pub logs: LogSettings,
    /// Metrics and probes over HTTP.
    #[serde(default)]
    pub metrics: MetricsSettings,
    /// Export of spans. Absent: there is none, and spans cost nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traces: Option<TraceSettings>,
}

impl TelemetrySettings {
    /// Makes every path absolute.
    #[must_use]
    pub fn resolve(mut self, folder: &Path) -> Self {
        if let Some(traces) = &mut self.traces {
            traces.ca_file = traces.ca_file.take().map(|file| folder.join(file));
            for header in &mut traces.headers {
                header.file = header.file.take().map(|file| folder.join(file));
            }
        }
        self
    }
}

/// Lines on standard error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogSettings {
    /// How a line looks.
    #[serde(default)]
    pub format: LogFormat,
    /// What is told: `off`, `error`, `warn`, `info`, `debug`, `trace`, or such a word by crate, as in
    /// `info,conductor_engine=debug`. The variable `CONDUCTOR_LOG` goes before it.
    #[serde(default = "default_filter")]
    pub filter: String,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { format: LogFormat::default(), filter: default_filter() }
    }
}

fn default_filter() -> String {
    "info".to_owned()
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Metrics and probes over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetricsSettings {
    /// Where `/metrics`, `/healthz` and `/readyz` are. They ask nobody who they are, and tell no secrets.
    #[serde(default = "default_address")]
    pub address: SocketAddr,
    /// How long the series of a run stay after its end. Long enough that each scraper sees the last values.
    #[serde(default = "default_keep_runs")]
    pub keep_runs: Span,
}

impl Default for MetricsSettings {
    fn default() -> Self {
        Self { address: default_address(), keep_runs: default_keep_runs() }
    }
}

fn default_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9464))
}

fn default_keep_runs() -> Span {
    Span::minutes(10)
}

/// Export of spans by OTLP, as protobuf over HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TraceSettings {
    /// Where the collector is, such as `http://collector:4318`; `/v1/traces` follows it.
    pub endpoint: String,
    /// Further headers of each request, such as a token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderSettings>,
    /// The share of runs whose spans are exported, from 0 to 1; a run is so with all of its spans or with none.
    #[serde(default = "default_sampling")]
    pub sampling: f64,
    /// The attribute `service.name`.
    #[serde(default = "default_service_name")]
    pub service_name: String,
    /// Further attributes of all spans, such as `deployment.environment.name`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resource: BTreeMap<String, String>,
    /// How long spans wait for others to be sent with.
    #[serde(default = "default_interval")]
    pub interval: Span,
    /// Longest wait for one answer.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
    /// PEM file of the certificate authority that signed the collector's certificate, where the system does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

fn default_sampling() -> f64 {
    1.0
}

fn default_service_name() -> String {
    "conductord".to_owned()
}

fn default_interval() -> Span {
    Span::seconds(5)
}

fn default_timeout() -> Span {
    Span::seconds(10)
}

/// A header, whose value stands in exactly one of a variable and a file, since it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderSettings {
    /// Its name, such as `Authorization`.
    pub name: String,
    /// Name of the environment variable that holds the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// File that holds the value; blanks and line ends around it do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
}
