//! Ports that make every call twice, as a conductor does that died before it could write down the first.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::guard::{Drift, Guarded, Pause};
use conductor_core::load::{GeneratorFacts, GeneratorStatus, KpiSample, LoadSetting, Tags};
use conductor_core::ports::{
    Deployed, Deployer, EnvironmentGuard, KpiSource, LeftBehind, LoadGenerator, PortError, Ports, Production,
    ReleaseSource, Scaler, TableCount, TestDataStore, Way,
};
use conductor_core::release::Rollout;
use conductor_core::run::RunId;
use conductor_core::scale::{Baseline, ScaleStep};
use jiff::Timestamp;

/// Ports that make every call twice and give the second answer.
pub(crate) fn twice(ports: Ports) -> Ports {
    let test_data = ports.test_data.iter().cloned().map(|store| -> Arc<dyn TestDataStore> { Arc::new(Store(store)) });
    let test_data = test_data.collect();
    let settle = ports.settle;
    let all = Arc::new(Twice(ports));
    Ports {
        releases: all.clone(),
        deployer: all.clone(),
        scaler: all.clone(),
        capacity: None,
        parity: None,
        guard: Some(all.clone()),
        generator: all.clone(),
        kpi: all,
        mocks: Vec::new(),
        layout: None,
        cross_check: None,
        figures: None,
        saturation: None,
        test_data,
        settle,
    }
}

struct Twice(Ports);

#[async_trait]
impl ReleaseSource for Twice {
    async fn production(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Production>, PortError> {
        self.0.releases.production(applications).await?;
        self.0.releases.production(applications).await
    }
}

#[async_trait]
impl Deployer for Twice {
    async fn deployed(&self, applications: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Deployed>, PortError> {
        self.0.deployer.deployed(applications).await?;
        self.0.deployer.deployed(applications).await
    }

    async fn roll_out(&self, run: &RunId, rollout: &Rollout, way: Way) -> Result<(), PortError> {
        self.0.deployer.roll_out(run, rollout, way).await?;
        self.0.deployer.roll_out(run, rollout, way).await
    }
}

#[async_trait]
impl Scaler for Twice {
    async fn allocated(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        self.0.scaler.allocated(applications).await?;
        self.0.scaler.allocated(applications).await
    }

    async fn still_allocated(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        self.0.scaler.still_allocated(applications).await?;
        self.0.scaler.still_allocated(applications).await
    }

    async fn scale(&self, run: &RunId, step: &ScaleStep, way: Way) -> Result<(), PortError> {
        self.0.scaler.scale(run, step, way).await?;
        self.0.scaler.scale(run, step, way).await
    }

    async fn left_behind(&self, applications: &[ApplicationId]) -> Result<BTreeMap<RunId, LeftBehind>, PortError> {
        self.0.scaler.left_behind(applications).await?;
        self.0.scaler.left_behind(applications).await
    }

    async fn let_go(&self, run: &RunId, applications: &[ApplicationId]) -> Result<(), PortError> {
        self.0.scaler.let_go(run, applications).await?;
        self.0.scaler.let_go(run, applications).await
    }
}

#[async_trait]
impl EnvironmentGuard for Twice {
    async fn pauses(&self, applications: &[ApplicationId], steps: &[ScaleStep]) -> Result<Vec<Pause>, PortError> {
        let guard = self.0.guard.as_ref().unwrap();
        guard.pauses(applications, steps).await?;
        guard.pauses(applications, steps).await
    }

    async fn freeze(
        &self,
        run: &RunId,
        applications: &[ApplicationId],
        until: Timestamp,
    ) -> Result<Guarded, PortError> {
        let guard = self.0.guard.as_ref().unwrap();
        guard.freeze(run, applications, until).await?;
        guard.freeze(run, applications, until).await
    }

    async fn extend(&self, run: &RunId, until: Timestamp) -> Result<(), PortError> {
        let guard = self.0.guard.as_ref().unwrap();
        guard.extend(run, until).await?;
        guard.extend(run, until).await
    }

    async fn thaw(&self, run: &RunId) -> Result<(), PortError> {
        let guard = self.0.guard.as_ref().unwrap();
        guard.thaw(run).await?;
        guard.thaw(run).await
    }

    async fn pause_again(&self, run: &RunId, names: &[ApplicationId]) -> Result<(), PortError> {
        let guard = self.0.guard.as_ref().unwrap();
        guard.pause_again(run, names).await?;
        guard.pause_again(run, names).await
    }

    async fn drifted(&self, expected: &Baseline, known: &[Drift]) -> Result<Vec<Drift>, PortError> {
        // It waits: twice is once.
        self.0.guard.as_ref().unwrap().drifted(expected, known).await
    }
}

#[async_trait]
impl LoadGenerator for Twice {
    async fn check(&self) -> Result<GeneratorFacts, PortError> {
        self.0.generator.check().await?;
        self.0.generator.check().await
    }

    async fn set(&self, tags: &Tags, setting: &LoadSetting) -> Result<(), PortError> {
        self.0.generator.set(tags, setting).await?;
        self.0.generator.set(tags, setting).await
    }

    async fn status(&self) -> Result<GeneratorStatus, PortError> {
        self.0.generator.status().await?;
        self.0.generator.status().await
    }

    async fn stop(&self, run: &RunId) -> Result<(), PortError> {
        self.0.generator.stop(run).await?;
        self.0.generator.stop(run).await
    }
}

#[async_trait]
impl KpiSource for Twice {
    async fn sample(&self, run: &RunId, since: Timestamp) -> Result<KpiSample, PortError> {
        self.0.kpi.sample(run, since).await?;
        self.0.kpi.sample(run, since).await
    }
}

struct Store(Arc<dyn TestDataStore>);

#[async_trait]
impl TestDataStore for Store {
    fn name(&self) -> String {
        self.0.name()
    }

    async fn count(&self, run: &RunId) -> Result<Vec<TableCount>, PortError> {
        self.0.count(run).await?;
        self.0.count(run).await
    }

    async fn delete(&self, run: &RunId) -> Result<Vec<TableCount>, PortError> {
        self.0.delete(run).await?;
        self.0.delete(run).await
    }

    async fn check(&self) -> Result<Vec<String>, PortError> {
        self.0.check().await?;
        self.0.check().await
    }
}
