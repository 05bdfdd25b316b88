//! Alertmanager of Prometheus, by its API of version 2.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::alert::{AlertStatus, Notice, Topic};
use conductor_core::ports::{Notifier, PortError};
use conductor_core::units::Span;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::LONGEST;
use crate::kpi::web::{self, Web, refused, time_violation, url_violation};
use crate::kpi::{Credentials, Wrong};

const ACT: &str = "could not tell Alertmanager";
/// How often an alert that fires is told again, as Prometheus does it.
const REPEATS: Duration = Duration::from_secs(60);
/// How long an alert fires on when it is not told again: three repeats may be lost.
const KEPT: SignedDuration = SignedDuration::from_secs(4 * 60);
/// How long the end of a run fires, so that it is routed once.
const END_KEPT: SignedDuration = SignedDuration::from_mins(5);
/// How long it fires on that a run which is over has left something: nobody tells it again then.
const LEFT_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// An Alertmanager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AlertmanagerSettings {
    /// Its address, such as `http://alertmanager:9093`, with its path prefix where it has one.
    pub url: String,
    /// Longest wait for an answer.
    #[serde(default = "web::timeout")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub timeout: Span,
    /// PEM file of the certificate authority that signed its certificate, where the system does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// How the conductor says who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Credentials>,
}

impl AlertmanagerSettings {
    pub(super) fn resolve(&mut self, folder: &Path) {
        web::resolve(&mut self.ca_file, &mut self.auth, folder);
    }

    pub(super) fn violations(&self) -> Vec<Wrong> {
        url_violation("url", &self.url).into_iter().chain(time_violation("timeout", self.timeout)).collect()
    }

    /// What is wrong with its file with a secret.
    pub(super) fn unreadable(&self) -> Option<Wrong> {
        self.auth.as_ref().and_then(Credentials::unreadable)
    }
}

pub(super) struct Alertmanager {
    web: Web,
    url: String,
}

impl Alertmanager {
    pub(super) fn new(settings: &AlertmanagerSettings) -> Result<Self, PortError> {
        let AlertmanagerSettings { url, timeout, ca_file, auth } = settings;
        let web = Web::new(*timeout, ca_file.as_deref(), auth.clone(), LONGEST)?;
        Ok(Self { web, url: format!("{}/api/v2/alerts", url.trim_end_matches('/')) })
    }
}

#[async_trait]
impl Notifier for Alertmanager {
    async fn notify(&self, notice: &Notice) -> Result<(), PortError> {
        let body = json!([alert(notice, Timestamp::now())]).to_string();
        let (status, text) = self.web.answer(self.web.post(&self.url, "application/json", body), ACT).await?;
        if status.is_success() { Ok(()) } else { Err(refused(status, &text, ACT)) }
    }

    fn repeats(&self) -> Option<Duration> {
        Some(REPEATS)
    }
}

/// An alert as Alertmanager takes it. By its labels it is the same alert; what changes while it fires is in its annotations.
fn alert(notice: &Notice, now: Timestamp) -> Value {
    let alert = &notice.alert;
    let mut labels = json!({
        "alertname": alert.key.topic.name(),
        "severity": alert.severity.to_string(),
        "environment": notice.environment,
        "load_test": notice.load_test,
        "run": notice.run.to_string(),
    });
    if !alert.key.of.is_empty() {
        labels["of"] = json!(alert.key.of);
    }
    if let Some(application) = &alert.application {
        labels["application"] = json!(application.as_str());
    }
    if let Some(outcome) = notice.outcome.filter(|_| alert.key.topic == Topic::RunOver) {
        labels["outcome"] = json!(outcome.to_string());
    }
    let kept = match (notice.outcome, alert.key.topic) {
        (_, Topic::RunOver) => END_KEPT,
        (Some(_), _) => LEFT_KEPT,
        (None, _) => KEPT,
    };
    let ends = match notice.status {
        AlertStatus::Firing => now.saturating_add(kept).unwrap_or(now),
        // Not later than now by its clock, which may differ from the one of the journal.
        AlertStatus::Resolved => notice.at.min(now),
    };
    json!({
        "labels": labels,
        "annotations": { "summary": alert.message },
        "startsAt": alert.since.to_string(),
        "endsAt": ends.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kpi::web::TIMEOUT;
    use crate::notify::tests::notice;

    #[test]
    fn an_alert_is_the_same_by_its_labels_and_ends_when_it_is_not_told_again() {
        let fired = notice(Topic::Drifted, "firing");
        let now = fired.at;
        let told = alert(&fired, now);
        let labels = json!({
            "alertname": "LoadTestDrifted", "severity": "warning", "environment": "shop-test", "load_test": "cyber-week",
            "run": "cyber-week-1", "of": "shop", "application": "shop",
        });
        assert_eq!(told["labels"], labels);
        assert_eq!(told["annotations"]["summary"], "replicas of shop: 1, and not 3");
        assert_eq!(told["startsAt"], "2026-11-24T14:00:00Z");
        assert_eq!(told["endsAt"], "2026-11-24T14:05:00Z");
        let over = alert(&notice(Topic::Drifted, "resolved"), now + SignedDuration::from_hours(1));
        assert_eq!((&over["labels"], &over["endsAt"]), (&labels, &json!("2026-11-24T14:01:00Z")));
    }

    #[test]
    fn what_a_run_has_left_fires_on_for_a_day_and_its_end_for_minutes() {
        let mut left = notice(Topic::RestoreIncomplete, "firing");
        let now = left.at;
        left.outcome = Some(conductor_core::verdict::Outcome::Failed);
        assert_eq!(alert(&left, now)["endsAt"], "2026-11-25T14:01:00Z");
        left.alert.key.topic = Topic::RunOver;
        let over = alert(&left, now);
        assert_eq!((&over["endsAt"], &over["labels"]["outcome"]), (&json!("2026-11-24T14:06:00Z"), &json!("failed")));
    }

    #[test]
    fn what_is_not_said_is_the_default() {
        let settings: AlertmanagerSettings = serde_json::from_value(json!({ "url": "http://a" })).unwrap();
        assert_eq!((settings.timeout, settings.violations()), (TIMEOUT, Vec::new()));
    }
}
