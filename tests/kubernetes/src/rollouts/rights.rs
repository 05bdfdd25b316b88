//! What the controller may do: the rights that Argo Rollouts asks for, as far as it needs them here.

use serde_json::{Value, json};

/// The rules of the controller's role.
pub(super) fn rules() -> Vec<Value> {
    const READ: [&str; 3] = ["get", "list", "watch"];
    const CHANGE: [&str; 5] = ["get", "list", "watch", "update", "patch"];
    const ALL: [&str; 7] = ["get", "list", "watch", "update", "patch", "create", "delete"];
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs });
    vec![
        rule("argoproj.io", &["rollouts", "rollouts/status", "rollouts/finalizers"], &CHANGE),
        rule(
            "argoproj.io",
            &["analysisruns", "analysisruns/finalizers", "experiments", "experiments/finalizers"],
            &ALL,
        ),
        rule("argoproj.io", &["analysistemplates", "clusteranalysistemplates"], &READ),
        rule("apps", &["replicasets"], &ALL),
        rule("apps", &["deployments"], &["get", "list", "watch", "update"]),
        rule("", &["podtemplates", "secrets", "configmaps"], &READ),
        rule("", &["services"], &["get", "list", "watch", "patch", "create", "delete"]),
        rule("", &["pods"], &["list", "update", "watch"]),
        rule("", &["pods/eviction"], &["create"]),
        rule("", &["events"], &["create", "update", "patch"]),
        rule("networking.k8s.io", &["ingresses"], &["create", "get", "list", "watch", "update", "patch"]),
        rule("batch", &["jobs"], &["create", "get", "list", "watch", "update", "patch", "delete"]),
    ]
}
