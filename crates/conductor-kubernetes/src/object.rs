//! The kinds of objects that a run changes, with what of each is looked at.

use std::fmt::Debug;

use conductor_core::app::Bounds;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, StatefulSet, StatefulSetSpec};
use k8s_openapi::api::autoscaling::v2::{HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use crate::bare;
use crate::delivery::adopted;
use crate::field::{Fields, Owned, UnreadableError};
use crate::marker::{self, Holder, Marker, MarkerError};

/// A kind of object that a run changes. What is to be known of it besides is its `DynamicType`: nothing of most.
pub(crate) trait Object:
    Resource<Scope = NamespaceResourceScope, DynamicType: Clone>
    + Clone
    + Debug
    + DeserializeOwned
    + Serialize
    + Send
    + Sync
    + 'static
{
    /// What of it may be changed.
    type Fields: Fields + Send + Sync;

    /// It, when it was read as one of its kind.
    fn of_kind(self, _: &Self::DynamicType) -> Self {
        self
    }

    /// What its fields hold.
    fn fields(&self) -> Result<Self::Fields, UnreadableError>;

    /// Its pod template, where it has one.
    fn template(&self) -> Option<&PodTemplateSpec>;

    /// Where it keeps its fields.
    fn layout(&self) -> Layout<'_> {
        Layout::USUAL
    }

    /// Its pod template as it is written, where the API server keeps it in whatever form it is given.
    fn written_template(&self) -> Option<&Json> {
        None
    }

    /// It with nothing but what decides whether it is written to, and what is written; `None` where what was seen of it is
    /// not kept.
    fn bare(&self) -> Option<Self> {
        None
    }

    /// A field of it that is another one after each write to its annotations or its fields, and never comes again; with what
    /// it holds.
    fn version(&self) -> (&'static str, Json) {
        ("/metadata/resourceVersion", json!(self.meta().resource_version))
    }

    /// A field of it that is another one after each write to its fields, and never comes again; with what it holds. `None`
    /// where every patch tests all of its fields.
    fn version_of_fields(&self) -> Option<(&'static str, Json)> {
        Some(generation(self.meta()))
    }
}

/// Where an object keeps those of its fields that not every kind has at the same place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout<'a> {
    /// Its replicas; `None` where they are written elsewhere.
    pub(crate) replicas: Option<&'a str>,
    /// What has the bounds of its autoscaler.
    pub(crate) bounds: &'static str,
    /// Its pod template.
    pub(crate) template: &'static str,
}

impl Layout<'_> {
    pub(crate) const USUAL: Self =
        Self { replicas: Some("/spec/replicas"), bounds: "/spec", template: "/spec/template" };
}

impl Object for Deployment {
    type Fields = Owned;

    fn fields(&self) -> Result<Owned, UnreadableError> {
        let spec = self.spec.as_ref().ok_or(UnreadableError::NoSpec)?;
        Owned::of(spec.replicas, &spec.template)
    }

    fn template(&self) -> Option<&PodTemplateSpec> {
        self.spec.as_ref().map(|spec| &spec.template)
    }

    fn bare(&self) -> Option<Self> {
        let spec = self.spec.as_ref().map(|spec| DeploymentSpec {
            replicas: spec.replicas,
            template: bare::template(&spec.template),
            ..DeploymentSpec::default()
        });
        Some(Self { metadata: bare::meta(&self.metadata), spec, status: None })
    }

    /// Status does not count here, and is written all the time while a rollout goes on. Annotations do, unlike with other
    /// kinds.
    fn version(&self) -> (&'static str, Json) {
        generation(&self.metadata)
    }
}

impl Object for StatefulSet {
    type Fields = Owned;

    fn fields(&self) -> Result<Owned, UnreadableError> {
        let spec = self.spec.as_ref().ok_or(UnreadableError::NoSpec)?;
        Owned::of(spec.replicas, &spec.template)
    }

    fn template(&self) -> Option<&PodTemplateSpec> {
        self.spec.as_ref().map(|spec| &spec.template)
    }

    fn bare(&self) -> Option<Self> {
        let spec = self.spec.as_ref().map(|spec| StatefulSetSpec {
            replicas: spec.replicas,
            template: bare::template(&spec.template),
            ..StatefulSetSpec::default()
        });
        Some(Self { metadata: bare::meta(&self.metadata), spec, status: None })
    }
}

impl Object for HorizontalPodAutoscaler {
    type Fields = Bounds;

    fn fields(&self) -> Result<Bounds, UnreadableError> {
        let spec = &self.spec;
        let count = |number: i32| u32::try_from(number).unwrap_or_default();
        Ok(Bounds { min: count(spec.min_replicas.unwrap_or(1)), max: count(spec.max_replicas) })
    }

    fn template(&self) -> Option<&PodTemplateSpec> {
        None
    }

    fn bare(&self) -> Option<Self> {
        let spec = HorizontalPodAutoscalerSpec {
            min_replicas: self.spec.min_replicas,
            max_replicas: self.spec.max_replicas,
            scale_target_ref: self.spec.scale_target_ref.clone(),
            ..HorizontalPodAutoscalerSpec::default()
        };
        Some(Self { metadata: bare::meta(&self.metadata), spec, status: None })
    }

    /// It has no generation.
    fn version_of_fields(&self) -> Option<(&'static str, Json)> {
        None
    }
}

fn generation(meta: &ObjectMeta) -> (&'static str, Json) {
    ("/metadata/generation", json!(meta.generation))
}

/// What a run has left on an object. What a delivery system has given it for the run is among what the run has.
pub(crate) fn marker<K: Object>(object: &K) -> Result<Option<Marker<K::Fields>>, MarkerError> {
    let meta = object.meta();
    let found = Marker::read(meta.uid.as_deref().unwrap_or_default(), &meta.annotations)?;
    Ok(found.map(|marker| match object.fields() {
        Ok(fields) => adopted(marker, &fields),
        Err(_) => marker,
    }))
}

/// Who has left something on an object, whether all of it can be read or not.
pub(crate) fn holder<K: Object>(object: &K) -> Option<Holder> {
    let meta = object.meta();
    marker::holder(meta.uid.as_deref().unwrap_or_default(), &meta.annotations)
}

/// True when a run has left something on an object, whether it can be read or not.
pub(crate) fn is_marked<K: Object>(object: &K) -> bool {
    !matches!(marker(object), Ok(None))
}
