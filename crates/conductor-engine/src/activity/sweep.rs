//! Deleting the run's data, twice, because rows may be written late, and proving that none is left.

use std::collections::BTreeMap;
use std::sync::Arc;

use conductor_core::failure::{Failure, FailureKind};
use conductor_core::phase::Event;
use conductor_core::ports::{TableCount, TestDataStore};

use super::context::{Context, Shared};

/// Deletes the run's data in every store; a failure in one does not stop the others.
pub(super) async fn clean_up(context: Shared) -> Event {
    let mut sweep = Sweep::default();
    sweep.over(&context, Which::First).await;
    context.clock.sleep(context.ports.settle.unwrap_or(context.options.settle)).await;
    sweep.over(&context, Which::Second).await;
    sweep.prove(&context).await;
    let deleted = sweep.deleted.into_iter().map(|(table, rows)| TableCount { table, rows }).collect();
    Event::CleanedUp { deleted, failures: sweep.failures.into_values().collect() }
}

/// Which sweep it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    First,
    /// Where the first one has ended in order, all it finds was written late.
    Second,
}

/// What was deleted, and the last failure of each store.
#[derive(Default)]
struct Sweep {
    deleted: BTreeMap<String, u64>,
    failures: BTreeMap<String, Failure>,
}

impl Sweep {
    async fn over(&mut self, context: &Context, which: Which) {
        let deletions =
            context.ports.test_data.iter().map(|store| async move { (store, delete(context, store).await) });
        for (store, result) in futures::future::join_all(deletions).await {
            match result {
                Ok(tables) => {
                    let has_failed = self.failures.remove(&store.name()).is_some();
                    for TableCount { table, rows } in tables {
                        let table = format!("{}/{table}", store.name());
                        let is_late = which == Which::Second && !has_failed;
                        match (is_late, rows) {
                            (true, 0) => {}
                            (true, _) => *self.deleted.entry(format!("{table} (late)")).or_default() += rows,
                            (false, _) => *self.deleted.entry(table).or_default() += rows,
                        }
                    }
                }
                Err(failure) => {
                    self.failures.insert(store.name(), failure);
                }
            }
        }
    }

    async fn prove(&mut self, context: &Context) {
        let counts = context.ports.test_data.iter().map(|store| async move { (store, left(context, store).await) });
        for (store, result) in futures::future::join_all(counts).await {
            if let Err(failure) = result {
                self.failures.entry(store.name()).or_insert(failure);
            }
        }
    }
}

async fn delete(context: &Context, store: &Arc<dyn TestDataStore>) -> Result<Vec<TableCount>, Failure> {
    let deleted = context.retry(context.options.retry.teardown_patience, || store.delete(&context.run)).await;
    deleted.map_err(|error| Failure::of(format!("delete the run's data in {}", store.name()), &error))
}

async fn left(context: &Context, store: &Arc<dyn TestDataStore>) -> Result<(), Failure> {
    let activity = format!("look whether {} is clean", store.name());
    let counted = context.retry(context.options.retry.teardown_patience, || store.count(&context.run)).await;
    let rows: Vec<String> = counted
        .map_err(|error| Failure::of(activity.clone(), &error))?
        .into_iter()
        .filter(|table| table.rows > 0)
        .map(|table| format!("{} rows are left in {}", table.rows, table.table))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    Err(Failure { activity, kind: FailureKind::Unsettled, message: rows.join(", ") })
}
