//! Figures of what monitors the applications, which objectives name by their queries, as they were read at one time.
//!
//! A figure that could not be read is not zero: it has no value, and says why.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One figure as it was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// The figure; `None` where there is none, or it is no finite number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Reading {
    /// A figure; what is no finite number says so.
    pub fn of(value: f64) -> Self {
        if value.is_finite() {
            return Self { value: Some(value), failure: None };
        }
        Self::failed(format!("it is {value}"))
    }

    /// One that could not be read.
    pub fn failed(why: impl Into<String>) -> Self {
        Self { value: None, failure: Some(why.into()) }
    }
}

/// The figures that objectives name at one time, as the journal keeps them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// When they were looked at before; this is their time where that is too long ago to know what was in between.
    pub from: Timestamp,
    /// The time that they are of.
    pub to: Timestamp,
    /// By query.
    pub readings: BTreeMap<String, Reading>,
}

/// The same with its times in seconds since the load began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FigureWindow {
    /// When they were looked at before.
    pub from_s: f64,
    /// The time that they are of.
    pub to_s: f64,
    /// By query.
    pub readings: BTreeMap<String, Reading>,
}

impl Figures {
    /// With its times counted from the beginning of the load.
    pub fn since(&self, started: Timestamp) -> FigureWindow {
        let seconds = |time: Timestamp| time.duration_since(started).as_secs_f64();
        FigureWindow { from_s: seconds(self.from), to_s: seconds(self.to), readings: self.readings.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_has_no_value_and_says_so() {
        assert_eq!(Reading::of(0.5), Reading { value: Some(0.5), failure: None });
        assert_eq!(Reading::of(f64::NAN), Reading::failed("it is NaN"));
        assert_eq!(Reading::of(f64::INFINITY).failure.as_deref(), Some("it is inf"));
    }
}
