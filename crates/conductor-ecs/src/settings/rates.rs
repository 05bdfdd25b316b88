//! How many calls are sent in a second at most, by what they do.

use serde::{Deserialize, Serialize};

/// Calls in a second at most. ECS counts those of all callers of an account and region, so that these leave room for others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Rates {
    /// New revisions of task definitions. Default 1.
    pub register: f64,
    /// Changes of services. Default 2.
    pub update: f64,
    /// Changes of tags. Default 5.
    pub tag: f64,
    /// Looks at services, ten of them each, at their revisions, deployments and tasks, and at clusters. Default 10.
    pub describe: f64,
    /// Looks at task definitions. Default 10.
    pub definitions: f64,
    /// Calls of Application Auto Scaling. Default 5.
    pub autoscaling: f64,
}

impl Default for Rates {
    fn default() -> Self {
        Self { register: 1.0, update: 2.0, tag: 5.0, describe: 10.0, definitions: 10.0, autoscaling: 5.0 }
    }
}

impl Rates {
    /// Each with the name of its field.
    pub(crate) fn all(&self) -> [(&'static str, f64); 6] {
        let Self { register, update, tag, describe, definitions, autoscaling } = *self;
        [
            ("register", register),
            ("update", update),
            ("tag", tag),
            ("describe", describe),
            ("definitions", definitions),
            ("autoscaling", autoscaling),
        ]
    }
}
