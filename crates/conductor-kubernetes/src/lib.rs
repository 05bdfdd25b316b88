//! Kubernetes as a place to deploy to and to scale in: production's versions and allocation are read from one cluster,
//! put into another, and everything there is put back exactly.
//!
//! Nothing here knows of phases or of load.

mod answer;
mod connect;
mod error;
#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "what waits for rollouts comes next"))]
mod rollout;
mod settings;

pub use connect::{ConnectError, connect};
pub use settings::{Application, ClusterSettings, KubernetesSettings, Place, ProductionSettings};
