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
//! A [`FaultProxy`] stands between a program under test and the API server, and fails when it is told to:
//!
//! ```no_run
//! # use std::process::Command;
//! use std::time::Duration;
//!
//! use conductor_kubernetes_bed::{Answer, Cluster, Effect, Fault, Moment, Requests, User, Verb};
//!
//! # async fn test(cluster: &Cluster, mut program: Command) -> Result<(), Box<dyn std::error::Error>> {
//! let proxy = cluster.fault_proxy(&User::person("conductor")).await?;
//! program.env("KUBECONFIG", proxy.kubeconfig());
//!
//! // The second patch of a Deployment is done, but nobody hears that; every creation is refused until further notice.
//! let patches = Requests::writes().verb(Verb::Patch).resource("deployments");
//! proxy.inject(Fault::new(patches, Effect::Drop(Moment::After)).after(1).once());
//! let creations = Requests::writes().verb(Verb::Create);
//! let refusal = proxy.inject(Fault::new(creations, Effect::Answer(Answer::Unavailable)));
//!
//! // The program dies when its third write is done and the fourth is not.
//! let stop = proxy.stop_at(Requests::writes(), 3, Moment::After);
//! let mut process = program.spawn()?;
//! stop.reached(Duration::from_secs(60)).await;
//! process.kill()?;
//! drop(stop);
//! refusal.lift();
//! assert_eq!(proxy.writes().len(), 3);
//! # Ok(())
//! # }
//! ```
//!
//! Pods do nothing here. Where something must answer requests, a [`Bridge`] runs a process for each ready pod of a Deployment.
//!
//! [`Cluster::keda`] brings KEDA into a cluster, or what does the same in its place:
//!
//! ```no_run
//! use conductor_kubernetes_bed::{Behaviour, Cluster, Trigger, User, deployment, scaled_object};
//! use kube::Api;
//!
//! # async fn test(cluster: &Cluster) -> Result<(), Box<dyn std::error::Error>> {
//! cluster.keda().await?;
//! let client = cluster.client(&User::Admin).await?;
//! Api::default_namespaced(client.clone()).create(&Default::default(), &deployment("shop", 3, Behaviour::Ready)).await?;
//! let scaled = scaled_object("shop", 0..=5, Trigger::inactive());
//! Api::default_namespaced(client).create(&Default::default(), &scaled).await?;
//! // Its autoscaler is `keda-hpa-shop`, and since nothing is active the Deployment goes to none.
//! # Ok(())
//! # }
//! ```
//!
//! In the same way [`Cluster::rollouts`] brings Argo Rollouts, and what it works on is a [`rollout`].
//!
//! A cluster listens on one port of loopback, which the kernel chose, a real controller perhaps on another, and on no other address;
//! its state is in a temporary folder. When it is dropped, or its process ends in whatever way, its processes and its folder are gone too.
//! Clusters do not know of each other: a test may start several at once. Nothing here knows the conductor.

mod access;
mod audit;
mod behaviour;
mod bridge;
mod cluster;
mod component;
mod controller;
mod delivery;
mod error;
mod git_ops;
mod keda;
mod keeper;
mod kind;
mod kwok;
mod listening;
mod manifest;
mod node;
mod pause;
mod pki;
mod port;
mod programs;
mod proxy;
mod rollouts;
mod search_clusters;
mod stack_sets;
mod start;
mod user;
mod vertical;
mod workload;

pub use audit::{AuditLog, AuditTail, Entry, Object};
pub use behaviour::Behaviour;
pub use bridge::{Bridge, Replica};
pub use cluster::{Cluster, ClusterSettings};
pub use component::Component;
pub use conductor_bed::{Moment, until};
pub use delivery::{Deliver, Delivery};
pub use error::BedError;
pub use git_ops::{GitOps, Tool, two_waves};
pub use keda::{
    ScaleTarget, ScaledObject, ScaledObjectCondition, ScaledObjectSpec, ScaledObjectStatus, Trigger, scaled_object,
};
pub use pause::Paused;
pub use proxy::{Answer, Effect, Fault, FaultProxy, Injected, Requests, Seen, Stop, Then, Verb};
pub use rollouts::{
    BlueGreen, BlueGreenStatus, Canary, Pause, PauseCondition, Rollout, RolloutSpec, RolloutStatus, Step, Strategy,
    blue_green, rollout,
};
pub use search_clusters::{Nodes, SearchCluster, SearchClusterSpec, SearchClusterStatus, search_cluster};
pub use stack_sets::{
    DesiredTraffic, Stack, StackAutoscaler, StackLifecycle, StackSet, StackSetSpec, StackSetStatus, StackSpec,
    StackStatus, StackTemplate, StackTemplateSpec, stack_set,
};
pub use user::User;
pub use vertical::{vertical_pod_autoscaler, vertical_resource};
pub use workload::{deployment, service, stateful_set};

/// The folder of a cluster's state.
const FOLDERS: conductor_bed::Folders = conductor_bed::Folders { prefix: "kubernetes-bed-", process: None };
