//! A custom kind that a vendor's operator may have: SearchClusters, of which a program that does not know them can tell by
//! their definition alone how many nodes there are, and which pods these are.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use futures::FutureExt;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use kube::api::{ApiResource, Patch, PatchParams, PostParams};
use kube::{Api, Client, CustomResource, Resource, ResourceExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::behaviour::Behaviour;
use crate::cluster::Cluster;
use crate::controller::rule::{ALL, CHANGE, rule};
use crate::controller::{Controller, RealCommand};
use crate::error::BedError;
use crate::workload::deployment;

/// How often the operator looks.
const EVERY: Duration = Duration::from_millis(200);

/// What a SearchCluster says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CustomResource)]
#[kube(
    group = "example.com",
    version = "v1",
    kind = "SearchCluster",
    doc = "A cluster of nodes that are all alike.",
    status = "SearchClusterStatus",
    derive = "PartialEq",
    schema = "disabled",
    namespaced
)]
pub struct SearchClusterSpec {
    /// How many there are of which nodes.
    #[serde(default)]
    pub nodes: Nodes,
    /// What a node is.
    pub template: PodTemplateSpec,
}

/// How many there are of which nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nodes {
    /// Of those with the data.
    pub data: i32,
}

/// What its operator says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SearchClusterStatus {
    /// How many nodes there are.
    pub nodes: i32,
    /// Which pods these are, by their labels.
    pub node_selector: String,
}

/// One whose nodes have the label `app: NAME`.
pub fn search_cluster(name: &str, nodes: i32, behaviour: Behaviour) -> SearchCluster {
    let template = deployment(name, nodes, behaviour).spec.unwrap_or_default().template;
    SearchCluster::new(name, SearchClusterSpec { nodes: Nodes { data: nodes }, template })
}

static SEARCH_CLUSTERS: Controller = Controller {
    name: "the operator of SearchClusters",
    program: "search-clusters",
    variable: "CONDUCTOR_SEARCH_CLUSTERS",
    word: "search-clusters",
    account: ("search-clusters", "search-clusters"),
    rules: || {
        let own = ["searchclusters", "searchclusters/status", "searchclusters/finalizers"];
        vec![rule("example.com", &own, &CHANGE), rule("apps", &["replicasets"], &ALL)]
    },
    resource: || ApiResource::erase::<SearchCluster>(&()),
    definitions: || vec![definition()],
    own: Some(|client, log| follow(client, log).boxed_local()),
    real: RealCommand::NONE,
};

impl Cluster {
    /// Lets the cluster know SearchClusters of `example.com/v1`, and starts what makes their pods, unless it runs. It acts as
    /// ServiceAccount `search-clusters` of the namespace of the same name.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn search_clusters(&self) -> Result<(), BedError> {
        self.start_controller(&SEARCH_CLUSTERS).await
    }
}

fn definition() -> Value {
    let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let schema = json!({ "type": "object", "properties": { "spec": anything, "status": anything } });
    let scale = json!({
        "specReplicasPath": ".spec.nodes.data",
        "statusReplicasPath": ".status.nodes",
        "labelSelectorPath": ".status.nodeSelector",
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": "searchclusters.example.com" },
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": { "kind": "SearchCluster", "plural": "searchclusters", "singular": "searchcluster" },
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "subresources": { "status": {}, "scale": scale },
                "schema": { "openAPIV3Schema": schema },
            }],
        },
    })
}

/// Looks again and again.
async fn follow(client: Client, mut log: File) {
    loop {
        if let Err(error) = look(&client).await {
            // A log that cannot be written is gone with the cluster.
            let _ = writeln!(log, "could not look: {error}");
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Makes a ReplicaSet of each, and says what has become of it.
async fn look(client: &Client) -> Result<(), kube::Error> {
    for cluster in Api::<SearchCluster>::all(client.clone()).list(&Default::default()).await? {
        let (namespace, name) = (cluster.namespace().unwrap_or_default(), cluster.name_any());
        let sets: Api<ReplicaSet> = Api::namespaced(client.clone(), &namespace);
        let status = match sets.get_opt(&name).await? {
            None => {
                sets.create(&PostParams::default(), &made(&cluster)).await?;
                continue;
            }
            Some(found) => {
                let wanted = cluster.spec.nodes.data;
                if found.spec.and_then(|spec| spec.replicas) != Some(wanted) {
                    let change = Patch::Merge(json!({ "spec": { "replicas": wanted } }));
                    sets.patch(&name, &PatchParams::default(), &change).await?;
                }
                let nodes = found.status.unwrap_or_default().replicas;
                SearchClusterStatus { nodes, node_selector: format!("app={name}") }
            }
        };
        if cluster.status.as_ref() != Some(&status) {
            let clusters: Api<SearchCluster> = Api::namespaced(client.clone(), &namespace);
            let change = Patch::Merge(json!({ "status": status }));
            clusters.patch_status(&name, &PatchParams::default(), &change).await?;
        }
    }
    Ok(())
}

fn made(cluster: &SearchCluster) -> ReplicaSet {
    let SearchClusterSpec { nodes, template } = &cluster.spec;
    let labels = template.metadata.as_ref().and_then(|meta| meta.labels.clone());
    let mut set = ReplicaSet::default();
    set.metadata.name = cluster.metadata.name.clone();
    set.metadata.namespace = cluster.metadata.namespace.clone();
    set.metadata.owner_references = cluster.controller_owner_ref(&()).map(|owner| vec![owner]);
    let spec = set.spec.get_or_insert_default();
    (spec.replicas, spec.template, spec.selector.match_labels) = (Some(nodes.data), Some(template.clone()), labels);
    set
}
