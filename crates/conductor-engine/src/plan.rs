//! What a run would do, found out without touching anything.

use std::collections::BTreeMap;
use std::time::Duration;

use conductor_core::app::ApplicationId;
use conductor_core::capacity::Shortage;
use conductor_core::failure::Failure;
use conductor_core::guard::Pause;
use conductor_core::layout::LayoutSight;
use conductor_core::learnt::Hints;
use conductor_core::load::GeneratorFacts;
use conductor_core::parity::Report;
use conductor_core::phase::{Deadlines, PhaseDeadline};
use conductor_core::ports::{FailureKind, PortError, Ports, Production, TableCount};
use conductor_core::run::{Created, RunId};
use conductor_core::scale::{Baseline, Plan};
use conductor_core::sizing::Sizing;
use conductor_core::spec::LoadWorkers;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::activity::{Surroundings, look_around, report, sides, sight};

/// What a run would do, and what it would find.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanReport {
    /// What would be changed.
    pub plan: Plan,
    /// By what applications would be deployed, where it is not by setting their versions.
    pub deployed_by: BTreeMap<ApplicationId, String>,
    /// What the environment is now.
    pub baseline: Baseline,
    /// What production runs.
    pub production: BTreeMap<ApplicationId, Production>,
    /// What changes the applications by itself, and would stand still for the run or does so already.
    pub pauses: Vec<Pause>,
    /// What there is not enough of.
    pub shortages: Vec<Shortage>,
    /// In what the environment would differ from production.
    pub parity: Report,
    /// Where load generators, mocks and applications under test are now; `None` where nothing tells.
    pub layout: Option<LayoutSight>,
    /// What the control law would be told.
    pub hints: Hints,
    /// The load workers that would be scaled while load is generated; `None` where the load test lets none be.
    pub load_workers: Option<WorkersPlan>,
    /// How many workers of the load generator the target needs, by a former run; `None` where there is none that tells.
    pub sizing: Option<Sizing>,
    /// What would generate the load.
    pub generator: GeneratorFacts,
    /// The tables of test data that would be cleaned, with the rows a run that never was has in them: none.
    pub test_data: Vec<StoredRows>,
    /// What is worth to know of the stores, each with its store's name.
    pub test_data_remarks: Vec<String>,
    /// The time limits.
    pub deadlines: Vec<PhaseDeadline>,
}

/// Load workers that may be scaled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkersPlan {
    /// The application that runs them.
    pub application: ApplicationId,
    /// Its replicas now.
    pub replicas: u32,
    /// Most replicas that it would be given.
    pub most: u32,
    /// The CPU up to which a worker is planned, percent of one core.
    pub target_cpu: f64,
}

/// The rows that one table of test data has for a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredRows {
    /// The store's name.
    pub store: String,
    /// The table.
    pub table: String,
    /// Rows.
    pub rows: u64,
}

