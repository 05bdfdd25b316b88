//! What cannot be used, such as a store of test data whose password is not there.

use std::collections::BTreeMap;

use async_trait::async_trait;
use conductor_core::failure::Failure;
use conductor_core::figures::Reading;
use conductor_core::load::{GeneratorFacts, GeneratorStatus, KpiSample, LoadSetting, Tags};
use conductor_core::mocks::{MockProof, MockSight, MockSpec};
use conductor_core::ports::{
    FailureKind, FigureSource, KpiSource, LoadGenerator, MockProbe, PortError, SaturationSource, TableCount,
    TestDataStore,
};
use conductor_core::run::RunId;
use conductor_core::saturation::Used;
use jiff::Timestamp;

/// A port that says with every call why not, so that a new run is refused, and the way back of an old one goes on without it.
pub(crate) struct Unusable {
    name: String,
    kind: FailureKind,
    text: String,
}

impl Unusable {
    /// The store of this name.
    pub(crate) fn store(name: &str, error: &PortError) -> Self {
        let text = format!("test data {name}: {}", Failure::of("", error).message);
        Self { name: name.to_owned(), kind: error.kind, text }
    }

    /// The mock of this name.
    pub(crate) fn mock(name: &str, error: &PortError) -> Self {
        Self { name: name.to_owned(), kind: error.kind, text: Failure::of("", error).message }
    }

    /// The source of a KPI, by the field that names it.
    pub(crate) fn kpi(field: &str, error: &PortError) -> Self {
        Self { name: field.to_owned(), kind: error.kind, text: format!("{field}: {}", Failure::of("", error).message) }
    }

    /// What is asked of monitoring, by the field that names it.
    pub(crate) fn monitoring(field: &str, error: &PortError) -> Self {
        let text = format!("{field}.prometheus: {}", Failure::of("", error).message);
        Self { name: field.to_owned(), kind: error.kind, text }
    }

    /// Locust.
    pub(crate) fn locust(error: &PortError) -> Self {
        Self { name: "Locust".to_owned(), kind: error.kind, text: Failure::of("", error).message }
    }

    fn refuse<T>(&self) -> Result<T, PortError> {
        Err(PortError::new(self.kind, self.text.clone()))
    }
}

#[async_trait]
impl LoadGenerator for Unusable {
    async fn check(&self) -> Result<GeneratorFacts, PortError> {
        self.refuse()
    }

    async fn set(&self, _tags: &Tags, _setting: &LoadSetting) -> Result<(), PortError> {
        self.refuse()
    }

    async fn status(&self) -> Result<GeneratorStatus, PortError> {
        self.refuse()
    }

    async fn stop(&self, _run: &RunId) -> Result<(), PortError> {
        self.refuse()
    }
}

#[async_trait]
impl KpiSource for Unusable {
    async fn sample(&self, _run: &RunId, _since: Timestamp) -> Result<KpiSample, PortError> {
        self.refuse()
    }
}

#[async_trait]
impl FigureSource for Unusable {
    async fn check(&self, _run: &RunId, _queries: &[String]) -> Result<Vec<String>, PortError> {
        self.refuse()
    }

    async fn read(
        &self,
        _run: &RunId,
        _queries: &[String],
        _at: Timestamp,
    ) -> Result<(Timestamp, BTreeMap<String, Reading>), PortError> {
        self.refuse()
    }
}

#[async_trait]
impl SaturationSource for Unusable {
    fn threshold(&self) -> f64 {
        1.0
    }

    async fn read(&self, _run: &RunId, _at: Timestamp) -> Result<(Timestamp, Vec<Used>), PortError> {
        self.refuse()
    }
}

#[async_trait]
impl TestDataStore for Unusable {
    fn name(&self) -> String {
        self.name.clone()
    }

    async fn count(&self, _run: &RunId) -> Result<Vec<TableCount>, PortError> {
        self.refuse()
    }

    async fn delete(&self, _run: &RunId) -> Result<Vec<TableCount>, PortError> {
        self.refuse()
    }

    async fn check(&self) -> Result<Vec<String>, PortError> {
        self.refuse()
    }
}

#[async_trait]
impl MockProbe for Unusable {
    fn name(&self) -> String {
        self.name.clone()
    }

    async fn prove(&self, _tags: &Tags, _spec: &MockSpec) -> Result<MockProof, PortError> {
        self.refuse()
    }

    async fn look(&self) -> MockSight {
        MockSight { name: self.name.clone(), unread: Some(self.text.clone()), ..MockSight::default() }
    }
}
