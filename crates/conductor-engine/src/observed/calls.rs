//! Every method of every port, handed on to the real one and observed. Nothing else is done here.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::alert::Notice;
use conductor_core::annotation::Annotation;
use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::capacity::Shortage;
use conductor_core::crosscheck::Counts;
use conductor_core::figures::Reading;
use conductor_core::guard::{Drift, Guarded, Pause};
use conductor_core::layout::LayoutSight;
use conductor_core::load::{GeneratorFacts, GeneratorStatus, KpiSample, LoadSetting, Tags};
use conductor_core::mocks::{MockProof, MockSight, MockSpec};
use conductor_core::parity::Sides;
use conductor_core::ports::{
    Annotator, Capacity, Deployed, Deployer, EnvironmentGuard, FigureSource, KpiSource, Layout, LeftBehind,
    LoadGenerator, MockProbe, Notifier, Parity, PortError, Production, ReleaseSource, SaturationSource, Scaler,
    TableCount, TestDataStore, Way,
};
use conductor_core::release::Rollout;
use conductor_core::requests::RequestWindow;
use conductor_core::run::RunId;
use conductor_core::saturation::Used;
use conductor_core::scale::{Baseline, ScaleStep};
use jiff::Timestamp;

use super::{Checking, Observed};

#[async_trait]
impl ReleaseSource for Observed<dyn ReleaseSource> {
    async fn production(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Production>, PortError> {
        self.call("releases", "production", self.inner.production(applications)).await
    }
}

#[async_trait]
impl Deployer for Observed<dyn Deployer> {
    async fn deployed(&self, applications: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Deployed>, PortError> {
        self.call("deployer", "deployed", self.inner.deployed(applications)).await
    }

    async fn try_out(&self, run: &RunId, rollouts: &[Rollout]) -> Result<BTreeMap<ApplicationId, String>, PortError> {
        self.call("deployer", "try_out", self.inner.try_out(run, rollouts)).await
    }

    async fn roll_out(&self, run: &RunId, rollout: &Rollout, way: Way) -> Result<(), PortError> {
        self.call("deployer", "roll_out", self.inner.roll_out(run, rollout, way)).await
    }
}

#[async_trait]
impl Scaler for Observed<dyn Scaler> {
    async fn allocated(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        self.call("scaler", "allocated", self.inner.allocated(applications)).await
    }

    async fn still_allocated(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        self.call("scaler", "still_allocated", self.inner.still_allocated(applications)).await
    }

    async fn scale(&self, run: &RunId, step: &ScaleStep, way: Way) -> Result<(), PortError> {
        self.call("scaler", "scale", self.inner.scale(run, step, way)).await
    }

    async fn left_behind(&self, applications: &[ApplicationId]) -> Result<BTreeMap<RunId, LeftBehind>, PortError> {
        self.call("scaler", "left_behind", self.inner.left_behind(applications)).await
    }

    async fn let_go(&self, run: &RunId, applications: &[ApplicationId]) -> Result<(), PortError> {
        self.call("scaler", "let_go", self.inner.let_go(run, applications)).await
    }
}

#[async_trait]
impl EnvironmentGuard for Observed<dyn EnvironmentGuard> {
    async fn pauses(&self, applications: &[ApplicationId], steps: &[ScaleStep]) -> Result<Vec<Pause>, PortError> {
        self.call("guard", "pauses", self.inner.pauses(applications, steps)).await
    }

    async fn freeze(
        &self,
        run: &RunId,
        applications: &[ApplicationId],
        until: Timestamp,
    ) -> Result<Guarded, PortError> {
        self.call("guard", "freeze", self.inner.freeze(run, applications, until)).await
    }

    async fn extend(&self, run: &RunId, until: Timestamp) -> Result<(), PortError> {
        self.call("guard", "extend", self.inner.extend(run, until)).await
    }

    async fn thaw(&self, run: &RunId) -> Result<(), PortError> {
        self.call("guard", "thaw", self.inner.thaw(run)).await
    }

    async fn pause_again(&self, run: &RunId, applications: &[ApplicationId]) -> Result<(), PortError> {
        self.call("guard", "pause_again", self.inner.pause_again(run, applications)).await
    }

