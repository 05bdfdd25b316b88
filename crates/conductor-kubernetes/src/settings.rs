//! What an environment's file says about its clusters and the applications in them.

mod deploy;
mod layout;
pub(crate) mod releases;
mod scalable;
mod violations;
mod word_or;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use conductor_core::app::ApplicationId;
use conductor_core::units::Span;
use serde::{Deserialize, Serialize};

use crate::place::{Kind, Place};
use crate::registries::Registries;
use crate::rollout::{Steady, Troubles};

pub use self::deploy::{Deploy, DeployObject, PhaseSettings, Template};
pub use self::layout::{LayoutPods, LayoutSettings};
pub use self::releases::{ReleaseObject, Releases};
pub use self::scalable::ScalableObject;

/// The applications of an environment that run on Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubernetesSettings {
    /// The cluster that is written to.
    pub cluster: ClusterSettings,
    /// The cluster that tells what production runs; it is never written to. Absent: nobody may ask for production's state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production: Option<ProductionSettings>,
    /// The namespace of applications that name none.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// How long a workload must have stayed as it shall be before it counts as settled. Default 10s.
    #[serde(default = "steady_for")]
    pub steady_for: Span,
    /// The conductor's own namespace, for its freezes and its signs of life. Default `loadtest-conductor`.
    #[serde(default = "conductors_namespace")]
    pub conductor_namespace: String,
    /// How others are kept from changing the applications during a run.
    #[serde(default)]
    pub freeze: FreezeSettings,
    /// Whether what keeps the applications as a repository says, Flux or Argo CD, is paused during a run. Default true.
    #[serde(default = "yes")]
    pub pause_git_ops: bool,
    /// How long a pod may wait for a node, which a cluster may first have to get. Default 10m.
    #[serde(default = "schedule_within")]
    pub schedule_within: Span,
    /// How versions are put into the cluster. Default: the conductor sets the images.
    #[serde(default, skip_serializing_if = "Deploy::is_images")]
    pub deploy: Deploy,
    /// What else makes load or answers in place of others, and which nodes are kept for all of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<LayoutSettings>,
    /// The applications.
    pub applications: Vec<Application>,
}

/// How others are kept from changing the applications during a run: by the admission policy of `deploy/kubernetes/freeze`,
/// where the cluster has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FreezeSettings {
    /// Whom a denial names to be asked. Absent: the conductor's own user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Users who may change what is frozen all the same, since they carry a frozen owner's spec to the objects that it
    /// owns. Default: KEDA's, `system:serviceaccount:keda:keda-operator`, that of Argo Rollouts,
    /// `system:serviceaccount:argo-rollouts:argo-rollouts`, and that of StackSets,
    /// `system:serviceaccount:kube-system:stackset-controller`.
    #[serde(default = "usual_controllers")]
    pub controllers: Vec<String>,
    /// Users and groups who may change what is frozen in an emergency. The conductor's own user must not be among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub break_glass: Vec<String>,
}

impl Default for FreezeSettings {
    fn default() -> Self {
        Self { owner: None, controllers: usual_controllers(), break_glass: Vec::new() }
    }
}

/// How a cluster is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterSettings {
    /// The kubeconfig. Absent: the ServiceAccount of the pod that the conductor runs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<PathBuf>,
    /// The context in the kubeconfig. Absent: its current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// How many requests are sent in a second at most, of every kind. Absent: as many as are wanted, of which 16 at the same
    /// time may write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<u32>,
}

/// How production is reached, and where applications are there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProductionSettings {
    /// The kubeconfig. Absent: the ServiceAccount of the pod that the conductor runs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<PathBuf>,
    /// The context in the kubeconfig. Absent: its current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// How many requests are sent in a second at most. Absent: as many as are wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<u32>,
    /// Production's namespace for a namespace of the test cluster; absent ones have the same name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub namespaces: BTreeMap<String, String>,
    /// True when production and test are in one cluster, which is refused otherwise.
    #[serde(default)]
    pub same_cluster: bool,
    /// The annotation or label by which a delivery system says on pods, their template or the workload which of its
    /// deployments they are of. Absent: nothing tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy_id_annotation: Option<String>,
    /// What tells which versions production runs. Default: the workloads themselves.
    #[serde(default, skip_serializing_if = "Releases::is_workload")]
    pub releases: Releases,
    /// From where the test cluster pulls what production pulls from elsewhere.
    #[serde(default, skip_serializing_if = "Registries::is_empty")]
    pub registries: Registries,
}

