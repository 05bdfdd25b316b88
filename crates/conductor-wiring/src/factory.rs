//! The adapters of a run, made from the environment that its journal keeps.

mod kpi;
mod monitoring;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use conductor_core::ports::{
    Annotator, EnvironmentGuard, FailureKind, MockProbe, PortError, Ports, ProgressSink, TestDataStore,
};
use conductor_core::run::Created;
use conductor_core::units::Span;
use conductor_ecs::EcsEnvironment;
use conductor_engine::PortsFactory;
use conductor_kubernetes::KubernetesEnvironment;
use conductor_local::LocalEnvironment;
use conductor_locust::{KpiEvent, Locust, LocustSettings};
use conductor_mocks::{Mock, MockSettings, Secrets};
use conductor_testdata::{HttpTestData, MysqlTestData, PostgresTestData, SqliteTestData};

use self::kpi::Counting;
use crate::environment::{Environment, EnvironmentSpec, TestDataSettings};
use crate::substrates::{Member, Substrates};
use crate::unusable::Unusable;

/// Who hears how far rollouts and scaling are, where somebody does.
type Sink = Option<Arc<dyn ProgressSink>>;

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

    /// The adapters of a run, for its conductor of this epoch (see [`PortsFactory::connect`]).
    ///
    /// # Errors
    /// When the environment cannot be read, or an adapter refuses its settings.
    pub async fn ports(&self, created: &Created, epoch: u64) -> Result<Ports, PortError> {
        self.telling(created, epoch, None).await
    }

    /// Whether a run can begin in its environment now: local applications have to be up, since nobody else brings them up.
    ///
    /// # Errors
    /// When the environment cannot be read, or with what would have to be done first.
    pub async fn usable(&self, created: &Created) -> Result<(), PortError> {
        let Environment { spec, local_state, .. } = environment(created)?;
        match spec.local {
            Some(settings) => LocalEnvironment::new(settings, local_state).is_up().await,
            None => Ok(()),
        }
    }

    async fn telling(&self, created: &Created, epoch: u64, progress: Sink) -> Result<Ports, PortError> {
        let environment = environment(created)?;
        let kpi = &created.spec.kpi;
        let settings = environment.spec.kpis.get(kpi).ok_or_else(|| {
            PortError::new(FailureKind::NotFound, format!("environment {} has no KPI {kpi}", environment.name))
        })?;
        let Counting { generator, kpi, cross_check } = self.counting(environment.spec.locust.clone(), kpi, settings);
        let settle = environment.spec.test_data.iter().filter_map(TestDataSettings::settle).max();
        let stores = environment.spec.test_data.iter().cloned().enumerate();
        let test_data = stores.map(|(position, store)| self.store_or_why_not(position, store)).collect();
        let mocks = self.mocks(environment.spec.mocks.clone());
        let figures = environment.spec.figures.clone().map(monitoring::figures);
        let saturation = environment.spec.saturation.clone().map(monitoring::saturation);
        let substrates = Arc::new(substrates(environment.spec, environment.local_state, epoch, progress).await?);
        Ok(Ports {
            releases: substrates.clone(),
            deployer: substrates.clone(),
            capacity: Some(substrates.clone()),
            parity: substrates.parity(),
            layout: substrates.layout(),
            guard: substrates.is_guarded().then(|| substrates.clone() as Arc<dyn EnvironmentGuard>),
            scaler: substrates,
            generator,
            kpi,
            cross_check,
            figures,
            saturation,
            mocks,
            test_data,
            settle: settle.map(Span::as_duration),
        })
    }
}

impl Wiring {
    /// The secret that a variable holds, where a field names one.
    fn secret(&self, variable: Option<&str>, field: &str, what: &str) -> Result<Option<String>, PortError> {
        let find = |name: &str| {
            (self.secret)(name).ok_or_else(|| {
                let text = format!("{field} names {name}, which is not set; expected the {what} in it");
                PortError::new(FailureKind::Rejected, text)
            })
        };
        variable.map(find).transpose()
    }

    fn locust(&self, settings: LocustSettings, event: KpiEvent) -> Result<Arc<Locust>, PortError> {
        let token = self.secret(settings.token_env.as_deref(), "locust.tokenEnv", "token")?;
        Ok(Arc::new(Locust::new(settings, event, token)?))
    }

