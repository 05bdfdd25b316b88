//! Where applications are: a workload of a kind, in a namespace.

use std::fmt;
use std::sync::Arc;

/// A kind of workload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A Deployment.
    Deployment,
    /// A StatefulSet.
    StatefulSet,
    /// A Rollout of Argo Rollouts.
    Rollout,
    /// A StackSet, of which the Stack with the traffic counts.
    StackSet,
    /// A custom kind of which nothing is known but that it can be scaled.
    Scalable(Arc<CustomKind>),
}

/// A kind that a CustomResourceDefinition declares, in whatever version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomKind {
    /// Its group.
    pub group: String,
    /// Its name.
    pub kind: String,
}

/// What Kubernetes calls Stacks.
pub(crate) const STACK: &str = "Stack";

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
    /// The kind that autoscalers aim at by this name. Without a group it is one of those that are known. A Stack is aimed at for
    /// its Deployment, which is called as it is.
    pub(crate) fn called(api_version: Option<&str>, name: &str) -> Option<Self> {
        let group =
            api_version.filter(|text| !text.is_empty()).map(|text| text.split_once('/').map_or("", |(group, _)| group));
        let known = [
            (Self::Deployment, "Deployment", "apps"),
            // Its group in former times, by which a VerticalPodAutoscaler may still name it.
            (Self::Deployment, "Deployment", "extensions"),
            (Self::StatefulSet, "StatefulSet", "apps"),
            (Self::Rollout, "Rollout", "argoproj.io"),
            (Self::Deployment, STACK, "zalando.org"),
        ];
        let is_it = |(_, called, of): &(Self, &str, &str)| *called == name && group.is_none_or(|group| group == *of);
        let custom =
            |group: &str| Self::Scalable(Arc::new(CustomKind { group: group.to_owned(), kind: name.to_owned() }));
        known.into_iter().find(is_it).map(|(kind, ..)| kind).or_else(|| group.map(custom))
    }

    /// What Kubernetes calls it.
    fn as_str(&self) -> &str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::Rollout => "Rollout",
            Self::StackSet => "StackSet",
            Self::Scalable(custom) => &custom.kind,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_autoscalers_aim_at_is_known_by_its_group_and_is_a_custom_kind_otherwise() {
        let called = |api_version: Option<&str>, kind: &str| Kind::called(api_version, kind);
        let custom = |group: &str, kind: &str| {
            Some(Kind::Scalable(Arc::new(CustomKind { group: group.to_owned(), kind: kind.to_owned() })))
        };
        assert_eq!(called(None, "Deployment"), Some(Kind::Deployment));
        assert_eq!(called(Some("apps/v1"), "StatefulSet"), Some(Kind::StatefulSet));
        assert_eq!(called(Some("argoproj.io/v1alpha1"), "Rollout"), Some(Kind::Rollout));
        assert_eq!(called(Some("example.com/v1"), "Rollout"), custom("example.com", "Rollout"));
        let search = custom("example.com", "SearchCluster");
        assert_eq!(called(Some("example.com/v1"), "SearchCluster"), search);
        assert_eq!(called(Some("example.com/v1beta1"), "SearchCluster"), search, "whatever the version is");
        assert_eq!(called(None, "SearchCluster"), None);
        for of in [None, Some(""), Some("zalando.org/v1")] {
            assert_eq!(called(of, "Stack"), Some(Kind::Deployment), "{of:?}");
        }
        assert_eq!(called(Some("example.com/v1"), "Stack"), custom("example.com", "Stack"));
        assert_eq!(called(Some("extensions/v1beta1"), "Deployment"), Some(Kind::Deployment), "as it was called once");
    }
}
