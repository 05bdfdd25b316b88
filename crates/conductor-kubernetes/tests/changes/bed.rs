//! One cluster for all tests of this folder; each test has a namespace of its own, and a run of its own.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::failure::Failure;
use conductor_core::phase::Changes;
use conductor_core::ports::{Deployed, Deployer, LeftBehind, PortError, Scaler, Way};
use conductor_core::restore::{ForeignPolicy, RestorePlan};
use conductor_core::run::RunId;
use conductor_core::scale::{Baseline, Observed, Plan};
use conductor_kubernetes::{KubernetesEnvironment, KubernetesSettings};
use conductor_kubernetes_bed::{Cluster, ClusterSettings, FaultProxy, User};
use k8s_openapi::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// What the conductor may do, as it is shipped.
const RIGHTS: [&str; 4] = [
    include_str!("../../../../deploy/kubernetes/conductor.yaml"),
    include_str!("../../../../deploy/kubernetes/production-reader.yaml"),
    include_str!("../../../../deploy/kubernetes/scalable.yaml"),
    include_str!("../../../../deploy/kubernetes/delivery.yaml"),
];

/// The cluster. Its processes end with this one: it is never dropped.
pub(crate) async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    let start = async || {
        let cluster = Cluster::start(ClusterSettings::default()).await.unwrap_or_else(|error| panic!("{error}"));
        for rights in RIGHTS {
            kubectl_of(&cluster, "loadtest-conductor", &["apply", "--filename=-"], rights).await;
        }
        cluster
    };
    CLUSTER.get_or_init(start).await
}

/// Whom the rights are of.
pub(crate) fn conductor() -> User {
    User::service_account("loadtest-conductor", "loadtest-conductor")
}

/// A namespace and its applications, with a run that changes them.
pub(crate) struct Bed {
    pub(crate) namespace: String,
    pub(crate) admin: Client,
    pub(crate) run: RunId,
    pub(crate) applications: Vec<ApplicationId>,
    settings: Value,
}

/// What came of a way back.
#[derive(Debug, PartialEq)]
pub(crate) struct Restored {
    /// What somebody else has changed, for people.
    pub(crate) foreign: Vec<String>,
    /// What could not be done, for people.
    pub(crate) failures: Vec<String>,
}

impl Bed {
    /// A fresh namespace with these applications, each a Deployment of the same name.
    pub(crate) async fn new(namespace: &str, applications: &[&str]) -> Self {
        let applications: Vec<Value> = applications.iter().map(|name| json!({ "name": name })).collect();
        Self::of(namespace, &applications).await
    }

    /// A fresh namespace with these applications, as settings have them.
    pub(crate) async fn of(namespace: &str, applications: &[Value]) -> Self {
        let cluster = cluster().await;
        cluster.namespace(namespace).await.unwrap();
        let kubeconfig = cluster.kubeconfig(&conductor()).unwrap();
        let settings = json!({
            "cluster": { "kubeconfig": kubeconfig },
            "namespace": namespace,
            "steadyFor": "100ms",
            "scheduleWithin": "2s",
            "applications": applications,
        });
        Self {
            namespace: namespace.to_owned(),
            admin: cluster.client(&User::Admin).await.unwrap(),
            run: format!("run-{namespace}").parse().unwrap(),
            applications: applications.iter().map(|one| one["name"].as_str().unwrap().parse().unwrap()).collect(),
            settings,
        }
    }

    /// The same with more, or other, settings.
    pub(crate) fn with(mut self, more: &Value) -> Self {
        json_patch::merge(&mut self.settings, more);
        self
    }

    /// The conductor of this epoch, as a new process would have it.
    pub(crate) async fn conductor(&self, epoch: u64) -> KubernetesEnvironment {
        self.connect(&self.settings, epoch).await
    }

    /// A proxy for a conductor.
    pub(crate) async fn proxy(&self) -> FaultProxy {
        cluster().await.fault_proxy(&conductor()).await.unwrap()
    }

    /// The conductor of this epoch, behind a proxy.
    pub(crate) async fn behind(&self, proxy: &FaultProxy, epoch: u64) -> KubernetesEnvironment {
        self.by_way_of(proxy.kubeconfig(), epoch).await
    }

    /// The conductor of this epoch, led to the cluster by this kubeconfig.
    pub(crate) async fn by_way_of(&self, kubeconfig: &Path, epoch: u64) -> KubernetesEnvironment {
        let mut settings = self.settings.clone();
        settings["cluster"]["kubeconfig"] = json!(kubeconfig);
        self.connect(&settings, epoch).await
    }

    async fn connect(&self, settings: &Value, epoch: u64) -> KubernetesEnvironment {
        let settings: KubernetesSettings = serde_json::from_value(settings.clone()).unwrap();
        assert_eq!(settings.violations(), []);
        KubernetesEnvironment::connect(settings, epoch).await.unwrap_or_else(|error| panic!("{}", text(&error)))
    }

