//! Applications that are objects of which nothing is known but that they can be scaled.

use conductor_core::ports::{FailureKind, PortError};
use serde::{Deserialize, Serialize};

use super::Application;
use crate::place::{CustomKind, Kind};

/// An object of a kind that has a scale subresource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScalableObject {
    /// Group and version of its kind.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

impl ScalableObject {
    fn group_and_version(&self) -> (&str, &str) {
        self.api_version.split_once('/').unwrap_or(("", &self.api_version))
    }

    /// The kind of workload that it is, in whatever version it is read.
    pub(crate) fn workload_kind(&self) -> Kind {
        let custom = CustomKind { group: self.group_and_version().0.to_owned(), kind: self.kind.clone() };
        Kind::Scalable(custom.into())
    }

    /// Told where a cluster has no such kind.
    pub(crate) fn unknown(&self, cluster: &str) -> PortError {
        let Self { api_version, kind, .. } = self;
        let text = format!("{cluster} has no kind {kind} of {api_version}; expected one that it serves");
        PortError::new(FailureKind::Rejected, text)
    }

    /// Everything that is wrong with its kind, as field, problem and what would be right.
    pub(super) fn violations(&self, field: &str) -> Vec<(String, String, String)> {
        let Self { api_version, kind, .. } = self;
        let mut found = Vec::new();
        let mut add = |name: &str, problem: String, expected: &str| {
            found.push((format!("{field}.{name}"), problem, expected.to_owned()));
        };
        let (group, version) = self.group_and_version();
        if (group.is_empty() && api_version.contains('/')) || version.is_empty() || version.contains('/') {
            let problem = format!("\"{api_version}\" is not the group and version of a kind");
            add("apiVersion", problem, "such as example.com/v1");
        }
        if !kind.starts_with(|c: char| c.is_ascii_uppercase()) || !kind.chars().all(|c| c.is_ascii_alphanumeric()) {
            add("kind", format!("\"{kind}\" is not a kind"), "such as SearchCluster");
        }
        let own = match Kind::called(Some(api_version), kind) {
            // Autoscalers mean its Deployment by a Stack.
            _ if group == "zalando.org" && ["Stack", "StackSet"].contains(&kind.as_str()) => Some("stackSet"),
            Some(Kind::Deployment) => Some("deployment"),
            Some(Kind::StatefulSet) => Some("statefulSet"),
            Some(Kind::Rollout) => Some("rollout"),
            Some(Kind::StackSet | Kind::Scalable(_)) | None => None,
        };
        if let Some(own) = own {
            add("kind", format!("more is known of a {kind}"), &format!("{own}: its name, in place of all this"));
        }
        found
    }
}

impl Application {
    /// The object of a custom kind that it is in production, where it is one.
    pub(crate) fn scalable_in_production(&self) -> Option<&ScalableObject> {
        match &self.in_production {
            Some(other) if !other.names().is_empty() => other.scalable.as_ref(),
            Some(_) | None => self.scalable.as_ref(),
        }
    }
}
