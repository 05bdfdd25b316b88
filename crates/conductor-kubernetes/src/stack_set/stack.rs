//! A Stack: what of it is looked at.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::CustomResource;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::field::{Owned, UnreadableError};
use crate::keeper::Kept;
use crate::object::{Layout, Object};
use crate::place::{Kind, Place, STACK};
use crate::stack_set::fields::{Ends, StackFields};
use crate::template::Template;

/// The kind that owns Stacks.
const STACK_SET: &str = "StackSet";
const GROUP: &str = "zalando.org/";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CustomResource)]
#[serde(rename_all = "camelCase")]
#[kube(group = "zalando.org", version = "v1", kind = "Stack", namespaced, schema = "disabled", status = "StackStatus")]
pub(crate) struct StackSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replicas: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) autoscaler: Option<StackAutoscaler>,
    pub(crate) pod_template: Template,
}

/// The bounds of a Stack's autoscaler. The autoscaler takes 1 for a minimum that is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StackAutoscaler {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) min_replicas: Option<i32>,
    pub(crate) max_replicas: i32,
}

/// What its controller says of a Stack. It is of the moment when the controller looked last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct StackStatus {
    /// In percent.
    pub(crate) actual_traffic_weight: f64,
    /// The replicas that its Deployment wants.
    pub(crate) desired_replicas: i32,
    /// True where its Deployment has other pods than it says, as it was looked at; the controller does not tell.
    #[serde(skip)]
    has_other_pods: bool,
}

impl Stack {
    /// Where the application is whose Stack this is: by the StackSet that owns it.
    pub(crate) fn place(&self) -> Option<Place> {
        let is_stack_set = |owner: &&OwnerReference| owner.kind == STACK_SET && owner.api_version.starts_with(GROUP);
        let owner = self.metadata.owner_references.iter().flatten().find(is_stack_set)?;
        let namespace = self.metadata.namespace.clone()?;
        Some(Place { namespace, kind: Kind::StackSet, name: owner.name.clone() })
    }

    /// Where its Deployment is, and what scales that: both are called as it is.
    pub(crate) fn deployment(&self) -> Place {
        let namespace = self.metadata.namespace.clone().unwrap_or_default();
        Place { namespace, kind: Kind::Deployment, name: self.name().to_owned() }
    }

    /// It, as keepers know it, of the application at a place.
    pub(crate) fn kept(&self, place: &Place) -> Kept {
        // What keeps it as a repository says knows its StackSet, whose labels are those of the Stack.
        let meta = ObjectMeta { name: Some(place.name.clone()), ..self.metadata.clone() };
        Kept::new(place.clone(), &place.kind.to_string(), &meta)
            .with_made(STACK, self.name())
            .with_made(&self.deployment().kind.to_string(), self.name())
    }

    pub(crate) fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// The traffic that it has, in percent.
    pub(crate) fn weight(&self) -> f64 {
        self.status.as_ref().map_or(0.0, |status| status.actual_traffic_weight)
    }

    pub(crate) fn has_traffic(&self) -> bool {
        self.weight() > 0.0
    }

    pub(crate) const fn is_autoscaled(&self) -> bool {
        self.spec.autoscaler.is_some()
    }

    /// Takes what its Deployment wants for what its controller has seen of that.
    pub(crate) fn has_made(&mut self, replicas: u32, has_other_pods: bool) {
        let status = self.status.get_or_insert_default();
        status.desired_replicas = i32::try_from(replicas).unwrap_or(i32::MAX);
        status.has_other_pods = has_other_pods;
    }

    /// True where its Deployment has other pods than it says, whoever has made them.
    pub(crate) fn has_other_pods(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.has_other_pods)
    }
}

impl Object for Stack {
    type Fields = StackFields;

    fn fields(&self) -> Result<StackFields, UnreadableError> {
        let spec = &self.spec;
        let count = |number: i32| u32::try_from(number).unwrap_or_default();
        let autoscaler =
            spec.autoscaler.map(|of| Ends { min: of.min_replicas.map(count), max: count(of.max_replicas) });
        // Where an autoscaler rules, the field of the Stack is of no effect.
        let replicas = match autoscaler {
            Some(_) => Some(self.status.as_ref().map_or(0, |status| status.desired_replicas)),
            None => spec.replicas,
        };
        let owned = Owned::of(replicas, spec.pod_template.readable()?)?;
        Ok(StackFields { owned, says_replicas: replicas.is_some(), autoscaler })
    }

    fn template(&self) -> Option<&PodTemplateSpec> {
        self.spec.pod_template.read.as_ref().ok()
    }

    fn written_template(&self) -> Option<&Json> {
        Some(&self.spec.pod_template.written)
    }

    fn layout(&self) -> Layout<'_> {
        let replicas = (!self.is_autoscaled()).then_some("/spec/replicas");
        Layout { replicas, bounds: "/spec/autoscaler", template: "/spec/podTemplate" }
    }
}
