//! The work of a keeper: applying what the repository says, and saying what came of it.

use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{INTERVAL, Tool};
use crate::manifest::{apply, word};

/// What the repository says.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    pub(super) number: u64,
    pub(super) manifests: Vec<Value>,
}

/// Keeps until nobody wants it any more.
pub(super) async fn keep(tool: Tool, client: Client, [namespace, name]: [String; 2], commits: watch::Receiver<Commit>) {
    let keepers: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &tool.resource());
    // The commit that Helm has dealt with, whatever came of it.
    let mut released = 0;
    let (_, manager) = tool.account();
    loop {
        let commit = commits.borrow().clone();
        let is_done = tool == Tool::HelmRelease && released == commit.number;
        // Without its object there is nothing to do, as in a moment when the server does not answer.
        if let Ok(keeper) = keepers.get(&name).await
            && !is_done
            && !is_paused(tool, &keeper)
        {
            let mut failure = None;
            for manifest in &commit.manifests {
                let manifest = tracked(tool, [&namespace, &name], manifest.clone());
                failure = failure.or(apply(&client, manager, &manifest).await.err());
            }
            released = commit.number;
            // What is not told is told at the next interval.
            let _ = tell(tool, &keepers, &name, &status(tool, &commit, failure)).await;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

fn is_paused(tool: Tool, keeper: &DynamicObject) -> bool {
    let spec = &keeper.data["spec"];
    match tool {
        Tool::Kustomization | Tool::HelmRelease => spec["suspend"] == true,
        Tool::Application => {
            let automated = &spec["syncPolicy"]["automated"];
            automated.is_null() || automated["enabled"] == false
        }
    }
}

/// A manifest with what says who keeps it.
fn tracked(tool: Tool, [namespace, name]: [&str; 2], mut manifest: Value) -> Value {
    let flux = match tool {
        Tool::Kustomization => "kustomize",
        Tool::HelmRelease => "helm",
        Tool::Application => {
            let group = word(&manifest, "/apiVersion").split_once('/').map_or("", |(group, _)| group);
            let [kind, of, called] =
                ["/kind", "/metadata/namespace", "/metadata/name"].map(|path| word(&manifest, path));
            let id = format!("{name}:{group}/{kind}:{of}/{called}");
            manifest["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = json!(id);
            return manifest;
        }
    };
    for (what, text) in [("namespace", namespace), ("name", name)] {
        manifest["metadata"]["labels"][format!("{flux}.toolkit.fluxcd.io/{what}")] = json!(text);
    }
    manifest
}

/// What a keeper says of itself: the objects it keeps, the commit, and what went wrong.
fn status(tool: Tool, commit: &Commit, failure: Option<kube::Error>) -> Value {
    let resources = commit.manifests.iter().map(|manifest| {
        let metadata = &manifest["metadata"];
        json!({ "kind": manifest["kind"], "namespace": metadata["namespace"], "name": metadata["name"] })
    });
    let (ready, message) = match failure {
        Some(error) => ("False", error.to_string()),
        None => ("True", format!("Applied revision: {}", commit.number)),
    };
    let condition = json!({ "type": "Ready", "status": ready, "message": message });
    let mut status = json!({ "resources": resources.collect::<Vec<_>>(), "conditions": [condition] });
    if tool == Tool::Kustomization {
        status["inventory"] = json!({ "entries": commit.manifests.iter().map(entry).collect::<Vec<_>>() });
    }
    json!({ "status": status })
}

/// An object, as the inventory of a Kustomization has it.
fn entry(manifest: &Value) -> Value {
    let [api, kind, namespace, name] =
        ["/apiVersion", "/kind", "/metadata/namespace", "/metadata/name"].map(|path| word(manifest, path));
    let (group, version) = api.split_once('/').unwrap_or(("", api));
    json!({ "id": format!("{namespace}_{name}_{group}_{kind}"), "v": version })
}

async fn tell(tool: Tool, keepers: &Api<DynamicObject>, name: &str, status: &Value) -> kube::Result<DynamicObject> {
    let (params, patch) = (PatchParams::default(), Patch::Merge(status));
    match tool {
        Tool::Kustomization | Tool::HelmRelease => keepers.patch_status(name, &params, &patch).await,
        Tool::Application => keepers.patch(name, &params, &patch).await,
    }
}
