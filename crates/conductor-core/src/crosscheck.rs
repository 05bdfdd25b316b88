//! A second count of the KPI, by another source than the one that steers. It never steers: the verdict compares the two.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::load::KpiSample;
use crate::units::Rate;

/// Whose events a source counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Counts {
    /// Those of the run alone.
    Run,
    /// Those of everybody.
    Everybody,
}

/// How far a count may be from what it should be, where nobody says otherwise, as a share of it.
pub const TOLERANCE: f64 = 0.05;

/// Why what a source that counts everybody's events has counted in so many seconds, while the run had no users, is traffic of
/// somebody else that would make the run invalid; `None` where it is not. It would be more than the tolerance of the target even
/// if chance (three standard deviations of the count, `3·√N`) had made it larger than it is.
pub fn foreign_traffic(kpi: &str, (count, seconds): (u64, f64), target: Rate, tolerance: f64) -> Option<String> {
    let expected = target.as_per_minute() * seconds / 60.0;
    let surely = count as f64 - 3.0 * (count as f64).sqrt();
    (surely > tolerance * expected).then(|| {
        format!(
            "somebody else makes {kpi}: {count} were counted in {seconds:.0} s while the run had no users, and the load would make \
             {expected:.0} at its target ({:.0} % of that may be others')",
            100.0 * tolerance
        )
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(count: u64, seconds: f64, tolerance: f64) -> Option<String> {
        foreign_traffic("orders", (count, seconds), Rate::per_minute(600.0).unwrap(), tolerance)
    }

    #[test]
    fn traffic_of_others_is_what_neither_the_tolerance_nor_chance_explains() {
        // In 30 s the load would make 300, of which 15 may be others'.
        assert_eq!(told(30, 30.0, TOLERANCE), None, "30 - 3·√30 is 13.6");
        assert_eq!(
            told(33, 30.0, TOLERANCE).unwrap(),
            "somebody else makes orders: 33 were counted in 30 s while the run had no users, and the load would make 300 at its \
             target (5 % of that may be others')"
        );
        assert_eq!(told(33, 30.0, 0.10), None, "a wider tolerance");
        assert_eq!(told(33, 300.0, TOLERANCE), None, "one order in ten seconds");
        assert_eq!(told(9, 1.0, 0.0), None, "a handful is no evidence");
        assert!(told(10, 1.0, 0.0).is_some());
        assert_eq!(told(0, 0.0, TOLERANCE), None);
    }
}
