//! What is asked of a load generator and what is measured while it runs.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::responses::ResponseCodes;
use crate::run::RunId;

/// How every request of a run is marked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tags {
    /// The run, sent as the header [`crate::spec::RUN_HEADER`].
    pub run: RunId,
    /// More headers; the load-test header is always sent.
    pub headers: BTreeMap<String, String>,
}

/// The load to generate from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadSetting {
    /// Simulated users, at least 1.
    pub users: u64,
    /// Users started or stopped per second, above 0.
    pub spawn_rate: f64,
}

/// What a load generator says of itself when it is found fit for a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GeneratorFacts {
    /// Product and version, such as `Locust 2.47.0`.
    pub version: String,
    /// Workers ready; `None` when it is one process.
    pub workers: Option<u32>,
    /// How the KPI is counted, and what that costs in accuracy.
    pub counting: String,
    /// Whether it tells requests by name, with their response times, which objectives need.
    #[serde(default)]
    pub by_name: bool,
}

/// What a load generator does at the moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GeneratorStatus {
    /// Users running.
    pub users: u64,
    /// Workers that take part; `None` when it is one process.
    pub workers: Option<u32>,
    /// The busiest worker's CPU in percent of one core; `None` when unknown.
    pub cpu_percent: Option<f64>,
    /// What a reader of the figures must know.
    pub marks: Vec<Mark>,
}

/// Something that makes a window's figures less than exact, or a finding about the generator instead of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mark {
    /// A worker was lost: its last seconds are not counted.
    WorkerLost,
    /// A worker joined: users are being spread anew.
    WorkerJoined,
    /// A counter went down: what was counted before is gone.
    CounterReset,
    /// The generator was restarted during the window.
    GeneratorRestarted,
    /// A worker used more than 90 % of its core or stood still: figures are the generator's, not the system's.
    GeneratorBound,
    /// The KPI was counted from report deltas instead of in event time: some percent of error.
    Approximate,
    /// A worker reported events after their seconds had been counted: they are in none of them.
    LateRows,
    /// Clocks of generator processes differ by more than a second: windows are blurred.
    ClockSkew,
    /// Requests were made, and none of those that the KPI counts, whatever they would have come to.
    NoKpiRequest,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WorkerLost => "worker lost",
            Self::WorkerJoined => "worker joined",
            Self::CounterReset => "counters reset",
            Self::GeneratorRestarted => "generator restarted",
            Self::GeneratorBound => "generator at its limit",
            Self::Approximate => "counted approximately",
            Self::LateRows => "rows came late",
            Self::ClockSkew => "clocks differ",
            Self::NoKpiRequest => "no request of the KPI",
        })
    }
}

/// What was measured in one window of time, `from` excluded, `to` included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KpiSample {
    /// Start of the window.
    pub from: Timestamp,
    /// End of the window; never later than the data is complete.
    pub to: Timestamp,
    /// KPI events in the window; `None` when they could not be counted (which is not zero).
    pub count: Option<u64>,
    /// Requests in the window, failed ones included.
    pub requests: u64,
    /// Failed requests in the window.
    pub failures: u64,
    /// Response times of the window's requests; `None` where the source cannot tell them per window.
    pub latency: Option<Latency>,
    /// The window's requests by the status code of their response; `None` where the source cannot tell them per window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responses: Option<ResponseCodes>,
    /// What a reader of the figures must know.
    pub marks: Vec<Mark>,
}

/// Response times in milliseconds, over all requests of a window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// Arithmetic mean.
    pub mean_ms: f64,
    /// Median.
    pub p50_ms: f64,
    /// 95th percentile.
    pub p95_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
}
