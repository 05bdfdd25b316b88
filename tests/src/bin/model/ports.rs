//! The ports of a conductor over the environment in the database.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::load::{GeneratorFacts, GeneratorStatus, KpiSample, LoadSetting, Tags};
use conductor_core::ports::{
    Clock, Deployed, Deployer, FailureKind, KpiSource, LeftBehind, LoadGenerator, PortError, Ports, Production,
    ReleaseSource, Scaler, TableCount, TestDataStore, Way,
};
use conductor_core::release::{Release, Rollout};
use conductor_core::run::RunId;
use conductor_core::scale::ScaleStep;
use jiff::Timestamp;

use crate::world::{APPLICATION, Field, World};

/// What a user does: six orders a minute.
const ORDERS_PER_SECOND: f64 = 0.1;
/// How long a rollout and scaling take.
const SETTLING: Duration = Duration::from_secs(10);
/// How late the KPI is.
const LATE: Duration = Duration::from_secs(2);

/// A conductor's hands.
struct Hands {
    world: World,
    epoch: u64,
    clock: Arc<dyn Clock>,
}

/// The ports of a conductor of this epoch.
pub(crate) fn of(world: &World, epoch: u64, clock: &Arc<dyn Clock>) -> Ports {
    let hands = Arc::new(Hands { world: world.clone(), epoch, clock: Arc::clone(clock) });
    Ports {
        releases: hands.clone(),
        deployer: hands.clone(),
        scaler: hands.clone(),
        capacity: None,
        parity: None,
        guard: None,
        generator: hands.clone(),
        kpi: hands.clone(),
        mocks: Vec::new(),
        layout: None,
        cross_check: None,
        figures: None,
        saturation: None,
        test_data: vec![hands],
        settle: None,
    }
}

fn each<T>(applications: &[ApplicationId], value: T) -> BTreeMap<ApplicationId, T> {
    let known = applications.iter().find(|application| application.as_str() == APPLICATION);
    known.map(|application| (application.clone(), value)).into_iter().collect()
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> PortError {
    PortError::because(FailureKind::Rejected, "the environment has a field that makes no sense", error)
}

impl Hands {
    async fn users(&self, run: &RunId) -> Result<u64, PortError> {
        let owner = self.world.owner(Field::Users).await?;
        let users = self.world.read(Field::Users).await?.parse().map_err(unreadable)?;
        Ok(if owner.as_deref() == Some(run.as_str()) { users } else { 0 })
    }
}

#[async_trait]
impl ReleaseSource for Hands {
    async fn production(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Production>, PortError> {
        Ok(each(applications, Production::new(Release::single("v2"), Allocation::of_replicas(3))))
    }
}

#[async_trait]
impl Deployer for Hands {
    async fn deployed(&self, applications: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Deployed>, PortError> {
        let release = Release::single(self.world.read(Field::Version).await?);
        Ok(each(applications, Deployed { release, identity: None }))
    }

    async fn roll_out(&self, run: &RunId, rollout: &Rollout, _: Way) -> Result<(), PortError> {
        let version = rollout.to.version().unwrap_or_default();
        self.world.write(run, self.epoch, Field::Version, version).await?;
        self.clock.sleep(SETTLING).await;
        Ok(())
    }
}

#[async_trait]
impl Scaler for Hands {
    async fn allocated(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        let replicas = self.world.read(Field::Replicas).await?.parse().map_err(unreadable)?;
        Ok(each(applications, Allocation::of_replicas(replicas)))
    }

    async fn scale(&self, run: &RunId, step: &ScaleStep, _: Way) -> Result<(), PortError> {
        self.world.write(run, self.epoch, Field::Replicas, &step.to.replicas.to_string()).await?;
        self.clock.sleep(SETTLING).await;
        Ok(())
    }

    async fn left_behind(&self, _: &[ApplicationId]) -> Result<BTreeMap<RunId, LeftBehind>, PortError> {
        Ok(BTreeMap::new())
    }

    async fn let_go(&self, run: &RunId, _: &[ApplicationId]) -> Result<(), PortError> {
        self.world.let_go(run, self.epoch, Field::Version).await
    }
}

#[async_trait]
impl LoadGenerator for Hands {
    async fn check(&self) -> Result<GeneratorFacts, PortError> {
        Ok(GeneratorFacts {
            version: "a table".to_owned(),
            workers: None,
            counting: "counted exactly".to_owned(),
            by_name: false,
        })
    }

    async fn set(&self, tags: &Tags, setting: &LoadSetting) -> Result<(), PortError> {
        self.world.write(&tags.run, self.epoch, Field::Users, &setting.users.to_string()).await
    }

    async fn status(&self) -> Result<GeneratorStatus, PortError> {
        let users = self.world.read(Field::Users).await?.parse().map_err(unreadable)?;
        Ok(GeneratorStatus { users, workers: None, cpu_percent: None, marks: Vec::new() })
    }

    async fn stop(&self, run: &RunId) -> Result<(), PortError> {
        if self.world.owner(Field::Users).await?.as_deref() == Some(run.as_str()) {
            self.world.write(run, self.epoch, Field::Users, "0").await?;
            self.world.let_go(run, self.epoch, Field::Users).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl KpiSource for Hands {
    async fn sample(&self, run: &RunId, since: Timestamp) -> Result<KpiSample, PortError> {
        let to = (self.clock.now() - LATE).max(since);
        let seconds = to.duration_since(since).as_secs_f64();
        let orders = (self.users(run).await? as f64 * ORDERS_PER_SECOND * seconds).round() as u64;
        if orders > 0 {
            self.world.add_rows(run, orders).await?;
        }
        let (count, marks) = (Some(orders), Vec::new());
        Ok(KpiSample {
            from: since,
            to,
            count,
            requests: 10 * orders,
            failures: 0,
            latency: None,
            responses: None,
            marks,
        })
    }
}

#[async_trait]
impl TestDataStore for Hands {
    fn name(&self) -> String {
        "orders".to_owned()
    }

    async fn count(&self, run: &RunId) -> Result<Vec<TableCount>, PortError> {
        Ok(vec![TableCount { table: "orders".to_owned(), rows: self.world.rows(run).await? }])
    }

    async fn delete(&self, run: &RunId) -> Result<Vec<TableCount>, PortError> {
        let counted = self.count(run).await?;
        self.world.delete_rows(run).await?;
        Ok(counted)
    }

    async fn check(&self) -> Result<Vec<String>, PortError> {
        Ok(Vec::new())
    }
}
