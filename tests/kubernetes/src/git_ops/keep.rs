//! The work of a keeper: applying what the repository says, and saying what came of it.

use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, Client, Resource};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::waves::{rolled_out, waves};
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
    // The commit that was dealt with, whatever came of it.
    let mut done = 0;
    loop {
        let commit = commits.borrow().clone();
        // Without its object there is nothing to do, as in a moment when the server does not answer. What is not told is told
        // at the next interval.
        if let Ok(keeper) = keepers.get(&name).await {
            if is_paused(tool, &keeper) {
                if let Some(noted) = tool.notes(&keeper) {
                    let _ = tell(tool, &keepers, &name, &noted).await;
                }
            } else if done != commit.number || puts_back(tool, &keeper) {
                // A pause that comes meanwhile changes nothing of this.
                if done != commit.number {
                    let _ = tell(tool, &keepers, &name, &tool.under_way(&commit)).await;
                }
                let failure = apply_all(tool, &client, &keeper, [&namespace, &name], &commit).await.err();
                done = commit.number;
                let said = tool.said(&commit, keeper.meta().generation, failure.as_ref());
                let _ = tell(tool, &keepers, &name, &said).await;
            }
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Applies everything, and waits for what comes of it where the keeper does.
async fn apply_all(
    tool: Tool,
    client: &Client,
    keeper: &DynamicObject,
    named: [&str; 2],
    commit: &Commit,
) -> kube::Result<()> {
    let (_, manager) = tool.controller().account;
    let waves = waves(tool, &commit.manifests);
    let last = waves.len().saturating_sub(1);
    for (number, wave) in waves.into_iter().enumerate() {
        let mut applied = Ok(());
        for manifest in &wave {
            applied = applied.and(apply(client, manager, &tracked(tool, named, manifest.clone())).await);
        }
        applied?;
        let waits = match tool {
            Tool::Kustomization => keeper.data["spec"]["wait"] == true,
            Tool::HelmRelease => true,
            Tool::Application => number < last,
        };
        if waits {
            rolled_out(client, &wave).await?;
        }
    }
    Ok(())
}

/// True for a keeper that applies again what it has applied already.
fn puts_back(tool: Tool, keeper: &DynamicObject) -> bool {
    match tool {
        Tool::Kustomization => true,
        Tool::HelmRelease => false,
        Tool::Application => keeper.data["spec"]["syncPolicy"]["automated"]["selfHeal"] == true,
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
            // Its name tells its namespace, too, since that is not Argo CD's own.
            let id = format!("{namespace}_{name}:{group}/{kind}:{of}/{called}");
            manifest["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = json!(id);
            return manifest;
        }
    };
    for (what, text) in [("namespace", namespace), ("name", name)] {
        manifest["metadata"]["labels"][format!("{flux}.toolkit.fluxcd.io/{what}")] = json!(text);
    }
    manifest
}

async fn tell(tool: Tool, keepers: &Api<DynamicObject>, name: &str, said: &Value) -> kube::Result<DynamicObject> {
    let (params, patch) = (PatchParams::default(), Patch::Merge(said));
    match tool {
        Tool::Kustomization | Tool::HelmRelease => keepers.patch_status(name, &params, &patch).await,
        Tool::Application => keepers.patch(name, &params, &patch).await,
    }
}
