//! What the service is told from outside: what a load test means in its environment.

use async_trait::async_trait;
use conductor_core::failure::PortError;
use conductor_core::ports::Ports;
use conductor_core::run::Created;
use conductor_core::spec::{LoadTestDocument, SpecError};

/// Knows the environments of the server.
#[async_trait]
pub trait Declarations: Send + Sync {
    /// What a run of a load test is created with. An environment that is not known is a violation of `spec.environment`.
    ///
    /// # Errors
    /// With everything that is wrong in the load test.
    fn declare(&self, document: LoadTestDocument) -> Result<Created, SpecError>;

    /// The ports with which a run can be planned. Nothing is changed.
    ///
    /// # Errors
    /// When they cannot be made.
    async fn ports(&self, created: &Created) -> Result<Ports, PortError>;
}
