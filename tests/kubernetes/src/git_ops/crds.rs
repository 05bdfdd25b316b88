//! The definitions of kinds that no program brings: what pauses keepers, what they take manifests from, and every other field as
//! it comes.

use kube::api::ApiResource;
use serde_json::{Value, json};

use super::Tool;

/// The definition of a keeper's kind.
pub(super) fn of_keepers(tool: Tool) -> Value {
    let yes_or_no = json!({ "type": "boolean" });
    let automated = json!({
        "type": "object",
        "properties": { "enabled": yes_or_no, "selfHeal": yes_or_no, "prune": yes_or_no },
    });
    let fields = match tool {
        Tool::Kustomization | Tool::HelmRelease => json!({ "suspend": yes_or_no }),
        Tool::Application => json!({
            "syncPolicy": {
                "type": "object",
                "x-kubernetes-preserve-unknown-fields": true,
                "properties": { "automated": automated },
            },
        }),
    };
    // The status of an Application is no subresource.
    let subresources = match tool {
        Tool::Kustomization | Tool::HelmRelease => json!({ "status": {} }),
        Tool::Application => json!({}),
    };
    definition(&tool.resource(), &fields, &subresources)
}

/// The definition of a kind with a status, and nothing else that is known of it.
pub(super) fn of_sources(resource: &ApiResource) -> Value {
    definition(resource, &json!({}), &json!({ "status": {} }))
}

fn definition(resource: &ApiResource, fields: &Value, subresources: &Value) -> Value {
    let ApiResource { group, version, kind, plural, .. } = resource;
    let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let spec = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": fields });
    // An Application has its operation beside both.
    let properties = json!({ "spec": spec, "status": anything, "operation": anything });
    let schema = json!({ "type": "object", "properties": properties });
    let served = json!({
        "name": version,
        "served": true,
        "storage": true,
        "subresources": subresources,
        "schema": { "openAPIV3Schema": schema },
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.{group}") },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": { "kind": kind, "plural": plural, "singular": kind.to_lowercase() },
            "versions": [served],
        },
    })
}
