//! Everything that is wrong with an environment as it is written.

use std::collections::BTreeMap;

use conductor_core::app::ApplicationId;
use conductor_core::spec::Violation;
use conductor_core::units::Span;
use conductor_ecs::EcsSettings;
use conductor_kubernetes::KubernetesSettings;
use conductor_local::LocalSettings;
use conductor_observe::{FiguresSettings, GrafanaSettings, SaturationSettings};

use super::{EnvironmentDocument, EnvironmentSpec, alongside, test_data};
use crate::kind::of_another_kind;

/// The `kind` of an environment.
const KIND: &str = "Environment";
/// The latest time for the second look: the environment is in use until then.
const LATEST_RECHECK: Span = Span::minutes(60);

pub(super) fn violations(document: &EnvironmentDocument) -> Vec<Violation> {
    let mut found = of_another_kind(&document.api_version, &document.kind, KIND, "an environment");
    let mut add = |field: &str, problem: String, expected: &str| {
        found.push(Violation { field: field.to_owned(), problem, expected: expected.to_owned() });
    };
    let name = &document.metadata.name;
    if name.parse::<ApplicationId>().is_err() || name.contains('/') {
        add(
            "metadata.name",
            format!("\"{name}\" is not a name"),
            "1 to 128 letters, digits, '-', '_' or '.', beginning with a letter or digit",
        );
    }
    if document.spec.kpis.is_empty() {
        add(
            "spec.kpis",
            "it is empty".to_owned(),
            "at least one KPI, such as orders: { request: { method: POST, name: /orders } }",
        );
    }
    for (name, kpi) in &document.spec.kpis {
        for (field, problem, expected) in kpi.violations() {
            add(&format!("spec.kpis.{name}.{field}"), problem, &expected);
        }
    }
    let EnvironmentSpec { local, kubernetes, ecs, recheck_after, .. } = &document.spec;
    if *recheck_after > LATEST_RECHECK {
        let problem = format!("{recheck_after} is longer than an hour");
        add("spec.recheckAfter", problem, "at most 1h, or 0s for no second look");
    }
    if local.is_none() && kubernetes.is_none() && ecs.is_none() {
        add("spec", "it has no applications".to_owned(), "local, kubernetes or ecs, or several of them");
    }
    for (field, problem, expected) in local.iter().flat_map(LocalSettings::violations) {
        add(&format!("spec.local.{field}"), problem, &expected);
    }
    for (field, problem, expected) in kubernetes.iter().flat_map(KubernetesSettings::violations) {
        add(&format!("spec.kubernetes.{field}"), problem, &expected);
    }
    for (field, problem, expected) in ecs.iter().flat_map(EcsSettings::violations) {
        add(&format!("spec.ecs.{field}"), problem, &expected);
    }
    for (position, waiver) in document.spec.parity.waivers.iter().enumerate() {
        let field = |field: &str| format!("spec.parity.waivers[{position}].{field}");
        for (name, problem, expected) in waiver.violations() {
            add(&field(name), problem, &expected);
        }
        let is_unknown = |name: &&ApplicationId| document.spec.applications().all(|(_, known)| known != *name);
        if let Some(name) = waiver.application.as_ref().filter(is_unknown) {
            let expected = "one of them, or none for all of them and the cluster";
            add(&field("application"), format!("\"{name}\" is no application of the environment"), expected);
        }
    }
    for (position, rule) in document.spec.parity.severities.iter().enumerate() {
        let field = |field: &str| format!("spec.parity.severities[{position}].{field}");
        for (name, problem, expected) in rule.violations() {
            add(&field(name), problem, &expected);
        }
        let is_unknown = |name: &&ApplicationId| document.spec.applications().all(|(_, known)| known != *name);
        if let Some(name) = rule.application.as_ref().filter(is_unknown) {
            let expected = "one of them, or none for all of them and the cluster";
            add(&field("application"), format!("\"{name}\" is no application of the environment"), expected);
        }
    }
    for (field, problem, expected) in alongside::violations(&document.spec) {
        add(&format!("spec.{field}"), problem, expected);
    }
    for (field, problem, expected) in document.spec.figures.iter().flat_map(FiguresSettings::violations) {
        add(&format!("spec.figures.{field}"), problem, &expected);
    }
    for (field, problem, expected) in document.spec.saturation.iter().flat_map(SaturationSettings::violations) {
        add(&format!("spec.saturation.{field}"), problem, &expected);
    }
    for (position, mock) in document.spec.mocks.iter().enumerate() {
        for (field, problem, expected) in mock.violations() {
            add(&format!("spec.mocks[{position}].{field}"), problem, &expected);
        }
        if document.spec.mocks[..position].iter().any(|other| other.name == mock.name) {
            let problem = format!("\"{}\" is there twice", mock.name);
            add(&format!("spec.mocks[{position}].name"), problem, "a name of its own for each mock");
        }
    }
    for (field, problem, expected) in document.spec.grafana.iter().flat_map(GrafanaSettings::violations) {
        add(&format!("spec.grafana.{field}"), problem, &expected);
    }
    for (field, problem, expected) in test_data::violations(&document.spec.test_data) {
        add(&format!("spec.{field}"), problem, &expected);
    }
    let mut substrates = BTreeMap::new();
    for (field, name) in document.spec.applications() {
        let substrate = field.split('.').next().unwrap_or_default().to_owned();
        if substrates.insert(name, substrate.clone()).is_some_and(|other| other != substrate) {
            add(
                &format!("spec.{field}"),
                format!("\"{name}\" is there twice"),
                "a name of its own for each application",
            );
        }
    }
    found
}
