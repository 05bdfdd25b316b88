//! A model of a system as it is written: what is run on it, what its users do, what its checkout can take, how its KPI
//! is told, and what changes while it runs. What surrounds it when a whole run is tried on it is in `environment`, what
//! a written value must be in `validate`, what is computed in `crate::model`.

mod environment;
mod file;
mod validate;

use conductor_core::units::{Rate, Span};
use serde::{Deserialize, Serialize};

pub use environment::{
    Call, CallFault, CallOutcome, DelayModel, EnvironmentModel, Fault, FaultKind, Noise, Origin, PlantApplication,
    Running, TableModel, TestDataModel, WorkerModel,
};
pub use file::PlantFile;
pub use validate::PlantError;

/// A model of a system. Only `run`, `journey` and `checkout` must be written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plant {
    /// Its name in tables. Default `plant`.
    #[serde(default = "Plant::unnamed")]
    pub name: String,
    /// The load test.
    pub run: RunModel,
    /// What users do between two checkouts.
    pub journey: JourneyModel,
    /// What limits the system.
    pub checkout: CheckoutModel,
    /// How the KPI is told.
    #[serde(default)]
    pub kpi: KpiModel,
    /// How the share of journeys that reach the checkout changes.
    #[serde(default)]
    pub ratio: RatioModel,
    /// How the checkout's capacity changes.
    #[serde(default)]
    pub capacity: CapacityModel,
    /// What is slow and small at first. Default: nothing.
    #[serde(default)]
    pub warm_up: WarmUpModel,
    /// What generates the load.
    #[serde(default)]
    pub generator: GeneratorLimits,
    /// What the control law is told. Default: nothing.
    #[serde(default)]
    pub hints: Hints,
    /// What surrounds it when a whole run is tried on it. Default: a small shop with everything that a run needs.
    #[serde(default)]
    pub environment: EnvironmentModel,
}

/// The load test that is run on a plant.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunModel {
    /// KPI events to reach and hold, such as `600/min`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub target: Rate,
    /// Time from the first user to the target. Default `30m`.
    #[serde(default = "RunModel::ramp_up")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub ramp_up: Span,
    /// Time for which the target is held, at least `1m`. Default `1h`.
    #[serde(default = "RunModel::plateau")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub plateau: Span,
}

/// What users do between two checkouts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct JourneyModel {
    /// Mean time of one journey without the checkout. Default `90s`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub think_time: Span,
    /// Steps of equal mean length that a journey consists of; the more there are, the less journeys differ in length.
    /// At most two steps a second are told apart. Default 6.
    pub stages: u32,
    /// Mean time of what a user does once, before its first journey. Default `0s`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub login: Span,
    /// Share of journeys that reach the checkout. Default 0.5.
    pub checkout_ratio: f64,
}

/// What limits the system: one station that all orders pass, which serves fewest users best, most orders at its
/// `peakConcurrency`, and fewer beyond it (the universal scalability law).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CheckoutModel {
    /// Time of one order while nobody else orders; it is never less than the capacity leaves one order. Default `1s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub service_time: Option<Span>,
    /// Most orders that can be served, such as `16/s`. Default: 1.6 times the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub capacity: Option<Rate>,
    /// Orders under way at once when most are served; below some twice `capacity` times `serviceTime` the capacity is
    /// not reached. Default: 10 times `capacity` times `serviceTime`, at least 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_concurrency: Option<f64>,
    /// Response time at which half of the orders are given up; the work for them is done all the same. Default `120s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub timeout: Option<Span>,
    /// Share of orders given up that are tried again at once. Default 0.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_share: Option<f64>,
}

/// How the KPI is told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct KpiModel {
    /// Time from an event to its being counted: a window shows what happened so much earlier. Default `10s`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub report_delay: Span,
    /// Share of windows that are lost. Default 0.
    pub lost_samples: f64,
    /// What a lost window looks like. Default `missing`.
    pub lost_read_as: LostSample,
}

/// What a lost window looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum LostSample {
    /// It is known to be missing.
    #[default]
    Missing,
    /// It reads as no events at all.
    Zero,
}

/// How the share of journeys that reach the checkout changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RatioModel {
    /// By what share it changes over the whole run, at an even pace; -0.4 means 40 % fewer. Default 0.
    pub drift: f64,
    /// A change for good. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<RatioStep>,
    /// Coefficient of variation of a factor that is drawn anew every 30 s. Default 0.
    pub noise: f64,
}

/// A change of the checkout ratio for good.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RatioStep {
    /// When, from the load's beginning.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub at: Span,
    /// What the ratio is multiplied by.
    pub factor: f64,
}

/// How the checkout's capacity changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CapacityModel {
    /// A time with another capacity. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop: Option<CapacityDrop>,
}

/// A time with another capacity.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CapacityDrop {
    /// When it begins, from the load's beginning.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub from: Span,
    /// When it ends.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub to: Span,
    /// What the capacity is multiplied by; 0 is an outage.
    pub factor: f64,
}

/// What is slow and small at first, and decays exponentially.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WarmUpModel {
    /// By what share journeys take longer at first; 1.0 means twice as long. Default 0.
    pub extra_think_time: f64,
    /// What share of the capacity is missing at first. Default 0.
    pub capacity_loss: f64,
    /// The time in which it decays to a third. Default `300s`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub time_constant: Span,
}

/// What the load generator can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GeneratorLimits {
    /// Users beyond which users slow each other: journeys stay as many. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_users: Option<u64>,
    /// Most users started in a time, such as `5000/s`; ten times as many are stopped. Default `100/s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub max_spawn_rate: Option<Rate>,
}

/// What the control law is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Hints {
    /// Users needed for one KPI event a minute. Default: not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users_per_kpi: Option<f64>,
    /// Time from a user's start to the events it causes. Default: not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub kpi_lag: Option<Span>,
    /// Time in which one user has caused the first event before the load, as a run's rehearsal shows. Default: not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub first_kpi: Option<Span>,
    /// Whether it is told what response times and failures say. Default false.
    pub congestion: bool,
}

impl Plant {
    fn unnamed() -> String {
        "plant".to_owned()
    }
}

impl RunModel {
    const fn ramp_up() -> Span {
        Span::minutes(30)
    }

    const fn plateau() -> Span {
        Span::minutes(60)
    }
}

impl Default for JourneyModel {
    fn default() -> Self {
        Self { think_time: Span::seconds(90), stages: 6, login: Span::seconds(0), checkout_ratio: 0.5 }
    }
}

impl Default for KpiModel {
    fn default() -> Self {
        Self { report_delay: Span::seconds(10), lost_samples: 0.0, lost_read_as: LostSample::default() }
    }
}

impl Default for WarmUpModel {
    fn default() -> Self {
        Self { extra_think_time: 0.0, capacity_loss: 0.0, time_constant: Span::seconds(300) }
    }
}
