//! Deleting the run's data, twice, because rows may be written late, and proving that none is left.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use conductor_core::failure::{Failure, FailureKind};
use conductor_core::phase::Event;
use conductor_core::ports::{TableCount, TestDataStore};
use jiff::Timestamp;

use super::context::{Context, Shared};

/// What the proof has of the phase's limit, however long deleting takes.
const PROOF: Duration = Duration::from_secs(120);

/// Deletes the run's data in every store; a failure in one does not stop the others, and one that takes too long is a failure as well.
pub(super) async fn clean_up(context: Shared, limit: Option<Duration>) -> Event {
    let deleting = limit.map(|limit| limit.saturating_sub(PROOF));
    let mut sweep =
        Sweep { limit: deleting, ends: deleting.map(|limit| context.clock.now() + limit), ..Sweep::default() };
    sweep.over(&context, Which::First).await;
    let settle = context.ports.settle.unwrap_or(context.options.settle);
    context.clock.sleep(sweep.left(&context).map_or(settle, |left| settle.min(left))).await;
    if sweep.left(&context).is_none_or(|left| !left.is_zero()) {
        sweep.over(&context, Which::Second).await;
    }
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
    limit: Option<Duration>,
    ends: Option<Timestamp>,
    deleted: BTreeMap<String, u64>,
    failures: BTreeMap<String, Failure>,
}

impl Sweep {
    /// How long deleting may still take.
    fn left(&self, context: &Context) -> Option<Duration> {
        let left = |ends: Timestamp| Duration::try_from(ends.duration_since(context.clock.now())).unwrap_or_default();
        self.ends.map(left)
    }

    async fn over(&mut self, context: &Context, which: Which) {
        let (limit, left) = (self.limit, self.left(context));
        let deletions = context.ports.test_data.iter().map(|store| async move {
            let Some(left) = left else { return (store, delete(context, store).await) };
            tokio::select! {
                biased;
                deleted = delete(context, store) => (store, deleted),
                () = context.clock.sleep(left) => (store, Err(late(context, store, limit.unwrap_or(left)))),
            }
        });
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

fn late(context: &Context, store: &Arc<dyn TestDataStore>, limit: Duration) -> Failure {
    let activity = format!("delete the run's data in {}", store.name());
    Failure { activity, kind: FailureKind::TimedOut, message: context.overdue(limit) }
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
