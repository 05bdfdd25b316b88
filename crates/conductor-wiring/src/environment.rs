//! An environment: where the applications, the load generator and the test data are, and what counts as a KPI.

mod alongside;
mod kpis;
mod test_data;
mod violations;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use conductor_core::app::ApplicationId;
use conductor_core::guard::DriftPolicy;
use conductor_core::parity::{SeverityRule, Waiver};
use conductor_core::restore::ForeignPolicy;
use conductor_core::units::Span;
use conductor_ecs::EcsSettings;
use conductor_kubernetes::KubernetesSettings;
use conductor_local::{LocalSettings, PortMode};
use conductor_locust::LocustSettings;
use conductor_mocks::MockSettings;
use conductor_observe::{FiguresSettings, GrafanaSettings, SaturationSettings};
use serde::{Deserialize, Serialize};

use crate::environment::violations::violations;
use crate::input::{InputError, folder_of, read};
use crate::template::read_templates;
pub use alongside::Alongside;
pub use kpis::{CrossCheckSettings, KpiSettings, KpiSourceSettings};
pub use test_data::TestDataSettings;

/// An environment, as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentDocument {
    /// `loadtest-conductor.dev/v1alpha1`.
    pub api_version: String,
    /// `Environment`.
    pub kind: String,
    /// Name of the environment.
    pub metadata: EnvironmentMetadata,
    /// What is in it.
    pub spec: EnvironmentSpec,
}

/// What identifies an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentMetadata {
    /// The name by which load tests refer to it.
    pub name: String,
}

/// What is in an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentSpec {
    /// Applications that are processes of this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalSettings>,
    /// Applications on Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<KubernetesSettings>,
    /// Applications that are services of AWS ECS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecs: Option<EcsSettings>,
    /// What no load test has in scope and every one scales, such as mocks and load workers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alongside: Vec<Alongside>,
    /// The load generator.
    pub locust: LocustSettings,
    /// What counts as each KPI, by the KPI's name.
    pub kpis: BTreeMap<String, KpiSettings>,
    /// Where the figures of objectives come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<FiguresSettings>,
    /// How it is asked how much of what it may have each application uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saturation: Option<SaturationSettings>,
    /// Mocks that take the place of real dependencies for what is tagged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mocks: Vec<MockSettings>,
    /// The Grafana that shows runs of the environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grafana: Option<GrafanaSettings>,
    /// Where runs leave data.
    #[serde(default)]
    pub test_data: Vec<TestDataSettings>,
    /// What becomes of values that somebody else changed during a run.
    #[serde(default)]
    pub on_foreign_change: ForeignPolicy,
    /// What becomes of a run when somebody else changes an application while its load is generated.
    #[serde(default)]
    pub on_drift: DriftPolicy,
    /// How long after the way back of a run it is looked again whether everything stays as it was; `0s` for never.
    #[serde(default = "a_minute")]
    pub recheck_after: Span,
    /// What is known to differ from production.
    #[serde(default, skip_serializing_if = "ParitySettings::is_empty")]
    pub parity: ParitySettings,
}

const fn a_minute() -> Span {
    Span::minutes(1)
}

/// What is known to differ from production.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParitySettings {
    /// Differences that are accepted for a time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<Waiver>,
    /// How much differences matter here, where that is not as it is for others; of several that are about one the first holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub severities: Vec<SeverityRule>,
}

impl ParitySettings {
    fn is_empty(&self) -> bool {
        self.waivers.is_empty() && self.severities.is_empty()
    }
}

impl EnvironmentSpec {
    /// All applications, each with the path of its name.
    fn applications(&self) -> impl Iterator<Item = (String, &ApplicationId)> {
        let local = self.local.iter().flat_map(|local| &local.applications).map(|application| &application.name);
        let kubernetes =
            self.kubernetes.iter().flat_map(|found| &found.applications).map(|application| &application.name);
        let ecs = self.ecs.iter().flat_map(|found| &found.applications).map(|application| &application.name);
        let path = |substrate: &str, position| format!("{substrate}.applications[{position}].name");
        let local = local.enumerate().map(move |(position, name)| (path("local", position), name));
        let kubernetes = kubernetes.enumerate().map(move |(position, name)| (path("kubernetes", position), name));
        local.chain(kubernetes).chain(ecs.enumerate().map(move |(position, name)| (path("ecs", position), name)))
    }
}

/// An environment that can be used: checked, with every path absolute. It is kept in the journal of each of its runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub spec: EnvironmentSpec,
    /// The folder of the supervisor that runs its local applications.
    pub local_state: PathBuf,
}

impl Environment {
    /// Reads an environment from its file. Its local applications are supervised from a folder in `state_dir`.
    ///
    /// # Errors
    /// When the file cannot be read, or with everything that is wrong in it.
    pub fn read(file: &Path, state_dir: &Path) -> Result<Self, InputError> {
        let written = read::<EnvironmentDocument>(file)?;
        let violations = violations(&written.value);
        if !violations.is_empty() {
            return Err(written.refuse(&violations));
        }
        let EnvironmentDocument { metadata, mut spec, .. } = written.value;
        let folder = folder_of(file);
        spec.local = spec.local.map(|local| local.resolve(&folder));
        spec.kubernetes = spec.kubernetes.map(|kubernetes| kubernetes.resolve(&folder));
        spec.ecs = spec.ecs.map(|ecs| ecs.resolve(&folder));
        spec.kubernetes.as_mut().map_or(Ok(()), |kubernetes| read_templates(kubernetes, &folder))?;
        spec.test_data = spec.test_data.into_iter().map(|store| store.resolve(&folder)).collect();
        spec.kpis.values_mut().for_each(|kpi| kpi.resolve(&folder));
        spec.figures.iter_mut().for_each(|figures| figures.resolve(&folder));
        spec.saturation.iter_mut().for_each(|saturation| saturation.resolve(&folder));
        spec.grafana.iter_mut().for_each(|grafana| grafana.resolve(&folder));
        if let Some(ca_file) = &mut spec.locust.ca_file {
            *ca_file = folder.join(&*ca_file);
        }
        let local_state = state_dir.join("local").join(&metadata.name);
        Ok(Self { name: metadata.name, spec, local_state })
    }

    /// The applications that load tests may have in scope.
    pub fn catalogue(&self) -> Vec<ApplicationId> {
        let local = self.spec.local.iter().flat_map(conductor_local::catalogue);
        let kubernetes = self.spec.kubernetes.iter().flat_map(KubernetesSettings::catalogue);
        local.chain(kubernetes).chain(self.spec.ecs.iter().flat_map(EcsSettings::catalogue)).collect()
    }

    /// All applications, support included.
    pub fn applications(&self) -> Vec<ApplicationId> {
        self.spec.applications().map(|(_, name)| name.clone()).collect()
    }

    /// True when the application can have one replica at most, since replicas cannot share its port.
    pub(crate) fn is_exclusive(&self, application: &ApplicationId) -> bool {
        let mut local = self.spec.local.iter().flat_map(|local| &local.applications);
        local
            .find(|found| found.name == *application)
            .and_then(|found| found.port)
            .is_some_and(|port| port.mode == PortMode::Exclusive)
    }
}

#[cfg(test)]
#[path = "environment/tests.rs"]
mod tests;
