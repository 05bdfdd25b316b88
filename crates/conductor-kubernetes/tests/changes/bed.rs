//! One cluster for all tests of this folder; each test has a namespace of its own, and a run of its own.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use conductor_core::app::ApplicationId;
use conductor_core::failure::Failure;
use conductor_core::phase::Changes;
use conductor_core::ports::{Deployed, Deployer, PortError, Scaler, Way};
use conductor_core::restore::{ForeignPolicy, RestorePlan};
use conductor_core::run::RunId;
use conductor_core::scale::{Baseline, Observed, Plan};
use conductor_kubernetes::{KubernetesEnvironment, KubernetesSettings};
use conductor_kubernetes_bed::{Cluster, ClusterSettings, User};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// The cluster. Its processes end with this one: it is never dropped.
pub(crate) async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    let start = async || Cluster::start(ClusterSettings::default()).await.unwrap_or_else(|error| panic!("{error}"));
    CLUSTER.get_or_init(start).await
}

/// A namespace and its applications, with a run that changes them.
pub(crate) struct Bed {
    pub(crate) namespace: String,
    pub(crate) admin: Client,
    pub(crate) run: RunId,
    applications: Vec<ApplicationId>,
    settings: Value,
}

impl Bed {
    /// A fresh namespace with these applications, each a Deployment of the same name.
    pub(crate) async fn new(namespace: &str, applications: &[&str]) -> Self {
        let cluster = cluster().await;
        cluster.namespace(namespace).await.unwrap();
        let names: Vec<Value> = applications.iter().map(|name| json!({ "name": name })).collect();
        let kubeconfig = cluster.kubeconfig(&User::Admin).unwrap();
        let cluster_settings = json!({ "kubeconfig": kubeconfig });
        let settings =
            json!({ "cluster": cluster_settings, "namespace": namespace, "steadyFor": "1s", "applications": names });
        Self {
            namespace: namespace.to_owned(),
            admin: cluster.client(&User::Admin).await.unwrap(),
            run: format!("run-{namespace}").parse().unwrap(),
            applications: applications.iter().map(|name| name.parse().unwrap()).collect(),
            settings,
        }
    }

    /// The conductor of this epoch, as a new process would have it.
    pub(crate) async fn conductor(&self, epoch: u64) -> KubernetesEnvironment {
        let settings: KubernetesSettings = serde_json::from_value(self.settings.clone()).unwrap();
        assert_eq!(settings.violations(), []);
        KubernetesEnvironment::connect(settings, epoch).await.unwrap()
    }

    /// The objects of a kind.
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        Api::namespaced(self.admin.clone(), &self.namespace)
    }

    /// What there is.
    pub(crate) async fn observe(&self, conductor: &KubernetesEnvironment) -> Baseline {
        let deployed = conductor.deployed(&self.applications).await.unwrap();
        let mut allocated = conductor.allocated(&self.applications).await.unwrap();
        let observed = |(application, Deployed { release, identity }): (ApplicationId, Deployed)| {
            let allocation = allocated.remove(&application).unwrap();
            (application, Observed { release, allocation, identity })
        };
        deployed.into_iter().map(observed).collect()
    }

    /// Does all of a plan.
    pub(crate) async fn perform(&self, conductor: &KubernetesEnvironment, plan: &Plan) -> Result<(), PortError> {
        for rollout in &plan.rollouts {
            conductor.roll_out(&self.run, rollout, Way::There).await?;
        }
        for step in &plan.scale_steps {
            conductor.scale(&self.run, step, Way::There).await?;
        }
        Ok(())
    }

    /// Puts back what a run has changed, and tells what somebody else has.
    pub(crate) async fn restore(&self, conductor: &KubernetesEnvironment, changes: &Changes) -> Vec<String> {
        let found = self.observe(conductor).await;
        let restore = RestorePlan::make(changes, &found, ForeignPolicy::Report);
        for step in &restore.scale_steps {
            conductor.scale(&self.run, step, Way::Back).await.unwrap_or_else(|error| panic!("{}", text(&error)));
        }
        for rollout in &restore.rollouts {
            conductor.roll_out(&self.run, rollout, Way::Back).await.unwrap_or_else(|error| panic!("{}", text(&error)));
        }
        conductor.let_go(&self.run, &self.applications).await.unwrap_or_else(|error| panic!("{}", text(&error)));
        let found = self.observe(conductor).await;
        let left = RestorePlan::make(changes, &found, ForeignPolicy::Report);
        assert!(left.is_done(), "{left:?}");
        restore.foreign.iter().map(ToString::to_string).collect()
    }

    /// Everything in the namespace that belongs to users, without what no restore can bring back.
    pub(crate) async fn everything(&self) -> BTreeMap<String, Value> {
        let mut all = BTreeMap::new();
        for (name, deployment) in listed(&self.api::<Deployment>()).await {
            all.insert(format!("Deployment {name}"), deployment);
        }
        for (name, autoscaler) in listed(&self.api::<HorizontalPodAutoscaler>()).await {
            all.insert(format!("HorizontalPodAutoscaler {name}"), autoscaler);
        }
        all
    }
}

async fn listed<K>(objects: &Api<K>) -> Vec<(String, Value)>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize,
{
    let list = objects.list(&Default::default()).await.unwrap();
    list.items.into_iter().map(|object| (object.meta().name.clone().unwrap(), bare(&object))).collect()
}

/// An object without status, managedFields, generation, resourceVersion and revision annotations.
fn bare(object: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(object).unwrap();
    value.as_object_mut().unwrap().remove("status");
    let meta = value["metadata"].as_object_mut().unwrap();
    for field in ["managedFields", "generation", "resourceVersion"] {
        meta.remove(field);
    }
    if let Some(annotations) = meta.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove("deployment.kubernetes.io/revision");
        if annotations.is_empty() {
            meta.remove("annotations");
        }
    }
    value
}

/// Every message of an error.
pub(crate) fn text(error: &PortError) -> String {
    Failure::of("", error).message
}
