//! Watching that nobody else changes the applications while load is generated.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::failure::{Failure, FailureKind, PortError};
use conductor_core::guard::{Drift, DriftPolicy};
use conductor_core::phase::{Changes, Event, Level};
use conductor_core::ports::Way;
use conductor_core::release::Rollout;
use conductor_core::scale::{Baseline, ScaleStep};
use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use tokio::sync::watch;

use super::context::Shared;
use super::unpanicking;

/// Pause after the watch could not go on.
const PAUSE: Duration = Duration::from_secs(5);
/// A watch that went on for so long was well meanwhile: what stops it then is another trouble than before.
const WELL_AFTER: Duration = Duration::from_secs(3 * 60);
/// What is there again after it was put back so often in a row does not stay put back.
const OFTEN: u32 = 3;

/// How long anything may take to be as the run needs it again.
const REVERTED_WITHIN: Duration = Duration::from_secs(5 * 60);

fn failure_of(application: &ApplicationId, error: &PortError) -> Failure {
    Failure::of(format!("put {application} back as the run needs it"), error)
}

/// Tells what others have changed of what the run expects; where the environment wants that, it is put in place again.
/// It ends by being dropped.
pub(super) fn watch(
    context: Shared,
    changes: &Changes,
    known: &[Drift],
    orders: watch::Receiver<Vec<Drift>>,
) -> impl Future<Output = Infallible> + Send + use<> {
    // The run itself scales the load workers meanwhile.
    let workers = context.created.spec.load.workers.as_ref().map(|workers| &workers.application);
    let expected = changes.expected(workers);
    let reverts = context.created.drift_policy == DriftPolicy::Revert;
    // What is put back may be changed anew, and is told again then.
    let known = if reverts { Vec::new() } else { known.to_vec() };
    let (before, put_back) = (changes.baseline.clone(), Vec::new());
    Sentry { context, before, expected, known, reverts, put_back, orders }.stand()
}

struct Sentry {
    context: Shared,
    before: Baseline,
    expected: Baseline,
    known: Vec<Drift>,
    /// True when the core orders everything to be put in place again.
    reverts: bool,
    /// How often in a row each was put back, and when at last.
    put_back: Vec<(Drift, u32, Timestamp)>,
    orders: watch::Receiver<Vec<Drift>>,
}

impl Sentry {
    async fn stand(mut self) -> Infallible {
        let Some(guard) = self.context.ports.guard.clone() else { return std::future::pending().await };
        let mut told: Option<Failure> = None;
        loop {
            let began = self.context.clock.now();
            let watched = unpanicking(guard.drifted(&self.expected, &self.known)).await;
            let lasted = Duration::try_from(self.context.clock.now().duration_since(began)).unwrap_or_default();
            // What is told of some applications says nothing of the others.
            told = told.filter(|_| lasted < WELL_AFTER);
            match watched.and_then(|drifts| drifts.map_err(|error| Failure::of("watch the applications", &error))) {
                Ok(drifts) => self.tell(drifts).await,
                Err(failure) => {
                    if told.as_ref() != Some(&failure) {
                        self.context.note(Level::Warning, failure.to_string()).await;
                    }
                    told = Some(failure);
                    self.context.clock.sleep(PAUSE).await;
                }
            }
        }
    }

    async fn tell(&mut self, drifts: Vec<Drift>) {
        self.context.tell(Event::Drifted { drifts: drifts.clone() }).await;
        if !self.reverts {
            self.known.extend(drifts);
            return;
        }
        if self.orders.changed().await.is_err() {
            // The state was left, and this work is being dropped.
            std::future::pending::<()>().await;
        }
        let wanted = self.orders.borrow_and_update().clone();
        let mut of: BTreeMap<ApplicationId, Vec<Drift>> = BTreeMap::new();
        for drift in wanted {
            of.entry(drift.application.clone()).or_default().push(drift);
        }
        let counted = of.into_iter().map(|(name, drifts)| (self.count(&drifts), name, drifts)).collect();
        let given_up = self.revert_all(counted).await;
        // What cannot be put back is not told again and again.
        self.known.extend(given_up);
    }

    /// Puts in place again what the run needs of applications, beside each other, and answers with what cannot be.
    async fn revert_all(&self, all: Vec<(Result<(), PortError>, ApplicationId, Vec<Drift>)>) -> Vec<Drift> {
        let applications: Vec<ApplicationId> = all.iter().map(|(_, name, _)| name.clone()).collect();
        let paused = &self.pause_again(&applications).await;
        let reverts = all.into_iter().map(|(stays, application, drifts)| async move {
            let done = match paused {
                Ok(()) => self.revert_in_time(&application).await.and(stays),
                Err(error) => return (drifts, Err(failure_of(&application, error))),
            };
            (drifts, done.map_err(|error| failure_of(&application, &error)))
        });
        let reverts: Vec<_> = reverts.collect();
        let mut ended = stream::iter(reverts).buffer_unordered(self.context.options.concurrency.max(1));
        let mut given_up = Vec::new();
        while let Some((drifts, done)) = ended.next().await {
            match done {
                Ok(()) => self.context.tell(Event::Reverted { drifts }).await,
                Err(failure) => {
                    self.context.tell(Event::NotReverted { drifts: drifts.clone(), failure }).await;
                    given_up.extend(drifts);
                }
            }
        }
        given_up
    }

