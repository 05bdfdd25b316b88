//! Sources of the KPI.

mod http;
pub(crate) mod prometheus;
mod readings;
mod sql;
pub(crate) mod web;

pub use http::{HttpKpi, HttpKpiSettings};
pub use prometheus::{PrometheusKpi, PrometheusKpiSettings};
use serde::{Deserialize, Serialize};
pub use sql::{SqlKpi, SqlKpiSettings, SqlServerSettings, SqliteFileSettings, TimeFormat};
pub use web::Credentials;

/// Something that is wrong with a setting: the field, the problem, and what is expected.
pub type Wrong = (String, String, String);

/// What a number is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NumberKind {
    /// How many there have been so far: it only grows, until it begins anew.
    #[default]
    Counter,
    /// How many there are in a time.
    Rate,
}

/// The time of a rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Per {
    /// A second, as with `rate()` in PromQL.
    #[default]
    Second,
    /// A minute.
    Minute,
}

impl Per {
    /// Its length in seconds.
    const fn seconds(self) -> f64 {
        match self {
            Self::Second => 1.0,
            Self::Minute => 60.0,
        }
    }
}
