//! One cluster with the shipped manifests in force; each test has a namespace and a run of its own.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::time::Duration;

use conductor_core::app::ApplicationId;
use conductor_core::failure::Failure;
use conductor_core::ports::{Deployed, Deployer, PortError, Scaler};
use conductor_core::run::RunId;
use conductor_core::scale::{Baseline, Observed};
use conductor_kubernetes::KubernetesEnvironment;
use conductor_kubernetes_bed::{
    Behaviour, Cluster, ClusterSettings, Rollout, Stack, StackSet, Step, User, deployment, rollout, stack_set,
    stateful_set, until,
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// The manifests that are shipped, in the order in which they are applied.
pub(crate) const MANIFESTS: [&str; 4] = [
    include_str!("../../../../deploy/kubernetes/conductor.yaml"),
    include_str!("../../../../deploy/kubernetes/freeze/crd.yaml"),
    include_str!("../../../../deploy/kubernetes/freeze/policy.yaml"),
    include_str!("../../../../deploy/kubernetes/freeze/binding.yaml"),
];

/// The cluster. Its processes end with this one: it is never dropped.
pub(crate) async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    CLUSTER.get_or_init(start).await
}

async fn start() -> Cluster {
    let cluster = Cluster::start(ClusterSettings::default()).await.unwrap_or_else(|error| panic!("{error}"));
    let admin = cluster.client(&User::Admin).await.unwrap();
    for manifest in MANIFESTS {
        for object in serde_saphyr::from_multiple::<DynamicObject>(manifest).unwrap() {
            create(&admin, &object).await;
        }
        let definitions: Api<CustomResourceDefinition> = Api::all(admin.clone());
        until("established definitions", PATIENCE, async || {
            let all = definitions.list(&Default::default()).await.unwrap();
            let established = |definition: &CustomResourceDefinition| {
                let conditions = definition.status.as_ref().and_then(|status| status.conditions.as_ref());
                conditions.into_iter().flatten().any(|one| one.type_ == "Established" && one.status == "True")
            };
            all.iter().all(established).then_some(())
        })
        .await;
    }
    cluster
}

pub(crate) async fn create(admin: &Client, object: &DynamicObject) {
    let types = object.types.as_ref().unwrap();
    let resource = ApiResource::from_gvk(&GroupVersionKind::try_from(types).unwrap());
    let api: Api<DynamicObject> = match &object.metadata.namespace {
        Some(namespace) => Api::namespaced_with(admin.clone(), namespace, &resource),
        None => Api::all_with(admin.clone(), &resource),
    };
    api.create(&Default::default(), object).await.unwrap_or_else(|error| panic!("{types:?}: {error}"));
}

/// A namespace with a Deployment `checkout` of two replicas, and the conductor as its ServiceAccount.
pub(crate) struct Bed {
    pub(crate) namespace: String,
    pub(crate) admin: Client,
    pub(crate) conductor: KubernetesEnvironment,
    pub(crate) run: RunId,
    pub(crate) applications: Vec<ApplicationId>,
    settings: Value,
}

impl Bed {
    pub(crate) async fn new(namespace: &str) -> Self {
        let bed = Self::of(namespace, json!({ "name": "checkout" })).await;
        let deployments = bed.api::<Deployment>();
        deployments.create(&Default::default(), &deployment("checkout", 2, Behaviour::Ready)).await.unwrap();
        until("two replicas", PATIENCE, async || {
            let status = deployments.get("checkout").await.unwrap().status?;
            (status.available_replicas == Some(2)).then_some(())
        })
        .await;
        bed
    }

    /// The same with a StatefulSet.
    pub(crate) async fn with_stateful_set(namespace: &str) -> Self {
        let bed = Self::of(namespace, json!({ "name": "checkout", "statefulSet": "checkout" })).await;
        let sets = bed.api::<StatefulSet>();
        sets.create(&Default::default(), &stateful_set("checkout", 2, Behaviour::Ready)).await.unwrap();
        until("two replicas", PATIENCE, async || {
            let status = sets.get("checkout").await.unwrap().status?;
            (status.available_replicas == Some(2)).then_some(())
        })
        .await;
        bed
    }

