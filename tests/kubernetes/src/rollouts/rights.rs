//! What the controller may do: the rights that Argo Rollouts asks for, as far as it needs them here.

use serde_json::Value;

use crate::controller::rule::{ALL, CHANGE, READ, rule};

/// The rules of the controller's role.
pub(super) fn rules() -> Vec<Value> {
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
