//! Everything that one run talks to.

use std::sync::Arc;
use std::time::Duration;

use crate::crosscheck::CrossCheck;

use super::{
    Capacity, Deployer, EnvironmentGuard, FigureSource, KpiSource, Layout, LoadGenerator, MockProbe, Parity,
    ReleaseSource, SaturationSource, Scaler, TestDataStore,
};

/// A second source of the KPI. It never steers.
#[derive(Clone)]
pub struct CheckingSource {
    /// Counts.
    pub source: Arc<dyn KpiSource>,
    /// What it checks.
    pub check: CrossCheck,
}

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
    /// Tells on which nodes things run; `None` where nothing tells.
    pub layout: Option<Arc<dyn Layout>>,
    /// Keeps others away; `None` where there is nobody else.
    pub guard: Option<Arc<dyn EnvironmentGuard>>,
    /// Generates load.
    pub generator: Arc<dyn LoadGenerator>,
    /// Measures the KPI.
    pub kpi: Arc<dyn KpiSource>,
    /// Mocks that are proved before load and watched during it.
    pub mocks: Vec<Arc<dyn MockProbe>>,
    /// Counts the KPI a second time; `None` where nobody does.
    pub cross_check: Option<CheckingSource>,
    /// Tells the figures that objectives name; `None` where the environment does not say who does.
    pub figures: Option<Arc<dyn FigureSource>>,
    /// Tells how much of what it may have each application uses; `None` where the environment does not say who does.
    pub saturation: Option<Arc<dyn SaturationSource>>,
    /// Where runs leave data.
    pub test_data: Vec<Arc<dyn TestDataStore>>,
    /// How long after the first sweep rows may still come, where the environment knows; `None` for the engine's own pause.
    pub settle: Option<Duration>,
}
