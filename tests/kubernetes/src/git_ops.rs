//! A repository of manifests, and what keeps a cluster as it says: small controllers that do what Flux and Argo CD do, as far
//! as others can tell. Each acts under the ServiceAccount of its example, which may do everything, as is usual with them.

mod crds;
mod keep;

use std::time::Duration;

use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cluster::{Cluster, ClusterSettings};
use crate::component::Component;
use crate::error::BedError;
use crate::git_ops::keep::{Commit, keep};
use crate::user::User;

/// How often a keeper looks.
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

/// A keeper with its repository. When it is dropped nothing is kept any more; its objects stay.
#[derive(Debug)]
pub struct GitOps {
    keeping: JoinHandle<()>,
    commits: watch::Sender<Commit>,
}

impl Cluster {
    /// Keeps these manifests in the cluster, by a keeper of this name and namespace. The namespace must exist.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn git_ops(
        &self,
        tool: Tool,
        namespace: &str,
        name: &str,
        manifests: Vec<Value>,
    ) -> Result<GitOps, BedError> {
        self.apply(&crds::definition(tool)).await?;
        let objects: Api<DynamicObject> =
            Api::namespaced_with(self.client(&User::Admin).await?, namespace, &tool.resource());
        let is_served = || {
            let objects = objects.clone();
            async move { objects.list(&ListParams::default().limit(1)).await.is_ok() }
        };
        let within = ClusterSettings::default().start_within;
        self.await_that(Component::ApiServer, "the custom resource of a keeper", within, is_served).await?;
        let (account_namespace, account) = tool.account();
        self.apply(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": { "name": account },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
            "subjects": [{ "kind": "ServiceAccount", "namespace": account_namespace, "name": account }],
        }))
        .await?;
        self.apply(&tool.keeper(namespace, name)).await?;
        let client = self.client(&User::service_account(account_namespace, account)).await?;
        let (commits, seen) = watch::channel(Commit { number: 1, manifests });
        let keeping = tokio::spawn(keep(tool, client, [namespace, name].map(str::to_owned), seen));
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
    const fn kind(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Kustomization => ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization"),
            Self::HelmRelease => ("helm.toolkit.fluxcd.io", "v2", "HelmRelease"),
            Self::Application => ("argoproj.io", "v1alpha1", "Application"),
        }
    }

    fn resource(self) -> ApiResource {
        let (group, version, kind) = self.kind();
        ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
    }

    /// Namespace and name of its ServiceAccount; the name is that of its field manager, too.
    const fn account(self) -> (&'static str, &'static str) {
        match self {
            Self::Kustomization => ("flux-system", "kustomize-controller"),
            Self::HelmRelease => ("flux-system", "helm-controller"),
            Self::Application => ("argocd", "argocd-application-controller"),
        }
    }

    fn keeper(self, namespace: &str, name: &str) -> Value {
        let (group, version, kind) = self.kind();
        let spec = match self {
            Self::Kustomization | Self::HelmRelease => json!({ "interval": "10m" }),
            Self::Application => json!({
                "destination": { "server": "https://kubernetes.default.svc" },
                "syncPolicy": { "automated": { "selfHeal": true } },
            }),
        };
        let metadata = json!({ "namespace": namespace, "name": name });
        json!({ "apiVersion": format!("{group}/{version}"), "kind": kind, "metadata": metadata, "spec": spec })
    }
}