    /// The same with a StackSet, whose only Stack is `checkout-v1`.
    pub(crate) async fn with_stack_set(namespace: &str, bounds: Option<RangeInclusive<i32>>) -> Self {
        cluster().await.stack_sets().await.unwrap();
        let bed = Self::of(namespace, json!({ "name": "checkout", "stackSet": "checkout" })).await;
        bed.api::<StackSet>().create(&Default::default(), &stack_set("checkout", 2, bounds)).await.unwrap();
        until("two replicas and all traffic", PATIENCE, async || {
            let status = bed.api::<Stack>().get_opt("checkout-v1").await.unwrap()?.status?;
            let is_whole = [status.desired_replicas, status.ready_replicas] == [2, 2];
            (is_whole && status.actual_traffic_weight >= 100.0).then_some(())
        })
        .await;
        bed
    }

    /// The same with a Rollout of Argo Rollouts, whose canary pauses until somebody goes on.
    pub(crate) async fn with_argo_rollout(namespace: &str) -> Self {
        cluster().await.rollouts().await.unwrap_or_else(|error| panic!("{error}"));
        let bed = Self::of(namespace, json!({ "name": "checkout", "rollout": "checkout" })).await;
        let rollouts = bed.api::<Rollout>();
        let steps = [Step::SetWeight(50), Step::pause()];
        rollouts.create(&Default::default(), &rollout("checkout", 2, Behaviour::Ready, &steps)).await.unwrap();
        until("two replicas", PATIENCE, async || {
            let status = rollouts.get("checkout").await.unwrap().status?;
            (status.phase == "Healthy" && status.available_replicas == 2).then_some(())
        })
        .await;
        bed
    }

    /// A fresh namespace, where the application is still to be made.
    pub(crate) async fn of(namespace: &str, application: Value) -> Self {
        let cluster = cluster().await;
        cluster.namespace(namespace).await.unwrap();
        let user = User::service_account("loadtest-conductor", "loadtest-conductor");
        let settings = json!({
            "cluster": { "kubeconfig": cluster.kubeconfig(&user).unwrap() },
            "namespace": namespace,
            "steadyFor": "1s",
            "freeze": { "owner": "team-shop" },
            "applications": [application],
        });
        Self {
            namespace: namespace.to_owned(),
            admin: cluster.client(&User::Admin).await.unwrap(),
            conductor: connect(settings.clone(), 1).await,
            run: format!("run-{namespace}").parse().unwrap(),
            applications: vec!["checkout".parse().unwrap()],
            settings,
        }
    }

    /// The conductor of an epoch, as a new process would have it, with settings besides those of all.
    pub(crate) async fn connect(&self, epoch: u64, besides: &Value) -> KubernetesEnvironment {
        let mut settings = self.settings.clone();
        settings.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
        connect(settings, epoch).await
    }

    /// The objects of a kind.
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        Api::namespaced(self.admin.clone(), &self.namespace)
    }

    /// What there is.
    pub(crate) async fn observe(&self) -> Baseline {
        let deployed = self.conductor.deployed(&self.applications).await.unwrap();
        let mut allocated = self.conductor.allocated(&self.applications).await.unwrap();
        let observed = |(name, Deployed { release, identity }): (ApplicationId, Deployed)| {
            let allocation = allocated.remove(&name).unwrap();
            (name, Observed { release, allocation, identity })
        };
        deployed.into_iter().map(observed).collect::<BTreeMap<_, _>>()
    }

    /// Calls kubectl as an administrator: what it says, on success or else as an error.
    pub(crate) async fn kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = cluster().await.kubectl(&User::Admin).unwrap();
        command.arg("--namespace").arg(&self.namespace).args(arguments);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

async fn connect(settings: Value, epoch: u64) -> KubernetesEnvironment {
    KubernetesEnvironment::connect(serde_json::from_value(settings).unwrap(), epoch).await.unwrap()
}

/// A time from now.
pub(crate) fn in_minutes(minutes: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_mins(minutes)
}

/// Every message of an error.
pub(crate) fn text(error: &PortError) -> String {
    Failure::of("", error).message
}
