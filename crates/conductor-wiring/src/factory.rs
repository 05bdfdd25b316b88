//! The adapters of a run, made from the environment that its journal keeps.

use std::sync::Arc;

use async_trait::async_trait;
use conductor_core::ports::{FailureKind, PortError, TestDataStore};
use conductor_core::run::Created;
use conductor_engine::{Ports, PortsFactory};
use conductor_local::LocalEnvironment;
use conductor_locust::Locust;
use conductor_testdata::SqliteTestData;

use crate::environment::{Environment, TestDataSettings};

/// Makes adapters. A TLS provider of `rustls` must be installed.
pub struct Wiring {
    secret: fn(&str) -> Option<String>,
}

impl Wiring {
    /// Makes adapters that find secrets by `secret`, which gets the name an environment's settings give and answers
    /// with the value.
    pub fn new(secret: fn(&str) -> Option<String>) -> Self {
        Self { secret }
    }

    /// The adapters of a run.
    ///
    /// # Errors
    /// When the environment cannot be read, or an adapter refuses its settings.
    pub fn ports(&self, created: &Created) -> Result<Ports, PortError> {
        let environment: Environment = serde_json::from_value(created.environment.clone()).map_err(|error| {
            PortError::because(FailureKind::Rejected, "could not read the environment of the run", error)
        })?;
        let kpi = &created.spec.kpi;
        let event = environment.spec.kpis.get(kpi).cloned().ok_or_else(|| {
            PortError::new(FailureKind::NotFound, format!("environment {} has no KPI {kpi}", environment.name))
        })?;
        let token = match &environment.spec.locust.token_env {
            Some(name) => Some((self.secret)(name).ok_or_else(|| {
                let text = format!("locust.tokenEnv names {name}, which is not set; expected the token in it");
                PortError::new(FailureKind::Rejected, text)
            })?),
            None => None,
        };
        let locust = Arc::new(Locust::new(environment.spec.locust, event, token)?);
        let local = Arc::new(LocalEnvironment::new(environment.spec.local, environment.local_state));
        let test_data = environment.spec.test_data.into_iter().map(store).collect();
        Ok(Ports {
            releases: local.clone(),
            deployer: local.clone(),
            scaler: local,
            generator: locust.clone(),
            kpi: locust,
            test_data,
        })
    }
}

#[async_trait]
impl PortsFactory for Wiring {
    async fn connect(&self, created: &Created) -> Result<Ports, PortError> {
        self.ports(created)
    }
}

fn store(settings: TestDataSettings) -> Arc<dyn TestDataStore> {
    match settings {
        TestDataSettings::Sqlite(settings) => Arc::new(SqliteTestData::new(settings)),
    }
}
