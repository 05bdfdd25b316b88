//! What the controller of StackSets may do: the rights that it asks for, as far as it needs them here.

use serde_json::{Value, json};

/// The rules of its role.
pub(super) fn rules() -> Vec<Value> {
    const ALL: [&str; 7] = ["get", "list", "watch", "update", "patch", "create", "delete"];
    let rule = |group: &str, resources: &[&str]| json!({ "apiGroups": [group], "resources": resources, "verbs": ALL });
    vec![
        rule("zalando.org", &["stacks", "stacks/status", "stacksets", "stacksets/status"]),
        rule("apps", &["deployments"]),
        rule("autoscaling", &["horizontalpodautoscalers"]),
        rule("networking.k8s.io", &["ingresses"]),
        rule("", &["services", "events"]),
    ]
}
