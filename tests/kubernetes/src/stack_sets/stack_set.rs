//! The custom resource StackSet, the versions of an application: as much of it as tests write and read.

use k8s_openapi::api::core::v1::ContainerPort;
use kube::CustomResource;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::behaviour::Behaviour;
use crate::stack_sets::stack::{StackAutoscaler, StackSpec};
use crate::workload::deployment;

/// What a StackSet says: of what the newest Stack is made, and which Stacks have traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, CustomResource)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "zalando.org",
    version = "v1",
    kind = "StackSet",
    doc = "A StackSet, as much of it as tests write and read. To change one, patch it: a whole one would lose the rest.",
    status = "StackSetStatus",
    derive = "PartialEq",
    schema = "disabled",
    namespaced
)]
pub struct StackSetSpec {
    /// The port that somebody else sends traffic to. Without an ingress of any kind no Stack has traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ingress: Option<Value>,
    /// What becomes of Stacks without traffic.
    pub stack_lifecycle: StackLifecycle,
    /// The newest Stack.
    pub stack_template: StackTemplate,
    /// The traffic that Stacks shall have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub traffic: Vec<DesiredTraffic>,
}

/// What becomes of Stacks without traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StackLifecycle {
    /// How long they keep their replicas; 300 where it is absent.
    #[serde(default, rename = "scaledownTTLSeconds", skip_serializing_if = "Option::is_none")]
    pub scaledown_ttl_seconds: Option<i64>,
}

/// The newest Stack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StackTemplate {
    /// What it is made of.
    pub spec: StackTemplateSpec,
}

/// What a Stack is made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StackTemplateSpec {
    /// The end of its name.
    pub version: String,
    /// What it says.
    #[serde(flatten)]
    pub stack: StackSpec,
}

/// The traffic that a Stack shall have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DesiredTraffic {
    /// The Stack.
    pub stack_name: String,
    /// In percent.
    pub weight: f64,
}

/// What the controller says of a StackSet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StackSetStatus {
    /// How many Stacks it has.
    pub stacks: i32,
    /// How many of them have traffic.
    pub stacks_with_traffic: i32,
    /// The newest version of which a Stack was made: it is made once, even if somebody deletes it.
    pub observed_stack_version: String,
    /// The traffic that Stacks have.
    pub traffic: Vec<Value>,
}

/// A StackSet with version `v1`, whose Stack `NAME-v1` is like the Deployment of [`deployment`] and has all traffic. With
/// bounds it is autoscaled, and has these replicas to begin with.
pub fn stack_set(name: &str, replicas: i32, bounds: Option<std::ops::RangeInclusive<i32>>) -> StackSet {
    let mut pod_template = deployment(name, replicas, Behaviour::Ready).spec.unwrap_or_default().template;
    for container in pod_template.spec.iter_mut().flat_map(|spec| &mut spec.containers) {
        container.ports = Some(vec![ContainerPort { container_port: PORT, ..ContainerPort::default() }]);
    }
    let metrics = vec![json!({ "type": "CPU", "averageUtilization": 50 })];
    let autoscaler = bounds.map(|bounds| StackAutoscaler {
        min_replicas: Some(*bounds.start()),
        max_replicas: *bounds.end(),
        metrics,
    });
    let stack = StackSpec { replicas: Some(replicas), autoscaler, pod_template, external_ingress: None };
    let spec = StackSetSpec {
        external_ingress: Some(json!({ "backendPort": PORT })),
        stack_lifecycle: StackLifecycle::default(),
        stack_template: StackTemplate { spec: StackTemplateSpec { version: "v1".to_owned(), stack } },
        traffic: Vec::new(),
    };
    StackSet::new(name, spec)
}

const PORT: i32 = 8080;