    async fn drifted(&self, expected: &Baseline, known: &[Drift]) -> Result<Vec<Drift>, PortError> {
        self.call("guard", "drifted", self.inner.drifted(expected, known)).await
    }
}

#[async_trait]
impl Capacity for Observed<dyn Capacity> {
    async fn shortages(&self, steps: &[ScaleStep]) -> Result<Vec<Shortage>, PortError> {
        self.call("capacity", "shortages", self.inner.shortages(steps)).await
    }
}

#[async_trait]
impl Parity for Observed<dyn Parity> {
    async fn sides(&self, applications: &[ApplicationId]) -> Result<Option<Sides>, PortError> {
        self.call("parity", "sides", self.inner.sides(applications)).await
    }
}

#[async_trait]
impl Layout for Observed<dyn Layout> {
    async fn look(
        &self,
        under_test: &[ApplicationId],
        beside: &[ApplicationId],
    ) -> Result<Option<LayoutSight>, PortError> {
        self.call("layout", "look", self.inner.look(under_test, beside)).await
    }
}

#[async_trait]
impl LoadGenerator for Observed<dyn LoadGenerator> {
    async fn check(&self) -> Result<GeneratorFacts, PortError> {
        self.call("generator", "check", self.inner.check()).await
    }

    async fn set(&self, tags: &Tags, setting: &LoadSetting) -> Result<(), PortError> {
        self.call("generator", "set", self.inner.set(tags, setting)).await
    }

    async fn status(&self) -> Result<GeneratorStatus, PortError> {
        self.call("generator", "status", self.inner.status()).await
    }

    async fn requests(&self, run: &RunId, since: Timestamp) -> Result<Option<RequestWindow>, PortError> {
        self.call("generator", "requests", self.inner.requests(run, since)).await
    }

    async fn stop(&self, run: &RunId) -> Result<(), PortError> {
        self.call("generator", "stop", self.inner.stop(run)).await
    }
}

#[async_trait]
impl Annotator for Observed<dyn Annotator> {
    async fn annotate(&self, annotation: &Annotation) -> Result<(), PortError> {
        self.call("annotator", "annotate", self.inner.annotate(annotation)).await
    }
}

#[async_trait]
impl Notifier for Observed<dyn Notifier> {
    async fn notify(&self, notice: &Notice) -> Result<(), PortError> {
        self.call("notifier", "notify", self.inner.notify(notice)).await
    }

    fn repeats(&self) -> Option<Duration> {
        self.inner.repeats()
    }
}

#[async_trait]
impl KpiSource for Observed<dyn KpiSource> {
    async fn sample(&self, run: &RunId, since: Timestamp) -> Result<KpiSample, PortError> {
        self.call("kpi", "sample", self.inner.sample(run, since)).await
    }

    fn counts(&self) -> Counts {
        self.inner.counts()
    }
}

#[async_trait]
impl KpiSource for Checking {
    async fn sample(&self, run: &RunId, since: Timestamp) -> Result<KpiSample, PortError> {
        self.0.call("cross_check", "sample", self.0.inner.sample(run, since)).await
    }

    fn counts(&self) -> Counts {
        self.0.inner.counts()
    }
}

#[async_trait]
impl MockProbe for Observed<dyn MockProbe> {
    fn name(&self) -> String {
        self.inner.name()
    }

    async fn prove(&self, tags: &Tags, spec: &MockSpec) -> Result<MockProof, PortError> {
        self.call("mocks", "prove", self.inner.prove(tags, spec)).await
    }

    async fn look(&self) -> MockSight {
        let look = async { Ok(self.inner.look().await) };
        self.call("mocks", "look", look).await.unwrap_or_default()
    }
}

#[async_trait]
impl TestDataStore for Observed<dyn TestDataStore> {
    fn name(&self) -> String {
        self.inner.name()
    }

    async fn count(&self, run: &RunId) -> Result<Vec<TableCount>, PortError> {
        self.call("test_data", "count", self.inner.count(run)).await
    }

    async fn delete(&self, run: &RunId) -> Result<Vec<TableCount>, PortError> {
        self.call("test_data", "delete", self.inner.delete(run)).await
    }

    async fn check(&self) -> Result<Vec<String>, PortError> {
        self.call("test_data", "check", self.inner.check()).await
    }
}

#[async_trait]
impl FigureSource for Observed<dyn FigureSource> {
    async fn check(&self, run: &RunId, queries: &[String]) -> Result<Vec<String>, PortError> {
        self.call("figures", "check", self.inner.check(run, queries)).await
    }

    async fn read(
        &self,
        run: &RunId,
        queries: &[String],
        at: Timestamp,
    ) -> Result<(Timestamp, BTreeMap<String, Reading>), PortError> {
        self.call("figures", "read", self.inner.read(run, queries, at)).await
    }
}

#[async_trait]
impl SaturationSource for Observed<dyn SaturationSource> {
    fn threshold(&self) -> f64 {
        self.inner.threshold()
    }

    async fn read(&self, run: &RunId, at: Timestamp) -> Result<(Timestamp, Vec<Used>), PortError> {
        self.call("saturation", "read", self.inner.read(run, at)).await
    }
}
