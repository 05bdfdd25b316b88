//! One cluster with the shipped manifests in force; each test has a namespace of its own for its callers.

use std::fmt::Debug;
use std::time::Duration;

use conductor_core::caller::{Identity, Reviewed};
use conductor_core::failure::Failure;
use conductor_core::ports::{CallerReview, PortError};
use conductor_kubernetes::ClusterCallers;
use conductor_kubernetes_bed::{Cluster, ClusterSettings, User, until};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// For whom the tokens of callers are.
pub(crate) const AUDIENCE: &str = "load-tests";
/// The namespace in which rights count.
pub(crate) const CONDUCTOR: &str = "loadtest-conductor";

/// The manifests that are shipped, in the order in which they are applied.
pub(crate) const MANIFESTS: [&str; 2] = [
    include_str!("../../../../deploy/kubernetes/conductor.yaml"),
    include_str!("../../../../deploy/kubernetes/callers.yaml"),
];

/// The cluster. Its processes end with this one: it is never dropped.
pub(crate) async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    CLUSTER.get_or_init(start).await
}

async fn start() -> Cluster {
    let settings = ClusterSettings { nodes: 1, ..ClusterSettings::default() };
    let cluster = Cluster::start(settings).await.unwrap_or_else(|error| panic!("{error}"));
    let admin = cluster.client(&User::Admin).await.unwrap();
    for object in MANIFESTS.iter().flat_map(|manifest| serde_saphyr::from_multiple::<Value>(manifest).unwrap()) {
        create(&admin, object).await;
    }
    let callers = ClusterCallers::new(cluster.client(&conductor()).await.unwrap(), CONDUCTOR.to_owned());
    let audiences = [AUDIENCE.to_owned()];
    until("the conductor may ask", PATIENCE, async || callers.review("x", &audiences).await.ok()).await;
    let nobody = Identity { name: "nobody".to_owned(), ..Identity::default() };
    until("the conductor may ask what others may do", PATIENCE, async || {
        callers.may(&nobody, conductor_core::caller::Role::Viewer, "shop").await.ok()
    })
    .await;
    cluster
}

/// The conductor, as the cluster knows it.
pub(crate) fn conductor() -> User {
    User::service_account(CONDUCTOR, "loadtest-conductor")
}

/// Creates an object where it says that it is.
pub(crate) async fn create(admin: &Client, object: Value) {
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    let types = object.types.as_ref().unwrap();
    let resource = ApiResource::from_gvk(&GroupVersionKind::try_from(types).unwrap());
    let api: Api<DynamicObject> = match &object.metadata.namespace {
        Some(namespace) => Api::namespaced_with(admin.clone(), namespace, &resource),
        None => Api::all_with(admin.clone(), &resource),
    };
    api.create(&Default::default(), &object).await.unwrap_or_else(|error| panic!("{types:?}: {error}"));
}

/// A namespace with callers, and the conductor who asks about them.
pub(crate) struct Bed {
    pub(crate) namespace: String,
    pub(crate) admin: Client,
    pub(crate) callers: ClusterCallers,
}

impl Bed {
    pub(crate) async fn new(namespace: &str) -> Self {
        let cluster = cluster().await;
        cluster.namespace(namespace).await.unwrap();
        let admin = cluster.client(&User::Admin).await.unwrap();
        let callers = ClusterCallers::new(cluster.client(&conductor()).await.unwrap(), CONDUCTOR.to_owned());
        Self { namespace: namespace.to_owned(), admin, callers }
    }

    /// The objects of a kind in the namespace.
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        Api::namespaced(self.admin.clone(), &self.namespace)
    }

    /// Makes a ServiceAccount.
    pub(crate) async fn account(&self, name: &str) {
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name, "namespace": self.namespace },
        });
        create(&self.admin, account).await;
    }

    /// A token of a ServiceAccount, good for ten minutes, for these audiences or for the API server itself.
    pub(crate) async fn token(&self, account: &str, spec: Value) -> String {
        let request: TokenRequest = serde_json::from_value(json!({ "metadata": {}, "spec": spec })).unwrap();
        let accounts = self.api::<ServiceAccount>();
        let made = accounts.create_token_request(account, &Default::default(), &request).await.unwrap();
        made.status.unwrap().token.unwrap()
    }

    /// Whose a token is, for the audience of the tests.
    pub(crate) async fn review(&self, token: &str) -> Reviewed {
        self.callers.review(token, &[AUDIENCE.to_owned()]).await.unwrap()
    }

    /// Who it is whose token this is.
    pub(crate) async fn known(&self, token: &str) -> Identity {
        match self.review(token).await {
            Reviewed::Known(who) => who,
            Reviewed::Unknown { because } => panic!("{because}"),
        }
    }

    /// Why the cluster does not know a token.
    pub(crate) async fn unknown(&self, token: &str) -> String {
        match self.review(token).await {
            Reviewed::Unknown { because } => because,
            Reviewed::Known(who) => panic!("{who:?}"),
        }
    }
}

/// Every message of an error.
pub(crate) fn text(error: &PortError) -> String {
    Failure::of("", error).message
}
