//! One reason for a verdict: what it is, what it rests on, and what to do about it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::units::Span;

/// One reason for a verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerdictCause {
    /// What this reason alone would make of the run.
    pub outcome: Outcome,
    /// A stable code, such as `target_not_held`.
    pub code: String,
    /// One sentence with the figures.
    pub message: String,
    /// What it rests on, the most telling first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// What to do about it; empty in what was written before there was any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub advice: String,
}

/// One figure or fact that a reason rests on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// What was measured or seen, such as `mean of orders`.
    pub what: String,
    /// The figure, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// What the figure was judged by, in the same unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// The unit of both, such as `/min` or `%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The beginning of the time it is of, in seconds since the load began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_s: Option<f64>,
    /// The end of that time, in seconds since the load began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_s: Option<f64>,
    /// Where it comes from, such as `samples of the KPI`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
}

impl Evidence {
    /// Something seen that is no figure.
    pub fn fact(what: impl Into<String>, source: &str) -> Self {
        Self { what: what.into(), source: source.to_owned(), ..Self::default() }
    }

    /// A figure with its unit. What is no finite number is left out.
    pub fn figure(what: impl Into<String>, value: f64, unit: &str, source: &str) -> Self {
        Self {
            value: Some(value).filter(|value| value.is_finite()),
            unit: Some(unit.to_owned()),
            ..Self::fact(what, source)
        }
    }

    /// With what the figure was judged by.
    #[must_use]
    pub fn against(self, limit: f64) -> Self {
        Self { limit: Some(limit).filter(|limit| limit.is_finite()), ..self }
    }

    /// With the time it is of, in seconds since the load began.
    #[must_use]
    pub fn during(self, from_s: f64, to_s: f64) -> Self {
        Self { from_s: Some(from_s), to_s: Some(to_s), ..self }
    }
}

/// One line, such as `share of windows: 40 % (limit 90 %), from 1m to 4m; samples of the KPI`.
impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        let figure = |value: f64| {
            let value = (value * 1000.0).round() / 1000.0;
            match self.unit.as_deref() {
                None | Some("") => value.to_string(),
                Some(unit) if unit.starts_with('/') => format!("{value}{unit}"),
                Some(unit) => format!("{value} {unit}"),
            }
        };
        if let Some(value) = self.value {
            write!(f, ": {}", figure(value))?;
        }
        if let Some(limit) = self.limit {
            write!(f, " (limit {})", figure(limit))?;
        }
        if let (Some(from), Some(to)) = (self.from_s, self.to_s) {
            write!(f, ", from {} to {}", clock(from), clock(to))?;
        }
        if !self.source.is_empty() {
            write!(f, "; {}", self.source)?;
        }
        Ok(())
    }
}

/// A time of the load in words, to the second.
pub(super) fn clock(seconds: f64) -> Span {
    Span::from(Duration::from_secs(seconds.max(0.0).round() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_one_line_with_what_it_has() {
        let whole = Evidence::figure("windows close enough", 40.0, "%", "samples of orders");
        let whole = whole.against(90.0).during(60.0, 240.0);
        assert_eq!(whole.to_string(), "windows close enough: 40 % (limit 90 %), from 1m to 4m; samples of orders");
        let rate = Evidence::figure("mean", 2000.5, "/min", "");
        assert_eq!(rate.to_string(), "mean: 2000.5/min");
        assert_eq!(Evidence::fact("shop was changed", "freeze").to_string(), "shop was changed; freeze");
        assert_eq!(Evidence::figure("mean", f64::NAN, "/min", "").value, None, "JSON has no such number");
    }

    #[test]
    fn a_reason_of_before_there_was_evidence_is_read() {
        let old = serde_json::json!({ "outcome": "failed", "code": "run_failed", "message": "no" });
        let cause: VerdictCause = serde_json::from_value(old.clone()).unwrap();
        assert_eq!((cause.evidence.len(), cause.advice.as_str()), (0, ""));
        assert_eq!(serde_json::to_value(cause).unwrap(), old);
    }
}
