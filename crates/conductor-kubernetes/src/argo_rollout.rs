//! Argo Rollouts: what of a Rollout is looked at.
//!
//! Its pod template is kept as it is written, too: the API server does not know that there are amounts in it, so that
//! `cpu: 1` stays a number, which a JSON Patch tells from the text `1`.

use k8s_openapi::api::apps::v1::{DeploymentCondition, ReplicaSet};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::CustomResource;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::field::{Owned, UnreadableError};
use crate::object::Object;
use crate::place::Kind;
use crate::rollout::{Before, Progress, Wanted, argo_rollout, argo_rollout_newest};
use crate::unfit::{Unfit, unfit_rollout};
use crate::workload::Workload;

/// The label of ReplicaSets and pods with the hash of their template.
pub(crate) const POD_TEMPLATE_HASH: &str = "rollouts-pod-template-hash";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CustomResource)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "argoproj.io",
    version = "v1alpha1",
    kind = "Rollout",
    root = "ArgoRollout",
    namespaced,
    schema = "disabled",
    status = "ArgoRolloutStatus"
)]
pub(crate) struct ArgoRolloutSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replicas: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) selector: Option<LabelSelector>,
    /// Absent where it is another object's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) template: Option<Template>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) workload_ref: Option<WorkloadRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) paused: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) strategy: Option<Json>,
}

/// What has the template in place of the Rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WorkloadRef {
    #[serde(default)]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) name: String,
}

/// What its controller says of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ArgoRolloutStatus {
    /// A number, as a text.
    pub(crate) observed_generation: Option<String>,
    pub(crate) phase: Option<String>,
    pub(crate) message: Option<String>,
    /// The hash of the template that it goes to.
    pub(crate) current_pod_hash: Option<String>,
    /// The hash of the template that it was promoted to last.
    #[serde(rename = "stableRS")]
    pub(crate) stable: Option<String>,
    pub(crate) replicas: Option<i32>,
    pub(crate) updated_replicas: Option<i32>,
    pub(crate) ready_replicas: Option<i32>,
    pub(crate) available_replicas: Option<i32>,
    pub(crate) pause_conditions: Option<Vec<PauseCondition>>,
    pub(crate) promote_full: Option<bool>,
    /// They have the fields of a Deployment's.
    pub(crate) conditions: Option<Vec<DeploymentCondition>>,
}

/// Why it waits until somebody promotes it, or time has passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PauseCondition {
    pub(crate) reason: String,
}

impl ArgoRolloutStatus {
    /// The generation that its controller has seen.
    pub(crate) fn observed(&self) -> Option<i64> {
        self.observed_generation.as_deref()?.parse().ok()
    }

    /// True when there is one version, and it is the stable one.
    pub(crate) fn is_promoted(&self) -> bool {
        self.stable.as_ref().is_some_and(|stable| !stable.is_empty()) && self.stable == self.current_pod_hash
    }
}

/// A pod template, as it is written and as it is meant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Json", into = "Json")]
pub(crate) struct Template {
    pub(crate) written: Json,
    /// Why it is none, where it cannot be read.
    pub(crate) read: Result<PodTemplateSpec, String>,
}

impl From<Json> for Template {
    fn from(written: Json) -> Self {
        let mut meant = written.clone();
        in_words(&mut meant);
        let read = serde_json::from_value(meant).map_err(|error| error.to_string());
        Self { written, read }
    }
}

impl From<Template> for Json {
    fn from(template: Template) -> Self {
        template.written
    }
}

/// Makes texts of the amounts that are written as numbers.
fn in_words(value: &mut Json) {
    let text = |value: &mut Json| {
        if let Json::Number(number) = value {
            *value = Json::String(number.to_string());
        }
    };
    match value {
        Json::Object(fields) => {
            for (name, field) in fields {
                match name.as_str() {
                    "requests" | "limits" => field.as_object_mut().into_iter().flatten().for_each(|(_, one)| text(one)),
                    "sizeLimit" | "divisor" => text(field),
                    _ => in_words(field),
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(in_words),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

impl Object for ArgoRollout {
    type Fields = Owned;

    fn fields(&self) -> Result<Owned, UnreadableError> {
        let template = self.spec.template.as_ref().ok_or(UnreadableError::NoTemplate)?;
        let template = template.read.as_ref().map_err(|why| UnreadableError::Template(why.clone()))?;
        Owned::of(self.spec.replicas, template)
    }

    fn template(&self) -> Option<&PodTemplateSpec> {
        self.spec.template.as_ref()?.read.as_ref().ok()
    }

    fn written_template(&self) -> Option<&Json> {
        self.spec.template.as_ref().map(|template| &template.written)
    }
}

impl Workload for ArgoRollout {
    const KIND: Kind = Kind::Rollout;
    const NEEDS_PROMOTION: bool = true;

    fn selector(&self) -> Option<&LabelSelector> {
        self.spec.selector.as_ref()
    }

    fn before(&self) -> Before {
        Before::of_argo_rollout(self)
    }

    fn progress(&self, wanted: &Wanted) -> Progress {
        argo_rollout(self, wanted)
    }

    fn newest<'a>(&'a self, _: &'a [ReplicaSet]) -> Option<&'a str> {
        argo_rollout_newest(self)
    }

    fn waits_for<'p>(&self, _: &'p [Pod], _: &str) -> Vec<&'p Pod> {
        Vec::new()
    }

    fn unfit(&self, _: bool) -> Vec<Unfit> {
        unfit_rollout(self)
    }

    fn promotable(&self) -> Option<&ArgoRollout> {
        Some(self)
    }
}

#[cfg(test)]
#[path = "argo_rollout_tests.rs"]
mod tests;
