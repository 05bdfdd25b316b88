//! An application that may be kept, and the writes by which a run is guarded and ends to be.

use std::time::Duration;

use conductor_core::guard::Guarded;
use conductor_core::ports::{EnvironmentGuard, FailureKind, PortError, Scaler};
use conductor_kubernetes::{Freezer, KubernetesEnvironment};
use conductor_kubernetes_bed::{
    Behaviour, FaultProxy, Tool, User, Verb, deployment, until, vertical_pod_autoscaler, vertical_resource,
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::bed::{Bed, PATIENCE, cluster, text};

/// What keeps the application.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kept {
    Nothing,
    By(Tool),
    /// A VerticalPodAutoscaler sizes its pods.
    Vertical,
}

impl Kept {
    pub(super) fn name(self) -> String {
        let name = match self {
            Self::By(tool) => format!("{tool:?}"),
            Self::Nothing | Self::Vertical => format!("{self:?}"),
        };
        name.to_lowercase()
    }
}

/// From what the way back is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum By {
    Journal,
    Cluster,
}

/// What is written of a guard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part {
    Lease,
    /// What keeps the application is marked, and not changed.
    Claim,
    Keeper,
    Timer,
    Freeze,
}

/// Which part of a guard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Act {
    Freeze,
    Extend,
    Thaw,
    /// The end of a guard of which a conductor finds nothing: another one before it may have sent a pause.
    Fence,
}

impl Act {
    /// Its writes, one after the other.
    pub(super) fn writes(self, kept: Kept) -> Vec<Part> {
        let all: &[Part] = match self {
            Self::Freeze => &[Part::Lease, Part::Keeper, Part::Timer, Part::Freeze],
            Self::Extend => &[Part::Lease, Part::Timer, Part::Freeze],
            Self::Thaw => &[Part::Freeze, Part::Timer, Part::Keeper, Part::Lease],
            Self::Fence => &[Part::Freeze, Part::Timer, Part::Claim, Part::Keeper, Part::Lease],
        };
        let is_there = |part: &Part| kept != Kept::Nothing || !matches!(part, Part::Claim | Part::Keeper);
        all.iter().copied().filter(is_there).collect()
    }

    /// A write, as a proxy sees it.
    pub(super) fn seen(self, part: Part, kept: Kept) -> (Verb, &'static str) {
        let resource = match (part, kept) {
            (Part::Lease, _) => "leases",
            (Part::Timer, _) => "jobs",
            (Part::Freeze, _) => "freezes",
            (Part::Claim | Part::Keeper, Kept::By(Tool::Kustomization)) => "kustomizations",
            (Part::Claim | Part::Keeper, Kept::By(Tool::HelmRelease)) => "helmreleases",
            (Part::Claim | Part::Keeper, Kept::By(Tool::Application)) => "applications",
            (Part::Claim | Part::Keeper, Kept::Vertical | Kept::Nothing) => "verticalpodautoscalers",
        };
        let deletes = matches!(self, Self::Thaw | Self::Fence) && !matches!(part, Part::Claim | Part::Keeper);
        (if deletes { Verb::Delete } else { Verb::Patch }, resource)
    }
}

/// An application, as it was before a run that is guarded.
pub(super) struct Scene {
    pub(super) bed: Bed,
    kept: Kept,
    before: Value,
    /// How long what is frozen stays so by itself.
    time: SignedDuration,
}

impl Scene {
    pub(super) async fn new(namespace: &str, kept: Kept, time: SignedDuration) -> Self {
        let bed = Bed::of(namespace, json!({ "name": "checkout" })).await;
        let mut made = json!(deployment("checkout", 1, Behaviour::Ready));
        if let Kept::By(tool) = kept {
            (made["apiVersion"], made["kind"]) = (json!("apps/v1"), json!("Deployment"));
            made["metadata"]["namespace"] = json!(namespace);
            let repository = cluster().await.git_ops(tool, namespace, "shop", vec![made]).await.unwrap();
            let keepers = Self::keepers(&bed, kept).unwrap().0;
            until("a keeper that says that all is as it should be", PATIENCE, async || {
                let keeper = keepers.get("shop").await.unwrap();
                tool.is_content(&json!(keeper)).then_some(())
            })
            .await;
            // From now on nothing happens but what the run does.
            drop(repository);
        } else {
            let made: Deployment = serde_json::from_value(made).unwrap();
            bed.api().create(&Default::default(), &made).await.unwrap();
        }
        if kept == Kept::Vertical {
            cluster().await.vertical().await.unwrap();
            let sizing = vertical_pod_autoscaler("checkout", &Value::Null);
            Self::keepers(&bed, kept).unwrap().0.create(&Default::default(), &sizing).await.unwrap();
        }
        let before = Self::look(&bed, kept).await;
        Self { bed, kept, before, time }
    }

