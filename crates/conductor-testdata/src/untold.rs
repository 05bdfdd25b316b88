//! What was deleted and not told yet: a call that fails in the middle has deleted some, too.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use conductor_core::run::RunId;

/// How much was deleted and not told yet, by run and table (or whatever a store deletes from).
#[derive(Debug, Default)]
pub(crate) struct Untold(Mutex<BTreeMap<(RunId, String), u64>>);

impl Untold {
    /// Notes what was deleted, so that it is told however the call ends.
    pub(crate) fn note(&self, run: &RunId, table: &str, rows: u64) {
        let mut untold = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = untold.entry((run.clone(), table.to_owned())).or_default();
        // It may be what a service says.
        *noted = noted.saturating_add(rows);
    }

    /// Takes what was noted.
    pub(crate) fn take(&self, run: &RunId, table: &str) -> u64 {
        let mut untold = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        untold.remove(&(run.clone(), table.to_owned())).unwrap_or_default()
    }
}
