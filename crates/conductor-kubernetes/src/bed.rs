//! One real cluster for all tests of this crate; each has a namespace of its own.

use std::time::Duration;

use conductor_kubernetes_bed::{Cluster, ClusterSettings, User};
use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use tokio::sync::OnceCell;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// The cluster. Its processes end with this one: it is never dropped.
pub(crate) async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    CLUSTER.get_or_init(start).await
}

/// A cluster of the test's own.
pub(crate) async fn start() -> Cluster {
    Cluster::start(ClusterSettings::default()).await.unwrap_or_else(|error| panic!("{error}"))
}

/// The cluster with a fresh namespace, and an admin's client.
pub(crate) async fn namespace(name: &str) -> (&'static Cluster, Client) {
    let cluster = cluster().await;
    cluster.namespace(name).await.unwrap();
    (cluster, cluster.client(&User::Admin).await.unwrap())
}

/// Creates every object of a manifest.
pub(crate) async fn create(client: &Client, manifest: &str) {
    let objects: Vec<DynamicObject> = serde_saphyr::from_multiple(manifest).unwrap();
    assert!(!objects.is_empty());
    for object in objects {
        let types = object.types.as_ref().unwrap();
        let resource = ApiResource::from_gvk(&GroupVersionKind::try_from(types).unwrap());
        let api: Api<DynamicObject> = match &object.metadata.namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        api.create(&PostParams::default(), &object).await.unwrap_or_else(|error| panic!("{types:?}: {error}"));
    }
}
