//! Where real keepers take manifests from, each in its way.

use tokio::sync::watch;

use super::argo_cd::Git;
use super::artifact::Content;
use super::flux::Source;
use super::keep::Commit;
use super::{INTERVAL, Tool, argo_cd, flux};
use crate::cluster::Cluster;
use crate::error::BedError;

/// A repository.
#[derive(Debug)]
pub(super) enum Repository {
    Flux(Source),
    ArgoCd(Git),
}

/// Makes what the controller wants to find when it starts.
pub(super) async fn prepare(cluster: &Cluster, tool: Tool) -> Result<(), BedError> {
    match tool {
        Tool::Kustomization | Tool::HelmRelease => flux::prepare(cluster).await,
        Tool::Application => argo_cd::prepare(cluster).await,
    }
}

impl Repository {
    /// Makes one that has nothing yet. The controller runs.
    pub(super) async fn new(cluster: &Cluster, tool: Tool, namespace: &str, name: &str) -> Result<Self, BedError> {
        let source = async |content| Source::new(cluster, content, namespace, name).await.map(Self::Flux);
        match tool {
            Tool::Kustomization => source(Content::Manifests).await,
            Tool::HelmRelease => source(Content::Chart).await,
            Tool::Application => Git::new(cluster, namespace, name).await.map(Self::ArgoCd),
        }
    }

    /// Where it is, for keepers that want to know.
    pub(super) fn url(&self) -> String {
        match self {
            Self::Flux(_) => String::new(),
            Self::ArgoCd(git) => git.url(),
        }
    }

    /// Has a commit.
    pub(super) async fn publish(&self, commit: &Commit) -> Result<(), BedError> {
        match self {
            Self::Flux(source) => source.publish(commit).await,
            Self::ArgoCd(git) => git.publish(commit).await,
        }
    }

    /// Has every commit, until nobody wants it any more.
    pub(super) async fn follow(self, mut commits: watch::Receiver<Commit>) {
        let publishing = async {
            while commits.changed().await.is_ok() {
                let commit = commits.borrow_and_update().clone();
                while self.publish(&commit).await.is_err() {
                    tokio::time::sleep(INTERVAL).await;
                }
            }
        };
        let serving = async {
            match &self {
                Self::Flux(source) => source.serve().await,
                Self::ArgoCd(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            () = publishing => {}
            never = serving => match never {},
        }
    }
}
