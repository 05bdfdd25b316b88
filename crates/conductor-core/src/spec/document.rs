//! The LoadTest as it is written: one shape for YAML, JSON and the wire. Nothing here is checked beyond its shape.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::search::SearchDocument;
use super::stages::StageDocument;
use super::verdict::VerdictDocument;
use super::workers::WorkersDocument;
use crate::ramp::Algorithm;

/// The `apiVersion` of documents this version reads.
pub const API_VERSION: &str = "loadtest-conductor.dev/v1alpha1";
/// The `kind` of a load test.
pub(crate) const KIND: &str = "LoadTest";

/// A load test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadTestDocument {
    /// `loadtest-conductor.dev/v1alpha1`.
    pub api_version: String,
    /// `LoadTest`.
    pub kind: String,
    /// Name of the test.
    pub metadata: MetadataDocument,
    /// What the test shall do.
    pub spec: SpecDocument,
}

/// What identifies a load test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetadataDocument {
    /// The test's name; runs of the same name are compared with each other.
    pub name: String,
}

/// What a load test shall do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("oneOf" = [
    { "required": ["rampUp", "plateau"], "not": { "anyOf": [{ "required": ["stages"] }, { "required": ["search"] }] } },
    {
        "required": ["stages"],
        "not": { "anyOf": [{ "required": ["rampUp"] }, { "required": ["plateau"] }, { "required": ["search"] }] },
    },
    {
        "required": ["search"],
        "not": { "anyOf": [{ "required": ["rampUp"] }, { "required": ["plateau"] }, { "required": ["stages"] }] },
    },
])))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpecDocument {
    /// The environment, by its name in the settings.
    pub environment: String,
    /// The business KPI to reach.
    pub kpi: KpiDocument,
    /// Time from the first user to the target, such as `30m`; `0s` is a step. Together with `plateau`, unless there are
    /// `stages`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp_up: Option<String>,
    /// Time to hold the target, such as `90m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plateau: Option<String>,
    /// The load piece by piece, instead of `rampUp` and `plateau`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stages: Option<Vec<StageDocument>>,
    /// Looks for the highest KPI that the system sustains, instead of `rampUp` and `plateau`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchDocument>,
    /// Time between two measurements, `60s` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// Versions, for applications that do not say: `production` (default) or `keep`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Allocations, for applications that do not say: `production` (default), `keep` or `{factor: 1.5}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<ScaleDocument>,
    /// The applications in scope; absent means all of the environment's catalogue.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<ApplicationDocument>,
    /// What must not be exceeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsDocument>,
    /// Hints for the control of load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<LoadDocument>,
    /// What becomes of a run while another one is active in the environment: `refuse` (default) does not start it, `queue` lets
    /// it wait for its turn, and `replace` ends the active run in order and lets this one be the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["refuse", "queue", "replace", null])))]
    pub if_busy: Option<String>,
    /// By what the run is judged: tolerances and shares, each as documented when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<VerdictDocument>,
    /// What response times and failures shall be, such as `p95(checkout) < 800ms over 2m then abort`; docs/slos.md has the grammar.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slos: Vec<String>,
    /// The run that objectives such as `p95(checkout) < 1.1 × baseline` are relative to, by its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
}

/// The business KPI to reach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KpiDocument {
    /// One of the environment's `kpis`, such as `orders`.
    pub name: String,
    /// The rate to reach and hold, such as `7200/min`. With stages, what those mean that give no rate; the highest of
    /// their levels when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// One application in scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplicationDocument {
    /// The application, by its name in the environment's catalogue.
    pub name: String,
    /// `production`, `keep`, or an image or release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `production`, `keep`, `{factor: 1.5}`, or replicas, cpu and memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<ScaleDocument>,
}

/// How an application is scaled: a word, or values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected `production`, `keep`, {factor: 1.5} or {replicas: 3, cpu: 500m, memory: 2Gi}")]
pub enum ScaleDocument {
    /// `production` or `keep`.
    Word(String),
    /// Values.
    Values(ScaleValues),
}

/// How an application is scaled, in values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScaleValues {
    /// Production's replicas times this factor, rounded up; not together with the other fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// Replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i64>,
    /// CPU of one replica, such as `500m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// Memory of one replica, such as `2Gi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
}

/// What must not be exceeded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LimitsDocument {
    /// Most simulated users; no limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_users: Option<i64>,
    /// Longest time from the start to the end of the load; the load's time + 1h when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// Longest time in which one rehearsing user must have produced the KPI once; `3m` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<String>,
}

/// Hints for the control of load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadDocument {
    /// The law that steers: `adaptive` (default) or `published`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    /// Users needed for one KPI event per minute; from the last run of the same test, or learnt, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users_per_kpi: Option<f64>,
    /// Time from a user's start to the KPI events it causes; from the last run of the same test, or learnt, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kpi_lag: Option<String>,
    /// Whether `usersPerKpi` and `kpiLag`, where absent, begin with what the last run of the same test has learnt; `true`
    /// when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learn_from_last_run: Option<bool>,
    /// The workers of the load generator, which the conductor may scale while load is generated; it never does when
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<WorkersDocument>,
    /// More headers on every request of the load.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}
