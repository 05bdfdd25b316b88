//! What is asked of that which monitors the applications under test.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::failure::PortError;
use crate::figures::Reading;
use crate::run::RunId;
use crate::saturation::Used;

/// Tells figures by their queries.
#[async_trait]
pub trait FigureSource: Send + Sync {
    /// Whether these queries can be figures: each is understood, and gives one number or, before there is load, nothing yet.
    /// Answers with those that give nothing yet. `Rejected` names each that never will give one number, and why.
    async fn check(&self, run: &RunId, queries: &[String]) -> Result<Vec<String>, PortError>;

    /// The figures of these queries at a time, or at one shortly before, where they are complete later; and that time. A figure
    /// that cannot be read says why; an error means that none can.
    async fn read(
        &self,
        run: &RunId,
        queries: &[String],
        at: Timestamp,
    ) -> Result<(Timestamp, BTreeMap<String, Reading>), PortError>;
}

/// Tells how much of what it may have each application uses.
#[async_trait]
pub trait SaturationSource: Send + Sync {
    /// From this share on an application is at its limit.
    fn threshold(&self) -> f64;

    /// The share of every application that tells it, at a time or shortly before; and that time. An application that is absent
    /// has told nothing.
    async fn read(&self, run: &RunId, at: Timestamp) -> Result<(Timestamp, Vec<Used>), PortError>;
}
