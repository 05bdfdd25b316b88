//! What people are told of a run while it goes on: which of its records make an alert fire, and which resolve it.
//!
//! [`Alerts`] folds a journal as a run itself does, so that whoever takes a run over knows what was fired before. How a
//! [`Notice`] reaches people is a [`Notifier`](crate::ports::Notifier)'s matter.

mod judge;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::app::ApplicationId;
use crate::run::{Record, RunId};
use crate::verdict::Outcome;
use crate::view::Fold;

/// How much an alert matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Somebody should look.
    Warning,
    /// The run or the environment needs somebody now.
    Critical,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        })
    }
}

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Topic {
    /// The KPI is zero under load.
    Stalled,
    /// The KPI stays below a level that it has to hold.
    TargetMissed,
    /// An objective is broken.
    SloBreached,
    /// The load generator runs fewer users than it was told to.
    GeneratorShort,
    /// Somebody else has changed an application under test.
    Drifted,
    /// A mock does not take the place of its dependency.
    MockLeak,
    /// Something that the run changed is not as it was before.
    RestoreIncomplete,
    /// The run is over. It is told once and never resolved.
    RunOver,
}

impl Topic {
    /// Its stable name on the wire, as Alertmanager and Prometheus name alerts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stalled => "LoadTestStalled",
            Self::TargetMissed => "LoadTestTargetMissed",
            Self::SloBreached => "LoadTestSloBreached",
            Self::GeneratorShort => "LoadTestGeneratorShort",
            Self::Drifted => "LoadTestDrifted",
            Self::MockLeak => "LoadTestMockLeak",
            Self::RestoreIncomplete => "LoadTestRestoreIncomplete",
            Self::RunOver => "LoadTestOver",
        }
    }
}

/// By what an alert of a run is the same alert: while one fires, no other of its key does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertKey {
    /// What it is about.
    pub topic: Topic,
    /// Of what: an application, a mock, an objective; empty where it is of the whole run.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub of: String,
}

/// An alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// By what it is the same.
    pub key: AlertKey,
    /// How much it matters.
    pub severity: Severity,
    /// The application, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<ApplicationId>,
    /// What is wrong, in one sentence, as it was when it fired.
    pub message: String,
    /// When it fired.
    pub since: Timestamp,
}

/// What has become of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AlertStatus {
    /// It fires.
    Firing,
    /// It is over.
    Resolved,
}

/// What is told of an alert of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// The run.
    pub run: RunId,
    /// The load test's name.
    pub load_test: String,
    /// Its environment.
    pub environment: String,
    /// The alert.
    pub alert: Alert,
    /// What has become of it.
    pub status: AlertStatus,
    /// When.
    pub at: Timestamp,
    /// How the run ended, where it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// Whose alerts a receiver gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct When {
    /// The least that an alert must matter; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// The outcomes of which the end of a run is told; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcomes: Option<Vec<Outcome>>,
}

impl When {
    /// True when the receiver gets this notice. The end of a run is chosen by its outcome alone where outcomes are named, so that
    /// a run that has passed can be told to whoever wants only grave alerts besides.
    pub fn takes(&self, notice: &Notice) -> bool {
        match (&self.outcomes, notice.outcome) {
            (Some(outcomes), Some(outcome)) if notice.alert.key.topic == Topic::RunOver => outcomes.contains(&outcome),
            (Some(_) | None, Some(_) | None) => self.severity.is_none_or(|least| notice.alert.severity >= least),
        }
    }
}

/// The alerts of one run by its records so far.
#[derive(Clone, Debug, Default)]
pub struct Alerts {
    firing: BTreeMap<AlertKey, Alert>,
}

impl Alerts {
    /// Takes in the record that brought a run to where it is now, and tells what is resolved and what has fired by it, each in
    /// the order of their keys.
    pub fn see(&mut self, fold: &Fold, record: &Record) -> Vec<Notice> {
        let now = judge::wrong(fold, record, &self.firing);
        let over = self.firing.values().filter(|alert| !now.contains_key(&alert.key));
        let mut notices: Vec<Notice> = over.map(|alert| notice(fold, alert, AlertStatus::Resolved)).collect();
        let new = now.values().filter(|alert| !self.firing.contains_key(&alert.key));
        notices.extend(new.map(|alert| notice(fold, alert, AlertStatus::Firing)));
        notices.extend(judge::over(fold, record).map(|alert| notice(fold, &alert, AlertStatus::Firing)));
        self.firing = now;
        notices
    }

    /// What fires now, told once more.
    pub fn firing(&self, fold: &Fold) -> Vec<Notice> {
        self.firing.values().map(|alert| notice(fold, alert, AlertStatus::Firing)).collect()
    }
}

fn notice(fold: &Fold, alert: &Alert, status: AlertStatus) -> Notice {
    let view = &fold.view;
    Notice {
        run: view.id.clone(),
        load_test: view.name.clone(),
        environment: view.environment.clone(),
        alert: alert.clone(),
        status,
        at: view.updated_at,
        outcome: view.verdict.as_ref().map(|verdict| verdict.outcome),
    }
}
