//! The model world as its user holds it: made from a plant, handed out as ports, looked at afterwards.

mod script;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use conductor_core::app::ApplicationId;
use conductor_core::ports::{Clock, Ports, TestDataStore};
use conductor_core::run::RunId;
use conductor_core::scale::Baseline;

use crate::calls::CallRecord;
use crate::plant::{DelayModel, KpiModel, Plant, PlantError};
use crate::ports::Store;
pub(crate) use script::Fate;
pub(crate) use world::World;

/// A model world. Cloning gives another handle on the same world.
#[derive(Clone)]
pub struct SimEnvironment {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) delays: DelayModel,
    pub(crate) measurement: KpiModel,
    catalogue: Vec<ApplicationId>,
    stores: Vec<String>,
    world: Arc<Mutex<World>>,
}

impl SimEnvironment {
    /// The world of a plant; it begins now.
    ///
    /// # Errors
    /// Everything that is wrong with the plant, by the paths of its fields.
    pub fn new(plant: Plant, clock: Arc<dyn Clock>) -> Result<Self, PlantError> {
        plant.check()?;
        let environment = &plant.environment;
        Ok(Self {
            delays: environment.delays,
            measurement: plant.kpi,
            catalogue: environment.applications.iter().map(|application| application.name.clone()).collect(),
            stores: environment.test_data.iter().map(|store| store.name.clone()).collect(),
            world: Arc::new(Mutex::new(World::new(&plant, clock.now()))),
            clock,
        })
    }

    /// The applications that load tests may have in scope.
    pub fn catalogue(&self) -> Vec<ApplicationId> {
        self.catalogue.clone()
    }

    /// All applications, the one that runs the load generator's workers included.
    pub fn applications(&self) -> Vec<ApplicationId> {
        self.observed().into_keys().collect()
    }

    /// The ways into this world. Nobody knows how much room it has, or what production is like.
    pub fn ports(&self) -> Ports {
        let this = Arc::new(self.clone());
        let store = |(position, name): (usize, &String)| -> Arc<dyn TestDataStore> {
            Arc::new(Store { environment: self.clone(), position, name: name.clone() })
        };
        Ports {
            releases: this.clone(),
            deployer: this.clone(),
            scaler: this.clone(),
            capacity: None,
            parity: None,
            guard: Some(this.clone()),
            generator: this.clone(),
            kpi: this.clone(),
            mocks: Vec::new(),
            layout: None,
            cross_check: None,
            figures: None,
            saturation: Some(this),
            test_data: self.stores.iter().enumerate().map(store).collect(),
            settle: None,
        }
    }

    /// Versions and allocations in the test environment now.
    pub fn observed(&self) -> Baseline {
        self.present().observed()
    }

    /// Users running now.
    pub fn users(&self) -> u64 {
        self.present().kernel.running()
    }

    /// Rows that a run has left, over all stores and tables.
    pub fn rows(&self, run: &RunId) -> u64 {
        let world = self.present();
        (0..self.stores.len()).flat_map(|store| world.kernel.rows(run, store)).map(|(_, rows)| rows).sum()
    }

    /// Every call so far, oldest first.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.present().calls.clone()
    }

    /// Changes an application as somebody else would; what is `None` stays. False when there is no such application.
    pub fn change(&self, application: &ApplicationId, version: Option<&str>, replicas: Option<u32>) -> bool {
        self.present().changed_by_others(application, version, replicas)
    }

    /// The world, brought up to the present.
    pub(crate) fn present(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance(self.clock.now());
        world
    }
}
