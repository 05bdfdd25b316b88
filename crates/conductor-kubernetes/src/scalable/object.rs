//! An object of a kind that can be scaled, as a workload: it has replicas, and no template that anybody knows.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use kube::Resource;
use kube::api::DynamicObject;
use kube::core::{ParseExpressionError, Selector};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Declared;
use crate::field::{Owned, UnreadableError};
use crate::object::{Layout, Object};
use crate::place::Kind;
use crate::rollout::{Before, Progress, Wanted, scalable};
use crate::unfit::Unfit;
use crate::workload::Workload;

/// One object.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "DynamicObject", into = "DynamicObject")]
pub(crate) struct Scalable {
    object: DynamicObject,
    /// What its cluster says of its kind; `None` until it is known of which kind it is.
    declared: Option<Arc<Declared>>,
}

impl From<DynamicObject> for Scalable {
    fn from(object: DynamicObject) -> Self {
        Self { object, declared: None }
    }
}

impl From<Scalable> for DynamicObject {
    fn from(scalable: Scalable) -> Self {
        scalable.object
    }
}

impl Scalable {
    fn at(&self, pointer: impl Fn(&Declared) -> Option<&String>) -> Option<&Json> {
        self.object.data.pointer(pointer(self.declared.as_ref()?)?)
    }

    /// How many replicas there are, as the scale subresource has it: absent means none.
    pub(crate) fn counted(&self) -> u32 {
        let counted = self.at(|declared| Some(&declared.counted)).and_then(Json::as_u64);
        counted.and_then(|counted| u32::try_from(counted).ok()).unwrap_or_default()
    }

    /// The generation that its controller has seen, where it says.
    pub(crate) fn observed_generation(&self) -> Option<i64> {
        self.object.data.pointer("/status/observedGeneration").and_then(Json::as_i64)
    }
}

impl Resource for Scalable {
    type DynamicType = Arc<Declared>;
    type Scope = NamespaceResourceScope;

    fn kind(of: &Arc<Declared>) -> Cow<'_, str> {
        Cow::Borrowed(&of.kind)
    }

    fn group(of: &Arc<Declared>) -> Cow<'_, str> {
        Cow::Borrowed(&of.group)
    }

    fn version(of: &Arc<Declared>) -> Cow<'_, str> {
        Cow::Borrowed(&of.version)
    }

    fn plural(of: &Arc<Declared>) -> Cow<'_, str> {
        Cow::Borrowed(&of.plural)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.object.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.object.metadata
    }
}

impl Object for Scalable {
    type Fields = Owned;

    fn of_kind(self, kind: &Arc<Declared>) -> Self {
        Self { declared: Some(Arc::clone(kind)), ..self }
    }

    fn fields(&self) -> Result<Owned, UnreadableError> {
        let Some(declared) = &self.declared else { return Err(UnreadableError::Undeclared) };
        let replicas = self.at(|declared| Some(&declared.replicas)).and_then(Json::as_u64);
        let replicas = replicas.and_then(|replicas| u32::try_from(replicas).ok());
        let replicas = replicas.ok_or_else(|| UnreadableError::NoReplicas(declared.replicas.replace('/', ".")))?;
        Ok(Owned { replicas, images: BTreeMap::new(), resources: BTreeMap::new() })
    }

    fn template(&self) -> Option<&PodTemplateSpec> {
        None
    }

    fn layout(&self) -> Layout<'_> {
        let replicas = self.declared.as_ref().map(|declared| declared.replicas.as_str());
        Layout { replicas, ..Layout::USUAL }
    }
}

impl Workload for Scalable {
    const SAYS_WHAT_IS_READY: bool = false;

    fn workload_kind(of: &Arc<Declared>) -> Kind {
        of.workload_kind()
    }

    fn selector(&self) -> Result<Option<String>, ParseExpressionError> {
        let selector = match self.at(|declared| declared.selector.as_ref()) {
            Some(Json::String(selector)) => selector.clone(),
            Some(selector) => labels(selector)?.to_string(),
            None => String::new(),
        };
        Ok(Some(selector).filter(|selector| !selector.is_empty()))
    }

    fn before(&self) -> Before {
        Before::of_scalable(&self.object.metadata)
    }

    fn progress(&self, wanted: &Wanted) -> Progress {
        scalable(self, wanted)
    }

    fn newest<'a>(&'a self, _: &'a [ReplicaSet]) -> Option<&'a str> {
        None
    }

