//! Who the operator is, and what it may do: the rights that KEDA asks for, as far as it needs them here.

use serde_json::{Value, json};

use crate::user::User;

pub(super) const NAMESPACE: &str = "keda";
const ACCOUNT: &str = "keda-operator";

/// The operator, as RBAC and the audit log see it.
pub(crate) fn user() -> User {
    User::service_account(NAMESPACE, ACCOUNT)
}

/// The account of the operator.
pub(super) fn account() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": { "namespace": NAMESPACE, "name": ACCOUNT },
    })
}

/// The role of the operator, in all namespaces.
pub(super) fn role() -> Value {
    const READ: [&str; 3] = ["get", "list", "watch"];
    const CHANGE: [&str; 5] = ["get", "list", "watch", "update", "patch"];
    const ALL: [&str; 7] = ["get", "list", "watch", "update", "patch", "create", "delete"];
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs });
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": { "name": ACCOUNT },
        "rules": [
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
        ],
    })
}

/// What gives the role to the operator.
pub(super) fn binding() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": ACCOUNT },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ACCOUNT },
        "subjects": [{ "kind": "ServiceAccount", "namespace": NAMESPACE, "name": ACCOUNT }],
    })
}
