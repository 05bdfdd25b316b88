//! An environment: where the applications, the load generator and the test data are, and what counts as a KPI.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use conductor_core::app::ApplicationId;
use conductor_core::guard::DriftPolicy;
use conductor_core::parity::Waiver;
use conductor_core::restore::ForeignPolicy;
use conductor_core::spec::{API_VERSION, Violation};
use conductor_core::units::Span;
use conductor_kubernetes::KubernetesSettings;
use conductor_local::{LocalSettings, PortMode};
use conductor_locust::{KpiEvent, LocustSettings};
use conductor_testdata::SqliteTestDataSettings;
use serde::{Deserialize, Serialize};

use crate::input::{InputError, read};

/// The `kind` of an environment.
const KIND: &str = "Environment";
/// The latest time for the second look: the environment is in use until then.
const LATEST_RECHECK: Span = Span::minutes(60);

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
    /// The load generator.
    pub locust: LocustSettings,
    /// What counts as each KPI, by the KPI's name.
    pub kpis: BTreeMap<String, KpiEvent>,
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
}

impl ParitySettings {
    fn is_empty(&self) -> bool {
        self.waivers.is_empty()
    }
}

impl EnvironmentSpec {
    /// All applications, each with the path of its name.
    fn applications(&self) -> impl Iterator<Item = (String, &ApplicationId)> {
        let local = self.local.iter().flat_map(|local| &local.applications).map(|application| &application.name);
        let kubernetes =
            self.kubernetes.iter().flat_map(|found| &found.applications).map(|application| &application.name);
        let path = |substrate: &str, position| format!("{substrate}.applications[{position}].name");
        let local = local.enumerate().map(move |(position, name)| (path("local", position), name));
        local.chain(kubernetes.enumerate().map(move |(position, name)| (path("kubernetes", position), name)))
    }
}

