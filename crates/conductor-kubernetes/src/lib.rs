//! Kubernetes as a place to deploy to and to scale in: production's versions and allocation are read from one cluster,
//! put into another, and everything there is put back exactly.
//!
//! Nothing here knows of phases or of load.

mod answer;
#[cfg(test)]
mod bed;
mod connect;
#[cfg_attr(not(test), expect(dead_code, reason = "no port of the engine asks for it yet"))]
mod drift;
mod error;
#[cfg_attr(not(test), expect(dead_code, reason = "no port of the engine asks for it yet, but for what people ask"))]
mod freeze;
#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "what waits for rollouts comes next"))]
mod rollout;
mod settings;

pub use connect::{ConnectError, connect};
pub use freeze::{Freezer, Frozen};
pub use settings::{Application, ClusterSettings, KubernetesSettings, Place, ProductionSettings};