/// Finds out what a run would do that begins now. Changes nothing.
///
/// # Errors
/// When something cannot be found out, with everything that cannot, or when no plan can be made of it.
pub async fn plan(ports: &Ports, created: &Created, now: Timestamp) -> Result<PlanReport, PortError> {
    let applications = created.applications();
    let around = look_around(ports, created, &applications);
    let looks = (around, dry_run(ports), sides(ports, created), sight(ports, created));
    let (generator, around, test_data, read, layout) =
        futures::join!(ports.generator.check(), looks.0, looks.1, looks.2, looks.3);
    let (generator, around, (test_data, test_data_remarks)) = match (generator, around, test_data) {
        (Ok(generator), Ok(around), Ok(test_data)) => (generator, around, test_data),
        (generator, around, test_data) => {
            let around = around.err().into_iter().flatten();
            return Err(together(generator.err().into_iter().chain(around).chain(test_data.err()).collect()));
        }
    };
    let (production, baseline): (_, Surroundings) = around;
    let plan = created
        .plan(&production, &baseline)
        .map_err(|error| PortError::because(FailureKind::Rejected, "could not plan the run", error))?;
    if let Some(unfit) = created.unfit(&generator) {
        return Err(PortError::new(FailureKind::Rejected, unfit));
    }
    let deployed_by = ports.deployer.try_out(&never()?, &plan.rollouts).await?;
    let shortages = match &ports.capacity {
        Some(capacity) => capacity.shortages(&plan.scale_steps).await?,
        None => Vec::new(),
    };
    let pauses = match &ports.guard {
        Some(guard) => guard.pauses(&applications, &plan.scale_steps).await?,
        None => Vec::new(),
    };
    let parity = report(read, created, &plan, now);
    let deadlines = Deadlines::of(&created.spec).table();
    let hints = Hints::of(created);
    let sizing = hints.sizing(created, generator.workers);
    let load_workers = load_workers(created, &baseline);
    Ok(PlanReport {
        plan,
        deployed_by,
        baseline,
        production,
        pauses,
        shortages,
        parity,
        layout,
        hints,
        load_workers,
        sizing,
        generator,
        test_data,
        test_data_remarks,
        deadlines,
    })
}

/// Everything that cannot be found out as one error: whoever plans shall not learn of it one by one, nor by chance.
fn together(mut errors: Vec<PortError>) -> PortError {
    if errors.len() == 1 {
        return errors.remove(0);
    }
    let gravest = errors.iter().map(|error| error.kind).max_by_key(|kind| !kind.is_transient());
    let mut texts: Vec<String> = Vec::new();
    for text in errors.iter().map(|error| Failure::of("", error).message) {
        // Several looks may have met the same trouble.
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    PortError::new(gravest.unwrap_or(FailureKind::Rejected), texts.join("; "))
}

fn load_workers(created: &Created, baseline: &Baseline) -> Option<WorkersPlan> {
    let LoadWorkers { application, most, target_cpu } = created.spec.load.workers.clone()?;
    let replicas = baseline.get(&application)?.allocation.replicas;
    Some(WorkersPlan { application, replicas, most, target_cpu })
}

/// A run that never is.
fn never() -> Result<RunId, PortError> {
    "dry-run".parse().map_err(|error| PortError::because(FailureKind::Rejected, "could not name the dry run", error))
}

/// How long a store may take to be checked, and to count the rows of a run that has none.
const LOOK_WITHIN: Duration = Duration::from_secs(60);

/// Checks the stores and counts the rows of a run that never was, which shows their tables and how long counting takes. All that is
/// wrong is told at once.
async fn dry_run(ports: &Ports) -> Result<(Vec<StoredRows>, Vec<String>), PortError> {
    let never = never()?;
    let looks = ports.test_data.iter().map(|store| async {
        let checked = tokio::time::timeout(LOOK_WITHIN, store.check()).await;
        let mut remarks = checked.unwrap_or_else(|_| Err(late(store.name())))?;
        let counted = tokio::time::timeout(LOOK_WITHIN, store.count(&never)).await;
        // It works, but cleaning up will take its time, too.
        let counts = counted.unwrap_or_else(|_| {
            remarks.push(format!("a run's rows are not counted within {} s", LOOK_WITHIN.as_secs()));
            Ok(Vec::new())
        })?;
        Ok((store.name(), counts, remarks))
    });
    let (mut found, mut remarked, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for look in futures::future::join_all(looks).await {
        match look {
            Ok((store, counts, remarks)) => {
                let of = |TableCount { table, rows }| StoredRows { store: store.clone(), table, rows };
                found.extend(counts.into_iter().map(of));
                remarked.extend(remarks.into_iter().map(|remark| format!("{store}: {remark}")));
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok((found, remarked)) } else { Err(together(errors)) }
}

fn late(store: String) -> PortError {
    let act = format!("{store} does not answer within {} s", LOOK_WITHIN.as_secs());
    PortError::new(FailureKind::TimedOut, act)
}
