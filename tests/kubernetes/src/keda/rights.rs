//! What the operator may do: the rights that KEDA asks for, as far as it needs them here.

use serde_json::Value;

use crate::controller::rule::{ALL, CHANGE, READ, rule};

/// The rules of the operator's role.
pub(super) fn rules() -> Vec<Value> {
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
