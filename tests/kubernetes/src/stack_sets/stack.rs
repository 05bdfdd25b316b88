//! The custom resource Stack, one version of an application: as much of it as tests write and read.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use kube::CustomResource;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a Stack says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, CustomResource)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "zalando.org",
    version = "v1",
    kind = "Stack",
    doc = "A Stack, as much of it as tests write and read. To change one, patch it: a whole one would lose the rest.",
    status = "StackStatus",
    derive = "PartialEq",
    schema = "disabled",
    namespaced
)]
pub struct StackSpec {
    /// The replicas where it has no autoscaler; 1 where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// What scales it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaler: Option<StackAutoscaler>,
    /// Its pods.
    pub pod_template: PodTemplateSpec,
    /// The port that somebody else sends traffic to. Without an ingress of any kind no Stack has traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ingress: Option<Value>,
}

/// What scales a Stack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StackAutoscaler {
    /// How many replicas there are at least; 1 where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_replicas: Option<i32>,
    /// How many there are at most.
    pub max_replicas: i32,
    /// By what it is scaled.
    pub metrics: Vec<Value>,
}

/// What the controller says of a Stack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StackStatus {
    /// The traffic that it has, in percent.
    pub actual_traffic_weight: f64,
    /// The traffic that it shall have, in percent.
    pub desired_traffic_weight: f64,
    /// The replicas that its Deployment wants.
    pub desired_replicas: i32,
    /// The replicas of its Deployment.
    pub replicas: i32,
    /// Those that are ready.
    pub ready_replicas: i32,
    /// Those that are of its newest template.
    pub updated_replicas: i32,
    /// Since when it has no traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_traffic_since: Option<String>,
    /// Which pods are its own.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label_selector: String,
}
