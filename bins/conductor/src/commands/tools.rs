//! `locust-plugin`, `schema` and `completions`: texts that the program carries.

use clap::CommandFactory;
use clap_complete::Shell;
use conductor_core::spec::LoadTestDocument;

use crate::args::{Arguments, SchemaKind};
use crate::exit::{Failed, PASSED};
use crate::out;

/// Prints the Locust plugin.
pub(super) fn locust_plugin() -> Result<u8, Failed> {
    out::answer(conductor_locust::PLUGIN)?;
    Ok(PASSED)
}

/// Prints the JSON Schema of a kind of document.
pub(super) fn schema(kind: SchemaKind) -> Result<u8, Failed> {
    out::answer(&schema_text(kind).map_err(Failed::because)?)?;
    Ok(PASSED)
}

fn schema_text(kind: SchemaKind) -> serde_json::Result<String> {
    let text = match kind {
        SchemaKind::LoadTest => serde_json::to_string_pretty(&schemars::schema_for!(LoadTestDocument)),
        SchemaKind::Alerts => serde_json::to_string_pretty(&conductor_wiring::alerts_schema()),
        SchemaKind::Results => serde_json::to_string_pretty(&conductor_web::schema()),
    }?;
    Ok(format!("{text}\n"))
}

/// Prints the completions of a shell.
pub(super) fn completions(shell: Shell) -> Result<u8, Failed> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "conductor", &mut text);
    out::answer(&String::from_utf8_lossy(&text))?;
    Ok(PASSED)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;
    use serde_json::{Value, json};

    use super::*;

    const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");

    #[test]
    fn the_published_schemas_are_those_the_program_prints() {
        for kind in SchemaKind::value_variants() {
            let file = format!("{DOCS}/schema/{}.json", kind.to_possible_value().unwrap().get_name());
            let text = schema_text(*kind).unwrap();
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                std::fs::write(&file, &text).unwrap();
            }
            let published = std::fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(published, text, "run the tests with UPDATE_GOLDEN=1 to write {file}");
        }
    }

    /// The first example of `docs/alerts.md`.
    fn alerts() -> String {
        let page = std::fs::read_to_string(format!("{DOCS}/alerts.md")).unwrap();
        let (_, example) = page.split_once("```yaml\n").unwrap();
        example.split_once("```").unwrap().0.to_owned()
    }

    #[test]
    fn the_documented_alerts_are_right_by_their_schema_and_for_the_program() {
        let schema = serde_json::from_str(&schema_text(SchemaKind::Alerts).unwrap()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let right: Value = serde_saphyr::from_str(&alerts()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&right).map(|error| error.to_string()).collect();
        assert_eq!(errors, [""; 0], "{right}");
        let changed = |pointer: &str, value: Value| {
            let mut alerts = right.clone();
            *alerts.pointer_mut(pointer).unwrap() = value;
            alerts
        };
        for (pointer, value) in [
            ("/kind", json!("LoadTest")),
            ("/apiVersion", json!("v1")),
            ("/spec/receivers/0/when/severity", json!("loud")),
            ("/spec/receivers/0/when/outcomes/1", json!("lost")),
            ("/spec/receivers/0/alertmanager", json!({ "url": "http://alertmanager:9093", "timeOut": "1s" })),
            ("/spec/receivers/1", json!({ "name": "nobody" })),
            ("/spec/receivers/1", json!({ "name": "two", "slack": { "urlFile": "a" }, "teams": { "urlFile": "b" } })),
            ("/spec/receivers/2/teams", json!({})),
        ] {
            assert!(!validator.is_valid(&changed(pointer, value.clone())), "{pointer}: {value}");
        }
        let auth =
            json!({ "url": "http://alertmanager:9093", "auth": { "basic": { "user": "a", "passwordFile": "b" } } });
        assert!(validator.is_valid(&changed("/spec/receivers/0/alertmanager", auth)));

        // It fails only where a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alerts.yaml");
        std::fs::write(&file, alerts()).unwrap();
        for secret in ["slack.url", "teams.url", "deploys.secret"] {
            std::fs::write(folder.path().join(secret), "https://hooks.test/T0/B0/x\n").unwrap();
        }
        assert_eq!(conductor_wiring::alert_receivers(&file).unwrap().len(), 4);
    }
}
