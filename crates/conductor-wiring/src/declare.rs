//! A load test from its file, checked against the environment it names.

use std::path::Path;

use conductor_core::run::Created;
use conductor_core::spec::{LoadTestDocument, LoadTestSpec, Violation};

use crate::environment::Environment;
use crate::input::{InputError, Problem, read};

/// Reads a load test and makes of it what a run is created with.
///
/// # Errors
/// When the file cannot be read, or with everything that is wrong in it: its own fields, and names that the environment
/// does not have.
pub fn declare(file: &Path, environment: &Environment) -> Result<Created, InputError> {
    let written = read::<LoadTestDocument>(file)?;
    let spec = LoadTestSpec::try_from(written.value.clone()).map_err(|error| written.refuse(&error.violations))?;
    let mut violations = unknown_names(&spec, environment);
    let scope = match spec.scope(&environment.catalogue()) {
        Ok(scope) => scope,
        Err(error) => {
            violations.extend(error.violations);
            Vec::new()
        }
    };
    if !violations.is_empty() {
        return Err(written.refuse(&violations));
    }
    let settings = serde_json::to_value(environment).map_err(|error| InputError {
        file: file.to_owned(),
        problems: vec![Problem { place: None, message: format!("its environment cannot be recorded: {error}") }],
    })?;
    Ok(Created { spec, scope, foreign_policy: environment.spec.on_foreign_change, environment: settings })
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
    violations
}
