//! A store of test data that cannot be used, such as one whose password is not there.

use async_trait::async_trait;
use conductor_core::failure::Failure;
use conductor_core::ports::{FailureKind, PortError, TableCount, TestDataStore};
use conductor_core::run::RunId;

/// It says why with every call, so that a new run is refused, and the way back of an old one goes on without it.
pub(crate) struct Unusable {
    name: String,
    kind: FailureKind,
    why: String,
}

impl Unusable {
    pub(crate) fn new(name: String, error: &PortError) -> Self {
        Self { name, kind: error.kind, why: Failure::of("", error).message }
    }

    fn refuse<T>(&self) -> Result<T, PortError> {
        Err(PortError::new(self.kind, format!("test data {}: {}", self.name, self.why)))
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
