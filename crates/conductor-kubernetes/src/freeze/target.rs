//! What is frozen, in the words of the policy.

use std::fmt;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::{ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::argo_rollout::ArgoRollout;
use crate::place::{Kind, Place};
use crate::scaled_object::ScaledObject;
use crate::stack_set::Stack;
use crate::vertical::{INITIAL, OFF, VerticalPodAutoscaler};

/// One object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Target {
    pub(crate) resource: Resource,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// The resources that are frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Resource {
    Deployments,
    StatefulSets,
    Rollouts,
    HorizontalPodAutoscalers,
    ScaledObjects,
    VerticalPodAutoscalers,
    StackSets,
    Stacks,
}

impl Target {
    pub(crate) fn new(resource: Resource, namespace: &str, name: &str) -> Self {
        Self { resource, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// An application's workload.
    pub(crate) fn of(place: &Place) -> Self {
        let resource = match place.kind {
            Kind::Deployment => Resource::Deployments,
            Kind::StatefulSet => Resource::StatefulSets,
            Kind::StackSet => Resource::StackSets,
            Kind::Rollout => Resource::Rollouts,
        };
        Self::new(resource, &place.namespace, &place.name)
    }

    /// The objects of its resource in its namespace.
    pub(super) fn api(&self, client: &Client) -> Api<DynamicObject> {
        let resource = match self.resource {
            Resource::Deployments => ApiResource::erase::<Deployment>(&()),
            Resource::StatefulSets => ApiResource::erase::<StatefulSet>(&()),
            Resource::Rollouts => ApiResource::erase::<ArgoRollout>(&()),
            Resource::HorizontalPodAutoscalers => ApiResource::erase::<HorizontalPodAutoscaler>(&()),
            Resource::ScaledObjects => ApiResource::erase::<ScaledObject>(&()),
            Resource::VerticalPodAutoscalers => ApiResource::erase::<VerticalPodAutoscaler>(&()),
            Resource::StackSets => ApiResource::from_gvk(&GroupVersionKind::gvk("zalando.org", "v1", "StackSet")),
            Resource::Stacks => ApiResource::erase::<Stack>(&()),
        };
        Api::namespaced_with(client.clone(), &self.namespace, &resource)
    }
}

impl Resource {
    /// The plural of the kind, as requests name it.
    const fn name(self) -> &'static str {
        match self {
            Self::Deployments => "deployments",
            Self::StatefulSets => "statefulsets",
            Self::Rollouts => "rollouts",
            Self::HorizontalPodAutoscalers => "horizontalpodautoscalers",
            Self::ScaledObjects => "scaledobjects",
            Self::StackSets => "stacksets",
            Self::Stacks => "stacks",
            Self::VerticalPodAutoscalers => "verticalpodautoscalers",
        }
    }

    /// A field of the spec that may be another one, and what it may be then.
    pub(super) fn other(self, spec: &Value) -> (&'static str, Value) {
        let one_more = |field| (field, json!(spec[field].as_i64().unwrap_or_default() + 1));
        match self {
            Self::Deployments | Self::StatefulSets | Self::Rollouts | Self::Stacks => one_more("replicas"),
            Self::StackSets => one_more("minReadyPercent"),
            Self::HorizontalPodAutoscalers => one_more("maxReplicas"),
            Self::ScaledObjects => one_more("maxReplicaCount"),
            Self::VerticalPodAutoscalers => {
                const FIELD: &str = "updatePolicy";
                let mode = if spec[FIELD]["updateMode"] == OFF { INITIAL } else { OFF };
                (FIELD, json!({ "updateMode": mode }))
            }
        }
    }
}

/// As the policy compares it.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.resource.name(), self.namespace, self.name)
    }
}
