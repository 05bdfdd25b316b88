//! The definitions of the keepers' kinds: what pauses them, and every other field as it comes.

use serde_json::{Value, json};

use super::Tool;

/// The definition of a kind.
pub(super) fn definition(tool: Tool) -> Value {
    let (group, version, kind) = tool.kind();
    let plural = format!("{}s", kind.to_lowercase());
    let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
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
    let spec = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": fields });
    let schema = json!({ "type": "object", "properties": { "spec": spec, "status": anything } });
    // The status of an Application is no subresource.
    let subresources = match tool {
        Tool::Kustomization | Tool::HelmRelease => json!({ "status": {} }),
        Tool::Application => json!({}),
    };
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
