//! Runs that this process appends to, folded, so that the end of a run is known without reading its journal each time.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use conductor_core::phase::State;
use conductor_core::ports::{RunStore, StoreError};
use conductor_core::run::{Record, Revision, Run, RunId};

use crate::rows;

/// The runs, each as its last record that was written here has left it.
#[derive(Default)]
pub(crate) struct Folded {
    runs: Mutex<HashMap<RunId, Run>>,
}

impl Folded {
    /// The run with the record applied, from memory or from its journal. An event that does not belong is an error.
    pub(crate) async fn with(&self, store: &dyn RunStore, run: &RunId, record: &Record) -> Result<Run, StoreError> {
        let act = || format!("could not append record {} to run {run}", record.revision);
        if record.revision == 1 {
            return Run::begin(record).map_err(|source| rows::unavailable(act(), source));
        }
        let known = self.lock().get(run).cloned();
        let mut folded = match known.filter(|known| known.revision + 1 == record.revision) {
            Some(known) => known,
            None => {
                let journal = store.journal(run, 0).await?;
                Run::replay(&journal).map_err(|source| rows::unavailable(act(), source))?
            }
        };
        if folded.revision + 1 != record.revision {
            return Err(conflict(run, record, folded.revision));
        }
        folded.apply(record).map_err(|source| rows::unavailable(act(), source))?;
        Ok(folded)
    }

    /// Keeps a run whose last record is written, unless it has ended, or waits, so that others may write to it.
    pub(crate) fn keep(&self, run: &RunId, folded: Run) {
        if is_over(&folded) || folded.is_waiting() {
            self.lock().remove(run);
        } else {
            self.lock().insert(run.clone(), folded);
        }
    }

    /// Forgets a run that somebody else goes on with.
    pub(crate) fn forget(&self, run: &RunId) {
        self.lock().remove(run);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// True when the run has come to its end.
pub(crate) const fn is_over(run: &Run) -> bool {
    matches!(run.state, State::Finished { .. })
}

/// The journal is at revision `found`, so that the record cannot be the next one.
pub(crate) fn conflict(run: &RunId, record: &Record, found: Revision) -> StoreError {
    StoreError::Conflict { run: run.clone(), expected: record.revision.saturating_sub(1), found }
}
