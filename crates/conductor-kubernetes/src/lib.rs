//! Kubernetes as a place to deploy to and to scale in: production's versions and allocation are read from one cluster,
//! put into another, and everything there is put back exactly.
//!
//! Nothing here knows of phases or of load.

mod answer;
mod connect;
mod error;
mod identity;
mod images;
mod production;
mod reader;
mod settings;

pub use connect::{ConnectError, connect};
pub use identity::same_cluster;
pub use production::{Running, running};
pub use reader::Reader;
pub use settings::{Application, ClusterSettings, KubernetesSettings, Place, ProductionSettings};
