//! Argo Rollouts: what of a Rollout is looked at.

use k8s_openapi::api::apps::v1::{DeploymentCondition, ReplicaSet};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::CustomResource;
use kube::core::ParseExpressionError;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::field::{Owned, UnreadableError};
use crate::object::Object;
use crate::place::Kind;
use crate::rollout::{Before, Progress, Wanted, argo_rollout, argo_rollout_newest};
use crate::template::Template;
use crate::unfit::{Unfit, unfit_rollout};
use crate::workload::{Workload, as_text};

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

impl ArgoRolloutSpec {
    /// How one version follows another, as people call it.
    pub(crate) fn way(&self) -> &'static str {
        if self.strategy_of("blueGreen").is_some() { "blue-green" } else { "canary" }
    }

    /// True where replicas of an older version stay for a while that no users come to any more.
    pub(crate) fn keeps_older(&self) -> bool {
        let is_routed = |canary: &Json| !canary["trafficRouting"].is_null();
        self.strategy_of("blueGreen").is_some() || self.strategy_of("canary").is_some_and(is_routed)
    }

    /// True where they never go. Argo Rollouts takes a delay of none for one without an end, unless there is a limit of none.
    pub(crate) fn keeps_older_for_ever(&self) -> bool {
        let never = |strategy: &Json| {
            strategy["scaleDownDelaySeconds"] == 0
                && strategy["scaleDownDelayRevisionLimit"] != 0
                && strategy["dynamicStableScale"] != true
        };
        self.keeps_older() && ["blueGreen", "canary"].iter().any(|name| self.strategy_of(name).is_some_and(never))
    }

    /// For how many seconds they stay, where that is said.
    pub(crate) fn keeps_older_for(&self) -> Option<u64> {
        let delay = |name: &&str| {
            let strategy = self.strategy_of(name)?;
            let is_ended = strategy["scaleDownDelayRevisionLimit"] == 0 || strategy["dynamicStableScale"] == true;
            strategy["scaleDownDelaySeconds"].as_u64().filter(|_| !is_ended)
        };
        ["blueGreen", "canary"].iter().filter_map(delay).max().filter(|_| self.keeps_older())
    }

    fn strategy_of(&self, name: &str) -> Option<&Json> {
        self.strategy.as_ref()?.get(name).filter(|strategy| !strategy.is_null())
    }
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
    pub(crate) abort: Option<bool>,
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

impl Object for ArgoRollout {
    type Fields = Owned;

    fn fields(&self) -> Result<Owned, UnreadableError> {
        let template = self.spec.template.as_ref().ok_or(UnreadableError::NoTemplate)?;
        Owned::of(self.spec.replicas, template.readable()?)
    }

    fn template(&self) -> Option<&PodTemplateSpec> {
        self.spec.template.as_ref()?.read.as_ref().ok()
    }

    fn written_template(&self) -> Option<&Json> {
        self.spec.template.as_ref().map(|template| &template.written)
    }
}

impl Workload for ArgoRollout {
    const NEEDS_PROMOTION: bool = true;

    fn workload_kind(&(): &()) -> Kind {
        Kind::Rollout
    }

    fn selector(&self) -> Result<Option<String>, ParseExpressionError> {
        self.spec.selector.as_ref().map(as_text).transpose()
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
