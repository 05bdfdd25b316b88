//! Journals and requests in memory, with switches for what a store can do wrong.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use async_trait::async_trait;
use conductor_core::phase::State;
use conductor_core::ports::{Claim, Holder, RunRequest, RunRequests, RunStore, RunSummary, StoreError};
use conductor_core::run::{Record, Revision, Run, RunId};

/// A store in memory, for tests. Cloning gives another handle on the same store.
#[derive(Clone, Default)]
pub struct MemoryStore {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    journals: BTreeMap<RunId, Kept>,
    /// The claims that are held, each with its number.
    claims: BTreeMap<String, u64>,
    last_claim: u64,
    /// Who waits for the loss of a claim, by its number: others are not asked when one of a thousand runs goes on.
    wakers: BTreeMap<u64, Vec<Waker>>,
    requests: BTreeMap<RunId, Vec<RunRequest>>,
    unavailable: bool,
    answers_to_lose: u32,
    last_revision: Option<Revision>,
    held: bool,
}

struct Kept {
    records: Vec<Record>,
    run: Run,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes every call fail as unavailable, or work again.
    pub fn set_unavailable(&self, unavailable: bool) {
        self.lock().unavailable = unavailable;
    }

    /// Keeps the next so many records but answers that the store is unavailable.
    pub fn lose_answers(&self, times: u32) {
        self.lock().answers_to_lose = times;
    }

    /// Takes every claim away from whoever holds it, as when a lease runs out. Another can have it then.
    pub fn lose_claims(&self) {
        let mut shared = self.lock();
        shared.claims.clear();
        std::mem::take(&mut shared.wakers).into_values().flatten().for_each(Waker::wake);
    }

    /// Never answers an append after this revision, as when the process dies there; `None` answers again. What hangs
    /// already goes on hanging.
    pub fn hold_after(&self, revision: Option<Revision>) {
        let mut shared = self.lock();
        shared.last_revision = revision;
        shared.held = false;
    }

    /// True when an append hangs since [`MemoryStore::hold_after`].
    pub fn is_held(&self) -> bool {
        self.lock().held
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn available(&self, act: &str) -> Result<MutexGuard<'_, Shared>, StoreError> {
        let shared = self.lock();
        if shared.unavailable { Err(unavailable(act, "the store is switched off")) } else { Ok(shared) }
    }
}

fn unavailable(act: &str, why: &str) -> StoreError {
    StoreError::Unavailable { act: format!("could not {act}"), source: why.into() }
}

impl Shared {
    fn append(&mut self, run: &RunId, record: &Record) -> Result<(), StoreError> {
        let act = format!("append record {} to run {run}", record.revision);
        let found = self.journals.get(run).map_or(0, |kept| kept.run.revision);
        if found + 1 != record.revision {
            return Err(StoreError::Conflict { run: run.clone(), expected: record.revision.saturating_sub(1), found });
        }
        match self.journals.get_mut(run) {
            Some(kept) => {
                kept.run.apply(record).map_err(|error| unavailable(&act, &error.to_string()))?;
                kept.records.push(record.clone());
            }
            None => {
                let begun = Run::begin(record).map_err(|error| unavailable(&act, &error.to_string()))?;
                self.is_new(&begun)?;
                self.journals.insert(run.clone(), Kept { records: vec![record.clone()], run: begun });
            }
        }
        if self.answers_to_lose > 0 {
            self.answers_to_lose -= 1;
            return Err(unavailable(&act, "the answer was lost"));
        }
        Ok(())
    }