    /// All of its pods: of which template one is nobody says.
    fn newest_pods<'p>(&self, _: &[ReplicaSet], pods: &'p [Pod]) -> Option<Vec<&'p Pod>> {
        Some(pods.iter().collect())
    }

    fn waits_for<'p>(&self, _: &'p [Pod], _: &str) -> Vec<&'p Pod> {
        Vec::new()
    }

    fn unfit(&self, _: bool) -> Vec<Unfit> {
        let owners = self.object.metadata.owner_references.iter().flatten();
        let scales = |owner: &&OwnerReference| {
            let kind = Kind::called(Some(&owner.api_version), &owner.kind);
            owner.controller == Some(true) && matches!(kind, Some(Kind::Deployment | Kind::Rollout))
        };
        let unfit =
            |owner: &OwnerReference| Unfit::ScaledByOwner { kind: owner.kind.clone(), name: owner.name.clone() };
        owners.filter(scales).map(unfit).collect()
    }
}

/// The labels of a selector, as a ReplicaSet has it, or of the plain map of an older kind. What is neither tells nothing of pods.
fn labels(selector: &Json) -> Result<Selector, ParseExpressionError> {
    match serde_json::from_value::<BTreeMap<String, String>>(selector.clone()) {
        Ok(labels) => Ok(labels.into_iter().collect()),
        Err(_) => serde_json::from_value::<LabelSelector>(selector.clone()).unwrap_or_default().try_into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn declared(selector: Option<&str>) -> Arc<Declared> {
        Arc::new(Declared::of_search_clusters(["/spec/nodes/data", "/status/nodes"], selector))
    }

    fn object(spec: &Json, status: &Json) -> Scalable {
        let meta = json!({ "name": "search", "namespace": "shop", "uid": "uid-1" });
        let text = json!({
            "apiVersion": "example.com/v1", "kind": "SearchCluster", "metadata": meta, "spec": spec, "status": status,
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn what_is_read_of_a_scalable_stands_where_its_definition_says() {
        let kind = declared(Some("/status/labels"));
        let spec = json!({ "replicas": 9, "nodes": { "data": 3 } });
        let found =
            object(&spec, &json!({ "nodes": 2, "labels": "app=search,tier in (data)", "observedGeneration": 4 }));
        assert_eq!(found.fields().unwrap_err().to_string(), "nothing is known of its kind");
        let found = found.of_kind(&kind);
        assert_eq!(found.fields().unwrap().replicas, 3);
        assert_eq!((found.counted(), found.observed_generation()), (2, Some(4)));
        assert_eq!(found.selector().unwrap().as_deref(), Some("app=search,tier in (data)"));
        assert_eq!(found.layout().replicas, Some("/spec/nodes/data"));
        assert_eq!(found.place(&kind).to_string(), "SearchCluster shop/search");
        assert_eq!(found.of_kind(&declared(None)).selector().unwrap(), None);
    }

    #[test]
    fn the_pods_of_a_kind_without_a_definition_are_those_of_its_selector() {
        let kind = declared(Some("/spec/selector"));
        for (selector, told) in [
            (json!({ "app": "search", "tier": "data" }), Some("app=search,tier=data")),
            (
                json!({ "matchLabels": { "app": "search" }, "matchExpressions": [{ "key": "tier", "operator": "Exists" }] }),
                Some("app=search,tier"),
            ),
            (json!({}), None),
            (json!(7), None),
        ] {
            let found = object(&json!({ "selector": selector }), &Json::Null).of_kind(&kind);
            assert_eq!(found.selector().unwrap().as_deref(), told, "{selector}");
        }
        let odd = json!({ "matchExpressions": [{ "key": "tier", "operator": "Like" }] });
        assert!(object(&json!({ "selector": odd }), &Json::Null).of_kind(&kind).selector().is_err());
    }

    #[test]
    fn what_its_owner_scales_is_unfit() {
        let mut found = object(&json!({}), &Json::Null);
        let owner = |version: &str, kind: &str, controller: bool| json!({ "apiVersion": version, "kind": kind, "name": "shop", "uid": "uid-2", "controller": controller });
        for (owner, told) in [
            (
                owner("apps/v1", "Deployment", true),
                "it belongs to Deployment shop, which scales it; expected that in its place",
            ),
            (
                owner("argoproj.io/v1alpha1", "Rollout", true),
                "it belongs to Rollout shop, which scales it; expected that in its place",
            ),
            (owner("apps/v1", "Deployment", false), ""),
            (owner("example.com/v1", "Search", true), ""),
        ] {
            found.meta_mut().owner_references = serde_json::from_value(json!([owner])).unwrap();
            let unfit: Vec<String> = found.unfit(false).iter().map(ToString::to_string).collect();
            assert_eq!(unfit.concat(), told);
        }
    }

    #[test]
    fn a_scalable_that_says_no_number_of_replicas_cannot_be_read() {
        for spec in [json!({}), json!({ "nodes": {} }), json!({ "nodes": { "data": "many" } })] {
            let found = object(&spec, &Json::Null).of_kind(&declared(None));
            let told = found.fields().unwrap_err().to_string();
            assert_eq!(told, "it has no number of replicas (.spec.nodes.data); expected one", "{spec}");
            assert_eq!(found.counted(), 0);
        }
    }
}