    /// Counts what is put back, and fails for what does not stay so.
    fn count(&mut self, drifts: &[Drift]) -> Result<(), PortError> {
        let mut counted = Ok(());
        let now = self.context.clock.now();
        for drift in drifts {
            let known = self.put_back.iter().position(|(known, ..)| known.is(drift));
            let at = known.unwrap_or_else(|| {
                self.put_back.push((drift.clone(), 0, now));
                self.put_back.len() - 1
            });
            let (Drift { field, found, .. }, times, last) = &mut self.put_back[at];
            // It has stayed so for a while.
            if Duration::try_from(now.duration_since(*last)).unwrap_or_default() >= WELL_AFTER {
                *times = 0;
            }
            *last = now;
            if *times >= OFTEN {
                let text = format!("{field} is {found} again each time, put back {times} times");
                counted = Err(PortError::new(FailureKind::Rejected, text));
            }
            *times += 1;
        }
        counted
    }

    /// Pauses what keeps applications otherwise: it would take back again what is put back.
    async fn pause_again(&self, applications: &[ApplicationId]) -> Result<(), PortError> {
        let (context, patience) = (&self.context, self.context.options.retry.patience);
        let Some(guard) = &context.ports.guard else { return Ok(()) };
        let pause = context.retry(patience, || guard.pause_again(&context.run, applications));
        context.within(REVERTED_WITHIN, pause).await
    }

    /// Others wait to be watched meanwhile.
    async fn revert_in_time(&self, application: &ApplicationId) -> Result<(), PortError> {
        self.context.within(REVERTED_WITHIN, self.revert(application)).await
    }

    /// Puts in place again what the run needs of an application. What the run has not changed goes back to what it was before
    /// it: towards the test's state, the value of somebody else would be kept as that of before the run.
    async fn revert(&self, application: &ApplicationId) -> Result<(), PortError> {
        let (context, patience) = (&self.context, self.context.options.retry.patience);
        let found = context.observe(std::slice::from_ref(application), patience).await?;
        let (Some(before), Some(expected), Some(found)) =
            (self.before.get(application), self.expected.get(application), found.get(application))
        else {
            return Err(PortError::new(FailureKind::NotFound, "it is gone"));
        };
        if found.identity != expected.identity {
            return Err(PortError::new(
                FailureKind::Rejected,
                "it was deleted and made anew, and the new one is not the run's",
            ));
        }
        if found.release != expected.release {
            let (from, to) = (found.release.clone(), expected.release.clone());
            let rollout = Rollout::new(application.clone(), from, to);
            let way = if expected.release == before.release { Way::Back } else { Way::There };
            context.retry(patience, || context.ports.deployer.roll_out(&context.run, &rollout, way)).await?;
        }
        // What else is told beside another version is of what scales it, or sizes its pods.
        if found.allocation != expected.allocation || found.release == expected.release {
            let unchanged = unchanged(&before.allocation, &expected.allocation, &found.allocation);
            if unchanged != found.allocation {
                self.scale(application, [&found.allocation, &unchanged], Way::Back).await?;
            }
            self.scale(application, [&unchanged, &expected.allocation], Way::There).await?;
        }
        Ok(())
    }

    async fn scale(
        &self,
        application: &ApplicationId,
        [from, to]: [&Allocation; 2],
        way: Way,
    ) -> Result<(), PortError> {
        let context = &self.context;
        let step = ScaleStep { application: application.clone(), from: from.clone(), to: to.clone() };
        let patience = context.options.retry.patience;
        context.retry(patience, || context.ports.scaler.scale(&context.run, &step, way)).await
    }
}

/// What is found, with what the run has not changed as it was before.
fn unchanged(before: &Allocation, expected: &Allocation, found: &Allocation) -> Allocation {
    let mut unchanged = found.clone();
    let count = |allocation: &Allocation| (allocation.replicas, allocation.autoscaling);
    if count(before) == count(expected) {
        (unchanged.replicas, unchanged.autoscaling) = count(before);
    }
    for (container, resources) in &mut unchanged.resources {
        let own = before.resources.get(container);
        if own == expected.resources.get(container) {
            *resources = own.cloned().unwrap_or_default();
        }
    }
    unchanged
}
