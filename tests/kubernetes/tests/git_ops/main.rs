//! What Flux and Argo CD do with the objects that they keep, and what pauses them. These hold for the real controllers and for the
//! keepers of the bed that stand in for them: `CONDUCTOR_KUSTOMIZE_CONTROLLER`, `CONDUCTOR_HELM_CONTROLLER` and
//! `CONDUCTOR_ARGO_CD` say which of them are here.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod applications;
mod denial;
mod helm_releases;
mod kustomizations;
mod stops;
#[path = "../support/mod.rs"]
mod support;
mod under_way;

use std::collections::BTreeMap;
use std::time::Duration;

use conductor_kubernetes_bed::{Behaviour, GitOps, Tool, deployment, until};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use support::{PATIENCE, api, cluster, namespace};

/// How long it is looked whether nothing is done: every keeper looks several times meanwhile.
const A_WHILE: Duration = Duration::from_secs(3);

/// A namespace with a Deployment `shop` of two replicas, and the keeper that has made it.
pub(crate) struct Shop {
    pub(crate) namespace: String,
    tool: Tool,
    repository: GitOps,
    keepers: Api<DynamicObject>,
    pub(crate) deployments: Api<Deployment>,
}

impl Shop {
    pub(crate) async fn new(name: &str, tool: Tool) -> Self {
        let (cluster, client) = namespace(name).await;
        let kept = cluster.git_ops(tool, name, "keeper", vec![manifest(name, "v1")]).await;
        let shop = Self {
            namespace: name.to_owned(),
            tool,
            repository: kept.unwrap_or_else(|error| panic!("{error}")),
            keepers: Api::namespaced_with(client.clone(), name, &tool.resource()),
            deployments: api(&client, name),
        };
        shop.has(2, "v1").await;
        shop.is_content().await;
        shop
    }

    pub(crate) async fn keeper(&self) -> Value {
        json!(self.keepers.get("keeper").await.unwrap())
    }

    /// Changes the keeper by a merge patch.
    pub(crate) async fn change(&self, change: Value) {
        self.keepers.patch("keeper", &PatchParams::default(), &Patch::Merge(change)).await.unwrap();
    }

    /// Pushes a version of the Deployment.
    pub(crate) fn commit(&self, version: &str) {
        self.repository.commit(vec![manifest(&self.namespace, version)]);
    }

    /// Pushes other manifests.
    pub(crate) fn push(&self, manifests: Vec<Value>) {
        self.repository.commit(manifests);
    }

    /// Changes the Deployment by hand.
    pub(crate) async fn edit(&self, replicas: i32, version: &str) {
        let container = json!({ "name": "main", "image": image(version) });
        let change = json!({ "spec": { "replicas": replicas, "template": { "spec": { "containers": [container] } } } });
        self.deployments.patch("shop", &PatchParams::default(), &Patch::Strategic(change)).await.unwrap();
    }

    /// How many replicas of which image there should be.
    async fn wanted(&self) -> Option<(Option<i32>, Option<String>)> {
        let spec = self.deployments.get_opt("shop").await.unwrap()?.spec?;
        Some((spec.replicas, spec.template.spec?.containers[0].image.clone()))
    }

    /// Waits until so many replicas of a version are wanted.
    pub(crate) async fn has(&self, replicas: i32, version: &str) {
        let wanted = Some((Some(replicas), Some(image(version))));
        let what = format!("{:?}: {replicas} replicas of {version}", self.tool);
        until(&what, PATIENCE, async || (self.wanted().await == wanted).then_some(())).await;
    }

    /// Looks for a while whether so many replicas of a version are wanted all the time.
    pub(crate) async fn keeps(&self, replicas: i32, version: &str) {
        let wanted = Some((Some(replicas), Some(image(version))));
        let begun = tokio::time::Instant::now();
        while begun.elapsed() < A_WHILE {
            assert_eq!(self.wanted().await, wanted, "{:?}, after {:?}", self.tool, begun.elapsed());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn is_content(&self) {
        until("a content keeper", PATIENCE, async || self.tool.is_content(&self.keeper().await).then_some(())).await;
    }

    /// Waits until the keeper has this to tell.
    pub(crate) async fn complains(&self, of: &str) {
        let what = format!("a complaint of {of}");
        until(&what, PATIENCE, async || self.tool.message(&self.keeper().await).contains(of).then_some(())).await;
        assert!(!self.tool.is_content(&self.keeper().await));
    }

    /// The labels and the annotations of the Deployment.
    pub(crate) async fn marks(&self) -> [BTreeMap<String, String>; 2] {
        let metadata = self.deployments.get("shop").await.unwrap().metadata;
        [metadata.labels, metadata.annotations].map(Option::unwrap_or_default)
    }

    /// How often the Deployment was changed.
    pub(crate) async fn generation(&self) -> Option<i64> {
        self.deployments.get("shop").await.unwrap().metadata.generation
    }

    /// How many writes of the Deployment there were, by a ServiceAccount.
    pub(crate) async fn writes_by(&self, account: &str) -> usize {
        let log = cluster().await.audit().await.unwrap();
        let user = format!("system:serviceaccount:{account}");
        let writes = log.by(&user).filter(|entry| {
            let object = &entry.object;
            object.namespace == self.namespace && object.resource == "deployments" && entry.code < 300
        });
        writes.count()
    }
}

fn image(version: &str) -> String {
    format!("registry.example/shop:{version}")
}

/// What the repository says of the Deployment, in one of its versions.
pub(crate) fn manifest(namespace: &str, version: &str) -> Value {
    let mut manifest = json!(deployment("shop", 2, Behaviour::Ready));
    manifest["apiVersion"] = json!("apps/v1");
    manifest["kind"] = json!("Deployment");
    manifest["metadata"]["namespace"] = json!(namespace);
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image(version));
    manifest
}