    /// Whether no run was made of the same request before.
    fn is_new(&self, begun: &Run) -> Result<(), StoreError> {
        let Some(request) = &begun.created.request else { return Ok(()) };
        let known = self.journals.iter().find(|(_, kept)| kept.run.created.request.as_ref() == Some(request));
        match known {
            Some((run, _)) => Err(StoreError::Requested { request: request.clone(), run: run.clone() }),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl RunStore for MemoryStore {
    async fn append(&self, run: &RunId, record: &Record) -> Result<(), StoreError> {
        {
            let mut shared = self.available("append a record")?;
            if shared.last_revision.is_none_or(|last| record.revision <= last) {
                return shared.append(run, record);
            }
            shared.held = true;
        }
        std::future::pending().await
    }

    async fn journal(&self, run: &RunId, after: Revision) -> Result<Vec<Record>, StoreError> {
        let shared = self.available("read a journal")?;
        match shared.journals.get(run) {
            Some(kept) => Ok(kept.records.iter().filter(|record| record.revision > after).cloned().collect()),
            None if after > 0 => Ok(Vec::new()),
            None => Err(StoreError::UnknownRun(run.clone())),
        }
    }

    async fn runs(&self) -> Result<Vec<RunSummary>, StoreError> {
        let shared = self.available("list runs")?;
        let summary = |(id, Kept { run, .. }): (&RunId, &Kept)| RunSummary {
            id: id.clone(),
            name: run.created.spec.name.clone(),
            environment: run.created.spec.environment.clone(),
            created: run.created_at,
            finished: matches!(run.state, State::Finished { .. }),
            waiting: run.is_waiting().then_some(run.created.spec.if_busy),
            request: run.created.request.clone(),
        };
        let mut runs: Vec<RunSummary> = shared.journals.iter().map(summary).collect();
        runs.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
        Ok(runs)
    }

    async fn claim(&self, environment: &str) -> Result<Box<dyn Claim>, StoreError> {
        let mut shared = self.available("claim an environment")?;
        if shared.claims.contains_key(environment) {
            return Err(StoreError::Claimed {
                environment: environment.to_owned(),
                holder: Holder::for_life("another conductor"),
            });
        }
        shared.last_claim += 1;
        let number = shared.last_claim;
        shared.claims.insert(environment.to_owned(), number);
        let given_back = AtomicBool::new(false);
        Ok(Box::new(Claimed { store: self.clone(), environment: environment.to_owned(), number, given_back }))
    }
}

#[async_trait]
impl RunRequests for MemoryStore {
    async fn ask(&self, run: &RunId, request: &RunRequest) -> Result<(), StoreError> {
        let mut shared = self.available("leave a request")?;
        if !shared.journals.contains_key(run) {
            return Err(StoreError::UnknownRun(run.clone()));
        }
        shared.requests.entry(run.clone()).or_default().push(request.clone());
        Ok(())
    }

    async fn asked(&self, run: &RunId, after: u64) -> Result<Vec<(u64, RunRequest)>, StoreError> {
        let shared = self.available("look for requests")?;
        let left = shared.requests.get(run).into_iter().flatten().cloned();
        Ok((1..).zip(left).filter(|(number, _)| *number > after).collect())
    }
}

/// An environment that is claimed until this is given back, dropped or lost.
struct Claimed {
    store: MemoryStore,
    environment: String,
    number: u64,
    given_back: AtomicBool,
}

impl Claimed {
    fn is_held(&self, shared: &Shared) -> bool {
        shared.claims.get(&self.environment) == Some(&self.number)
    }

    fn end(&self) {
        let mut shared = self.store.lock();
        self.given_back.store(true, Ordering::Relaxed);
        shared.wakers.remove(&self.number);
        if self.is_held(&shared) {
            shared.claims.remove(&self.environment);
        }
    }
}

#[async_trait]
impl Claim for Claimed {
    async fn lost(&self) {
        poll_fn(|context| {
            let mut shared = self.store.lock();
            if !self.is_held(&shared) && !self.given_back.load(Ordering::Relaxed) {
                return Poll::Ready(());
            }
            // A driver asks again whenever it is polled.
            let wakers = shared.wakers.entry(self.number).or_default();
            if !wakers.iter().any(|known| known.will_wake(context.waker())) {
                wakers.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    async fn give_back(&self) {
        self.end();
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        self.end();
    }
}
