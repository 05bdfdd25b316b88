//! Who is told of alerts: the file that says so, and the receivers that it makes.

use std::path::{Path, PathBuf};

use conductor_core::ports::PortError;
use conductor_core::spec::Violation;
use conductor_engine::AlertReceiver;
use conductor_observe::{AlertsSettings, NamedNotifier, notifiers};
use serde::Deserialize;

use crate::input::{InputError, folder_of, read};
use crate::kind::of_another_kind;

/// The `kind` of such a file.
const KIND: &str = "Alerts";

/// Who is told of alerts.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AlertsDocument {
    /// `loadtest-conductor.dev/v1alpha1`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = conductor_core::spec::API_VERSION)))]
    api_version: String,
    /// `Alerts`.
    #[cfg_attr(feature = "schema", schemars(extend("const" = KIND)))]
    kind: String,
    /// Who is told.
    spec: AlertsSettings,
}

/// The JSON Schema of a file that says who is told of alerts.
#[cfg(feature = "schema")]
pub fn alerts_schema() -> schemars::Schema {
    schemars::schema_for!(AlertsDocument)
}

/// Why there are no receivers.
#[derive(Debug, thiserror::Error)]
pub enum AlertsProblem {
    /// The file is wrong.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A receiver cannot be made.
    #[error("could not set up the receivers of {}", file.display())]
    Receivers {
        /// The file.
        file: PathBuf,
        /// Why.
        source: PortError,
    },
}

/// The receivers of a file. Relative paths in it are relative to its folder. Nobody is told of anything yet.
///
/// # Errors
/// When the file cannot be read, with everything that is wrong in it and with the files with secrets that it names, or when a
/// receiver's certificates cannot be read.
pub fn alert_receivers(file: &Path) -> Result<Vec<AlertReceiver>, AlertsProblem> {
    let written = read::<AlertsDocument>(file)?;
    let AlertsDocument { api_version, kind, spec } = &written.value;
    let of_spec = |(field, problem, expected)| Violation { field: format!("spec.{field}"), problem, expected };
    let mut violations = of_another_kind(api_version, kind, KIND, "a file of alerts");
    violations.extend(spec.violations().into_iter().map(of_spec));
    if !violations.is_empty() {
        return Err(written.refuse(&violations).into());
    }
    let spec = spec.clone().resolve(&folder_of(file));
    // Who is told of the first alert shall be sure to hear of it: a secret that is not there is seen now.
    let unreadable: Vec<Violation> = spec.unreadable().into_iter().map(of_spec).collect();
    if !unreadable.is_empty() {
        return Err(written.refuse(&unreadable).into());
    }
    let made = notifiers(&spec);
    let made = made.map_err(|source| AlertsProblem::Receivers { file: file.to_owned(), source })?;
    let receiver = |NamedNotifier { name, when, notifier }| AlertReceiver { name, when, notifier };
    Ok(made.into_iter().map(receiver).collect())
}

#[cfg(test)]
mod tests {
    use conductor_core::alert::Severity;

    use super::*;

    const ALERTS: &str = "
apiVersion: loadtest-conductor.dev/v1alpha1
kind: Alerts
spec:
  receivers:
    - name: on-call
      alertmanager: { url: http://alertmanager:9093 }
      when: { severity: warning, outcomes: [failed, invalid] }
    - name: chat
      slack: { urlFile: slack.url }
    - name: hook
      webhook: { url: https://hook.test/, template: '{{ name }}', secretFile: hook.secret }
";

    /// What the files of these receivers hold.
    const SECRETS: [(&str, &str); 2] = [("slack.url", "https://hooks.test/T0/B0/x\n"), ("hook.secret", "sesame\n")];

    fn receivers(text: &str) -> Result<Vec<AlertReceiver>, String> {
        receivers_with(text, &SECRETS)
    }

    fn receivers_with(text: &str, secrets: &[(&str, &str)]) -> Result<Vec<AlertReceiver>, String> {
        // It fails only where a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alerts.yaml");
        std::fs::write(&file, text).unwrap();
        for (name, secret) in secrets {
            std::fs::write(folder.path().join(name), secret).unwrap();
        }
        let folder = format!("{}/", folder.path().display());
        alert_receivers(&file).map_err(|error| error.to_string().replace(&folder, ""))
    }

    #[test]
    fn receivers_are_made_in_their_order() {
        let made = receivers(ALERTS).unwrap();
        let names: Vec<&str> = made.iter().map(|receiver| receiver.name.as_str()).collect();
        assert_eq!(names, ["on-call", "chat", "hook"]);
        assert_eq!(made[0].when.severity, Some(Severity::Warning));
        assert!(made[0].notifier.repeats().is_some() && made[1].notifier.repeats().is_none());
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_place() {
        let wrong = ALERTS.replace("kind: Alerts", "kind: Server").replace("http://alertmanager", "ftp://alertmanager");
        assert_eq!(
            receivers(&wrong).err().unwrap(),
            "alerts.yaml:3:7: kind: \"Server\" is not a file of alerts; expected Alerts\n\
             alerts.yaml:7:28: spec.receivers[0].alertmanager.url: its scheme is ftp; expected http:// or https://, a host and a \
             path; secrets go into auth"
        );
        let template = receivers(&ALERTS.replace("{{ name }}", "{{ name")).err().unwrap();
        assert!(template.starts_with("alerts.yaml:12:"), "{template}");
        let unknown = receivers(&ALERTS.replace("slack:", "chat:")).err().unwrap();
        assert!(unknown.contains("unknown field `chat`"), "{unknown}");
        let severity = receivers(&ALERTS.replace("severity: warning", "severity: loud")).err().unwrap();
        assert!(severity.contains("loud") && severity.contains("critical"), "{severity}");
    }

    #[test]
    fn secrets_that_no_receiver_could_be_told_by_are_seen_before_there_is_anything_to_tell() {
        let told = |slack: &str, hook: &str| {
            receivers_with(ALERTS, &[("slack.url", slack), ("hook.secret", hook)]).err().unwrap()
        };
        assert_eq!(
            told("https://hooks.test/T0/B0/x y", " \n"),
            "alerts.yaml:10:25: spec.receivers[1].slack.urlFile: slack.url: it is not one word; expected a file with one line\n\
             alerts.yaml:12:79: spec.receivers[2].webhook.secretFile: hook.secret: it is not one word; expected a file with one line"
        );
        let address = told("hooks.test/T0/B0/x", "sesame");
        assert_eq!(
            address,
            "alerts.yaml:10:25: spec.receivers[1].slack.urlFile: slack.url: what it holds is no address: relative URL without a \
             base; expected a file with an address that begins with https://"
        );
        let missing = receivers_with(ALERTS, &SECRETS[..1]).err().unwrap();
        assert_eq!(
            missing,
            "alerts.yaml:12:79: spec.receivers[2].webhook.secretFile: hook.secret: could not read it: No such file or directory \
             (os error 2); expected a file with one line"
        );
        let auth = ALERTS.replace("alertmanager:9093 }", "alertmanager:9093, auth: { bearerFile: token } }");
        let auth = receivers(&auth).err().unwrap();
        assert!(auth.contains("spec.receivers[0].alertmanager.auth.bearerFile: token: could not read it"), "{auth}");
    }
}
