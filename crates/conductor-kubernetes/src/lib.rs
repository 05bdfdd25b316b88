//! Kubernetes as a place to deploy to and to scale in: production's versions and allocation are read from one cluster,
//! put into another, and everything there is put back exactly.
//!
//! Nothing here knows of phases or of load.

mod answer;
mod apply;
mod argo_rollout;
mod autoscaler;
mod bare;
#[cfg(test)]
mod bed;
mod callers;
mod carried;
mod change;
mod connect;
mod delivery;
mod drift;
mod environment;
mod error;
mod field;
mod follow;
mod freeze;
mod guard;
mod heard;
mod identity;
mod images;
mod json_path;
mod keeper;
mod known;
mod layout;
mod left_behind;
mod let_go;
mod life;
mod look;
mod marker;
mod named;
mod names;
mod object;
mod parity;
mod patch;
mod place;
mod placeholders;
mod production;
mod promotion;
mod reader;
mod registries;
mod rollout;
mod room;
mod scalable;
mod scaled_object;
mod seen;
mod sentinel;
mod settings;
mod settle;
mod shared;
mod signs;
mod stack_set;
mod template;
mod terms;
mod transport;
mod unfit;
mod vertical;
mod workload;
mod write;

pub use callers::ClusterCallers;
pub use connect::{ConnectError, connect};
pub use environment::KubernetesEnvironment;
pub use freeze::{Freezer, Frozen};
pub use identity::same_cluster;
pub use json_path::{JsonPath, JsonPathError};
pub use place::{CustomKind, Kind, Place};
pub use production::{Running, running};
pub use reader::Reader;
pub use registries::Registries;
pub use settings::{
    Application, ClusterSettings, Deploy, DeployObject, FreezeSettings, InProduction, KubernetesSettings, LayoutPods,
    LayoutSettings, PhaseSettings, ProductionSettings, ReleaseObject, Releases, ScalableObject, Template,
};
