//! Who makes what a run works with. The adapters behind it are chosen elsewhere.

use std::sync::Arc;

use async_trait::async_trait;
use conductor_core::ports::{Annotator, PortError, Ports, ProgressSink};
use conductor_core::run::Created;

/// Makes the ports of a run.
#[async_trait]
pub trait PortsFactory: Send + Sync {
    /// Makes the ports from the environment that the run was created with, so that a run can be restored from its
    /// journal alone. `progress` hears how far rollouts and scaling are. `epoch` tells the conductors of one run apart: each that takes the run over has a higher one.
    /// Idempotent.
    ///
    /// # Errors
    /// When the environment's settings cannot be read or used.
    async fn connect(&self, created: &Created, epoch: u64, progress: Arc<dyn ProgressSink>)
    -> Result<Ports, PortError>;

    /// Whether a run can begin there now, as far as that is known without a look at its applications. It is asked before a run
    /// is recorded; one that has begun is put back whatever this says.
    ///
    /// # Errors
    /// With what somebody would have to do first.
    async fn usable(&self, _created: &Created) -> Result<(), PortError> {
        Ok(())
    }

    /// Writes what happens in the run beside its figures; `None` where its environment does not want that. It is no part of
    /// the run's ports, since no run works with it.
    ///
    /// # Errors
    /// When the environment's settings cannot be read or used.
    fn annotator(&self, _created: &Created) -> Result<Option<Arc<dyn Annotator>>, PortError> {
        Ok(None)
    }
}
