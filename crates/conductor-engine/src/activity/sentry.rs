//! Watching that nobody else changes the applications while load is generated.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use conductor_core::app::ApplicationId;
use conductor_core::failure::{Failure, FailureKind, PortError};
use conductor_core::guard::{Drift, DriftPolicy};
use conductor_core::phase::{Changes, Event, Level};
use conductor_core::ports::Way;
use conductor_core::release::Rollout;
use conductor_core::scale::{Baseline, ScaleStep};
use tokio::sync::watch;

use super::context::Shared;
use super::unpanicking;

/// Pause after the watch could not go on.
const PAUSE: Duration = Duration::from_secs(5);

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
    Sentry { context, expected, known, reverts, orders }.stand()
}

struct Sentry {
    context: Shared,
    expected: Baseline,
    known: Vec<Drift>,
    /// True when the core orders everything to be put in place again.
    reverts: bool,
    orders: watch::Receiver<Vec<Drift>>,
}

impl Sentry {
    async fn stand(mut self) -> Infallible {
        let Some(guard) = self.context.ports.guard.clone() else { return std::future::pending().await };
        let mut in_trouble = false;
        loop {
            let watched = unpanicking(guard.drifted(&self.expected, &self.known)).await;
            match watched.and_then(|drifts| drifts.map_err(|error| Failure::of("watch the applications", &error))) {
                Ok(drifts) => {
                    in_trouble = false;
                    self.tell(drifts).await;
                }
                Err(failure) => {
                    if !std::mem::replace(&mut in_trouble, true) {
                        self.context.note(Level::Warning, failure.to_string()).await;
                    }
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
        let applications: BTreeSet<&ApplicationId> = wanted.iter().map(|drift| &drift.application).collect();
        for application in applications {
            if let Err(error) = self.revert(application).await {
                let activity = format!("put {application} back as the run needs it");
                self.context.note(Level::Warning, Failure::of(activity, &error).to_string()).await;
                // What cannot be put back is not told again and again.
                self.known.extend(wanted.iter().filter(|drift| drift.application == *application).cloned());
            }
        }
    }

    /// Puts in place again what the run needs of an application.
    async fn revert(&self, application: &ApplicationId) -> Result<(), PortError> {
        let (context, patience) = (&self.context, self.context.options.retry.patience);
        let found = context.observe(std::slice::from_ref(application), patience).await?;
        let (Some(expected), Some(found)) = (self.expected.get(application), found.get(application)) else {
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
            context.retry(patience, || context.ports.deployer.roll_out(&context.run, &rollout, Way::There)).await?;
        }
        // What else is told beside another version is of what scales it, or sizes its pods.
        if found.allocation != expected.allocation || found.release == expected.release {
            let (from, to) = (found.allocation.clone(), expected.allocation.clone());
            let step = ScaleStep { application: application.clone(), from, to };
            context.retry(patience, || context.ports.scaler.scale(&context.run, &step, Way::There)).await?;
        }
        Ok(())
    }
}
