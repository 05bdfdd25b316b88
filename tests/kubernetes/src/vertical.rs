//! VerticalPodAutoscalers: their definition, with the fields and limits that the released one has. Nothing acts by them.

use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

use crate::cluster::{Cluster, ClusterSettings};
use crate::component::Component;
use crate::error::BedError;
use crate::user::User;

const GROUP: &str = "autoscaling.k8s.io";

/// The kind, as clients of objects of any kind take it.
pub fn vertical_resource() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, "v1", "VerticalPodAutoscaler"))
}

/// One for a Deployment, of the same name and with this update policy; `null` for none.
pub fn vertical_pod_autoscaler(name: &str, policy: &Value) -> DynamicObject {
    let target = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": name });
    let mut spec = json!({ "targetRef": target });
    if !policy.is_null() {
        spec["updatePolicy"] = policy.clone();
    }
    DynamicObject::new(name, &vertical_resource()).data(json!({ "spec": spec }))
}

impl Cluster {
    /// Lets the cluster know VerticalPodAutoscalers.
    ///
    /// # Errors
    /// When the API server refuses, or does not serve them in time.
    pub async fn vertical(&self) -> Result<(), BedError> {
        self.apply(&definition()).await?;
        let objects: Api<DynamicObject> = Api::all_with(self.client(&User::Admin).await?, &vertical_resource());
        let is_served = || {
            let objects = objects.clone();
            async move { objects.list(&ListParams::default().limit(1)).await.is_ok() }
        };
        let within = ClusterSettings::default().start_within;
        self.await_that(Component::ApiServer, "VerticalPodAutoscalers", within, is_served).await
    }
}

fn definition() -> Value {
    let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let text = json!({ "type": "string" });
    let policy = json!({
        "type": "object",
        "properties": {
            "updateMode": { "type": "string", "enum": ["Off", "Initial", "Recreate", "InPlaceOrRecreate", "Auto"] },
            "minReplicas": { "type": "integer", "format": "int32" },
            "evictionRequirements": { "type": "array", "items": anything },
        },
    });
    let target = json!({
        "type": "object",
        "required": ["kind", "name"],
        "properties": { "apiVersion": text, "kind": text, "name": text },
        "x-kubernetes-map-type": "atomic",
    });
    let spec = json!({
        "type": "object",
        "required": ["targetRef"],
        "properties": {
            "targetRef": target,
            "updatePolicy": policy,
            "resourcePolicy": anything,
            "recommenders": { "type": "array", "items": anything },
        },
    });
    let version = json!({
        "name": "v1",
        "served": true,
        "storage": true,
        "subresources": { "status": {} },
        "schema": {
            "openAPIV3Schema": {
                "type": "object",
                "required": ["spec"],
                "properties": { "spec": spec, "status": anything },
            },
        },
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("verticalpodautoscalers.{GROUP}"),
            // The group is one that only approved definitions may have.
            "annotations": { "api-approved.kubernetes.io": "https://github.com/kubernetes/kubernetes/pull/63797" },
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": "VerticalPodAutoscaler",
                "listKind": "VerticalPodAutoscalerList",
                "plural": "verticalpodautoscalers",
                "singular": "verticalpodautoscaler",
                "shortNames": ["vpa"],
            },
            "versions": [version],
        },
    })
}