    /// Where what keeps the application is, and what it is called.
    fn keepers(bed: &Bed, kept: Kept) -> Option<(Api<DynamicObject>, &'static str)> {
        let (kind, name) = match kept {
            Kept::Nothing => return None,
            Kept::By(tool) => (tool.resource(), "shop"),
            Kept::Vertical => (vertical_resource(), "checkout"),
        };
        Some((Api::namespaced_with(bed.admin.clone(), &bed.namespace, &kind), name))
    }

    /// What a run may change of the application and of what keeps it.
    async fn look(bed: &Bed, kept: Kept) -> Value {
        let mut deployment = bed.api::<Deployment>().get("checkout").await.unwrap();
        let annotations = deployment.metadata.annotations.get_or_insert_default();
        annotations.remove("deployment.kubernetes.io/revision");
        let mut seen = json!({ "deployment": [deployment.spec, annotations] });
        if let Some((keepers, name)) = Self::keepers(bed, kept) {
            let keeper = keepers.get(name).await.unwrap();
            let annotations = keeper.metadata.annotations.unwrap_or_default();
            seen["keeper"] = json!([keeper.data["spec"], annotations]);
        }
        seen
    }

    pub(super) async fn assert_as_before(&self, when: &str) {
        assert_eq!(Self::look(&self.bed, self.kept).await, self.before, "{}, {when}", self.bed.namespace);
    }

    /// The conductor of an epoch, as a new process would have it.
    pub(super) async fn conductor(&self, epoch: u64) -> KubernetesEnvironment {
        self.bed.connect(epoch, &json!({})).await
    }

    pub(super) async fn proxy(&self) -> FaultProxy {
        let user = User::service_account("loadtest-conductor", "loadtest-conductor");
        cluster().await.fault_proxy(&user).await.unwrap()
    }

    /// The same behind a proxy.
    pub(super) async fn behind(&self, proxy: &FaultProxy, epoch: u64) -> KubernetesEnvironment {
        self.bed.connect(epoch, &json!({ "cluster": { "kubeconfig": proxy.kubeconfig() } })).await
    }

    pub(super) async fn act(&self, conductor: &KubernetesEnvironment, act: Act) {
        let Bed { run, applications, .. } = &self.bed;
        let until = Timestamp::now() + self.time;
        match act {
            Act::Freeze => assert_eq!(conductor.freeze(run, applications, until).await.unwrap(), Guarded::Frozen),
            Act::Extend => conductor.extend(run, until).await.unwrap(),
            Act::Thaw | Act::Fence => conductor.thaw(run).await.unwrap(),
        }
    }

    /// The whole way back of a run that has changed nothing else, as the engine goes it. False where nothing is known of it.
    pub(super) async fn restore(&self, conductor: &KubernetesEnvironment, by: By) -> bool {
        let Bed { run, applications, .. } = &self.bed;
        if by == By::Cluster && !self.is_left(conductor).await {
            return false;
        }
        let freeze_is_gone = |error: &PortError| error.kind == FailureKind::NotFound;
        let sign = conductor.extend(run, Timestamp::now() + self.time).await;
        assert!(sign.as_ref().err().is_none_or(freeze_is_gone), "{sign:?}");
        conductor.let_go(run, applications).await.unwrap_or_else(|error| panic!("{}", text(&error)));
        conductor.thaw(run).await.unwrap_or_else(|error| panic!("{}", text(&error)));
        true
    }

    /// Whether the cluster tells of the run.
    pub(super) async fn is_left(&self, conductor: &KubernetesEnvironment) -> bool {
        let left = conductor.left_behind(&self.bed.applications).await.unwrap();
        left.contains_key(&self.bed.run)
    }

    /// The run's Lease: until when it says that the conductor lives.
    pub(super) async fn lease(&self) -> Option<Timestamp> {
        let leases: Api<Lease> = Api::namespaced(self.bed.admin.clone(), "loadtest-conductor");
        let spec = leases.get_opt(self.bed.run.as_str()).await.unwrap()?.spec.unwrap();
        let lasts = SignedDuration::from_secs(spec.lease_duration_seconds.unwrap().into());
        Some(spec.renew_time.unwrap().0 + lasts)
    }

    /// What there is of the freeze.
    pub(super) async fn frozen(&self) -> Vec<&'static str> {
        let run = self.bed.run.as_str();
        let freezer = Freezer::new(self.bed.admin.clone(), "loadtest-conductor").await.unwrap();
        let freeze = freezer.frozen().await.unwrap().iter().any(|one| one.run == run).then_some("Freeze");
        let jobs: Api<Job> = Api::namespaced(self.bed.admin.clone(), "loadtest-conductor");
        let timer = jobs.get_opt(&format!("freeze-{run}")).await.unwrap().map(|_| "Job");
        freeze.into_iter().chain(timer).collect()
    }

    /// Waits until nothing is left of the freeze, whatever ends it.
    pub(super) async fn await_end(&self, within: Duration) {
        until("the end of the freeze", within, async || self.frozen().await.is_empty().then_some(())).await;
    }
}
