//! What keepers say of themselves.

use kube::api::DynamicObject;
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

    /// True where a keeper says that it is dealing with something.
    pub fn is_at_work(self, keeper: &Value) -> bool {
        match self {
            Self::Kustomization | Self::HelmRelease => ready(keeper)["status"] == "Unknown",
            Self::Application => keeper["status"]["operationState"]["phase"] == "Running",
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

    /// What a keeper says, as a patch of it, while it deals with a commit.
    pub(super) fn under_way(self, commit: &Commit) -> Value {
        let message = format!("dealing with {}", commit.number);
        match self {
            Self::Kustomization | Self::HelmRelease => {
                let condition = |kind: &str, status: &str| json!({ "type": kind, "status": status, "reason": "Progressing", "message": message });
                json!({ "status": { "conditions": [condition("Ready", "Unknown"), condition("Reconciling", "True")] } })
            }
            Self::Application => json!({
                "operation": { "sync": { "revision": commit.number.to_string() } },
                "status": { "operationState": { "phase": "Running", "message": message } },
            }),
        }
    }

    /// What a paused keeper says, as a patch of it; `None` where it has nothing to say, or has said it.
    pub(super) fn notes(self, keeper: &DynamicObject) -> Option<Value> {
        let generation = keeper.metadata.generation;
        let status = &keeper.data["status"];
        let is_noted = status["observedGeneration"].as_i64() == generation;
        let notes = match self {
            Self::Kustomization => ready(&keeper.data)["status"] == "True",
            Self::HelmRelease => true,
            Self::Application => false,
        };
        (notes && !is_noted).then(|| json!({ "status": { "observedGeneration": generation } }))
    }

    /// What a keeper says, as a patch of it, of that generation of it: the objects it keeps, as far as it says that, and what
    /// became of a commit.
    pub(super) fn said(self, commit: &Commit, generation: Option<i64>, failure: Option<&kube::Error>) -> Value {
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
                let entries: Vec<Value> = commit.manifests.iter().map(entry).collect();
                let mut status = json!({ "conditions": conditions, "inventory": { "entries": entries } });
                if self == Self::HelmRelease || failure.is_none() {
                    status["observedGeneration"] = json!(generation);
                }
                json!({ "status": status })
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
                let status = json!({
                    "resources": resources.collect::<Vec<_>>(),
                    "sync": { "status": sync, "revision": commit.number.to_string() },
                    "operationState": { "phase": phase, "message": message },
                });
                json!({ "operation": null, "status": status })
            }
        }
    }
}

/// An object, as the inventory of Flux has it.
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
