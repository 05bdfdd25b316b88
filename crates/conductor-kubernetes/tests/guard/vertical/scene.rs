//! An application with a VerticalPodAutoscaler, and what a run does to it.

use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::failure::Failure;
use conductor_core::phase::Changes;
use conductor_core::ports::{Deployer, EnvironmentGuard, Scaler, Way};
use conductor_core::restore::{ForeignPolicy, RestorePlan};
use conductor_core::scale::{Baseline, Observed, Plan, ScaleStep};
use conductor_kubernetes::KubernetesEnvironment;
use conductor_kubernetes_bed::{FaultProxy, User, vertical_pod_autoscaler, vertical_resource};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::bed::{Bed, cluster, in_minutes};

/// From what the way back is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum By {
    Journal,
    Cluster,
}

/// `checkout`, whose pods are sized by a policy, and a run that changes it.
pub(super) struct Scene {
    pub(super) bed: Bed,
    changes: Changes,
    before: Value,
}

impl Scene {
    /// The run sets resources, or three replicas and nothing else.
    pub(super) async fn new(namespace: &str, policy: &Value, sets_resources: bool) -> Self {
        cluster().await.vertical().await.unwrap();
        let mut bed = Bed::new(namespace).await;
        bed.conductor = bed.connect(1, &json!({})).await;
        let scene = Self { before: Value::Null, changes: nothing(), bed };
        scene.make("checkout", policy).await;
        let baseline = scene.observe(&scene.bed.conductor).await;
        let from = baseline["checkout"].allocation.clone();
        let mut to = Allocation { replicas: 3, ..from.clone() };
        if sets_resources {
            to = from.clone();
            to.resources.insert("main".to_owned(), [("requests.cpu".to_owned(), "1".parse().unwrap())].into());
        }
        let step = ScaleStep { application: scene.bed.applications[0].clone(), from, to };
        let changes = Changes { baseline, plan: Plan { rollouts: Vec::new(), scale_steps: vec![step] } };
        Self { before: scene.everything().await, changes, ..scene }
    }

    /// Another one for the same application.
    pub(super) async fn make(&self, name: &str, policy: &Value) {
        let mut made = vertical_pod_autoscaler("checkout", policy);
        made.metadata.name = Some(name.to_owned());
        self.objects().create(&Default::default(), &made).await.unwrap();
    }

    pub(super) fn objects(&self) -> Api<DynamicObject> {
        Api::namespaced_with(self.bed.admin.clone(), &self.bed.namespace, &vertical_resource())
    }

    /// The update policy as it is.
    pub(super) async fn policy(&self) -> Value {
        self.objects().get("checkout").await.unwrap().data["spec"]["updatePolicy"].clone()
    }

    pub(super) async fn mode(&self) -> String {
        self.policy().await["updateMode"].as_str().unwrap_or("absent").to_owned()
    }

    pub(super) fn step(&self) -> &ScaleStep {
        &self.changes.plan.scale_steps[0]
    }

    /// What a run may have changed.
    async fn everything(&self) -> Value {
        let vertical = self.objects().get("checkout").await.unwrap();
        let deployment = self.bed.api::<Deployment>().get("checkout").await.unwrap();
        let mut annotations = deployment.metadata.annotations.unwrap_or_default();
        annotations.remove("deployment.kubernetes.io/revision");
        json!({
            "vertical": vertical.data["spec"],
            "annotations": [vertical.metadata.annotations, annotations],
            "deployment": deployment.spec,
        })
    }

    pub(super) async fn assert_as_before(&self, when: &str) {
        assert_eq!(self.everything().await, self.before, "{}, {when}", self.bed.namespace);
    }

    /// The conductor of an epoch behind a proxy, where nothing is frozen.
    pub(super) async fn behind(&self, proxy: &FaultProxy, epoch: u64) -> KubernetesEnvironment {
        self.unfrozen(epoch, proxy.kubeconfig()).await
    }

    /// The conductor of an epoch, where nothing is frozen.
    pub(super) async fn open(&self, epoch: u64) -> KubernetesEnvironment {
        self.unfrozen(epoch, &cluster().await.kubeconfig(&User::Admin).unwrap()).await
    }

    async fn unfrozen(&self, epoch: u64, kubeconfig: &std::path::Path) -> KubernetesEnvironment {
        let besides = json!({ "cluster": { "kubeconfig": kubeconfig }, "conductorNamespace": "nowhere" });
        self.bed.connect(epoch, &besides).await
    }

    async fn observe(&self, conductor: &KubernetesEnvironment) -> Baseline {
        let deployed = conductor.deployed(&self.bed.applications).await.unwrap();
        let mut allocated = conductor.still_allocated(&self.bed.applications).await.unwrap();
        let all = deployed.into_iter().map(|(name, deployed)| {
            let allocation = allocated.remove(&name).unwrap();
            (name, Observed { release: deployed.release, allocation, identity: deployed.identity })
        });
        all.collect()
    }

    pub(super) async fn freeze(&self, conductor: &KubernetesEnvironment) {
        conductor.freeze(&self.bed.run, &self.bed.applications, in_minutes(15)).await.unwrap();
    }

    pub(super) async fn scale(&self, conductor: &KubernetesEnvironment) {
        let done = conductor.scale(&self.bed.run, self.step(), Way::There).await;
        done.unwrap_or_else(|error| panic!("{}", Failure::of("", &error)));
    }

    pub(super) async fn scale_back(&self, conductor: &KubernetesEnvironment) {
        let ScaleStep { application, from, to } = self.step().clone();
        let back = ScaleStep { application, from: to, to: from };
        conductor.scale(&self.bed.run, &back, Way::Back).await.unwrap();
    }

    /// The whole way back, in the order of the engine. False where nothing of the run is known.
    pub(super) async fn restore(&self, conductor: &KubernetesEnvironment, by: By) -> bool {
        let changes = match by {
            By::Journal => self.changes.clone(),
            By::Cluster => {
                let mut left = conductor.left_behind(&self.bed.applications).await.unwrap();
                let Some(left) = left.remove(&self.bed.run) else { return false };
                left.changes
            }
        };
        let found = self.observe(conductor).await;
        for step in RestorePlan::make(&changes, &found, ForeignPolicy::Report).scale_steps {
            conductor.scale(&self.bed.run, &step, Way::Back).await.unwrap();
        }
        let names: Vec<ApplicationId> = changes.plan.applications().into_iter().cloned().collect();
        conductor.let_go(&self.bed.run, &names).await.unwrap();
        conductor.thaw(&self.bed.run).await.unwrap();
        true
    }
}

fn nothing() -> Changes {
    Changes { baseline: Baseline::new(), plan: Plan::default() }
}