    /// `kubectl` in the namespace, called by an admin; with what it is to read. It must succeed.
    pub(crate) async fn kubectl(&self, arguments: &[&str], input: &str) -> String {
        kubectl(&self.namespace, arguments, input).await
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
        self.try_observe(conductor).await.unwrap_or_else(|error| panic!("{}", text(&error)))
    }

    /// What there is, if it can be said.
    pub(crate) async fn try_observe(&self, conductor: &KubernetesEnvironment) -> Result<Baseline, PortError> {
        self.observed(conductor, conductor.allocated(&self.applications).await?).await
    }

    /// The same in a run that has begun.
    async fn look_again(&self, conductor: &KubernetesEnvironment) -> Result<Baseline, PortError> {
        self.observed(conductor, conductor.still_allocated(&self.applications).await?).await
    }

    async fn observed(
        &self,
        conductor: &KubernetesEnvironment,
        mut allocated: BTreeMap<ApplicationId, Allocation>,
    ) -> Result<Baseline, PortError> {
        let deployed = conductor.deployed(&self.applications).await?;
        let observed = |(application, Deployed { release, identity }): (ApplicationId, Deployed)| {
            let allocation = allocated.remove(&application).unwrap();
            (application, Observed { release, allocation, identity })
        };
        Ok(deployed.into_iter().map(observed).collect())
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
        let Restored { foreign, failures } = self.try_restore(conductor, changes).await;
        assert_eq!(failures, [""; 0]);
        foreign
    }

    /// Puts back what a run has changed, as far as that can be done, in the order of the engine.
    pub(crate) async fn try_restore(&self, conductor: &KubernetesEnvironment, changes: &Changes) -> Restored {
        let names: Vec<ApplicationId> = changes.plan.applications().into_iter().cloned().collect();
        let found = match self.look_again(conductor).await {
            Ok(found) => found,
            Err(error) => return Restored { foreign: Vec::new(), failures: vec![text(&error)] },
        };
        let plan = RestorePlan::make(changes, &found, ForeignPolicy::Report);
        let mut failures: Vec<String> = plan.missing.iter().map(|name| format!("{name} is gone")).collect();
        for step in &plan.scale_steps {
            failures.extend(conductor.scale(&self.run, step, Way::Back).await.err().as_ref().map(text));
        }
        for rollout in &plan.rollouts {
            failures.extend(conductor.roll_out(&self.run, rollout, Way::Back).await.err().as_ref().map(text));
        }
        failures.extend(conductor.let_go(&self.run, &names).await.err().as_ref().map(text));
        match self.look_again(conductor).await {
            Ok(found) => {
                let left = RestorePlan::make(changes, &found, ForeignPolicy::Report);
                failures.extend(left.scale_steps.iter().map(|step| format!("{step} is still to be put back")));
                failures.extend(left.rollouts.iter().map(|rollout| format!("{rollout} is still to be put back")));
            }
            Err(error) => failures.push(text(&error)),
        }
        Restored { foreign: plan.foreign.iter().map(ToString::to_string).collect(), failures }
    }

    /// Puts back what the run has left at its applications, without its journal. False when it has left nothing.
    pub(crate) async fn restore_from_cluster(&self, conductor: &KubernetesEnvironment) -> bool {
        let mut left = self.left_behind(conductor).await;
        let Some(LeftBehind { changes, .. }) = left.remove(&self.run) else { return false };
        assert_eq!(self.restore(conductor, &changes).await, [""; 0]);
        true
    }

    /// What runs have left at the applications.
    pub(crate) async fn left_behind(&self, conductor: &KubernetesEnvironment) -> BTreeMap<RunId, LeftBehind> {
        conductor.left_behind(&self.applications).await.unwrap_or_else(|error| panic!("{}", text(&error)))
    }
}

/// `kubectl` in a namespace, called by an admin; with what it is to read. It must succeed.
pub(crate) async fn kubectl(namespace: &str, arguments: &[&str], input: &str) -> String {
    kubectl_of(cluster().await, namespace, arguments, input).await
}

async fn kubectl_of(cluster: &Cluster, namespace: &str, arguments: &[&str], input: &str) -> String {
    let mut command = cluster.kubectl(&User::Admin).unwrap();
    command.args(["--namespace", namespace]).args(arguments).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let (input, arguments) = (input.to_owned(), arguments.join(" "));
    let called = tokio::task::spawn_blocking(move || {
        let mut process = command.spawn().unwrap();
        process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        process.wait_with_output().unwrap()
    });
    let output = called.await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {arguments}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Every message of an error.
pub(crate) fn text(error: &PortError) -> String {
    Failure::of("", error).message
}
