//! Deleting the run's data, twice, because rows may be written late, and proving that none is left.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use conductor_core::failure::{Failure, FailureKind};
use conductor_core::phase::Event;
use conductor_core::ports::{TableCount, TestDataStore};
use tokio::sync::watch;
use tokio::time::Instant;

use super::context::{Context, Shared};
use super::unpanicking;

/// What the proof has of the phase's limit, however long deleting takes.
const PROOF: Duration = Duration::from_secs(120);

/// Deletes the run's data in every store and proves that none is left. It ends within the limit by itself and tells what it knows by
/// then: what becomes of one store hides nothing of the others.
pub(super) async fn clean_up(context: Shared, limit: Option<Duration>) -> Event {
    let began = Instant::now();
    let limit = limit.unwrap_or(Duration::MAX);
    let deleting = limit - PROOF.min(limit / 4);
    let stores = &context.ports.test_data;
    let under_way = watch::Sender::new(stores.len());
    let mut sweeps: Vec<Sweep> = stores.iter().map(|store| Sweep::of(Arc::clone(store), &context)).collect();
    futures::future::join_all(sweeps.iter_mut().map(|sweep| sweep.clean(deleting, &under_way))).await;
    let left = limit.saturating_sub(began.elapsed());
    futures::future::join_all(sweeps.iter_mut().map(|sweep| sweep.prove(left))).await;
    let (mut deleted, mut failures) = (BTreeMap::new(), Vec::new());
    for sweep in sweeps {
        deleted.extend(sweep.deleted);
        failures.extend(sweep.failure);
    }
    let deleted = deleted.into_iter().map(|(table, rows)| TableCount { table, rows }).collect();
    Event::CleanedUp { deleted, failures }
}

/// Which sweep it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    First,
    /// Where the first one has ended in order, all it finds was written late.
    Second,
}

/// One store: what was deleted of it, and its last failure.
struct Sweep {
    store: Arc<dyn TestDataStore>,
    /// Of this store alone, so that nobody is told another one's trouble.
    context: Shared,
    deleted: BTreeMap<String, u64>,
    failure: Option<Failure>,
}

impl Sweep {
    fn of(store: Arc<dyn TestDataStore>, context: &Context) -> Self {
        Self { store, context: context.apart(), deleted: BTreeMap::new(), failure: None }
    }

    /// Deletes twice. What is not done within the limit is a failure.
    async fn clean(&mut self, limit: Duration, under_way: &watch::Sender<usize>) {
        let context = Arc::clone(&self.context);
        tokio::select! {
            biased;
            () = self.twice(limit, under_way) => return,
            () = context.clock.sleep(limit) => {}
        }
        let message = context.overdue(limit);
        self.failure = Some(Failure { activity: self.deletion(), kind: FailureKind::TimedOut, message });
    }

    async fn twice(&mut self, limit: Duration, under_way: &watch::Sender<usize>) {
        let began = Instant::now();
        let context = Arc::clone(&self.context);
        let settle = context.ports.settle.unwrap_or(context.options.settle);
        self.over(Which::First).await;
        under_way.send_modify(|stores| *stores -= 1);
        // Deleting in one store may write to another, so all rest together; but a store that is stuck takes nobody's second sweep.
        let mut others = under_way.subscribe();
        let latest = limit.saturating_sub(settle) / 2;
        tokio::select! {
            biased;
            _ = others.wait_for(|stores| *stores == 0) => {}
            () = context.clock.sleep(latest.saturating_sub(began.elapsed())) => {}
        }
        // A rest that leaves no time to delete what came in it is worth nothing.
        let left = limit.saturating_sub(began.elapsed());
        context.clock.sleep(settle.min(left / 2)).await;
        self.over(Which::Second).await;
    }

    async fn over(&mut self, which: Which) {
        match unpanicking(self.delete()).await.and_then(|deleted| deleted) {
            Ok(tables) => {
                let has_failed = self.failure.take().is_some();
                for TableCount { table, rows } in tables {
                    let table = format!("{}/{table}", self.store.name());
                    let is_late = which == Which::Second && !has_failed;
                    match (is_late, rows) {
                        (true, 0) => {}
                        (true, _) => *self.deleted.entry(format!("{table} (late)")).or_default() += rows,
                        (false, _) => *self.deleted.entry(table).or_default() += rows,
                    }
                }
            }
            Err(failure) => self.failure = Some(failure),
        }
    }

    async fn delete(&self) -> Result<Vec<TableCount>, Failure> {
        let Self { store, context, .. } = self;
        let deleted = context.go_on(context.options.retry.teardown_patience, || store.delete(&context.run)).await;
        deleted.map_err(|error| Failure::of(self.deletion(), &error))
    }

    /// Counts what is left. That nothing can be counted matters only where it seems to be deleted.
    async fn prove(&mut self, limit: Duration) {
        let counted = unpanicking(self.left(limit)).await.and_then(|left| left);
        let found = match counted {
            Ok(left) if left.is_empty() => return,
            Ok(left) => Failure { activity: self.proof(), kind: FailureKind::Unsettled, message: left.join(", ") },
            Err(failure) => failure,
        };
        match &mut self.failure {
            None => self.failure = Some(found),
            Some(failure) if found.kind == FailureKind::Unsettled => {
                failure.message = format!("{}; {}", failure.message, found.message);
            }
            Some(_) => {}
        }
    }

    /// In words, table by table.
    async fn left(&self, limit: Duration) -> Result<Vec<String>, Failure> {
        let Self { store, context, .. } = self;
        let counted = context.retry(context.options.retry.teardown_patience, || store.count(&context.run));
        let counted = context.within(limit, counted).await.map_err(|error| Failure::of(self.proof(), &error))?;
        let left = counted.into_iter().filter(|table| table.rows > 0);
        Ok(left.map(|table| format!("{} rows are left in {}", table.rows, table.table)).collect())
    }

    fn deletion(&self) -> String {
        format!("delete the run's data in {}", self.store.name())
    }

    fn proof(&self) -> String {
        format!("look whether {} is clean", self.store.name())
    }
}
