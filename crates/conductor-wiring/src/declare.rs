//! A load test, checked against the environment it names.

use std::path::Path;

use conductor_core::links::PageTemplate;
use conductor_core::run::Created;
use conductor_core::spec::{
    API_VERSION, Intent, LoadTestDocument, LoadTestSpec, ScaleChoice, SpecError, VersionChoice, Violation,
};
use conductor_mocks::MockSettings;
use conductor_observe::GrafanaSettings;

use crate::curve::read_load_test;
use crate::environment::{Alongside, Environment, EnvironmentSpec};
use crate::input::InputError;

/// Reads a load test and makes of it what a run is created with.
///
/// # Errors
/// When the file cannot be read, or with everything that is wrong in it: its own fields, and names that the environment
/// does not have.
pub fn declare_file(file: &Path, environment: &Environment) -> Result<Created, InputError> {
    let written = read_load_test(file)?;
    declare(written.value.clone(), environment).map_err(|error| written.refuse(&error.violations))
}

/// Makes of a load test what a run is created with.
///
/// # Errors
/// With everything that is wrong in it: its own fields, and names that the environment does not have.
pub fn declare(load_test: LoadTestDocument, environment: &Environment) -> Result<Created, SpecError> {
    let spec = LoadTestSpec::try_from(load_test)?;
    let mut violations = unknown_names(&spec, environment);
    let scope = match spec.scope(&environment.catalogue()) {
        Ok(scope) => scope,
        Err(error) => {
            violations.extend(error.violations);
            Vec::new()
        }
    };
    if let Err(error) = spec.check_workers(&environment.applications()) {
        violations.extend(error.violations);
    }
    if !violations.is_empty() {
        return Err(SpecError { violations });
    }
    let settings = serde_json::to_value(environment).map_err(|error| {
        let problem = format!("its settings cannot be recorded: {error}");
        let expected = "settings that can be written as JSON".to_owned();
        SpecError { violations: vec![Violation { field: "spec.environment".to_owned(), problem, expected }] }
    })?;
    let EnvironmentSpec { on_drift, recheck_after, parity, alongside, mocks, .. } = &environment.spec;
    let scope = scope.into_iter().chain(alongside.iter().map(Alongside::intent)).collect();
    let created = Created::new(spec, scope, environment.spec.on_foreign_change, settings);
    Ok(Created {
        drift_policy: *on_drift,
        recheck_after: *recheck_after,
        waivers: parity.waivers.clone(),
        severities: parity.severities.clone(),
        mocks: mocks.iter().map(MockSettings::spec).collect(),
        pages: pages(environment),
        ..created
    })
}

/// What a run of this environment is created with whose journal, and with it its load test, is lost. All of the
/// environment's applications are in its scope.
///
/// # Errors
/// When the environment cannot be recorded.
pub fn adopted(environment: &Environment) -> Result<Created, serde_json::Error> {
    let kpi = environment.spec.kpis.keys().next().cloned().unwrap_or_default();
    // Nobody will run it: it stands for the test that nobody knows any more.
    let document = serde_json::json!({
        "apiVersion": API_VERSION,
        "kind": "LoadTest",
        "metadata": { "name": "adopted" },
        "spec": {
            "environment": environment.name,
            "kpi": { "name": kpi, "target": "1/min" },
            "rampUp": "1m",
            "plateau": "1m",
        }
    });
    let spec: LoadTestSpec = serde_json::from_value(document)?;
    let intent = |application| Intent::new(application, VersionChoice::Keep, ScaleChoice::Keep);
    let scope = environment.applications().into_iter().map(intent).collect();
    let created = Created::new(spec, scope, environment.spec.on_foreign_change, serde_json::to_value(environment)?);
    Ok(Created { recheck_after: environment.spec.recheck_after, pages: pages(environment), ..created })
}

/// Where people look at runs of an environment.
fn pages(environment: &Environment) -> Vec<PageTemplate> {
    environment.spec.grafana.iter().flat_map(GrafanaSettings::pages).collect()
}

fn unknown_names(spec: &LoadTestSpec, environment: &Environment) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut add = |field: &str, problem: String, expected: String| {
        violations.push(Violation { field: field.to_owned(), problem, expected });
    };
    if spec.environment != environment.name {
        let problem = format!("\"{}\" is not the environment of the settings", spec.environment);
        add("spec.environment", problem, environment.name.clone());
    }
    if !environment.spec.kpis.contains_key(&spec.kpi) {
        let known: Vec<&str> = environment.spec.kpis.keys().map(String::as_str).collect();
        let problem = format!("\"{}\" is not a KPI of environment \"{}\"", spec.kpi, environment.name);
        add("spec.kpi.name", problem, format!("one of {}", known.join(", ")));
    }
    let dead_man = environment.spec.locust.dead_man;
    if spec.interval >= dead_man {
        let problem = format!("{} is not shorter than Locust's dead man's switch", spec.interval);
        add("spec.interval", problem, format!("less than {dead_man} (the environment's locust.deadMan)"));
    }
    if let Some(workers) = spec.load.workers.as_ref().filter(|workers| environment.is_exclusive(&workers.application)) {
        let problem = format!("\"{}\" can have one replica only, since its port is exclusive", workers.application);
        let expected = "an application without a port, which load workers do not need".to_owned();
        add("spec.load.workers.application", problem, expected);
    }
    violations
}

