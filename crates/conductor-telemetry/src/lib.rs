//! What the conductor tells of itself: metrics, spans, logs, and whether it lives and is ready.
//!
//! * [`Telemetry`] — logs on standard error and spans to a collector, by [`TelemetrySettings`],
//! * [`Metrics`] — what is counted: [`Runs`], [`PortCalls`] and [`ApiCalls`] are told, Prometheus reads,
//! * [`Readiness`] — what a program waits for before it can be used,
//! * [`Probes`] — `/metrics`, `/healthz` and `/readyz` over HTTP.
//!
//! It knows neither the API nor any adapter. The spans themselves are begun where the work is done, in the engine.

mod error;
mod logs;
mod metrics;
mod probes;
mod readiness;
mod settings;
mod telemetry;
mod traces;

pub use error::TelemetryError;
pub use logs::LOG_VARIABLE;
pub use metrics::{ApiCalls, CONTENT_TYPE, Metrics, PortCalls, Runs};
pub use probes::Probes;
pub use readiness::Readiness;
pub use settings::{HeaderSettings, LogFormat, LogSettings, MetricsSettings, TelemetrySettings, TraceSettings};
pub use telemetry::Telemetry;
