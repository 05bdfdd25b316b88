//! A repository of manifests, and what keeps a cluster as it says: Flux and Argo CD, or small keepers that do the same, as far as
//! others can tell. Each acts under the ServiceAccount of its example, which may do everything, as is usual with them.

mod argo_cd;
mod artifact;
mod controllers;
mod crds;
mod flux;
mod keep;
mod program;
mod repository;
mod said;
mod serve;
mod waves;

use std::time::Duration;

use kube::api::ApiResource;
use kube::core::GroupVersionKind;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cluster::Cluster;
use crate::controller::Controller;
use crate::error::BedError;
use crate::git_ops::controllers::{ARGO_CD, HELM_CONTROLLER, KUSTOMIZE_CONTROLLER};
use crate::git_ops::keep::{Commit, keep};
use crate::git_ops::repository::Repository;
pub use crate::git_ops::waves::two_waves;

/// How often a small keeper looks.
const INTERVAL: Duration = Duration::from_millis(250);

/// What keeps objects as a repository says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Flux: everything is put back at each interval.
    Kustomization,
    /// Flux with Helm: what changes is applied, and what others change stays. A release that cannot be applied is given up.
    HelmRelease,
    /// Argo CD with automated sync and self-healing: everything is put back.
    Application,
}

/// A keeper with its repository. When it is dropped the repository is gone, and nothing is kept any more; its objects stay.
#[derive(Debug)]
pub struct GitOps {
    keeping: JoinHandle<()>,
    commits: watch::Sender<Commit>,
}

impl Cluster {
    /// Keeps these manifests in the cluster, by a keeper of this name and namespace. The namespace must exist.
    ///
    /// The keeper's work is done by the bed, or by its real controller where `CONDUCTOR_KUSTOMIZE_CONTROLLER`,
    /// `CONDUCTOR_HELM_CONTROLLER` or `CONDUCTOR_ARGO_CD` names the folder with what `cargo xtask` has built.
    ///
    /// # Errors
    /// When the API server refuses, a program is missing, or a real controller has ended or does not come up.
    pub async fn git_ops(
        &self,
        tool: Tool,
        namespace: &str,
        name: &str,
        manifests: Vec<Value>,
    ) -> Result<GitOps, BedError> {
        let controller = tool.controller();
        let (commits, mut seen) = watch::channel(Commit { number: 1, manifests });
        let keeping = if controller.is_real() {
            repository::prepare(self, tool).await?;
            self.start_controller(controller).await?;
            let repository = Repository::new(self, tool, namespace, name).await?;
            let first = seen.borrow_and_update().clone();
            repository.publish(&first).await?;
            self.apply(&tool.keeper(namespace, name, &repository.url())).await?;
            tokio::spawn(repository.follow(seen))
        } else {
            self.start_controller(controller).await?;
            self.apply(&tool.keeper(namespace, name, "file:///nowhere")).await?;
            let client = self.client(&controller.user()).await?;
            tokio::spawn(keep(tool, client, [namespace, name].map(str::to_owned), seen))
        };
        Ok(GitOps { keeping, commits })
    }
}

impl GitOps {
    /// Pushes other manifests. Those that are not among them any more stay in the cluster.
    pub fn commit(&self, manifests: Vec<Value>) {
        self.commits.send_modify(|commit| {
            commit.number += 1;
            commit.manifests = manifests;
        });
    }
}

impl Drop for GitOps {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

impl Tool {
    /// The kind of its keepers.
    pub fn resource(self) -> ApiResource {
        let (group, version, kind) = match self {
            Self::Kustomization => ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization"),
            Self::HelmRelease => ("helm.toolkit.fluxcd.io", "v2", "HelmRelease"),
            Self::Application => ("argoproj.io", "v1alpha1", "Application"),
        };
        ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
    }

    fn controller(self) -> &'static Controller {
        match self {
            Self::Kustomization => &KUSTOMIZE_CONTROLLER,
            Self::HelmRelease => &HELM_CONTROLLER,
            Self::Application => &ARGO_CD,
        }
    }

    fn keeper(self, namespace: &str, name: &str, url: &str) -> Value {
        let spec = match self {
            Self::Kustomization => json!({
                "interval": "500ms",
                "retryInterval": "500ms",
                "timeout": "1m",
                "prune": false,
                "sourceRef": { "kind": "GitRepository", "name": name },
            }),
            Self::HelmRelease => json!({
                "interval": "1s",
                "timeout": "1m",
                "chartRef": { "kind": "HelmChart", "name": name },
            }),
            Self::Application => json!({
                "project": "default",
                "source": { "repoURL": url, "path": ".", "targetRevision": "main" },
                "destination": { "server": "https://kubernetes.default.svc" },
                "syncPolicy": { "automated": { "selfHeal": true } },
            }),
        };
        let ApiResource { api_version, kind, .. } = self.resource();
        json!({ "apiVersion": api_version, "kind": kind, "metadata": { "namespace": namespace, "name": name }, "spec": spec })
    }
}
