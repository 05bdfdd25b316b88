//! Who is told of alerts, and how: settings, and the notifiers that they make.

mod alertmanager;
mod chat;
mod webhook;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use conductor_core::alert::{AlertStatus, Notice, When};
use conductor_core::ports::{FailureKind, Notifier, PortError};
use serde::{Deserialize, Serialize};

pub use alertmanager::AlertmanagerSettings;
pub use chat::{SlackSettings, TeamsSettings};
pub use webhook::WebhookSettings;

use crate::kpi::Wrong;
use crate::kpi::web::{self, url_violation};

/// How much of a receiver's answer is read.
const LONGEST: usize = 64 * 1024;

/// Who is told of alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AlertsSettings {
    /// Each is told for itself.
    pub receivers: Vec<ReceiverSettings>,
}

/// One receiver: exactly one of the kinds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = one_kind))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReceiverSettings {
    /// Its name, for logs.
    pub name: String,
    /// What it gets; absent for everything.
    #[serde(default)]
    pub when: When,
    /// Any service that takes a POST.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookSettings>,
    /// An incoming webhook of Slack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slack: Option<SlackSettings>,
    /// A workflow of Microsoft Teams that begins with a webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teams: Option<TeamsSettings>,
    /// Alertmanager of Prometheus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alertmanager: Option<AlertmanagerSettings>,
}

/// Says in the schema what [`AlertsSettings::violations`] says of the kinds.
#[cfg(feature = "schema")]
fn one_kind(schema: &mut schemars::Schema) {
    let required = ["webhook", "slack", "teams", "alertmanager"].map(|kind| serde_json::json!({ "required": [kind] }));
    schema.insert("oneOf".to_owned(), required.to_vec().into());
}

/// A receiver that can be told.
#[derive(Clone)]
pub struct NamedNotifier {
    /// Its name.
    pub name: String,
    /// What it gets.
    pub when: When,
    /// How it is told.
    pub notifier: Arc<dyn Notifier>,
}

impl AlertsSettings {
    /// Makes every path absolute.
    #[must_use]
    pub fn resolve(mut self, folder: &Path) -> Self {
        for receiver in &mut self.receivers {
            receiver.webhook.iter_mut().for_each(|settings| settings.resolve(folder));
            receiver.slack.iter_mut().for_each(|settings| settings.url_file = folder.join(&settings.url_file));
            receiver.teams.iter_mut().for_each(|settings| settings.url_file = folder.join(&settings.url_file));
            receiver.alertmanager.iter_mut().for_each(|settings| settings.resolve(folder));
        }
        self
    }

    /// Everything that is wrong with them, by the path of the field.
    pub fn violations(&self) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        let mut names = BTreeSet::new();
        for (position, receiver) in self.receivers.iter().enumerate() {
            let at = format!("receivers[{position}]");
            if receiver.name.trim().is_empty() {
                wrong.push((
                    format!("{at}.name"),
                    "it is empty".to_owned(),
                    "a name for logs, such as on-call".to_owned(),
                ));
            } else if !names.insert(&receiver.name) {
                let problem = format!("{:?} is the name of another receiver", receiver.name);
                wrong.push((format!("{at}.name"), problem, "a name of its own".to_owned()));
            }
            let kinds = [
                receiver.webhook.is_some(),
                receiver.slack.is_some(),
                receiver.teams.is_some(),
                receiver.alertmanager.is_some(),
            ];
            let count = kinds.into_iter().filter(|is_there| *is_there).count();
            if count != 1 {
                let expected = "exactly one of webhook, slack, teams and alertmanager".to_owned();
                wrong.push((at.clone(), format!("it has {count} kinds"), expected));
            }
            let of_kind = receiver
                .webhook
                .iter()
                .flat_map(|settings| settings.violations().into_iter().map(|it| ("webhook", it)));
            let of_kind = of_kind.chain(
                receiver
                    .alertmanager
                    .iter()
                    .flat_map(|settings| settings.violations().into_iter().map(|it| ("alertmanager", it))),
            );
            wrong.extend(
                of_kind.map(|(kind, (field, problem, right))| (format!("{at}.{kind}.{field}"), problem, right)),
            );
        }
        wrong
    }

    /// Every file with a secret that cannot be read as one, by the path of the field. Paths must be absolute.
    pub fn unreadable(&self) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        for (position, receiver) in self.receivers.iter().enumerate() {
            let ReceiverSettings { name: _, when: _, webhook, slack, teams, alertmanager } = receiver;
            let of_kinds = [
                ("webhook", webhook.as_ref().map_or_else(Vec::new, WebhookSettings::unreadable)),
                ("slack", slack.iter().filter_map(|settings| unreadable_address(&settings.url_file)).collect()),
                ("teams", teams.iter().filter_map(|settings| unreadable_address(&settings.url_file)).collect()),
                ("alertmanager", alertmanager.iter().filter_map(AlertmanagerSettings::unreadable).collect()),
            ];
            for (kind, found) in of_kinds {
                wrong.extend(found.into_iter().map(|(field, problem, expected)| {
                    (format!("receivers[{position}].{kind}.{field}"), problem, expected)
                }));
            }
        }
        wrong
    }
}

/// What is wrong with a file with a secret address, if anything is. Nothing of the address is told.
fn unreadable_address(file: &Path) -> Option<Wrong> {
    const FIELD: &str = "urlFile";
    match web::secret(FIELD, file) {
        Err(_) => web::unreadable(FIELD, file),
        Ok(url) => url_violation(FIELD, &url).map(|(field, problem, _)| {
            let expected = "a file with an address that begins with https://".to_owned();
            (field, format!("{}: what it holds is no address: {problem}", file.display()), expected)
        }),
    }
}

