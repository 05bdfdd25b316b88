//! What an application and its cluster are like, on one side.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::app::{ApplicationId, Bounds, Resources};
use crate::quantity::Quantity;

/// Production and the test environment, read at about the same time and with the same key for hashes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sides {
    /// Production.
    pub production: Side,
    /// The test environment, before the run.
    pub test: Side,
}

/// What one side is like.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Side {
    /// What the applications run on.
    pub cluster: Cluster,
    /// The applications that exist there and could be read.
    pub applications: BTreeMap<ApplicationId, Profile>,
    /// Those of which it is not known whether they exist.
    pub unknown: BTreeSet<ApplicationId>,
    /// What could not be read, and why.
    pub unread: Vec<String>,
}

/// What applications run on. What is not known is not compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cluster {
    /// The version of its server; `None` where that is not known.
    pub version: Option<String>,
    /// Its nodes; `None` where they are not known.
    pub nodes: Option<Nodes>,
}

/// The nodes of a cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nodes {
    /// By the provider's name of the type of machine.
    pub types: BTreeMap<String, NodeType>,
    /// The versions of their agents.
    pub agents: BTreeSet<String>,
}

/// The nodes of one type of machine.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeType {
    /// How many there are.
    pub count: u32,
    /// Their architecture; several with commas.
    pub arch: String,
    /// The processors that applications may have of the one that has fewest.
    pub cpu: Quantity,
    /// The memory that applications may have of the one that has least.
    pub memory: Quantity,
}

/// What an application is like.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// Wanted replicas.
    pub replicas: u32,
    /// By name, those that only pods have included.
    pub containers: BTreeMap<String, Container>,
    /// What scales it; `None` where that is not known.
    pub autoscaling: Option<Autoscaling>,
    /// What else is set, by its name in [`Profile::SETTINGS`].
    pub settings: BTreeMap<String, String>,
}

impl Profile {
    /// What else may be set.
    pub const SETTINGS: [&str; 10] = [
        "kind",
        "strategy",
        "podManagement",
        "priorityClass",
        "runtimeClass",
        "terminationGracePeriod",
        "nodeSelector",
        "affinity",
        "topologySpread",
        "tolerations",
    ];
}

/// What scales an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Autoscaling {
    /// Nothing does.
    Absent,
    /// An autoscaler.
    By(Autoscaler),
}

/// An autoscaler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Autoscaler {
    /// Between how many replicas it chooses.
    pub bounds: Bounds,
    /// What it goes by, in words.
    pub metrics: BTreeSet<String>,
    /// How fast it may be, in words.
    pub behavior: String,
}

/// Where a container comes from, and what it is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// It is in the application's own template.
    #[default]
    Main,
    /// It is in the template, and runs before the others.
    Init,
    /// Only pods have it: it was put there as they were made.
    Injected,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Main => "container",
            Self::Init => "init container",
            Self::Injected => "injected sidecar",
        })
    }
}

/// What a container is like.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Container {
    /// Where it comes from.
    pub role: Role,
    /// Its image, by digest where that is known.
    pub image: String,
    /// What it may use, as pods have it.
    pub resources: Resources,
    /// Environment variables by name.
    pub env: BTreeMap<String, EnvValue>,
    /// Objects of which it gets all entries as environment variables, such as `ConfigMap/shop`, and how.
    pub env_from: BTreeMap<String, String>,
    /// Its probes by name (`readiness` and the like), in words without what could be secret.
    pub probes: BTreeMap<String, String>,
    /// What it is started with; `None` where the image says it.
    pub command: Option<ValueHash>,
}

/// Where the value of an environment variable comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvValue {
    /// It is written down; this tells whether it is another one.
    Hashed(ValueHash),
    /// It is taken from elsewhere, in words.
    Reference(String),
}

impl fmt::Display for EnvValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hashed(hash) => write!(f, "value {hash}"),
            Self::Reference(words) => f.write_str(words),
        }
    }
}

/// A keyed hash of a value. The key is forgotten with the report, so that no value can be found by it, not even one of few
/// that are possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueHash(String);

impl ValueHash {
    /// Of its first 64 bits.
    pub fn of(first: [u8; 8]) -> Self {
        Self(format!("#{:016x}", u64::from_be_bytes(first)))
    }
}

impl fmt::Display for ValueHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
