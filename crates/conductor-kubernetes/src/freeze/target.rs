//! What is frozen, in the words of the policy.

use std::fmt;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::{ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::argo_rollout::ArgoRollout;
use crate::place::{Kind, Place};
use crate::scalable::Declared;
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Resource {
    Deployments,
    StatefulSets,
    Rollouts,
    HorizontalPodAutoscalers,
    ScaledObjects,
    VerticalPodAutoscalers,
    StackSets,
    Stacks,
    /// Of a custom kind.
    Scalable(Arc<Declared>),
}

impl Target {
    pub(crate) fn new(resource: Resource, namespace: &str, name: &str) -> Self {
        Self { resource, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// An application's workload; `None` for one of a custom kind, of which more is to be known.
    pub(crate) fn of(place: &Place) -> Option<Self> {
        let resource = match &place.kind {
            Kind::Deployment => Resource::Deployments,
            Kind::StatefulSet => Resource::StatefulSets,
            Kind::StackSet => Resource::StackSets,
            Kind::Rollout => Resource::Rollouts,
            Kind::Scalable(_) => return None,
        };
        Some(Self::new(resource, &place.namespace, &place.name))
    }

    /// The objects of its resource in its namespace.
    pub(super) fn api(&self, client: &Client) -> Api<DynamicObject> {
        let resource = match &self.resource {
            Resource::Deployments => ApiResource::erase::<Deployment>(&()),
            Resource::StatefulSets => ApiResource::erase::<StatefulSet>(&()),
            Resource::Rollouts => ApiResource::erase::<ArgoRollout>(&()),
            Resource::HorizontalPodAutoscalers => ApiResource::erase::<HorizontalPodAutoscaler>(&()),
            Resource::ScaledObjects => ApiResource::erase::<ScaledObject>(&()),
            Resource::VerticalPodAutoscalers => ApiResource::erase::<VerticalPodAutoscaler>(&()),
            Resource::StackSets => ApiResource::from_gvk(&GroupVersionKind::gvk("zalando.org", "v1", "StackSet")),
            Resource::Stacks => ApiResource::erase::<Stack>(&()),
            Resource::Scalable(declared) => declared.resource(),
        };
        Api::namespaced_with(client.clone(), &self.namespace, &resource)
    }
}

impl Resource {
    /// The plural of the kind, as requests name it.
    fn name(&self) -> &str {
        match self {
            Self::Deployments => "deployments",
            Self::StatefulSets => "statefulsets",
            Self::Rollouts => "rollouts",
            Self::HorizontalPodAutoscalers => "horizontalpodautoscalers",
            Self::ScaledObjects => "scaledobjects",
            Self::StackSets => "stacksets",
            Self::Stacks => "stacks",
            Self::VerticalPodAutoscalers => "verticalpodautoscalers",
            Self::Scalable(declared) => &declared.plural,
        }
    }

    /// Fields of an object that may be others, as JSON pointers, and what they may be then: to try one after the other, since a
    /// custom kind may not allow each number.
    pub(super) fn others<'a>(&'a self, object: &Value) -> Vec<(&'a str, Value)> {
        let Self::Scalable(declared) = self else { return vec![self.other(object)] };
        let present = object.pointer(&declared.replicas).and_then(Value::as_i64).unwrap_or_default();
        let numbers = [1, -1, 2, -2].map(|more| present + more).into_iter().filter(|number| *number >= 0);
        numbers.map(|number| (declared.replicas.as_str(), json!(number))).collect()
    }

    fn other<'a>(&'a self, object: &Value) -> (&'a str, Value) {
        let one_more = |field: &'a str| {
            let present = object.pointer(field).and_then(Value::as_i64);
            (field, json!(present.unwrap_or_default() + 1))
        };
        match self {
            Self::Deployments | Self::StatefulSets | Self::Rollouts | Self::Stacks => one_more("/spec/replicas"),
            Self::StackSets => one_more("/spec/minReadyPercent"),
            Self::HorizontalPodAutoscalers => one_more("/spec/maxReplicas"),
            Self::ScaledObjects => one_more("/spec/maxReplicaCount"),
            Self::Scalable(declared) => one_more(&declared.replicas),
            Self::VerticalPodAutoscalers => {
                let mode = if object["spec"]["updatePolicy"]["updateMode"] == OFF { INITIAL } else { OFF };
                ("/spec/updatePolicy", json!({ "updateMode": mode }))
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
