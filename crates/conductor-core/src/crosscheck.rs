//! A second count of the KPI, by another source than the one that steers. It never steers: the verdict compares the two.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::load::KpiSample;

/// Whose events a source counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Counts {
    /// Those of the run alone.
    Run,
    /// Those of everybody.
    Everybody,
}

/// A source of the KPI, as the verdict knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counter {
    /// Its name, for people, such as `Locust`.
    pub name: String,
    /// Whose events it counts.
    pub counts: Counts,
}

/// Which two sources are compared, and how far they may differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CrossCheck {
    /// The source that steers.
    pub steers: Counter,
    /// The source that checks it.
    pub checks: Counter,
    /// How far the second count may be from the first, as a share of it.
    pub tolerance: f64,
}

/// What the source that checks has said at one interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CrossCount {
    /// What it checks.
    pub check: CrossCheck,
    /// Its window, `from` excluded, `to` included; `None` when it did not answer. It is another one than that of the
    /// source that steers: each has its own delay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<CrossWindow>,
    /// Why it did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A window of the source that checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CrossWindow {
    /// Its start.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// Events in it; `None` when they could not be counted (which is not zero).
    pub count: Option<u64>,
}

/// What the source that checks has said, on the time of the load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CrossTick {
    /// What it checks.
    pub check: CrossCheck,
    /// Start of its window, in seconds since the load began; equal to the end when it did not answer.
    pub from_s: f64,
    /// End of its window, in seconds since the load began.
    pub to_s: f64,
    /// Events in the window; `None` when they could not be counted.
    pub count: Option<u64>,
    /// Why it did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl CrossCount {
    /// What a sample says.
    pub fn counted(check: &CrossCheck, sample: &KpiSample) -> Self {
        let window = CrossWindow { from: sample.from, to: sample.to, count: sample.count };
        Self { check: check.clone(), window: Some(window), failure: None }
    }

    /// That it did not answer, and why.
    pub fn failed(check: &CrossCheck, failure: String) -> Self {
        Self { check: check.clone(), window: None, failure: Some(failure) }
    }

    /// The same on the time of a load that has begun at `started`; one without a window is of `at`.
    pub fn since(&self, started: Timestamp, at: Timestamp) -> CrossTick {
        let seconds = |time: Timestamp| time.duration_since(started).as_secs_f64();
        let (from, to, count) = self.window.map_or((at, at, None), |window| (window.from, window.to, window.count));
        CrossTick {
            check: self.check.clone(),
            from_s: seconds(from),
            to_s: seconds(to),
            count,
            failure: self.failure.clone(),
        }
    }
}
