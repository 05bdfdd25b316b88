//! The definition of the custom resource for the minimal controller: every field as it comes, with the subresources that Argo
//! Rollouts gives it.

use serde_json::{Value, json};

/// The definition of Rollouts.
pub(super) fn rollouts() -> Value {
    let spec = json!({
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": true,
        "properties": { "replicas": { "type": "integer", "format": "int32" } },
    });
    let status = json!({
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": true,
        "properties": { "HPAReplicas": { "type": "integer" }, "selector": { "type": "string" } },
    });
    let schema = json!({ "type": "object", "required": ["spec"], "properties": { "spec": spec, "status": status } });
    let version = json!({
        "name": "v1alpha1",
        "served": true,
        "storage": true,
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.HPAReplicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "schema": { "openAPIV3Schema": schema },
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": "rollouts.argoproj.io" },
        "spec": {
            "group": "argoproj.io",
            "scope": "Namespaced",
            "names": {
                "kind": "Rollout",
                "listKind": "RolloutList",
                "plural": "rollouts",
                "singular": "rollout",
                "shortNames": ["ro"],
            },
            "versions": [version],
        },
    })
}
