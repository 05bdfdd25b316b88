//! Differences that somebody accepts for a time.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::profile::Profile;
use super::report::Difference;
use crate::app::ApplicationId;

/// What aspects begin with; below some of them are names.
const ROOTS: [&str; 12] = [
    "existence",
    "image",
    "replicas",
    "requests",
    "limits",
    "env",
    "envFrom",
    "probes",
    "command",
    "container",
    "autoscaling",
    "cluster",
];

/// A difference from production that is accepted for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Waiver {
    /// Of which application; any, and the cluster, where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<ApplicationId>,
    /// Which aspect, such as `env.FEATURE_X`; a `*` at its end stands for whatever follows.
    pub aspect: String,
    /// Why it does not matter.
    pub reason: String,
    /// The last day on which it is accepted.
    pub until: Day,
}

impl Waiver {
    /// Everything that is wrong with it, as field, problem and what would be right.
    pub fn violations(&self) -> Vec<(&'static str, String, String)> {
        let mut found: Vec<_> = aspect_violation(&self.aspect).into_iter().collect();
        if self.reason.trim().is_empty() {
            let expected = "why the difference does not matter, for those who read the report".to_owned();
            found.push(("reason", "it is empty".to_owned(), expected));
        }
        found
    }

    /// True for a difference that it is about.
    pub fn is_about(&self, difference: &Difference) -> bool {
        is_about(self.application.as_ref(), &self.aspect, difference)
    }
}

/// What is wrong with the name of an aspect, if anything is, as field, problem and what would be right.
pub(super) fn aspect_violation(aspect: &str) -> Option<(&'static str, String, String)> {
    let begin = aspect.trim_end_matches('*');
    let root = begin.split('.').next().unwrap_or_default();
    let known = ROOTS.iter().chain(&Profile::SETTINGS);
    if !begin.contains('*') && known.clone().any(|known| *known == root) {
        return None;
    }
    let names: Vec<&str> = known.copied().collect();
    let expected =
        format!("one that begins with {}, such as env.FEATURE_X, with or without a * at its end", names.join(", "));
    Some(("aspect", format!("\"{aspect}\" is no aspect that is compared"), expected))
}

/// True for a difference of this application, or any, in this aspect, or in those that begin so.
pub(super) fn is_about(application: Option<&ApplicationId>, aspect: &str, difference: &Difference) -> bool {
    let is_its = application.is_none() || application == difference.application.as_ref();
    is_its
        && match aspect.strip_suffix('*') {
            Some(begin) => difference.aspect.starts_with(begin),
            None => difference.aspect == aspect,
        }
}

impl fmt::Display for Waiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { application, aspect, reason, until } = self;
        write!(f, "{aspect}")?;
        if let Some(application) = application {
            write!(f, " of {application}")?;
        }
        write!(f, " until {until} ({reason})")
    }
}

/// A day, such as `2026-12-31`. Days begin and end in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(Date);

impl Day {
    /// The day of a time.
    pub fn of(at: jiff::Timestamp) -> Self {
        Self(at.to_zoned(jiff::tz::TimeZone::UTC).date())
    }
}

/// A text that is no day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a day; expected one such as 2026-12-31")]
pub struct NoDayError(String);

impl FromStr for Day {
    type Err = NoDayError;

    fn from_str(text: &str) -> Result<Self, NoDayError> {
        let day = text.parse().ok().filter(|day: &Date| day.to_string() == text);
        day.map(Self).ok_or_else(|| NoDayError(text.to_owned()))
    }
}

impl TryFrom<String> for Day {
    type Error = NoDayError;

    fn try_from(text: String) -> Result<Self, NoDayError> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
