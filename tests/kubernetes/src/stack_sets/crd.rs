//! The definitions of the custom resources for the minimal controller: the fields that it heeds, and every other field as it
//! comes.

use serde_json::{Value, json};

/// The definition of StackSets.
pub(super) fn stack_sets() -> Value {
    let traffic = json!({
        "type": "object",
        "required": ["stackName", "weight"],
        "properties": { "stackName": { "type": "string" }, "weight": { "type": "number", "format": "float" } },
    });
    let mut template = stack_spec();
    template["required"] = json!(["podTemplate", "version"]);
    template["properties"]["version"] = json!({ "type": "string" });
    let spec = json!({
        "type": "object",
        "required": ["stackLifecycle", "stackTemplate"],
        "x-kubernetes-preserve-unknown-fields": true,
        "properties": {
            "minReadyPercent": { "type": "integer" },
            "stackLifecycle": anything(),
            "stackTemplate": { "type": "object", "required": ["spec"], "properties": { "spec": template } },
            "traffic": { "type": "array", "items": traffic },
        },
    });
    definition("StackSet", "stacksets", &spec, &json!({ "status": {} }))
}

/// The definition of Stacks.
pub(super) fn stacks() -> Value {
    let scale = json!({
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.labelSelector",
    });
    definition("Stack", "stacks", &stack_spec(), &json!({ "status": {}, "scale": scale }))
}

fn stack_spec() -> Value {
    let count = || json!({ "type": "integer", "format": "int32" });
    let autoscaler = json!({
        "type": "object",
        "required": ["maxReplicas", "metrics"],
        "x-kubernetes-preserve-unknown-fields": true,
        "properties": {
            "minReplicas": count(),
            "maxReplicas": count(),
            "metrics": { "type": "array", "items": anything() },
        },
    });
    json!({
        "type": "object",
        "required": ["podTemplate"],
        "x-kubernetes-preserve-unknown-fields": true,
        "properties": { "replicas": count(), "autoscaler": autoscaler, "podTemplate": anything() },
    })
}

fn anything() -> Value {
    json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

fn definition(kind: &str, plural: &str, spec: &Value, subresources: &Value) -> Value {
    let schema = json!({
        "type": "object",
        "required": ["spec"],
        "properties": { "spec": spec, "status": anything() },
    });
    let version = json!({
        "name": "v1",
        "served": true,
        "storage": true,
        "subresources": subresources,
        "schema": { "openAPIV3Schema": schema },
    });
    let singular = kind.to_lowercase();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.zalando.org") },
        "spec": {
            "group": "zalando.org",
            "scope": "Namespaced",
            "names": { "kind": kind, "listKind": format!("{kind}List"), "plural": plural, "singular": singular },
            "versions": [version],
        },
    })
}
