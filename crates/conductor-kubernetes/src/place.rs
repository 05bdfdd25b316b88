//! Where applications are: a workload of a kind, in a namespace.

use std::fmt;

/// A kind of workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A Deployment.
    Deployment,
    /// A StatefulSet.
    StatefulSet,
    /// A Rollout of Argo Rollouts.
    Rollout,
    /// A StackSet, of which the Stack with the traffic counts.
    StackSet,
}

/// Where an application is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The namespace.
    pub namespace: String,
    /// What kind of workload it is.
    pub kind: Kind,
    /// The workload's name.
    pub name: String,
}

impl Kind {
    /// The kind that autoscalers aim at by this name.
    pub(crate) fn called(name: &str) -> Option<Self> {
        [Self::Deployment, Self::StatefulSet, Self::Rollout].into_iter().find(|kind| kind.as_str() == name)
    }

    /// What Kubernetes calls it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::Rollout => "Rollout",
            Self::StackSet => "StackSet",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}
