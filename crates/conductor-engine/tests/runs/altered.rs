//! A guard some of whose answers are others: a double tells those, and the rest is passed on.

use std::sync::Arc;

use async_trait::async_trait;
use conductor_core::app::ApplicationId;
use conductor_core::guard::{Drift, Guarded, Pause};
use conductor_core::ports::{EnvironmentGuard, PortError, Ports};
use conductor_core::run::RunId;
use conductor_core::scale::{Baseline, ScaleStep};
use jiff::Timestamp;

/// What is other about a guard; each method does what that guard does, unless a double has its own.
#[async_trait]
pub(crate) trait Altered: Send + Sync {
    /// The guard itself.
    fn guard(&self) -> &dyn EnvironmentGuard;

    async fn pauses(&self, names: &[ApplicationId], steps: &[ScaleStep]) -> Result<Vec<Pause>, PortError> {
        self.guard().pauses(names, steps).await
    }

    async fn freeze(&self, run: &RunId, names: &[ApplicationId], until: Timestamp) -> Result<Guarded, PortError> {
        self.guard().freeze(run, names, until).await
    }

    async fn extend(&self, run: &RunId, until: Timestamp) -> Result<(), PortError> {
        self.guard().extend(run, until).await
    }

    async fn thaw(&self, run: &RunId) -> Result<(), PortError> {
        self.guard().thaw(run).await
    }

    async fn pause_again(&self, run: &RunId, names: &[ApplicationId]) -> Result<(), PortError> {
        self.guard().pause_again(run, names).await
    }

    async fn drifted(&self, expected: &Baseline, known: &[Drift]) -> Result<Vec<Drift>, PortError> {
        self.guard().drifted(expected, known).await
    }
}

/// The guard with what is other about it.
struct Altering<D>(D);

#[async_trait]
impl<D: Altered> EnvironmentGuard for Altering<D> {
    async fn pauses(&self, names: &[ApplicationId], steps: &[ScaleStep]) -> Result<Vec<Pause>, PortError> {
        self.0.pauses(names, steps).await
    }

    async fn freeze(&self, run: &RunId, names: &[ApplicationId], until: Timestamp) -> Result<Guarded, PortError> {
        self.0.freeze(run, names, until).await
    }

    async fn extend(&self, run: &RunId, until: Timestamp) -> Result<(), PortError> {
        self.0.extend(run, until).await
    }

    async fn thaw(&self, run: &RunId) -> Result<(), PortError> {
        self.0.thaw(run).await
    }

    async fn pause_again(&self, run: &RunId, names: &[ApplicationId]) -> Result<(), PortError> {
        self.0.pause_again(run, names).await
    }

    async fn drifted(&self, expected: &Baseline, known: &[Drift]) -> Result<Vec<Drift>, PortError> {
        self.0.drifted(expected, known).await
    }
}

/// The ports with another guard, made of theirs.
pub(crate) fn altered<D: Altered + 'static>(
    ports: Ports,
    double: impl FnOnce(Arc<dyn EnvironmentGuard>) -> D,
) -> Ports {
    let altering = |guard| -> Arc<dyn EnvironmentGuard> { Arc::new(Altering(double(guard))) };
    Ports { guard: ports.guard.map(altering), ..ports }
}
