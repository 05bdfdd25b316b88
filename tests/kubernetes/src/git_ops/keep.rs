//! The work of a keeper: applying what the repository says, and saying what came of it.

use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{INTERVAL, Tool};

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
                failure = failure.or(apply(tool, &client, &manifest).await.err());
            }
            released = commit.number;
            // What is not told is told at the next interval.
            let _ = tell(tool, &keepers, &name, &status(&commit, failure)).await;
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
            let word = |path: &str| manifest.pointer(path).and_then(Value::as_str).unwrap_or_default();
            let group = word("/apiVersion").split_once('/').map_or("", |(group, _)| group);
            let [kind, of, called] = ["/kind", "/metadata/namespace", "/metadata/name"].map(word);
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

async fn apply(tool: Tool, client: &Client, manifest: &Value) -> kube::Result<()> {
    let word = |path: &str| manifest.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let (group, version) = word("/apiVersion").split_once('/').unwrap_or(("", word("/apiVersion")));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, word("/kind")));
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), word("/metadata/namespace"), &resource);
    let (_, manager) = tool.account();
    let params = PatchParams::apply(manager).force();
    api.patch(word("/metadata/name"), &params, &Patch::Apply(manifest)).await.map(drop)
}

/// What a keeper says of itself: the objects it keeps, the commit, and what went wrong.
fn status(commit: &Commit, failure: Option<kube::Error>) -> Value {
    let resources = commit.manifests.iter().map(|manifest| {
        let metadata = &manifest["metadata"];
        json!({ "kind": manifest["kind"], "namespace": metadata["namespace"], "name": metadata["name"] })
    });
    let (ready, message) = match failure {
        Some(error) => ("False", error.to_string()),
        None => ("True", format!("Applied revision: {}", commit.number)),
    };
    let condition = json!({ "type": "Ready", "status": ready, "message": message });
    json!({ "status": { "resources": resources.collect::<Vec<_>>(), "conditions": [condition] } })
}

async fn tell(tool: Tool, keepers: &Api<DynamicObject>, name: &str, status: &Value) -> kube::Result<DynamicObject> {
    let (params, patch) = (PatchParams::default(), Patch::Merge(status));
    match tool {
        Tool::Kustomization | Tool::HelmRelease => keepers.patch_status(name, &params, &patch).await,
        Tool::Application => keepers.patch(name, &params, &patch).await,
    }
}
