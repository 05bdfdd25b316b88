//! What a run works with. The adapters behind it are chosen elsewhere.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::ports::{
    Capacity, Deployer, EnvironmentGuard, KpiSource, LoadGenerator, Parity, PortError, ProgressSink, ReleaseSource,
    Scaler, TestDataStore,
};
use conductor_core::run::Created;

/// Everything one run talks to.
#[derive(Clone)]
pub struct Ports {
    /// What production runs.
    pub releases: Arc<dyn ReleaseSource>,
    /// Puts versions into the test environment.
    pub deployer: Arc<dyn Deployer>,
    /// Gives applications their allocation.
    pub scaler: Arc<dyn Scaler>,
    /// Tells whether there is room; `None` where nobody knows.
    pub capacity: Option<Arc<dyn Capacity>>,
    /// Tells what both sides are like; `None` where nothing tells what production is like.
    pub parity: Option<Arc<dyn Parity>>,
    /// Keeps others away; `None` where there is nobody else.
    pub guard: Option<Arc<dyn EnvironmentGuard>>,
    /// Generates load.
    pub generator: Arc<dyn LoadGenerator>,
    /// Measures the KPI.
    pub kpi: Arc<dyn KpiSource>,
    /// Where runs leave data.
    pub test_data: Vec<Arc<dyn TestDataStore>>,
    /// How long after the first sweep rows may still come, where the environment knows; `None` for the engine's own pause.
    pub settle: Option<Duration>,
}

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
}
