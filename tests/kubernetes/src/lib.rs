//! Real Kubernetes control planes on loopback, for tests: etcd, API server, controllers and scheduler as they are
//! released, and kwok in place of kubelets.
//!
//! ```no_run
//! use conductor_kubernetes_bed::{Behaviour, Cluster, ClusterSettings, User, deployment};
//! use kube::Api;
//!
//! # async fn test() -> Result<(), Box<dyn std::error::Error>> {
//! let cluster = Cluster::start(ClusterSettings::default()).await?;
//! let client = cluster.client(&User::Admin).await?;
//! let shop = deployment("shop", 3, Behaviour::Ready);
//! Api::default_namespaced(client).create(&Default::default(), &shop).await?;
//! cluster.stop().await?;
//! # Ok(())
//! # }
//! ```
//!
//! A cluster listens on one port of loopback, which the kernel chose, and keeps its state in a temporary folder. When it is
//! dropped, or its process ends in whatever way, its processes and its folder are gone too. Clusters do not know of each
//! other: a test may start several at once. Nothing here knows the conductor.

mod access;
mod audit;
mod behaviour;
mod cluster;
mod component;
mod error;
mod folder;
mod keeper;
mod kwok;
mod node;
mod pki;
mod port;
mod process;
mod programs;
mod proxy;
mod start;
mod user;
mod wait;
mod workload;

pub use audit::{AuditLog, Entry, Object};
pub use behaviour::Behaviour;
pub use cluster::{Cluster, ClusterSettings};
pub use component::Component;
pub use error::BedError;
pub use proxy::{Answer, Effect, Fault, FaultProxy, Injected, Moment, Requests, Seen, Stop, Then, Verb};
pub use user::User;
pub use wait::until;
pub use workload::{deployment, stateful_set};
