//! Stages as they are written. Nothing here is checked beyond its shape.

use serde::{Deserialize, Serialize};

/// A piece of the load: a `ramp`, a `hold`, a `step`, a `spike` or a `curve`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("oneOf" = [
    { "required": ["ramp"] },
    { "required": ["step", "hold"] },
    { "required": ["spike", "hold"] },
    { "required": ["curve"] },
    {
        "required": ["hold"],
        "not": { "anyOf": [{ "required": ["step"] }, { "required": ["spike"] }] },
    },
])))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StageDocument {
    /// Goes evenly from the present level to another one, in this time, such as `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp: Option<String>,
    /// The level a `ramp` reaches, such as `3600/min`; the test's target when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Goes at once to this level, such as `5400/min`, and holds it for `hold`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Goes to this level, such as `9000/min`, in the time `rise`, holds it for `hold`, and goes back in the time `fall`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spike: Option<String>,
    /// Time to reach a `spike`'s level; at once when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rise: Option<String>,
    /// Time to hold the level of a `step` or a `spike`, or, alone, the present one; such as `20m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
    /// Time back from a `spike`'s level; at once when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fall: Option<String>,
    /// Follows a curve: a CSV file beside the load test with rows of `time,value`, or its points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curve: Option<CurveDocument>,
    /// The level that a value of 1 in a `curve` means, such as `7200/min`; the test's target when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<String>,
}

/// A curve: a file, or points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected a CSV file, or points such as {time: 6h, value: 0.35}")]
pub enum CurveDocument {
    /// A CSV file. Whoever reads the load test puts its points here.
    File(String),
    /// Points, in the order of time.
    Points(Vec<CurvePointDocument>),
}

/// A point of a curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CurvePointDocument {
    /// Time since the stage's begin, such as `6h`.
    pub time: String,
    /// The level: a share of the curve's `scale`, such as `0.35`, or a rate, such as `2500/min`.
    pub value: ValueDocument,
}

/// A level of a curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected a share of the scale such as 0.35, or a rate such as 2500/min")]
pub enum ValueDocument {
    /// A share of the curve's `scale`.
    Share(f64),
    /// A rate.
    Rate(String),
}
