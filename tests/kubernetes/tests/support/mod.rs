//! One cluster for all tests of a file; each has a namespace of its own.

use std::fmt::Debug;
use std::time::Duration;

use conductor_kubernetes_bed::{Cluster, ClusterSettings, User};
use k8s_openapi::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// The cluster. Its processes end with this one: it is never dropped.
pub(crate) async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    let start = async || Cluster::start(ClusterSettings::default()).await.unwrap_or_else(|error| panic!("{error}"));
    CLUSTER.get_or_init(start).await
}

/// The cluster with a fresh namespace, and an admin's client.
pub(crate) async fn namespace(name: &str) -> (&'static Cluster, Client) {
    let cluster = cluster().await;
    cluster.namespace(name).await.unwrap();
    (cluster, cluster.client(&User::Admin).await.unwrap())
}

/// The objects of a kind in a namespace.
pub(crate) fn api<K>(client: &Client, namespace: &str) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    Api::namespaced(client.clone(), namespace)
}
