//! The definition of the custom resource for the minimal controller: the fields that it heeds, with the limits that KEDA
//! sets them, and every other field as it comes.

use serde_json::{Value, json};

/// The definition of ScaledObjects.
pub(super) fn scaled_objects() -> Value {
    let whole = |least: u32| json!({ "type": "integer", "format": "int32", "minimum": least });
    let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let target = json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "apiVersion": { "type": "string" },
            "kind": { "type": "string" },
            "name": { "type": "string", "minLength": 1 },
        },
    });
    let spec = json!({
        "type": "object",
        "required": ["scaleTargetRef", "triggers"],
        "x-kubernetes-preserve-unknown-fields": true,
        "x-kubernetes-validations": [{
            "rule": "!has(self.minReplicaCount) || self.minReplicaCount <= (has(self.maxReplicaCount) ? self.maxReplicaCount : 100)",
            "message": "minReplicaCount must be less than or equal to maxReplicaCount",
        }],
        "properties": {
            "scaleTargetRef": target,
            "minReplicaCount": whole(0),
            "maxReplicaCount": whole(1),
            "idleReplicaCount": whole(0),
            "pollingInterval": whole(1),
            "cooldownPeriod": whole(0),
            "triggers": { "type": "array", "minItems": 1, "items": anything },
        },
    });
    let schema = json!({
        "type": "object",
        "required": ["spec"],
        "properties": { "spec": spec, "status": anything },
    });
    let version = json!({
        "name": "v1alpha1",
        "served": true,
        "storage": true,
        "subresources": { "status": {} },
        "additionalPrinterColumns": columns(),
        "schema": { "openAPIV3Schema": schema },
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": "scaledobjects.keda.sh" },
        "spec": {
            "group": "keda.sh",
            "scope": "Namespaced",
            "names": {
                "kind": "ScaledObject",
                "listKind": "ScaledObjectList",
                "plural": "scaledobjects",
                "singular": "scaledobject",
                "shortNames": ["so"],
            },
            "versions": [version],
        },
    })
}

fn columns() -> Vec<Value> {
    let condition = |name: &str| format!(".status.conditions[?(@.type==\"{name}\")].status");
    let columns = [
        ("ScaleTargetName", "string", ".spec.scaleTargetRef.name".to_owned()),
        ("Min", "integer", ".spec.minReplicaCount".to_owned()),
        ("Max", "integer", ".spec.maxReplicaCount".to_owned()),
        ("Ready", "string", condition("Ready")),
        ("Active", "string", condition("Active")),
        ("Paused", "string", condition("Paused")),
    ];
    columns.map(|(name, kind, path)| json!({ "name": name, "type": kind, "jsonPath": path })).to_vec()
}
