//! What the operator may do: the rights that KEDA asks for, as far as it needs them here.

use serde_json::{Value, json};

/// The rules of the operator's role.
pub(super) fn rules() -> Vec<Value> {
    const READ: [&str; 3] = ["get", "list", "watch"];
    const CHANGE: [&str; 5] = ["get", "list", "watch", "update", "patch"];
    const ALL: [&str; 7] = ["get", "list", "watch", "update", "patch", "create", "delete"];
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs });
    vec![
        rule("keda.sh", &["*"], &CHANGE),
        rule("eventing.keda.sh", &["*"], &CHANGE),
        rule("autoscaling", &["horizontalpodautoscalers"], &ALL),
        rule("*", &["*/scale"], &CHANGE),
        rule("*", &["*"], &["get"]),
        rule("apps", &["deployments", "replicasets", "statefulsets"], &READ),
        rule("batch", &["jobs"], &ALL),
        rule("", &["configmaps", "limitranges", "pods", "secrets", "serviceaccounts", "services"], &READ),
        rule("", &["events"], &["create", "patch"]),
        rule("events.k8s.io", &["events"], &["create", "patch"]),
    ]
}
