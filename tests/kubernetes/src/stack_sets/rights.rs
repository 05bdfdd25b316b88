//! What the controller of StackSets may do: the rights that it asks for, as far as it needs them here.

use serde_json::Value;

use crate::controller::rule::{ALL, rule};

/// The rules of its role.
pub(super) fn rules() -> Vec<Value> {
    vec![
        rule("zalando.org", &["stacks", "stacks/status", "stacksets", "stacksets/status"], &ALL),
        rule("apps", &["deployments"], &ALL),
        rule("autoscaling", &["horizontalpodautoscalers"], &ALL),
        rule("networking.k8s.io", &["ingresses"], &ALL),
        rule("", &["services", "events"], &ALL),
    ]
}
