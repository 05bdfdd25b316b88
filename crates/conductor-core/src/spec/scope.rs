//! The scope of a test: which applications of the environment's catalogue take part, and with which choices.

use serde::{Deserialize, Serialize};

use super::{LoadTestSpec, LoadWorkers, ScaleChoice, SpecError, VersionChoice, Violation};
use crate::app::ApplicationId;

/// The applications that take part, each with its choices.
pub type Scope = Vec<Intent>;

/// What one application shall become for the time of the test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// The application.
    pub application: ApplicationId,
    /// Its version.
    pub version: VersionChoice,
    /// Its allocation.
    pub scale: ScaleChoice,
    /// True for what is no application under test: it is scaled with every test, and compared with nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub support: bool,
}

impl Intent {
    /// An application under test.
    pub const fn new(application: ApplicationId, version: VersionChoice, scale: ScaleChoice) -> Self {
        Self { application, version, scale, support: false }
    }
}

pub(super) fn resolve(spec: &LoadTestSpec, catalogue: &[ApplicationId]) -> Result<Scope, SpecError> {
    let intent = |name: &ApplicationId, version: Option<&VersionChoice>, scale: Option<ScaleChoice>| {
        Intent::new(name.clone(), version.unwrap_or(&spec.version).clone(), scale.unwrap_or(spec.scale))
    };
    if spec.applications.is_empty() {
        let workers = spec.load.workers.as_ref().map(|workers| &workers.application);
        let others = catalogue.iter().filter(|name| Some(*name) != workers);
        return Ok(others.map(|name| intent(name, None, None)).collect());
    }
    let unknown = |(position, name): (usize, &ApplicationId)| Violation {
        field: format!("spec.applications[{position}].name"),
        problem: format!("\"{name}\" is not in the catalogue of environment \"{}\"", spec.environment),
        expected: expected(catalogue),
    };
    let violations: Vec<Violation> = spec
        .applications
        .iter()
        .map(|choice| &choice.name)
        .enumerate()
        .filter(|(_, name)| !catalogue.contains(name))
        .map(unknown)
        .collect();
    if !violations.is_empty() {
        return Err(SpecError { violations });
    }
    Ok(spec.applications.iter().map(|choice| intent(&choice.name, choice.version.as_ref(), choice.scale)).collect())
}

pub(super) fn check_workers(spec: &LoadTestSpec, applications: &[ApplicationId]) -> Result<(), SpecError> {
    let absent = |workers: &&LoadWorkers| !applications.contains(&workers.application);
    let Some(workers) = spec.load.workers.as_ref().filter(absent) else { return Ok(()) };
    let violation = Violation {
        field: "spec.load.workers.application".to_owned(),
        problem: format!("\"{}\" is not an application of environment \"{}\"", workers.application, spec.environment),
        expected: expected(applications),
    };
    Err(SpecError { violations: vec![violation] })
}

/// Names the catalogue, shortened where it is long.
fn expected(catalogue: &[ApplicationId]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<&str> = catalogue.iter().take(SHOWN).map(ApplicationId::as_str).collect();
    match catalogue.len().saturating_sub(SHOWN) {
        0 if shown.is_empty() => "no application, since the catalogue is empty".to_owned(),
        0 => format!("one of {}", shown.join(", ")),
        more => format!("one of {} and {more} more", shown.join(", ")),
    }
}
