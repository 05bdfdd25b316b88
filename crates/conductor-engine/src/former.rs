//! Former runs that a load test rests on: the last one of its own that has something to teach, and the one it names as its baseline.

use conductor_core::learnt::Learnt;
use conductor_core::ports::{RunStore, RunSummary, StoreError};
use conductor_core::slo::BaselineFigures;
use conductor_core::spec::LoadTestSpec;
use conductor_core::view::Fold;

use crate::errors::StartError;
use crate::journal::chain;

/// Runs of the same load test that are looked at, newest first: a test that failed so often begins anew.
const LOOKED_AT: usize = 10;

/// What the last run of the same load test has learnt; `None` where no run has, or the load test does not want it.
///
/// A journal that cannot be read or replayed teaches nothing: a hint is no reason not to run.
pub(crate) async fn learnt(store: &dyn RunStore, runs: &[RunSummary], spec: &LoadTestSpec) -> Option<Learnt> {
    if !spec.load.learn_from_last_run {
        return None;
    }
    let same = runs.iter().filter(|run| run.finished && run.name == spec.name && run.environment == spec.environment);
    for RunSummary { id, .. } in same.take(LOOKED_AT) {
        let journal = match store.journal(id, 0).await {
            Ok(journal) => journal,
            Err(error) => {
                tracing::warn!(run = %id, error = chain(&error), "nothing can be learnt from a former run");
                continue;
            }
        };
        match Learnt::of(id, &journal, spec) {
            Ok(Some(learnt)) => return Some(learnt),
            Ok(None) => {}
            Err(error) => tracing::warn!(run = %id, error = chain(&error), "nothing can be learnt from a former run"),
        }
    }
    None
}

/// What objectives need of the run that a load test names as its baseline; `None` where it names none.
pub(crate) async fn baseline(store: &dyn RunStore, spec: &LoadTestSpec) -> Result<Option<BaselineFigures>, StartError> {
    let Some(run) = &spec.baseline else { return Ok(None) };
    let refused = |problem: String, expected: &str| StartError::Baseline {
        run: run.clone(),
        problem,
        expected: expected.to_owned(),
    };
    let journal = match store.journal(run, 0).await {
        Ok(journal) => journal,
        Err(StoreError::UnknownRun(_)) => {
            return Err(refused(format!("there is no run {run}"), "a run of this store, as `conductor list` shows it"));
        }
        Err(error) => return Err(StartError::Store(error)),
    };
    let (fold, _) = Fold::of(run, &journal)
        .map_err(|error| refused(format!("run {run} cannot be read: {error}"), "a run whose journal is whole"))?;
    let interval_s = fold.run.created.spec.interval.as_secs_f64();
    let figures = BaselineFigures::of(spec, &fold.view, interval_s).map_err(|error| StartError::Baseline {
        run: run.clone(),
        problem: error.problem,
        expected: error.expected,
    })?;
    Ok(Some(figures))
}