/// One application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Application {
    /// Its name in load tests.
    pub name: ApplicationId,
    /// True for what belongs to the environment but never to a load test's scope, such as load workers.
    #[serde(default)]
    pub support: bool,
    /// Its namespace. Absent: the environment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name of its Deployment. Absent: the application's name, unless it is something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// The name of its StatefulSet, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stateful_set: Option<String>,
    /// The name of its Rollout of Argo Rollouts, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<String>,
    /// The name of its StackSet, where it is one: its Stack with the traffic counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_set: Option<String>,
    /// An object of another kind with a scale subresource, where it is one: its replicas are changed and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scalable: Option<ScalableObject>,
    /// True for a StatefulSet that may be scaled although that deletes the volumes of the replicas that go.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_volume_deletion: bool,
    /// How its versions are put into the cluster. Absent: as with the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy: Option<Deploy>,
    /// Where it is in production, when not under the same names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_production: Option<InProduction>,
}

/// What is other in production about where an application is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InProduction {
    /// Its namespace. Absent: as in the test cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name of its Deployment. Absent, and nothing else either: as in the test cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// The name of its StatefulSet, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stateful_set: Option<String>,
    /// The name of its Rollout of Argo Rollouts, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<String>,
    /// The name of its StackSet, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_set: Option<String>,
    /// An object of a custom kind with a scale subresource, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scalable: Option<ScalableObject>,
    /// What tells which versions it runs. Absent: as with the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub releases: Option<Releases>,
}

const fn yes() -> bool {
    true
}

fn usual_controllers() -> Vec<String> {
    ["keda:keda-operator", "argo-rollouts:argo-rollouts", "kube-system:stackset-controller"]
        .map(|account| format!("system:serviceaccount:{account}"))
        .to_vec()
}

fn steady_for() -> Span {
    Steady::HOLD.into()
}

fn schedule_within() -> Span {
    Troubles::SCHEDULE_WITHIN.into()
}

fn conductors_namespace() -> String {
    "loadtest-conductor".to_owned()
}

fn default_namespace() -> String {
    "default".to_owned()
}

impl KubernetesSettings {
    /// The settings with every path absolute; relative ones are relative to `folder`.
    #[must_use]
    pub fn resolve(mut self, folder: &Path) -> Self {
        let production = self.production.iter_mut().filter_map(|production| production.kubeconfig.as_mut());
        for path in self.cluster.kubeconfig.iter_mut().chain(production) {
            *path = folder.join(&*path);
        }
        self
    }

    /// Where an application is in the test cluster.
    pub fn place(&self, application: &Application) -> Place {
        let named = application.names().into_iter().next();
        let (kind, name) = named.unwrap_or((Kind::Deployment, application.name.as_str()));
        let namespace = application.namespace.clone().unwrap_or_else(|| self.namespace.clone());
        Place { namespace, kind, name: name.to_owned() }
    }

    /// Where an application is in production.
    pub fn place_in_production(&self, application: &Application) -> Place {
        let Place { namespace, kind, name } = self.place(application);
        let namespaces = self.production.as_ref().map(|production| &production.namespaces);
        let namespace = namespaces.and_then(|known| known.get(&namespace).cloned()).unwrap_or(namespace);
        let other = application.in_production.clone().unwrap_or_default();
        let (kind, name) = other.names().into_iter().next().unwrap_or((kind, &name));
        Place { kind, name: name.to_owned(), namespace: other.namespace.unwrap_or(namespace) }
    }

    /// The object in production that tells which versions an application runs, where one does.
    pub(crate) fn release_object<'a>(&'a self, application: &'a Application) -> Option<&'a ReleaseObject> {
        if application.scalable_in_production().is_some() {
            return None;
        }
        let own = application.in_production.as_ref().and_then(|other| other.releases.as_ref());
        own.or_else(|| self.production.as_ref().map(|production| &production.releases))?.object()
    }

    /// The applications that load tests may have in scope.
    pub fn catalogue(&self) -> Vec<ApplicationId> {
        self.applications.iter().filter(|application| !application.support).map(|found| found.name.clone()).collect()
    }
}

/// The names of a workload that are said, by kind; there should be one at most.
type Names<'a> = Vec<(Kind, &'a str)>;

impl Application {
    fn names(&self) -> Names<'_> {
        names([&self.deployment, &self.stateful_set, &self.rollout, &self.stack_set], self.scalable.as_ref())
    }
}

impl InProduction {
    fn names(&self) -> Names<'_> {
        names([&self.deployment, &self.stateful_set, &self.rollout, &self.stack_set], self.scalable.as_ref())
    }
}

fn names<'a>(known: [&'a Option<String>; 4], scalable: Option<&'a ScalableObject>) -> Names<'a> {
    let kinds = [Kind::Deployment, Kind::StatefulSet, Kind::Rollout, Kind::StackSet];
    let known = kinds.into_iter().zip(known).filter_map(|(kind, name)| Some((kind, name.as_deref()?)));
    known.chain(scalable.map(|object| (object.workload_kind(), object.name.as_str()))).collect()
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
