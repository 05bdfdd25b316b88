//! What an environment says of where load generators and mocks run.

use std::collections::BTreeMap;

use conductor_core::app::ApplicationId;
use serde::{Deserialize, Serialize};

use super::Application;
use super::violations::{KEY_OF_LABEL, LABEL, is_key, is_label};

/// Where load generators and mocks run. All applications with `support: true`, those under `alongside` and the load workers are
/// such without being named here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LayoutSettings {
    /// Pods that are such beside those applications, such as Locust's master and a router of mocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<LayoutPods>,
    /// Applications with `support: true` that are neither load generators nor mocks, such as an ingress.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<ApplicationId>,
    /// The labels of the nodes that are kept for them. Absent: nothing is expected of nodes but that they are not shared.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pool: BTreeMap<String, String>,
}

/// Pods of one namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LayoutPods {
    /// The namespace.
    pub namespace: String,
    /// The labels that they have. Absent: all pods of the namespace.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl LayoutSettings {
    /// Everything that is wrong, as field, problem and what would be right.
    pub(super) fn violations(&self, applications: &[Application]) -> Vec<(String, String, String)> {
        let mut found = labels("layout.pool", &self.pool);
        let is_support = |name: &ApplicationId| applications.iter().any(|one| one.support && one.name == *name);
        for (position, name) in self.except.iter().enumerate().filter(|(_, name)| !is_support(name)) {
            let problem = format!("\"{name}\" is no application with support: true");
            let expected = "the name of one that is neither a load generator nor a mock".to_owned();
            found.push((format!("layout.except[{position}]"), problem, expected));
        }
        for (position, LayoutPods { namespace, labels: own }) in self.pods.iter().enumerate() {
            let at = format!("layout.pods[{position}]");
            if !is_label(namespace) {
                let problem = format!("\"{namespace}\" is not a name");
                found.push((format!("{at}.namespace"), problem, LABEL.to_owned()));
            }
            found.extend(labels(&format!("{at}.labels"), own));
        }
        found
    }
}

/// What is wrong with labels that are looked for.
fn labels(field: &str, labels: &BTreeMap<String, String>) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for (key, value) in labels {
        if !is_key(key) {
            found.push((
                format!("{field}.{key}"),
                format!("\"{key}\" is not the key of a label"),
                KEY_OF_LABEL.to_owned(),
            ));
        } else if !value.is_empty() && (value.contains('/') || !is_key(value)) {
            let problem = format!("\"{value}\" is not the value of a label");
            let expected = "up to 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit";
            found.push((format!("{field}.{key}"), problem, expected.to_owned()));
        }
    }
    found
}
