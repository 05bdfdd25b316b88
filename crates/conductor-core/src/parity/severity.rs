//! How much differences from production matter, and what an environment says of that.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::report::Difference;
use super::waiver::{aspect_violation, is_about};
use crate::app::ApplicationId;

/// How much a difference matters for what a load test tells of production.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// It is good to know of.
    Info,
    /// Somebody should look at it: it may explain what is measured.
    // Journals of before there were severities know two levels of which this one is the upper.
    #[serde(alias = "warning")]
    Warn,
    /// What is measured is not what production would show.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

/// How much differences of an aspect matter in an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeverityRule {
    /// Of which application; any, and the cluster, where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<ApplicationId>,
    /// Which aspect, such as `env.FEATURE_X`; a `*` at its end stands for whatever follows.
    pub aspect: String,
    /// How much they matter.
    pub severity: Severity,
}

impl SeverityRule {
    /// Everything that is wrong with it, as field, problem and what would be right.
    pub fn violations(&self) -> Vec<(&'static str, String, String)> {
        aspect_violation(&self.aspect).into_iter().collect()
    }

    /// True for a difference that it is about.
    pub(super) fn is_about(&self, difference: &Difference) -> bool {
        is_about(self.application.as_ref(), &self.aspect, difference)
    }
}
