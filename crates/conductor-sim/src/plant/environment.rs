//! What surrounds a model when a whole run is tried on it: applications, workers, stores, delays, and what goes wrong,
//! as it is written. What it does is in `crate::environment`.

mod fault;
mod validate;

use conductor_core::app::{Allocation, ApplicationId, Resources};
use conductor_core::quantity::Quantity;
use conductor_core::release::Release;
use conductor_core::units::{Cpu, Memory, Rate, Span};
use serde::{Deserialize, Serialize};

pub use fault::{Call, CallFault, CallOutcome, Fault, FaultKind, Origin};

/// What surrounds a model. Every field may be left out; what is then taken makes a small, healthy shop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EnvironmentModel {
    /// Where chance begins; the same seed gives the same run. Default 1.
    pub seed: u64,
    /// Whether chance plays a part. Default `binomial`.
    pub noise: Noise,
    /// The applications. Default: `shop`, with one replica of v1 in test and three of v2 in production, which serves
    /// in proportion to its replicas, and `payments`, with one replica in test and two in production.
    pub applications: Vec<PlantApplication>,
    /// The load generator's workers.
    pub workers: WorkerModel,
    /// Mean response time of every request but the checkout's, milliseconds. Default 40.
    pub response_ms: f64,
    /// How long things take.
    pub delays: DelayModel,
    /// Where users leave data. Default: one store `shop` with the tables `orders` (one row for each KPI event) and
    /// `basketLines` (three).
    pub test_data: Vec<TestDataModel>,
    /// What goes wrong, and when. Default: nothing.
    pub faults: Vec<Fault>,
}

/// One application of a model world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlantApplication {
    /// Its name in the catalogue.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub name: ApplicationId,
    /// What runs in the test environment.
    pub test: Running,
    /// What runs in production; it does not exist there when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production: Option<Running>,
    /// KPI events that one ready replica can serve, such as `1000/min`; it limits nothing when absent. The checkout has
    /// its whole capacity when the applications are as in production, and otherwise the share of it that the
    /// application that can serve fewest can serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub kpi_per_replica: Option<Rate>,
}

/// A version with its replicas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Running {
    /// The version.
    pub version: String,
    /// Replicas.
    pub replicas: u32,
    /// CPU of one replica, such as `500m`; not allotted when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub cpu: Option<Cpu>,
    /// Memory of one replica, such as `2Gi`; not allotted when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub memory: Option<Memory>,
}

/// Whether chance plays a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Noise {
    /// Users act independently of each other.
    #[default]
    Binomial,
    /// Users act evenly.
    None,
}

/// The load generator's workers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WorkerModel {
    /// How many there are; of an application, as many as it has ready replicas, and so many at first. Default 2.
    pub count: u32,
    /// The application that runs them, one worker a replica, so that a load test may let them be scaled; no load test has
    /// it in scope. Default: none, and they stay as many as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub application: Option<ApplicationId>,
    /// Users that fill one worker's core; users beyond them slow each other. Default: each worker's part of
    /// `generator.maxUsers`, and no limit where that has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users_per_worker: Option<u64>,
    /// The time without a setting after which users stop by themselves; never when absent. Default absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub dead_man_switch: Option<Span>,
}

/// How long things take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DelayModel {
    /// Each call, before anything else. Default `20ms`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub call: Span,
    /// Rolling out a version. Default `20s`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub roll_out: Span,
    /// Scaling an application. Default `10s`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub scale: Span,
    /// Stopping all users. Default `1s`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub stop: Span,
}

/// A store in which users leave data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestDataModel {
    /// Its name.
    pub name: String,
    /// Its tables.
    pub tables: Vec<TableModel>,
    /// The time from a KPI event to its rows. Default `0s`.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub write_delay: Span,
}

/// A table in which users leave rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TableModel {
    /// Its name.
    pub name: String,
    /// Rows for each KPI event.
    pub rows_per_kpi: u32,
}

impl Running {
    /// A version with so many replicas, its resources left to the substrate.
    pub fn new(version: &str, replicas: u32) -> Self {
        Self { version: version.to_owned(), replicas, cpu: None, memory: None }
    }

    pub(crate) fn allocation(&self) -> Allocation {
        let cpu = self.cpu.map(|cpu| ("requests.cpu".to_owned(), Quantity::from(cpu)));
        let memory = self.memory.map(|memory| ("requests.memory".to_owned(), Quantity::from(memory)));
        let given: Resources = cpu.into_iter().chain(memory).collect();
        let container = (!given.is_empty()).then(|| (Release::ONLY.to_owned(), given));
        Allocation { resources: container.into_iter().collect(), ..Allocation::of_replicas(self.replicas) }
    }
}

impl Default for EnvironmentModel {
    fn default() -> Self {
        let application = |name: &str, test, production, kpi_per_replica: Option<&str>| PlantApplication {
            name: literal(name),
            test,
            production: Some(production),
            kpi_per_replica: kpi_per_replica.map(literal),
        };
        let table = |name: &str, rows_per_kpi| TableModel { name: name.to_owned(), rows_per_kpi };
        Self {
            seed: 1,
            noise: Noise::default(),
            applications: vec![
                application("shop", Running::new("v1", 1), Running::new("v2", 3), Some("1000/min")),
                application("payments", Running::new("v7", 1), Running::new("v7", 2), None),
            ],
            workers: WorkerModel::default(),
            response_ms: 40.0,
            delays: DelayModel::default(),
            test_data: vec![TestDataModel {
                name: "shop".to_owned(),
                tables: vec![table("orders", 1), table("basketLines", 3)],
                write_delay: Span::default(),
            }],
            faults: Vec::new(),
        }
    }
}

impl Default for WorkerModel {
    fn default() -> Self {
        Self { count: 2, application: None, users_per_worker: None, dead_man_switch: None }
    }
}

impl Default for DelayModel {
    fn default() -> Self {
        Self {
            call: std::time::Duration::from_millis(20).into(),
            roll_out: Span::seconds(20),
            scale: Span::seconds(10),
            stop: Span::seconds(1),
        }
    }
}

/// A value of this file, which its tests prove to be sound.
fn literal<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Display,
{
    match text.parse() {
        Ok(value) => value,
        Err(error) => unreachable!("a default is malformed: {error}"),
    }
}
