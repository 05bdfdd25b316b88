//! Where Flux itself takes manifests from: a source of the keeper's name, which is served from here. No source-controller is
//! needed, since the source says already what it has.

use std::convert::Infallible;
use std::path::PathBuf;

use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Api, Resource};
use serde_json::json;

use super::artifact::{Artifact, Content};
use super::crds;
use super::keep::Commit;
use super::serve::Server;
use crate::cluster::Cluster;
use crate::error::BedError;
use crate::user::User;

/// A source of Flux.
#[derive(Debug)]
pub(super) struct Source {
    content: Content,
    name: String,
    objects: Api<DynamicObject>,
    server: Server,
    folder: PathBuf,
}

/// Defines the kinds of sources. The controllers of Flux look at all of them.
pub(super) async fn prepare(cluster: &Cluster) -> Result<(), BedError> {
    for resource in ["GitRepository", "OCIRepository", "Bucket", "HelmChart"].map(resource) {
        cluster.apply(&crds::of_sources(&resource)).await?;
        cluster.await_served(&resource).await?;
    }
    Ok(())
}

impl Source {
    /// Makes a source that has nothing yet.
    pub(super) async fn new(
        cluster: &Cluster,
        content: Content,
        namespace: &str,
        name: &str,
    ) -> Result<Self, BedError> {
        let kind = match content {
            Content::Chart => "HelmChart",
            Content::Manifests => "GitRepository",
        };
        let resource = resource(kind);
        cluster
            .apply(&json!({
                "apiVersion": resource.api_version,
                "kind": kind,
                "metadata": { "namespace": namespace, "name": name },
                "spec": { "interval": "1h", "url": "http://localhost", "chart": name },
            }))
            .await?;
        let admin = cluster.client(&User::Admin).await?;
        Ok(Self {
            content,
            name: name.to_owned(),
            objects: Api::namespaced_with(admin, namespace, &resource),
            server: Server::bind().await?,
            folder: cluster.folder().to_owned(),
        })
    }

    /// Has a commit.
    pub(super) async fn publish(&self, commit: &Commit) -> Result<(), BedError> {
        let artifact = Artifact::of(self.content, &self.name, commit, &self.folder).await?;
        let failed =
            |source| BedError::Api { act: format!("publish a commit of {}", self.name), source: Box::new(source) };
        let url = self.server.add(artifact.archive.clone());
        let object = self.objects.get(&self.name).await.map_err(failed)?;
        let ready = json!({
            "type": "Ready",
            "status": "True",
            "reason": "Succeeded",
            "message": format!("stored artifact for revision {}", artifact.revision),
            "lastTransitionTime": jiff::Timestamp::now().to_string(),
        });
        let status = json!({
            "observedGeneration": object.meta().generation,
            "artifact": artifact.described(&url),
            "conditions": [ready],
        });
        let patch = Patch::Merge(json!({ "status": status }));
        self.objects.patch_status(&self.name, &PatchParams::default(), &patch).await.map_err(failed)?;
        Ok(())
    }

    /// Gives away what it has, until it is dropped.
    pub(super) async fn serve(&self) -> Infallible {
        self.server.serve().await
    }
}

fn resource(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("source.toolkit.fluxcd.io", "v1", kind))
}
