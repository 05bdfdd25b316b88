//! Why it cannot be said what a workload of production runs, in sentences for whoever started the load test.

use conductor_core::ports::FailureKind;

use crate::argo_rollout::WorkloadRef;
use crate::images::NoDigest;
use crate::place::{Kind, Place};

/// Why it cannot be said what a workload of production runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Some replicas run an older version, or none runs the newest one yet.
    #[error(
        "production is in the middle of a rollout of {place}: {updated} of {replicas} replicas run the newest version; \
         try again when it is done"
    )]
    MidRollout { place: Place, updated: i32, replicas: i32 },
    /// Some users are served by another version than others, and it is not said yet which of the two stays.
    #[error(
        "production is in the middle of a rollout of {place} ({way}): it goes from ReplicaSet {stable} to {current}, and is \
         not promoted yet; try again when it is, or is taken back"
    )]
    Unpromoted { place: Place, way: &'static str, stable: Box<str>, current: Box<str> },
    /// Its template is one that was given up.
    #[error(
        "a rollout of {place} in production from ReplicaSet {stable} to {current} was aborted, so that its template is not what \
         runs; expected another template, or that it is tried again and promoted"
    )]
    Aborted { place: Place, stable: String, current: String },
    /// The pod template, which says what the containers are, is somewhere else.
    #[error(
        "{place} in production has its pod template from {} {} (workloadRef), which cannot be read yet; expected a template of \
         its own", .of.kind, .of.name
    )]
    WorkloadRef { place: Place, of: WorkloadRef },
    /// The counts in its status are of an older generation.
    #[error(
        "production is in the middle of a change of {place}: its controller has not seen it yet; \
         try again when it is done"
    )]
    Unseen { place: Place },
    /// There is one version but not the wanted number of replicas.
    #[error(
        "production is in the middle of scaling {place}: it has {replicas} replicas and wants {wanted}; \
         try again when it is done"
    )]
    Scaling { place: Place, replicas: i32, wanted: i32 },
    /// Several versions have traffic.
    #[error(
        "production is in the middle of switching the traffic of {place}: of its Stacks {weights}; try again when one has \
         all of it"
    )]
    Switching { place: Place, weights: String },
    /// No version has traffic.
    #[error(
        "no Stack of {place} has traffic in production ({weights}); expected one with all of it, for which it needs an ingress"
    )]
    NoTraffic { place: Place, weights: String },
    /// A delivery system has made some of the newest pods by one deployment, and some by another.
    #[error(
        "production is in the middle of a rollout of {place}: pods of its newest version say {key} {}; \
         try again when all of them say the same",
        .ids.join(" and ")
    )]
    DeployIds { place: Place, key: String, ids: Vec<String> },
    /// There are replicas, and none of them serves anybody.
    #[error("no pod of the newest version of {place} is running and Ready in production; try again when one is")]
    NothingReady { place: Place },
    /// The runtime has not said what it runs.
    #[error("production does not say yet which digest container {container} of {place} runs; try again when it does")]
    Unknown { place: Place, container: String },
    /// A tag was moved while the pods of one version were made.
    #[error(
        "pods of {place} run different digests of container {container} although they are of one {}: {}",
        version(&.place.kind), .digests.join(", ")
    )]
    Disagreement { place: Place, container: String, digests: Vec<String> },
    /// The runtime only says an id, of use on its own node.
    #[error(
        "production does not tell which image container {container} of {place} runs: {source}; \
         expected an image that was pulled, or that the template pins by its digest"
    )]
    ImageId { place: Place, container: String, source: NoDigest },
    /// There is no pod to ask.
    #[error(
        "{place} is scaled to 0 in production, so no pod says which digest container {container} would run; \
         expected a replica, or a digest in its image \"{image}\""
    )]
    ScaledToZero { place: Place, container: String, image: String },
}

impl Refusal {
    /// What it means for trying again.
    pub(crate) const fn kind(&self) -> FailureKind {
        match self {
            Self::MidRollout { .. }
            | Self::Unpromoted { .. }
            | Self::Unseen { .. }
            | Self::Scaling { .. }
            | Self::Switching { .. }
            | Self::DeployIds { .. }
            | Self::NothingReady { .. }
            | Self::Unknown { .. } => FailureKind::Unavailable,
            Self::NoTraffic { .. }
            | Self::WorkloadRef { .. }
            | Self::Aborted { .. }
            | Self::Disagreement { .. }
            | Self::ImageId { .. }
            | Self::ScaledToZero { .. } => FailureKind::Rejected,
        }
    }
}

/// What is one version of such a workload.
const fn version(kind: &Kind) -> &'static str {
    match kind {
        Kind::Deployment | Kind::Rollout | Kind::StackSet => "ReplicaSet",
        Kind::StatefulSet => "ControllerRevision",
        Kind::Scalable(_) => "object",
    }
}