#[cfg(test)]
mod tests {
    use conductor_core::app::ApplicationId;

    use super::*;

    const ENVIRONMENT: &str = "
apiVersion: loadtest-conductor.dev/v1alpha1
kind: Environment
metadata: { name: shop }
spec:
  local:
    applications:
      - { name: shop, command: [shop], port: { number: 18080 }, ready: {} }
      - { name: locust, support: true, command: [locust], port: { number: 18089 }, ready: {} }
      - { name: load-workers, support: true, command: [locust, --worker], ready: {} }
  locust: { url: \"http://127.0.0.1:18089\", deadMan: 30s }
  kpis: { orders: { request: { method: POST, name: /orders } } }
";
    const TEST: &str = "
apiVersion: loadtest-conductor.dev/v1alpha1
kind: LoadTest
metadata: { name: test }
spec:
  environment: shop
  kpi: { name: orders, target: 600/min }
  rampUp: 1m
  plateau: 1m
  interval: 10s
";

    fn declared(test: &str) -> Result<Created, String> {
        declared_in(ENVIRONMENT, test)
    }

    fn declared_in(environment: &str, test: &str) -> Result<Created, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("environment.yaml");
        std::fs::write(&file, environment).unwrap();
        let environment = Environment::read(&file, folder.path()).unwrap();
        let file = folder.path().join("test.yaml");
        std::fs::write(&file, test).unwrap();
        declare_file(&file, &environment)
            .map_err(|error| error.to_string().replace(&file.display().to_string(), "test.yaml"))
    }

    #[test]
    fn a_good_test_takes_its_environment_with_it() {
        let created = declared(TEST).unwrap();
        assert_eq!((created.scope.len(), created.recheck_after.to_string()), (1, "1m".to_owned()));
        let environment: Environment = serde_json::from_value(created.environment).unwrap();
        assert_eq!(environment.name, "shop");
    }

    #[test]
    fn an_interval_longer_than_the_dead_mans_switch_is_refused() {
        assert_eq!(
            declared(&TEST.replace("interval: 10s", "interval: 30s")).unwrap_err(),
            "test.yaml:10:13: spec.interval: 30s is not shorter than Locust's dead man's switch; expected less than 30s (the environment's locust.deadMan)"
        );
    }

    #[test]
    fn load_workers_are_support_and_must_be_there_and_can_be_more_than_one() {
        let with =
            |workers: &str| declared(&format!("{TEST}  load: {{ workers: {{ application: {workers}, most: 4 }} }}\n"));
        let created = with("load-workers").unwrap();
        let names: Vec<String> = created.applications().iter().map(ToString::to_string).collect();
        assert_eq!((created.scope.len(), names), (1, vec!["shop".to_owned(), "load-workers".to_owned()]));
        assert_eq!(
            with("workers").unwrap_err(),
            "test.yaml:11:35: spec.load.workers.application: \"workers\" is not an application of environment \"shop\"; expected one of shop, locust, load-workers"
        );
        assert_eq!(
            with("locust").unwrap_err(),
            "test.yaml:11:35: spec.load.workers.application: \"locust\" can have one replica only, since its port is exclusive; expected an application without a port, which load workers do not need"
        );
    }

    #[test]
    fn what_is_scaled_with_every_test_is_in_its_scope_and_not_under_test() {
        let environment =
            ENVIRONMENT.replace("  locust: {", "  alongside: [{ name: load-workers, replicas: 2 }]\n  locust: {");
        let workers = "  load: { workers: { application: load-workers, most: 4 } }\n";
        for test in [TEST.to_owned(), format!("{TEST}{workers}")] {
            let created = declared_in(&environment, &test).unwrap();
            let told = |names: Vec<ApplicationId>| names.iter().map(ToString::to_string).collect::<Vec<_>>();
            assert_eq!(told(created.under_test()), ["shop"]);
            assert_eq!(told(created.applications()), ["shop", "load-workers"], "each is looked at once");
        }
    }

    #[test]
    fn a_run_knows_the_pages_of_its_environment() {
        let grafana = "  grafana: { url: \"https://grafana.test\", annotations: false }\n";
        let created = declared_in(&format!("{ENVIRONMENT}{grafana}"), TEST).unwrap();
        let titles: Vec<&str> = created.pages.iter().map(|page| page.title.as_str()).collect();
        assert_eq!(titles, ["Grafana: this run", "Grafana: runs"]);
        assert_eq!(declared(TEST).unwrap().pages, []);
    }

    #[test]
    fn names_of_another_environment_are_refused_together() {
        let error =
            declared(&TEST.replace("name: orders", "name: returns").replace("environment: shop", "environment: store"));
        let text = error.unwrap_err();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("test.yaml:6:16: spec.environment: \"store\" is not the environment"), "{text}");
        assert!(text.contains("test.yaml:7:16: spec.kpi.name: \"returns\" is not a KPI"), "{text}");
    }

    #[test]
    fn a_run_whose_load_test_is_lost_has_all_applications_of_its_environment() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("environment.yaml");
        std::fs::write(&file, ENVIRONMENT).unwrap();
        let created = adopted(&Environment::read(&file, folder.path()).unwrap()).unwrap();
        assert_eq!(created.applications().len(), 3, "support may have been changed, too");
        assert_eq!(created.recheck_after.to_string(), "1m");
        assert_eq!((created.spec.environment.as_str(), created.spec.kpi.as_str()), ("shop", "orders"));
    }
}