/// A store in which runs leave data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum TestDataSettings {
    /// A SQLite file.
    Sqlite(SqliteTestDataSettings),
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
        for TestDataSettings::Sqlite(store) in &mut spec.test_data {
            store.path = folder.join(&store.path);
        }
        if let Some(ca_file) = &mut spec.locust.ca_file {
            *ca_file = folder.join(&*ca_file);
        }
        let local_state = state_dir.join("local").join(&metadata.name);
        Ok(Self { name: metadata.name, spec, local_state })
    }

    /// The applications that load tests may have in scope.
    pub fn catalogue(&self) -> Vec<ApplicationId> {
        let local = self.spec.local.iter().flat_map(conductor_local::catalogue);
        local.chain(self.spec.kubernetes.iter().flat_map(KubernetesSettings::catalogue)).collect()
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

/// The folder that relative paths of a file are relative to.
fn folder_of(file: &Path) -> PathBuf {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    file.parent().map(Path::to_owned).unwrap_or_default()
}

fn violations(document: &EnvironmentDocument) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut add = |field: &str, problem: String, expected: &str| {
        found.push(Violation { field: field.to_owned(), problem, expected: expected.to_owned() });
    };
    if document.api_version != API_VERSION {
        add("apiVersion", format!("\"{}\" is not known", document.api_version), API_VERSION);
    }
    if document.kind != KIND {
        add("kind", format!("\"{}\" is not an environment", document.kind), KIND);
    }
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
    let EnvironmentSpec { local, kubernetes, recheck_after, .. } = &document.spec;
    if *recheck_after > LATEST_RECHECK {
        let problem = format!("{recheck_after} is longer than an hour");
        add("spec.recheckAfter", problem, "at most 1h, or 0s for no second look");
    }
    if local.is_none() && kubernetes.is_none() {
        add("spec", "it has no applications".to_owned(), "local, kubernetes or both");
    }
    for (field, problem, expected) in local.iter().flat_map(LocalSettings::violations) {
        add(&format!("spec.local.{field}"), problem, &expected);
    }
    for (field, problem, expected) in kubernetes.iter().flat_map(KubernetesSettings::violations) {
        add(&format!("spec.kubernetes.{field}"), problem, &expected);
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

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
apiVersion: loadtest-conductor.dev/v1alpha1
kind: Environment
metadata: { name: shop }
spec:
  local:
    productionManifest: production.yaml
    applications:
      - { name: shop, command: [shop], port: { number: 18080 }, ready: {} }
      - { name: locust, support: true, command: [locust], port: { number: 18089 }, ready: {} }
  locust: { url: "http://127.0.0.1:18089", caFile: ca.pem }
  kpis: { orders: { request: { method: POST, name: /orders } } }
  testData: [{ sqlite: { name: shop, path: shop.db, tables: [{ table: orders, tagColumn: run_id }] } }]
"#;

    fn environment(text: &str) -> Result<Environment, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("environment.yaml");
        std::fs::write(&file, text).unwrap();
        let shown = |error: InputError| error.to_string().replace(&file.display().to_string(), "environment.yaml");
        let mut read = Environment::read(&file, Path::new("/state")).map_err(shown)?;
        // The folder differs from test to test.
        let text = serde_json::to_string(&read).unwrap().replace(&folder.path().display().to_string(), "/shop");
        read = serde_json::from_str(&text).unwrap();
        Ok(read)
    }

    #[test]
    fn every_path_becomes_absolute_and_the_whole_survives_a_journal() {
        let read = environment(GOOD).unwrap();
        assert_eq!(read.local_state, Path::new("/state/local/shop"));
        assert_eq!(read.spec.locust.ca_file.as_deref(), Some(Path::new("/shop/ca.pem")));
        let local = read.spec.local.as_ref().unwrap();
        assert_eq!(local.production_manifest.as_deref(), Some(Path::new("/shop/production.yaml")));
        let TestDataSettings::Sqlite(store) = &read.spec.test_data[0];
        assert_eq!(store.path, Path::new("/shop/shop.db"));
        assert_eq!(read.catalogue(), ["shop".parse().unwrap()], "support is not in the catalogue");
    }

    #[test]
    fn everything_wrong_is_told_at_once_and_pointed_at() {
        let bad = GOOD
            .replace("v1alpha1", "v9")
            .replace("kind: Environment", "kind: LoadTest")
            .replace("{ name: shop }", "{ name: a/b }")
            .replace("command: [shop]", "command: []");
        assert_eq!(
            environment(&bad).unwrap_err(),
            "environment.yaml:2:13: apiVersion: \"loadtest-conductor.dev/v9\" is not known; expected loadtest-conductor.dev/v1alpha1\n\
             environment.yaml:3:7: kind: \"LoadTest\" is not an environment; expected Environment\n\
             environment.yaml:4:19: metadata.name: \"a/b\" is not a name; expected 1 to 128 letters, digits, '-', '_' or '.', beginning with a letter or digit\n\
             environment.yaml:9:32: spec.local.applications[0].command: it is empty; expected a program and its arguments"
        );
    }

    const KUBERNETES: &str = "  kubernetes:
    cluster: { kubeconfig: test.kubeconfig }
    applications: [{ name: checkout, namespace: shop }, { name: search, support: true }]
";

    #[test]
    fn applications_may_be_on_kubernetes_and_on_this_machine() {
        let read = environment(&format!("{GOOD}{KUBERNETES}")).unwrap();
        let kubeconfig = read.spec.kubernetes.as_ref().unwrap().cluster.kubeconfig.as_deref();
        assert_eq!(kubeconfig, Some(Path::new("/shop/test.kubeconfig")));
        assert_eq!(read.catalogue(), ["shop".parse().unwrap(), "checkout".parse().unwrap()]);
        assert_eq!(read.applications().len(), 4);
        let twice = format!("{GOOD}{}", KUBERNETES.replace("name: search", "name: shop"));
        assert_eq!(
            environment(&twice).unwrap_err(),
            "environment.yaml:16:65: spec.kubernetes.applications[1].name: \"shop\" is there twice; expected a name of its own for each application"
        );
    }

    const WAIVERS: &str = "  parity:
    waivers:
      - { application: shop, aspect: env.FEATURE_X, reason: a test wants it off, until: 2026-12-31 }
      - { aspect: cluster.nodes.*, reason: smaller machines, until: 2027-03-31 }
";

    #[test]
    fn waivers_are_read_and_survive_a_journal() {
        let read = environment(&format!("{GOOD}{WAIVERS}")).unwrap();
        let told: Vec<String> = read.spec.parity.waivers.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "env.FEATURE_X of shop until 2026-12-31 (a test wants it off)",
                "cluster.nodes.* until 2027-03-31 (smaller machines)"
            ]
        );
        let without = serde_json::to_string(&environment(GOOD).unwrap()).unwrap();
        assert!(!without.contains("parity"), "an older conductor can read it: {without}");
    }

    #[test]
    fn everything_wrong_with_waivers_is_told_by_its_field() {
        let bad = WAIVERS
            .replace("application: shop", "application: chekout")
            .replace("env.FEATURE_X", "enviroment.X")
            .replace("smaller machines", "\"\"");
        let told = environment(&format!("{GOOD}{bad}")).unwrap_err();
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 3, "{told}");
        assert_eq!(
            lines[0],
            "environment.yaml:16:24: spec.parity.waivers[0].application: \"chekout\" is no application of the environment; expected one of them, or none for all of them and the cluster"
        );
        let begin = "environment.yaml:16:41: spec.parity.waivers[0].aspect: \"enviroment.X\" is no aspect that is compared; expected one that begins with existence, image, ";
        assert!(lines[1].starts_with(begin), "{told}");
        assert_eq!(
            lines[2],
            "environment.yaml:17:44: spec.parity.waivers[1].reason: it is empty; expected why the difference does not matter, for those who read the report"
        );
        let told = environment(&format!("{GOOD}{}", WAIVERS.replace("2026-12-31", "soon"))).unwrap_err();
        assert_eq!(
            told,
            "environment.yaml:16:89: spec.parity.waivers[0].until: \"soon\" is not a day; expected one such as 2026-12-31"
        );
        let told = environment(&format!("{GOOD}{}", WAIVERS.replace(", until: 2026-12-31", ""))).unwrap_err();
        assert!(told.contains("missing field `until`"), "a waiver ends: {told}");
    }

    #[test]
    fn the_second_look_is_after_a_minute_unless_it_is_said_otherwise() {
        let after = |text: &str| environment(text).map(|read| read.spec.recheck_after.to_string());
        assert_eq!(after(GOOD).unwrap(), "1m");
        assert_eq!(after(&format!("{GOOD}  recheckAfter: 0s\n")).unwrap(), "0s");
        assert_eq!(
            after(&format!("{GOOD}  recheckAfter: 90m\n")).unwrap_err(),
            "environment.yaml:14:17: spec.recheckAfter: 1h30m is longer than an hour; expected at most 1h, or 0s for no second look"
        );
    }

    #[test]
    fn an_environment_without_applications_is_refused() {
        let (start, end) = (GOOD.find("  local:").unwrap(), GOOD.find("  locust:").unwrap());
        let none = format!("{}{}", &GOOD[..start], &GOOD[end..]);
        assert!(
            environment(&none)
                .unwrap_err()
                .contains("spec: it has no applications; expected local, kubernetes or both")
        );
    }

    #[test]
    fn a_field_that_does_not_exist_is_pointed_at() {
        let error = environment(&GOOD.replace("caFile", "cafile")).unwrap_err();
        assert!(error.starts_with("environment.yaml:11:44: unknown field `cafile`, expected one of"), "{error}");
    }
}
