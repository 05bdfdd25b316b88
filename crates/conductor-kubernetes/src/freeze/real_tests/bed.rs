//! Clusters with the shipped manifests, and what the tests of the freeze have in common.

use std::collections::BTreeSet;
use std::time::Duration;

use conductor_core::run::RunId;
use conductor_kubernetes_bed::{Behaviour, Cluster, User, deployment, stateful_set, until};
use jiff::Timestamp;
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::bed::{self, PATIENCE};
use crate::freeze::installed::is_established;
use crate::freeze::{Freezer, Proof, Resource, Target};

pub(super) const CONDUCTOR: &str = include_str!("../../../../../deploy/kubernetes/conductor.yaml");
pub(super) const DEFINITION: &str = include_str!("../../../../../deploy/kubernetes/freeze/crd.yaml");
pub(super) const POLICY: &str = include_str!("../../../../../deploy/kubernetes/freeze/policy.yaml");
pub(super) const BINDING: &str = include_str!("../../../../../deploy/kubernetes/freeze/binding.yaml");
/// Where the conductor is.
pub(super) const NAMESPACE: &str = "loadtest-conductor";

/// A namespace in the cluster, where everything is installed.
pub(super) struct Place {
    pub(super) cluster: &'static Cluster,
    pub(super) admin: Client,
    /// Acts as the conductor's ServiceAccount, with no more rights than it is given.
    pub(super) freezer: Freezer,
    pub(super) namespace: String,
}

/// The cluster with everything installed, and a fresh namespace with a Deployment `web` of two replicas.
pub(super) async fn place(namespace: &str) -> Place {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let (cluster, admin) = bed::namespace(namespace).await;
    INSTALLED.get_or_init(|| install(cluster)).await;
    let place = Place { cluster, freezer: freezer(cluster).await, admin, namespace: namespace.to_owned() };
    place.deploy("web").await;
    place
}

/// Installs everything, waits until it acts, and lets `ci` and the group `sre` do everything, as far as RBAC goes.
async fn install(cluster: &Cluster) {
    let admin = cluster.client(&User::Admin).await.unwrap();
    bed::create(&admin, CONDUCTOR).await;
    define(&admin).await;
    bed::create(&admin, POLICY).await;
    bed::create(&admin, BINDING).await;
    let all = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "others" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": [{ "kind": "User", "name": "ci" }, { "kind": "Group", "name": "sre" }],
    });
    bed::create(&admin, &all.to_string()).await;
    cluster.namespace("warm-up").await.unwrap();
    Api::namespaced(admin, "warm-up")
        .create(&Default::default(), &deployment("web", 0, Behaviour::Ready))
        .await
        .unwrap();
    let (run, targets) = (run("warm-up"), targets("warm-up", &["web"]));
    let freezer = freezer(cluster).await;
    freezer.freeze(&run, &targets, in_an_hour()).await.unwrap();
    until("a policy that acts", PATIENCE, async || {
        (freezer.prove(&targets).await.unwrap() == Proof::Active).then_some(())
    })
    .await;
    freezer.lift(&run).await.unwrap();
}

/// Installs the kind, and waits until the API server serves it.
pub(super) async fn define(admin: &Client) {
    bed::create(admin, DEFINITION).await;
    let definitions = Api::all(admin.clone());
    until("an established definition", PATIENCE, async || {
        let definition = definitions.get("freezes.loadtest-conductor.dev").await.unwrap();
        is_established(&definition).then_some(())
    })
    .await;
}

/// A freezer that acts as the conductor does, once its rights are in force.
pub(super) async fn freezer(cluster: &Cluster) -> Freezer {
    let client = cluster.client(&User::service_account(NAMESPACE, NAMESPACE)).await.unwrap();
    let freezer = Freezer::new(client, NAMESPACE).await.unwrap().owned_by("team-shop");
    until("the conductor's rights", PATIENCE, async || {
        freezer.frozen().await.ok()?;
        freezer.available().await.ok()
    })
    .await;
    freezer
}

pub(super) fn run(id: &str) -> RunId {
    id.parse().unwrap()
}

/// Deployments of a namespace.
pub(super) fn targets(namespace: &str, names: &[&str]) -> BTreeSet<Target> {
    names.iter().map(|name| Target::new(Resource::Deployments, namespace, name)).collect()
}

pub(super) fn in_an_hour() -> Timestamp {
    Timestamp::now() + Duration::from_secs(3600)
}

impl Place {
    /// Makes a Deployment of two replicas.
    pub(super) async fn deploy(&self, name: &str) {
        let deployments = Api::namespaced(self.admin.clone(), &self.namespace);
        deployments.create(&Default::default(), &deployment(name, 2, Behaviour::Ready)).await.unwrap();
    }

    /// The Deployments of these names.
    pub(super) fn targets(&self, names: &[&str]) -> BTreeSet<Target> {
        targets(&self.namespace, names)
    }

    /// Freezes for the run that is called as the namespace, and proves it.
    pub(super) async fn freeze(&self, freezer: &Freezer, targets: &BTreeSet<Target>) {
        freezer.freeze(&run(&self.namespace), targets, in_an_hour()).await.unwrap();
        assert_eq!(freezer.prove(targets).await.unwrap(), Proof::Active);
    }

    pub(super) async fn client(&self, user: &User) -> Client {
        self.cluster.client(user).await.unwrap()
    }

    /// Creates an object in the namespace.
    pub(super) async fn create(&self, mut object: Value) {
        object["metadata"]["namespace"] = self.namespace.clone().into();
        bed::create(&self.admin, &object.to_string()).await;
    }
}

/// A pipeline's user.
pub(super) fn ci() -> User {
    User::person("ci")
}

/// An autoscaler.
pub(super) fn autoscaler(name: &str, kind: &str, aim: &str, min: i32, max: i32) -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": { "name": name },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": kind, "name": aim },
            "minReplicas": min, "maxReplicas": max,
        },
    })
}

/// A place where Deployment `web`, StatefulSet `store` and the HPA `scaled` of Deployment `scaled` are frozen; Deployment
/// `other`, its HPA, and a second HPA of `store` are not.
pub(super) async fn frozen(namespace: &str) -> Place {
    let place = place(namespace).await;
    place.deploy("scaled").await;
    place.deploy("other").await;
    place.create(serde_json::to_value(stateful_set("store", 1, Behaviour::Ready)).unwrap()).await;
    for (name, kind, aim) in
        [("scaled", "Deployment", "scaled"), ("other", "Deployment", "other"), ("second", "StatefulSet", "store")]
    {
        place.create(autoscaler(name, kind, aim, 1, 9)).await;
    }
    let mut targets = place.targets(&["web", "scaled"]);
    targets.insert(Target::new(Resource::StatefulSets, namespace, "store"));
    targets.insert(Target::new(Resource::HorizontalPodAutoscalers, namespace, "scaled"));
    place.freeze(&place.freezer, &targets).await;
    place
}