/// Makes the receivers. Nobody is told of anything yet.
///
/// # Errors
/// When a file cannot be read.
pub fn notifiers(settings: &AlertsSettings) -> Result<Vec<NamedNotifier>, PortError> {
    let mut made = Vec::new();
    for receiver in &settings.receivers {
        let mut kinds: Vec<Arc<dyn Notifier>> = Vec::new();
        if let Some(settings) = &receiver.webhook {
            kinds.push(Arc::new(webhook::Webhook::new(settings)?));
        }
        if let Some(settings) = &receiver.slack {
            kinds.push(Arc::new(chat::Chat::slack(settings)?));
        }
        if let Some(settings) = &receiver.teams {
            kinds.push(Arc::new(chat::Chat::teams(settings)?));
        }
        if let Some(settings) = &receiver.alertmanager {
            kinds.push(Arc::new(alertmanager::Alertmanager::new(settings)?));
        }
        let named = |notifier| NamedNotifier { name: receiver.name.clone(), when: receiver.when.clone(), notifier };
        made.extend(kinds.into_iter().map(named));
    }
    Ok(made)
}

/// A secret, as it is in its file now.
fn secret(field: &str, file: &Path) -> Result<String, PortError> {
    web::secret(field, file).map_err(|refused| PortError::new(FailureKind::Rejected, refused))
}

/// The title of a message.
fn title(notice: &Notice) -> String {
    let status = match notice.status {
        AlertStatus::Firing => notice.alert.severity.to_string(),
        AlertStatus::Resolved => "resolved".to_owned(),
    };
    format!("[{status}] {} of {}", notice.alert.key.topic.name(), notice.load_test)
}

/// What a message tells beside its sentence.
fn facts(notice: &Notice) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Run", notice.run.to_string()), ("Environment", notice.environment.clone())];
    facts.extend(notice.alert.application.as_ref().map(|name| ("Application", name.to_string())));
    facts.push(("Since", notice.alert.since.to_string()));
    facts.extend(notice.outcome.map(|outcome| ("Outcome", outcome.to_string())));
    facts
}

#[cfg(test)]
mod tests {
    use conductor_core::alert::Topic;
    use serde_json::{Value, json};

    use super::*;

    /// A notice of a warning of an application, at a minute after it has fired.
    pub(super) fn notice(topic: Topic, status: &str) -> Notice {
        let key = json!({ "topic": topic, "of": "shop" });
        let notice = json!({
            "run": "cyber-week-1", "loadTest": "cyber-week", "environment": "shop-test", "status": status,
            "at": "2026-11-24T14:01:00Z",
            "alert": {
                "key": key, "severity": "warning", "application": "shop", "message": "replicas of shop: 1, and not 3",
                "since": "2026-11-24T14:00:00Z",
            },
        });
        serde_json::from_value(notice).unwrap()
    }

    /// Who encrypts, which a program says at its start.
    pub(super) fn provider() {
        // It fails only where a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }

    fn violations(receivers: Value) -> Vec<String> {
        let settings: AlertsSettings = serde_json::from_value(json!({ "receivers": receivers })).unwrap();
        let told = |(field, problem, expected)| format!("{field}: {problem}; expected {expected}");
        settings.violations().into_iter().map(told).collect()
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_field() {
        let slack = json!({ "urlFile": "slack.url" });
        let told = violations(json!([
            { "name": "a", "slack": slack },
            { "name": "a", "slack": slack, "teams": { "urlFile": "teams.url" } },
            { "name": " " },
            { "name": "b", "webhook": { "url": "ftp://hook", "timeout": "1h" } },
            { "name": "c", "alertmanager": { "url": "http://user:password@alertmanager" } },
        ]));
        let kinds = "expected exactly one of webhook, slack, teams and alertmanager";
        let url = "expected http:// or https://, a host and a path; secrets go into auth";
        assert_eq!(
            told,
            [
                "receivers[1].name: \"a\" is the name of another receiver; expected a name of its own".to_owned(),
                format!("receivers[1]: it has 2 kinds; {kinds}"),
                "receivers[2].name: it is empty; expected a name for logs, such as on-call".to_owned(),
                format!("receivers[2]: it has 0 kinds; {kinds}"),
                format!("receivers[3].webhook.url: its scheme is ftp; {url}"),
                "receivers[3].webhook.timeout: 1h is too short or too long; expected 100ms to 2m".to_owned(),
                format!("receivers[4].alertmanager.url: it has a user or a password; {url}"),
            ]
        );
    }

    #[tokio::test]
    async fn a_secret_that_is_not_there_is_named_and_never_told() {
        provider();
        let folder = tempfile::tempdir().unwrap();
        let receivers = json!([{ "name": "chat", "slack": { "urlFile": "slack.url" } }]);
        let settings: AlertsSettings = serde_json::from_value(json!({ "receivers": receivers })).unwrap();
        let made = notifiers(&settings.resolve(folder.path())).unwrap();
        let error = made[0].notifier.notify(&notice(Topic::Drifted, "firing")).await.unwrap_err().to_string();
        let file = folder.path().join("slack.url");
        assert!(error.starts_with(&format!("slack.urlFile {}: could not read it", file.display())), "{error}");
        // Nobody listens there.
        std::fs::write(&file, "http://127.0.0.1:1/services/T0/B0/secret").unwrap();
        let error = made[0].notifier.notify(&notice(Topic::Drifted, "firing")).await.unwrap_err();
        let text = conductor_core::failure::Failure::of("", &error).message;
        assert!(text.starts_with("could not tell Slack") && !text.contains("secret"), "{text}");
        assert_eq!(error.kind, FailureKind::Unavailable);
    }
}
