//! Where Argo CD itself takes manifests from: a Git repository in the folder of the cluster.

use std::path::Path;

use conductor_bed::Error;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::artifact::documents;
use super::keep::Commit;
use super::{Tool, program};
use crate::cluster::Cluster;
use crate::error::BedError;
use crate::user::User;

/// A Git repository with the Application that follows it.
#[derive(Debug)]
pub(super) struct Git {
    name: String,
    applications: Api<DynamicObject>,
    folder: TempDir,
}

/// Makes the settings of Argo CD, all of them as they are without any.
pub(super) async fn prepare(cluster: &Cluster) -> Result<(), BedError> {
    cluster.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "argocd" } })).await?;
    for (kind, name) in [("ConfigMap", "argocd-cm"), ("Secret", "argocd-secret")] {
        let labels = json!({ "app.kubernetes.io/part-of": "argocd" });
        let metadata = json!({ "namespace": "argocd", "name": name, "labels": labels });
        cluster.apply(&json!({ "apiVersion": "v1", "kind": kind, "metadata": metadata })).await?;
    }
    Ok(())
}

impl Git {
    pub(super) async fn new(cluster: &Cluster, namespace: &str, name: &str) -> Result<Self, BedError> {
        let projects = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "AppProject"));
        cluster.await_served(&projects).await?;
        cluster.apply(&project()).await?;
        let admin = cluster.client(&User::Admin).await?;
        let folder = tempfile::Builder::new().prefix("git-").tempdir_in(cluster.folder());
        let folder = folder.map_err(Error::file("make a folder in", cluster.folder()))?;
        git(folder.path(), &["init", "--quiet", "--initial-branch=main"]).await?;
        let applications = Api::namespaced_with(admin, namespace, &Tool::Application.resource());
        Ok(Self { name: name.to_owned(), applications, folder })
    }

    pub(super) fn url(&self) -> String {
        format!("file://{}", self.folder.path().display())
    }

    /// Has a commit, and tells that to the Application, which would find it out in minutes.
    pub(super) async fn publish(&self, commit: &Commit) -> Result<(), BedError> {
        let path = self.folder.path().join("objects.yaml");
        std::fs::write(&path, documents(&commit.manifests)).map_err(Error::file("write", &path))?;
        git(self.folder.path(), &["add", "objects.yaml"]).await?;
        let message = format!("commit {}", commit.number);
        git(self.folder.path(), &["commit", "--quiet", "--allow-empty", "--message", &message]).await?;
        if commit.number == 1 {
            return Ok(());
        }
        let refresh = json!({ "metadata": { "annotations": { "argocd.argoproj.io/refresh": "normal" } } });
        let told = self.applications.patch(&self.name, &PatchParams::default(), &Patch::Merge(refresh)).await;
        told.map(drop).map_err(|source| BedError::Api {
            act: format!("refresh Application {}", self.name),
            source: Box::new(source),
        })
    }
}

/// The project of all Applications, which may be anywhere and do anything.
fn project() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": { "namespace": "argocd", "name": "default" },
        "spec": {
            "sourceRepos": ["*"],
            "sourceNamespaces": ["*"],
            "destinations": [{ "server": "*", "namespace": "*" }],
            "clusterResourceWhitelist": [{ "group": "*", "kind": "*" }],
        },
    })
}

/// Git, whatever its settings on this machine are.
async fn git(folder: &Path, arguments: &[&str]) -> Result<(), BedError> {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=bed", "-c", "user.email=bed@example.org"]).args(arguments).current_dir(folder);
    git.env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        git.env_remove(variable);
    }
    program::output("git", "commit manifests", &mut git).await.map(drop)
}
