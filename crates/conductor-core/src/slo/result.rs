//! What a run says of an objective.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Slo, Then};

/// Whether an objective was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SloStatus {
    /// It was.
    Met,
    /// It was, but not by much.
    NearMiss,
    /// It was not.
    Breached,
    /// Too little was measured to tell.
    Unmeasured,
}

impl fmt::Display for SloStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Met => "met",
            Self::NearMiss => "near miss",
            Self::Breached => "breached",
            Self::Unmeasured => "not measured",
        })
    }
}

/// An objective with what was observed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SloResult {
    /// The objective as it is written.
    pub slo: String,
    /// Whether it was met.
    pub status: SloStatus,
    /// The figure that was judged: of windows the highest, of minutes the share of good ones; `None` where nothing was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<f64>,
    /// What it was judged by, in the same unit; `None` where the baseline has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// The unit of both: `ms`, `%`, or none of a figure of Prometheus.
    pub unit: String,
    /// Windows or minutes that were judged.
    pub judged: u64,
    /// Those of them in which the figure was not below its limit.
    pub broken: u64,
    /// The share of its part of the load in which requests were counted.
    pub measured: f64,
    /// When it was broken first, in seconds since the load began; of a whole stretch, the first window that was beyond the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_broken: Option<(f64, f64)>,
    /// The share of its error budget that was spent, above 1 where all of it was; `None` where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_spent: Option<f64>,
    /// The highest burn rate of a window: how many times faster than evenly the error budget was being spent; `None` where the
    /// objective is not of failures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burn_rate: Option<f64>,
}

impl SloResult {
    /// True when a breach only tells receivers of alerts and warns: the run does not fail for it.
    pub fn only_alerts(&self) -> bool {
        self.slo.parse::<Slo>().is_ok_and(|slo| slo.then == Then::Alert)
    }
}
