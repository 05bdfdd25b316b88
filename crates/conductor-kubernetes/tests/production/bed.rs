//! One cluster for all tests of this folder, with the shipped manifest in force; each test has namespaces of its own.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use conductor_core::app::ApplicationId;
use conductor_core::failure::Failure;
use conductor_core::ports::{PortError, Production, ReleaseSource};
use conductor_kubernetes::{Kind, KubernetesEnvironment, KubernetesSettings, Place, Reader, Running};
use conductor_kubernetes_bed::{Cluster, ClusterSettings, User, until};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentStatus};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// The manifest that is shipped.
const MANIFEST: &str = include_str!("../../../../deploy/kubernetes/production-reader.yaml");

/// The namespace of the conductor's ServiceAccount, which the manifest expects.
const NAMESPACE: &str = "loadtest-conductor";

/// The conductor, as production knows it.
pub(crate) fn conductor() -> User {
    User::service_account(NAMESPACE, "loadtest-conductor-reader")
}

/// The objects of the manifest.
pub(crate) fn manifest() -> Vec<Value> {
    serde_saphyr::from_multiple(MANIFEST).unwrap()
}

/// A cluster of its own, with the manifest in force.
pub(crate) async fn start() -> Cluster {
    let cluster = Cluster::start(ClusterSettings::default()).await.unwrap_or_else(|error| panic!("{error}"));
    cluster.namespace(NAMESPACE).await.unwrap();
    let admin = cluster.client(&User::Admin).await.unwrap();
    for object in manifest() {
        match object["kind"].as_str().unwrap() {
            "ServiceAccount" => create(&api::<ServiceAccount>(&admin, NAMESPACE), object).await,
            "ClusterRole" => create(&Api::<ClusterRole>::all(admin.clone()), object).await,
            "ClusterRoleBinding" => create(&Api::<ClusterRoleBinding>::all(admin.clone()), object).await,
            other => panic!("the manifest has a {other}"),
        }
    }
    let reader = reader(&cluster).await;
    until("the rights have come into force", PATIENCE, async || running_in(&reader, NAMESPACE, &["none"]).await.ok())
        .await;
    cluster
}

/// The cluster. Its processes end with this one: it is never dropped.
pub(crate) async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    CLUSTER.get_or_init(start).await
}

/// The cluster with a fresh namespace: the conductor's eyes, and an admin's hands.
pub(crate) async fn namespace(name: &str) -> (Reader, Client) {
    let cluster = cluster().await;
    cluster.namespace(name).await.unwrap();
    (reader(cluster).await, cluster.client(&User::Admin).await.unwrap())
}

/// The conductor's eyes.
pub(crate) async fn reader(cluster: &Cluster) -> Reader {
    Reader::new(cluster.client(&conductor()).await.unwrap())
}

/// The objects of a kind in a namespace.
pub(crate) fn api<K>(client: &Client, namespace: &str) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    Api::namespaced(client.clone(), namespace)
}

/// Creates an object from its text.
pub(crate) async fn create<K>(objects: &Api<K>, object: Value)
where
    K: Resource + Clone + Debug + DeserializeOwned + serde::Serialize,
{
    let object: K = serde_json::from_value(object).unwrap();
    objects.create(&Default::default(), &object).await.unwrap();
}

/// Creates a Deployment and waits until all its replicas are available.
pub(crate) async fn settle(deployments: &Api<Deployment>, deployment: Deployment) {
    deployments.create(&Default::default(), &deployment).await.unwrap();
    let name = deployment.metadata.name.unwrap();
    let wanted = deployment.spec.unwrap().replicas.unwrap_or(1);
    shows(deployments, &name, |status| status.available_replicas.unwrap_or_default() == wanted).await;
}

/// Waits until the status of a Deployment shows something of its newest generation.
pub(crate) async fn shows(deployments: &Api<Deployment>, name: &str, what: impl Fn(&DeploymentStatus) -> bool) {
    until(&format!("{name}: the wanted status"), PATIENCE, async || {
        let deployment = deployments.get(name).await.unwrap();
        let status = deployment.status?;
        (status.observed_generation >= deployment.metadata.generation && what(&status)).then_some(())
    })
    .await;
}

/// What the conductor reads of these applications in production, with these settings of it.
pub(crate) async fn released(
    cluster: &Cluster,
    namespace: &str,
    production: &Value,
    applications: &Value,
) -> Result<BTreeMap<ApplicationId, Production>, PortError> {
    let [test, reader]: [PathBuf; 2] = [User::Admin, conductor()].map(|user| cluster.kubeconfig(&user).unwrap());
    let mut settings = json!({ "kubeconfig": reader, "sameCluster": true });
    json_patch::merge(&mut settings, production);
    let settings: KubernetesSettings = serde_json::from_value(json!({
        "cluster": { "kubeconfig": test },
        "production": settings,
        "namespace": namespace,
        "applications": applications,
    }))
    .unwrap();
    assert_eq!(settings.violations(), []);
    let names: Vec<ApplicationId> = settings.applications.iter().map(|one| one.name.clone()).collect();
    KubernetesEnvironment::connect(settings, 1).await.unwrap().production(&names).await
}

/// The place of a Deployment.
pub(crate) fn place(namespace: &str, name: &str) -> Place {
    Place { namespace: namespace.to_owned(), kind: Kind::Deployment, name: name.to_owned() }
}

/// What production runs of Deployments of one namespace.
pub(crate) async fn running_in(
    reader: &Reader,
    namespace: &str,
    deployments: &[&str],
) -> Result<BTreeMap<Place, Running>, PortError> {
    let places: Vec<Place> = deployments.iter().map(|name| place(namespace, name)).collect();
    conductor_kubernetes::running(reader, &places, None).await
}

/// Every message of an error.
pub(crate) fn text(error: &PortError) -> String {
    Failure::of("", error).message
}

/// The texts as a map of owned ones.
pub(crate) fn texts<const N: usize>(all: [(&str, &str); N]) -> BTreeMap<String, String> {
    all.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
