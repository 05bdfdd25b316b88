//! Why telemetry cannot begin.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why telemetry cannot begin: it names the field of the settings, or the act that failed.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// A field of the settings makes no sense.
    #[error("{field}: {problem}; expected {expected}")]
    Setting {
        /// Its path.
        field: String,
        /// What is wrong.
        problem: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A file that the settings name cannot be read.
    #[error("{field}: could not read {}", path.display())]
    File {
        /// The field's path.
        field: String,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The exporter of spans could not be made.
    #[error("could not make the exporter of spans")]
    Exporter(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Something else takes the program's logs already.
    #[error("could not begin to log: something else does already")]
    Taken(#[source] tracing::subscriber::SetGlobalDefaultError),
    /// The address of metrics and probes cannot be had.
    #[error("could not listen on {address} for metrics and probes")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl TelemetryError {
    pub(crate) fn setting(field: impl Into<String>, problem: impl Into<String>, expected: &'static str) -> Self {
        Self::Setting { field: field.into(), problem: problem.into(), expected }
    }
}
