//! What activities share: retries, notes, concurrency over applications, and the look at what there is.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::failure::{Failure, FailureKind, PortError};
use conductor_core::phase::{Event, Level, Note};
use conductor_core::ports::Deployed;
use conductor_core::scale::{Baseline, Observed};
use conductor_core::units::Span;
use futures::StreamExt;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Equipment;

/// The failed attempt at which people are told: they should not watch a run wait without knowing for what.
const TOLD_AT_ATTEMPT: u32 = 4;
/// Work that goes on where it was and failed after this long has got somewhere: it is longer than any try to connect.
const PROGRESS: Duration = Duration::from_secs(60);

/// What one activity works with.
pub(crate) struct Context {
    equipment: Equipment,
    events: mpsc::Sender<Event>,
    trouble: Mutex<Option<String>>,
}

/// What the environment is, application by application.
pub(crate) type Surroundings = Baseline;

impl Deref for Context {
    type Target = Equipment;

    fn deref(&self) -> &Equipment {
        &self.equipment
    }
}

impl Equipment {
    /// Work that fails when it takes longer than this.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, PortError> {
        tokio::select! {
            biased;
            done = work => done,
            () = self.clock.sleep(limit) => {
                Err(PortError::new(FailureKind::TimedOut, format!("not done within {}", Span::from(limit))))
            }
        }
    }
}

impl Context {
    pub(super) fn new(equipment: Equipment, events: mpsc::Sender<Event>) -> Self {
        Self { equipment, events, trouble: Mutex::new(None) }
    }

    /// The same for a part of the work, whose trouble is its own.
    pub(super) fn apart(&self) -> Shared {
        Arc::new(Self::new(self.equipment.clone(), self.events.clone()))
    }

    /// The applications whose state the run records.
    pub(super) fn applications(&self) -> Vec<ApplicationId> {
        self.created.applications()
    }

    /// Tells an event before the work's last one.
    pub(super) async fn tell(&self, event: Event) {
        if self.events.send(event).await.is_err() {
            // The activity was dropped, and this work with it: nobody is left to tell.
            std::future::pending::<()>().await;
        }
    }

    /// Tells people something.
    pub(super) async fn note(&self, level: Level, message: String) {
        self.tell(Event::Noted(Note { level, message })).await;
    }

    /// Calls until it succeeds, fails for good, or the patience is over.
    pub(super) async fn retry<T, F>(&self, patience: Duration, call: impl FnMut() -> F) -> Result<T, PortError>
    where
        F: Future<Output = Result<T, PortError>>,
    {
        self.again(patience, FailureKind::is_transient, None, call).await
    }

    /// Calls as [`Self::retry`] does what goes on where it was when it is called again: patience begins anew with each call that has
    /// got somewhere.
    pub(super) async fn go_on<T, F>(&self, patience: Duration, call: impl FnMut() -> F) -> Result<T, PortError>
    where
        F: Future<Output = Result<T, PortError>>,
    {
        self.again(patience, FailureKind::is_transient, Some(PROGRESS), call).await
    }

    /// Calls until it succeeds or the patience is over: what is refused now may be allowed in a moment.
    pub(super) async fn insist<T, F>(&self, patience: Duration, call: impl FnMut() -> F) -> Result<T, PortError>
    where
        F: Future<Output = Result<T, PortError>>,
    {
        self.again(patience, |_| true, None, call).await
    }

    async fn again<T, F>(
        &self,
        patience: Duration,
        may_pass: impl Fn(FailureKind) -> bool,
        progress: Option<Duration>,
        mut call: impl FnMut() -> F,
    ) -> Result<T, PortError>
    where
        F: Future<Output = Result<T, PortError>>,
    {
        // What has worked for long before it fails has all its patience still.
        let mut trouble_began = None;
        let mut attempt: u32 = 0;
        loop {
            let called = Instant::now();
            let error = match call().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let message = Failure::of("", &error).message;
            let now = Instant::now();
            if progress.is_some_and(|progress| now - called >= progress) {
                (trouble_began, attempt) = (None, 0);
            }
            let waited = now - *trouble_began.get_or_insert(now);
            if !may_pass(error.kind) || waited >= patience {
                return Err(error);
            }
            attempt += 1;
            tracing::debug!(run = %self.run, error = message, attempt, "trying again");
            if attempt == TOLD_AT_ATTEMPT {
                self.note(Level::Warning, format!("{message}; it is tried again and again")).await;
            }
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(message);
            self.clock.sleep(self.options.retry.pause(attempt)).await;
        }
    }

    /// What to say when the limit has passed.
    pub(super) fn overdue(&self, limit: Duration) -> String {
        let limit = Span::from(limit);
        match &*self.trouble.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(trouble) => format!("not done within {limit}; the last trouble was: {trouble}"),
            None => format!("not done within {limit}"),
        }
    }

    /// Does all of the work, so many at a time, and gives the failures; one failure does not stop the others.
    pub(super) async fn each(&self, work: Vec<BoxFuture<'static, Result<(), Failure>>>) -> Vec<Failure> {
        let results = futures::stream::iter(work).buffer_unordered(self.options.concurrency.max(1));
        results.filter_map(|result| std::future::ready(result.err())).collect().await
    }

    /// What the applications are before anything is changed; those that do not exist are absent.
    pub(super) async fn observe_before(
        &self,
        applications: &[ApplicationId],
        patience: Duration,
    ) -> Result<Surroundings, PortError> {
        let scaler = &self.ports.scaler;
        self.observed(applications, patience, || scaler.allocated(applications)).await
    }

    /// What the applications are now, in a run that may have changed them; those that do not exist are absent.
    pub(super) async fn observe(
        &self,
        applications: &[ApplicationId],
        patience: Duration,
    ) -> Result<Surroundings, PortError> {
        let scaler = &self.ports.scaler;
        self.observed(applications, patience, || scaler.still_allocated(applications)).await
    }

    /// The versions, with the allocations as that tells them.
    async fn observed<F>(
        &self,
        applications: &[ApplicationId],
        patience: Duration,
        allocated: impl FnMut() -> F,
    ) -> Result<Surroundings, PortError>
    where
        F: Future<Output = Result<BTreeMap<ApplicationId, Allocation>, PortError>>,
    {
        let deployer = &self.ports.deployer;
        let (deployed, allocated) = futures::try_join!(
            self.retry(patience, || deployer.deployed(applications)),
            self.retry(patience, allocated),
        )?;
        Ok(joined(deployed, &allocated))
    }
}

/// Puts versions and allocations together; what has only one of them is not there.
pub(super) fn joined(
    deployed: BTreeMap<ApplicationId, Deployed>,
    allocated: &BTreeMap<ApplicationId, Allocation>,
) -> Surroundings {
    deployed
        .into_iter()
        .filter_map(|(application, Deployed { release, identity })| {
            let allocation = allocated.get(&application)?.clone();
            Some((application, Observed { release, allocation, identity }))
        })
        .collect()
}

/// Several failures as one that names all of them.
pub(super) fn merged(activity: &str, failures: Vec<Failure>) -> Option<Failure> {
    let kind = failures.first()?.kind;
    if failures.len() == 1 {
        return failures.into_iter().next();
    }
    let message = failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    Some(Failure { activity: activity.to_owned(), kind: gravest(kind, &failures), message })
}

/// What does not go away by trying again outweighs what may.
fn gravest(first: FailureKind, failures: &[Failure]) -> FailureKind {
    failures.iter().map(|failure| failure.kind).find(|kind| !kind.is_transient()).unwrap_or(first)
}

/// A handle that outlives the borrow of the context.
pub(super) type Shared = Arc<Context>;
