//! What keepers say of themselves.

use serde_json::{Value, json};

use super::Tool;
use super::keep::Commit;
use crate::manifest::word;

impl Tool {
    /// True where a keeper says that everything is as its repository says.
    pub fn is_content(self, keeper: &Value) -> bool {
        let status = &keeper["status"];
        match self {
            Self::Kustomization | Self::HelmRelease => ready(keeper)["status"] == "True",
            Self::Application => {
                status["sync"]["status"] == "Synced" && status["operationState"]["phase"] == "Succeeded"
            }
        }
    }

    /// What a keeper has to tell about its last attempt.
    pub fn message(self, keeper: &Value) -> &str {
        let message = match self {
            Self::Kustomization | Self::HelmRelease => &ready(keeper)["message"],
            Self::Application => &keeper["status"]["operationState"]["message"],
        };
        message.as_str().unwrap_or_default()
    }

    /// The status of a keeper: the objects it keeps, as far as it says that, and what became of a commit.
    pub(super) fn status(self, commit: &Commit, failure: Option<&kube::Error>) -> Value {
        match self {
            Self::Kustomization | Self::HelmRelease => {
                let (ready, message) = match failure {
                    Some(error) => ("False", error.to_string()),
                    None => ("True", format!("Applied revision: {}", commit.number)),
                };
                let ready = json!({ "type": "Ready", "status": ready, "message": message });
                // Helm does not try again.
                let stalled = json!({ "type": "Stalled", "status": "True", "message": message });
                let is_stalled = self == Self::HelmRelease && failure.is_some();
                let conditions = if is_stalled { vec![ready, stalled] } else { vec![ready] };
                let mut status = json!({ "conditions": conditions });
                if self == Self::Kustomization {
                    status["inventory"] = json!({ "entries": commit.manifests.iter().map(entry).collect::<Vec<_>>() });
                }
                status
            }
            Self::Application => {
                let (sync, phase, message) = match failure {
                    Some(error) => ("OutOfSync", "Failed", error.to_string()),
                    None => ("Synced", "Succeeded", "successfully synced (all tasks run)".to_owned()),
                };
                let resources = commit.manifests.iter().map(|manifest| {
                    let metadata = &manifest["metadata"];
                    json!({ "kind": manifest["kind"], "namespace": metadata["namespace"], "name": metadata["name"] })
                });
                json!({
                    "resources": resources.collect::<Vec<_>>(),
                    "sync": { "status": sync, "revision": commit.number.to_string() },
                    "operationState": { "phase": phase, "message": message },
                })
            }
        }
    }
}

/// An object, as the inventory of a Kustomization has it.
fn entry(manifest: &Value) -> Value {
    let [api, kind, namespace, name] =
        ["/apiVersion", "/kind", "/metadata/namespace", "/metadata/name"].map(|path| word(manifest, path));
    let (group, version) = api.split_once('/').unwrap_or(("", api));
    json!({ "id": format!("{namespace}_{name}_{group}_{kind}"), "v": version })
}

fn ready(keeper: &Value) -> &Value {
    let conditions = keeper["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    conditions.iter().find(|condition| condition["type"] == "Ready").unwrap_or(&Value::Null)
}
