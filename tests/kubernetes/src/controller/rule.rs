//! The rules of roles.

use serde_json::{Value, json};

pub(crate) const READ: [&str; 3] = ["get", "list", "watch"];
pub(crate) const CHANGE: [&str; 5] = ["get", "list", "watch", "update", "patch"];
pub(crate) const ALL: [&str; 7] = ["get", "list", "watch", "update", "patch", "create", "delete"];

/// Lets these verbs be done to these resources of a group.
pub(crate) fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({ "apiGroups": [group], "resources": resources, "verbs": verbs })
}
