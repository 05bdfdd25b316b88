//! Putting off the end of a freeze is in nobody's way: neither while the run goes on, nor when it is over.

use std::sync::Arc;

use async_trait::async_trait;
use conductor_core::app::ApplicationId;
use conductor_core::guard::{Drift, Guarded, Pause};
use conductor_core::ports::{EnvironmentGuard, PortError};
use conductor_core::run::RunId;
use conductor_core::scale::{Baseline, ScaleStep};
use conductor_core::verdict::Outcome;
use conductor_engine::Ports;
use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::bed::{Bed, outcome, verdict};

/// A guard that gets no answer while it puts off the end, and needs then what its other calls need, too.
struct Stuck {
    guard: Arc<dyn EnvironmentGuard>,
    needed: Mutex<()>,
}

#[async_trait]
impl EnvironmentGuard for Stuck {
    async fn pauses(&self, names: &[ApplicationId], steps: &[ScaleStep]) -> Result<Vec<Pause>, PortError> {
        self.guard.pauses(names, steps).await
    }

    async fn freeze(&self, run: &RunId, names: &[ApplicationId], until: Timestamp) -> Result<Guarded, PortError> {
        self.guard.freeze(run, names, until).await
    }

    async fn extend(&self, _: &RunId, _: Timestamp) -> Result<(), PortError> {
        let _needed = self.needed.lock().await;
        std::future::pending().await
    }

    async fn thaw(&self, run: &RunId) -> Result<(), PortError> {
        let _needed = self.needed.lock().await;
        self.guard.thaw(run).await
    }

    async fn drifted(&self, expected: &Baseline, known: &[Drift]) -> Result<Vec<Drift>, PortError> {
        self.guard.drifted(expected, known).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_freeze_whose_end_is_being_put_off_can_be_lifted() {
    let bed = Bed::healthy().wrapped(|ports| {
        let guard = ports
            .guard
            .map(|guard| -> Arc<dyn EnvironmentGuard> { Arc::new(Stuck { guard, needed: Mutex::default() }) });
        Ports { guard, ..ports }
    });
    let view = bed.run().await;
    assert_eq!(outcome(&view), Outcome::Passed, "{:?}", verdict(&view));
    bed.assert_clean(&view, "lifted");
}
