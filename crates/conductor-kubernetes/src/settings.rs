//! What an environment's file says about its clusters and the applications in them, and everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use conductor_core::app::ApplicationId;
use conductor_core::units::Span;
use serde::{Deserialize, Serialize};

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
    #[serde(default = "ten_seconds")]
    pub steady_for: Span,
    /// The conductor's own namespace, for its freezes and its signs of life. Default `loadtest-conductor`.
    #[serde(default = "conductors_namespace")]
    pub conductor_namespace: String,
    /// How others are kept from changing the applications during a run.
    #[serde(default)]
    pub freeze: FreezeSettings,
    /// How long a pod may wait for a node, which a cluster may first have to get. Default 10m.
    #[serde(default = "ten_minutes")]
    pub schedule_within: Span,
    /// The applications.
    pub applications: Vec<Application>,
}

/// How others are kept from changing the applications during a run: by the admission policy of `deploy/kubernetes/freeze`,
/// where the cluster has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FreezeSettings {
    /// Whom a denial names to be asked. Absent: the conductor's own user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Users who may change what is frozen all the same, since they carry a frozen owner's spec to the objects that it
    /// owns, such as `system:serviceaccount:keda:keda-operator`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controllers: Vec<String>,
    /// Users and groups who may change what is frozen in an emergency. The conductor's own user must not be among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub break_glass: Vec<String>,
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
    /// Production's namespace for a namespace of the test cluster; absent ones have the same name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub namespaces: BTreeMap<String, String>,
    /// True when production and test are in one cluster, which is refused otherwise.
    #[serde(default)]
    pub same_cluster: bool,
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
    /// The name of its Deployment. Absent: the application's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// Where it is in production, when not under the same names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_production: Option<Place>,
}

/// Where an application is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Place {
    /// The namespace.
    pub namespace: String,
    /// The name of the Deployment.
    pub deployment: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Deployment {}/{}", self.namespace, self.deployment)
    }
}

const fn ten_seconds() -> Span {
    Span::seconds(10)
}

fn conductors_namespace() -> String {
    "loadtest-conductor".to_owned()
}

const fn ten_minutes() -> Span {
    Span::seconds(600)
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
        Place {
            namespace: application.namespace.clone().unwrap_or_else(|| self.namespace.clone()),
            deployment: application.deployment.clone().unwrap_or_else(|| application.name.to_string()),
        }
    }

    /// Where an application is in production.
    pub fn place_in_production(&self, application: &Application) -> Place {
        if let Some(place) = &application.in_production {
            return place.clone();
        }
        let Place { namespace, deployment } = self.place(application);
        let namespaces = self.production.as_ref().map(|production| &production.namespaces);
        let namespace = namespaces.and_then(|known| known.get(&namespace).cloned()).unwrap_or(namespace);
        Place { namespace, deployment }
    }

    /// The applications that load tests may have in scope.
    pub fn catalogue(&self) -> Vec<ApplicationId> {
        self.applications.iter().filter(|application| !application.support).map(|found| found.name.clone()).collect()
    }

    /// Everything that is wrong, as field, problem and what would be right.
    pub fn violations(&self) -> Vec<(String, String, String)> {
        const NAME: &str =
            "1 to 253 lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit";
        let mut found = Vec::new();
        let mut add =
            |field: String, problem: String, expected: &str| found.push((field, problem, expected.to_owned()));
        if !is_label(&self.namespace) {
            add("namespace".to_owned(), format!("\"{}\" is not a name", self.namespace), LABEL);
        }
        if !is_label(&self.conductor_namespace) {
            let problem = format!("\"{}\" is not a name", self.conductor_namespace);
            add("conductorNamespace".to_owned(), problem, LABEL);
        }
        let mut names = BTreeSet::new();
        let mut places = BTreeMap::new();
        for (position, application) in self.applications.iter().enumerate() {
            let at = |field: &str| format!("applications[{position}].{field}");
            let name = &application.name;
            if !names.insert(name) {
                add(at("name"), format!("\"{name}\" is there twice"), "a name of its own for each application");
            }
            if let Some(namespace) = application.namespace.as_ref().filter(|name| !is_label(name)) {
                add(at("namespace"), format!("\"{namespace}\" is not a name"), LABEL);
            }
            let place = self.place(application);
            if !is_subdomain(&place.deployment) {
                let problem = format!("\"{}\" is not the name of a Deployment", place.deployment);
                let field = if application.deployment.is_some() { "deployment" } else { "name" };
                add(at(field), problem, if application.deployment.is_some() { NAME } else { "deployment: its name" });
            } else if let Some(other) = places.insert(place.clone(), name).filter(|other| *other != name) {
                add(at("deployment"), format!("{place} is \"{other}\" already"), "a Deployment of its own");
            }
        }
        found
    }
}

const LABEL: &str = "1 to 63 lower-case letters, digits or '-', beginning and ending with a letter or digit";

/// True for an RFC 1123 label, as namespaces are named.
fn is_label(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty() && name.len() <= 63 && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

/// True for an RFC 1123 subdomain, as most objects are named.
fn is_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
