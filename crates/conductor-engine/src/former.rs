//! The former run of a load test: the last one that has something to teach.

use conductor_core::learnt::Learnt;
use conductor_core::ports::{RunStore, RunSummary};
use conductor_core::spec::LoadTestSpec;

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
