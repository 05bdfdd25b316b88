//! The objects by which a delivery system deploys, read from files of their own when their environment is.

use std::path::Path;

use conductor_core::spec::Violation;
use conductor_kubernetes::{KubernetesSettings, Template};

use crate::input::{InputError, read};

/// Puts what each file of a template says in its place: what is kept of a run needs no file.
pub(crate) fn read_templates(kubernetes: &mut KubernetesSettings, folder: &Path) -> Result<(), InputError> {
    for (file, template) in kubernetes.template_files(folder) {
        *template = read_template(&file)?;
    }
    Ok(())
}

fn read_template(file: &Path) -> Result<Template, InputError> {
    let written = read::<Template>(file)?;
    let violation = |(field, problem, expected)| Violation { field, problem, expected };
    let violations: Vec<Violation> = written.value.violations().into_iter().map(violation).collect();
    if violations.is_empty() { Ok(written.value) } else { Err(written.refuse(&violations)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;

    const GOOD: &str = r#"
apiVersion: loadtest-conductor.dev/v1alpha1
kind: Environment
metadata: { name: shop }
spec:
  locust: { url: "http://127.0.0.1:18089" }
  kpis: { orders: { request: { method: POST, name: /orders } } }
"#;

    const DELIVERED: &str = "  kubernetes:
    cluster: {}
    freeze: { controllers: [system:serviceaccount:delivery:controller] }
    deploy: { template: task.yaml, phase: { succeeded: [Succeeded], failed: [Failed] } }
    applications: [{ name: checkout }, { name: search, deploy: images }]
";

    fn delivered(text: &str, template: &str) -> Result<Environment, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("environment.yaml");
        std::fs::write(&file, text).unwrap();
        std::fs::write(folder.path().join("task.yaml"), template).unwrap();
        let told = |error: InputError| error.to_string().replace(&format!("{}/", folder.path().display()), "");
        Environment::read(&file, Path::new("/state")).map_err(told)
    }

    #[test]
    fn the_template_of_a_deployment_is_read_with_the_environment_and_kept_with_it() {
        let template = "apiVersion: delivery.example/v1\nkind: DeploymentTask\nspec: { id: \"{deployId}\" }\n";
        let read = delivered(&format!("{GOOD}{DELIVERED}"), template).unwrap();
        let kept = serde_json::to_string(&read).unwrap();
        assert!(kept.contains(r#""template":{"apiVersion":"delivery.example/v1","kind":"DeploymentTask""#), "{kept}");
        assert_eq!(serde_json::from_str::<Environment>(&kept).unwrap(), read, "it survives a journal");
        let wrong = template.replace("{deployId}", "{deployID}").replace("kind: ", "metadata: { name: x }\nkind: ");
        assert_eq!(
            delivered(&format!("{GOOD}{DELIVERED}"), &wrong).unwrap_err(),
            "task.yaml:2:19: metadata.name: the conductor gives the name, one for each run and application; expected to leave it out\n\
             task.yaml:4:13: spec.id: {deployID} stands for nothing; expected {application}, {namespace}, {run}, {deployId} or {images.CONTAINER}"
        );
        let absent = DELIVERED.replace("task.yaml", "taks.yaml");
        assert_eq!(
            delivered(&format!("{GOOD}{absent}"), template).unwrap_err(),
            "taks.yaml: could not be read: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn a_delivery_that_the_freeze_would_deny_is_refused() {
        let frozen = DELIVERED
            .replace("freeze: { controllers: [system:serviceaccount:delivery:controller] }", "namespace: shop");
        assert_eq!(
            delivered(&format!("{GOOD}{frozen}"), "x").unwrap_err(),
            "environment.yaml:9:5: spec.kubernetes.freeze.controllers: the delivery system is not among them, and would be \
             denied what it shall do; expected its user, such as system:serviceaccount:delivery:controller, beside those of the usual controllers"
        );
        let wrong =
            DELIVERED.replace("succeeded: [Succeeded], failed: [Failed]", "jsonPath: status.phase, succeeded: []");
        let told = delivered(&format!("{GOOD}{wrong}"), "x").unwrap_err();
        assert!(told.contains("\"status.phase\" is not a JSONPath; expected one such as"), "{told}");
        let neither = DELIVERED.replace("deploy: images", "deploy: image");
        let told = delivered(&format!("{GOOD}{neither}"), "x").unwrap_err();
        assert!(told.contains("\"image\" is not known; expected images or what has fields"), "{told}");
    }
}
