//! Kinds that a test makes up: custom resources that take whatever they are given.

use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use serde_json::json;

use crate::cluster::{Cluster, ClusterSettings};
use crate::component::Component;
use crate::error::BedError;
use crate::user::User;

impl Cluster {
    /// Makes the cluster know a kind, such as `Release` of `deploy.example/v1`, whose status is a subresource, and waits until
    /// it does.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn define(&self, api_version: &str, kind: &str, is_namespaced: bool) -> Result<(), BedError> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let singular = kind.to_lowercase();
        let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
        let schema = json!({ "type": "object", "properties": { "spec": anything, "status": anything } });
        self.apply(&json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": { "name": format!("{singular}s.{group}") },
            "spec": {
                "group": group,
                "scope": if is_namespaced { "Namespaced" } else { "Cluster" },
                "names": { "kind": kind, "plural": format!("{singular}s"), "singular": singular },
                "versions": [{
                    "name": version,
                    "served": true,
                    "storage": true,
                    "subresources": { "status": {} },
                    "schema": { "openAPIV3Schema": schema },
                }],
            },
        }))
        .await?;
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        let objects: Api<DynamicObject> = Api::all_with(self.client(&User::Admin).await?, &resource);
        let is_served = || {
            let objects = objects.clone();
            async move { objects.list(&ListParams::default().limit(1)).await.is_ok() }
        };
        let within = ClusterSettings::default().start_within;
        self.await_that(Component::ApiServer, "a custom resource of a test", within, is_served).await
    }
}
