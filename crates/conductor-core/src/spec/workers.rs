//! The workers of the load generator as a load test has them: who runs them, and how many there may be. When they are
//! scaled is in `phase::workers`.

use serde::{Deserialize, Serialize};

use super::ApplicationChoice;
use super::validate::{Findings, MOST_REPLICAS};
use crate::app::ApplicationId;
use crate::sizing::{LIMIT_CPU, PLANNED_CPU};

const FIELD: &str = "spec.load.workers";
/// Least CPU that can be planned: what an idle worker uses would leave nothing for users.
const LEAST_CPU: f64 = 10.0;

/// The workers of the load generator, which the conductor may scale while load is generated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkersDocument {
    /// The application of the environment that runs them and nothing else, one worker a replica; it is not in scope.
    pub application: String,
    /// Most replicas that it may be given, 1 to 100000.
    pub most: i64,
    /// The CPU up to which a worker is planned, of one core, from 10% to 90%; `75%` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_cpu: Option<String>,
}

/// The workers of the load generator, which the conductor may scale while load is generated.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadWorkers {
    /// The application that runs them, one worker a replica.
    pub application: ApplicationId,
    /// Most replicas that it may be given.
    pub most: u32,
    /// The CPU up to which a worker is planned, percent of one core.
    pub target_cpu: f64,
}

pub(super) fn workers(
    found: &mut Findings,
    document: &WorkersDocument,
    scope: &[ApplicationChoice],
) -> Option<LoadWorkers> {
    let field = |name: &str| format!("{FIELD}.{name}");
    let application = found.parse::<ApplicationId>(&field("application"), &document.application);
    if let Some(name) = application.as_ref().filter(|name| scope.iter().any(|choice| choice.name == **name)) {
        let problem = format!("\"{name}\" is in spec.applications, too");
        found.add(&field("application"), problem, "an application that runs load workers and is not in scope");
    }
    let most = u32::try_from(document.most).ok().filter(|most| (1..=MOST_REPLICAS).contains(&i64::from(*most)));
    if most.is_none() {
        found.add(&field("most"), format!("{} is out of range", document.most), "1 to 100000");
    }
    let target_cpu = match &document.target_cpu {
        None => Some(PLANNED_CPU),
        Some(text) => {
            let number = text.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
            let sound = number.filter(|percent| (LEAST_CPU..=LIMIT_CPU).contains(percent));
            if sound.is_none() {
                found.add(
                    &field("targetCpu"),
                    format!("\"{text}\" is not a share of one core from 10% to 90%"),
                    "percent such as 75% (which it is when absent)",
                );
            }
            sound
        }
    };
    Some(LoadWorkers { application: application?, most: most?, target_cpu: target_cpu? })
}

/// How valid workers are written.
pub(super) fn written(workers: LoadWorkers) -> WorkersDocument {
    WorkersDocument {
        application: workers.application.into(),
        most: i64::from(workers.most),
        target_cpu: Some(format!("{}%", workers.target_cpu)),
    }
}