    /// A mock that cannot be made is no reason not to put the environment back: it cannot be proved.
    fn mocks(&self, settings: Vec<MockSettings>) -> Vec<Arc<dyn MockProbe>> {
        let make = |(position, settings): (usize, MockSettings)| -> Arc<dyn MockProbe> {
            let name = settings.name.clone();
            let secret = |variable: Option<&str>, field: &str| {
                self.secret(variable, &format!("mocks[{position}].{field}.tokenEnv"), "token")
            };
            let secrets = || {
                let hoverfly = secret(settings.hoverfly.token_env.as_deref(), "hoverfly")?;
                Ok(Secrets { hoverfly, probe: secret(settings.probe.token_env.as_deref(), "probe")? })
            };
            match secrets().and_then(|secrets| Mock::new(settings.clone(), secrets)) {
                Ok(mock) => Arc::new(mock),
                Err(error) => Arc::new(Unusable::mock(&name, &error)),
            }
        };
        settings.into_iter().enumerate().map(make).collect()
    }

    /// A store that cannot be made is no reason not to put the rest of the environment back.
    fn store_or_why_not(&self, position: usize, settings: TestDataSettings) -> Arc<dyn TestDataStore> {
        let name = settings.name().to_owned();
        self.store(position, settings).unwrap_or_else(|error| Arc::new(Unusable::store(&name, &error)))
    }

    fn store(&self, position: usize, settings: TestDataSettings) -> Result<Arc<dyn TestDataStore>, PortError> {
        Ok(match settings {
            TestDataSettings::Sqlite(settings) => Arc::new(SqliteTestData::new(settings)),
            TestDataSettings::Postgres(settings) => {
                let field = format!("testData[{position}].postgres.passwordEnv");
                let password = self.secret(settings.password_env.as_deref(), &field, "password")?;
                Arc::new(PostgresTestData::new(settings, password))
            }
            TestDataSettings::Mysql(settings) => {
                let field = format!("testData[{position}].mysql.passwordEnv");
                let password = self.secret(settings.password_env.as_deref(), &field, "password")?;
                Arc::new(MysqlTestData::new(settings, password))
            }
            TestDataSettings::Http(settings) => {
                let field = format!("testData[{position}].http.tokenEnv");
                let token = self.secret(settings.token_env.as_deref(), &field, "token")?;
                Arc::new(HttpTestData::new(settings, token)?)
            }
        })
    }
}

#[async_trait]
impl PortsFactory for Wiring {
    async fn connect(
        &self,
        created: &Created,
        epoch: u64,
        progress: Arc<dyn ProgressSink>,
    ) -> Result<Ports, PortError> {
        self.telling(created, epoch, Some(progress)).await
    }

    async fn usable(&self, created: &Created) -> Result<(), PortError> {
        Self::usable(self, created).await
    }

    fn annotator(&self, created: &Created) -> Result<Option<Arc<dyn Annotator>>, PortError> {
        let Some(settings) = environment(created)?.spec.grafana.filter(|grafana| grafana.annotations) else {
            return Ok(None);
        };
        let token = self.secret(settings.token_env.as_deref(), "grafana.tokenEnv", "token of a service account")?;
        settings.annotator(token)
    }
}

/// The environment of a run, as its journal keeps it.
fn environment(created: &Created) -> Result<Environment, PortError> {
    serde_json::from_value(created.environment.clone())
        .map_err(|error| PortError::because(FailureKind::Rejected, "could not read the environment of the run", error))
}

/// Everything that applications run on.
async fn substrates(
    environment: EnvironmentSpec,
    local_state: PathBuf,
    epoch: u64,
    progress: Sink,
) -> Result<Substrates, PortError> {
    let mut members = Vec::new();
    if let Some(settings) = environment.local {
        let names = settings.applications.iter().map(|application| application.name.clone()).collect();
        members
            .push(Member::new(names, Arc::new(LocalEnvironment::new(settings, local_state).telling(progress.clone()))));
    }
    if let Some(settings) = environment.kubernetes {
        let names = settings.applications.iter().map(|application| application.name.clone()).collect();
        let environment = KubernetesEnvironment::connect(settings, epoch).await?.telling(progress.clone());
        members.push(Member::guarded(names, Arc::new(environment)));
    }
    if let Some(settings) = environment.ecs {
        let names = settings.applications.iter().map(|application| application.name.clone()).collect();
        let environment = EcsEnvironment::connect(settings, epoch).await.telling(progress);
        members.push(Member::watched(names, Arc::new(environment)));
    }
    Ok(Substrates::new(members))
}

/// Lifts a freeze of an environment by its name; false where there is none of that name.
///
/// # Errors
/// When the environment cannot be connected to, or refuses.
pub async fn unfreeze(environment: &Environment, name: &str) -> Result<bool, PortError> {
    let Some(settings) = environment.spec.kubernetes.clone() else { return Ok(false) };
    KubernetesEnvironment::connect(settings, 0).await?.unfreeze(name).await
}

#[cfg(test)]
#[path = "factory_tests.rs"]
mod tests;
