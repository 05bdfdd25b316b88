//! A number in the answer to a GET.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use conductor_core::crosscheck::Counts;
use conductor_core::load::KpiSample;
use conductor_core::ports::{FailureKind, KpiSource, PortError};
use conductor_core::run::RunId;
use conductor_core::units::Span;
use jiff::Timestamp;
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::readings::{Reading, Readings};
use super::web::{self, Credentials, Web, refused, shown, time_violation, url_violation};
use super::{NumberKind, Per, Wrong};

/// What stands for the run's id in an address.
const RUN: &str = "{run}";
/// The longest answer that is read.
const LONGEST: usize = 1 << 20;

/// Where the number is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpKpiSettings {
    /// The address; `{run}` in it is the run's id.
    pub url: String,
    /// JSON pointer of the number in the answer. Either this or `regex`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// A regular expression whose only group is the number in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// What the number is.
    #[serde(default)]
    pub kind: NumberKind,
    /// The time of a rate.
    #[serde(default)]
    pub per: Per,
    /// How long a call may take.
    #[serde(default = "web::timeout")]
    pub timeout: Span,
    /// How the conductor says who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Credentials>,
    /// The authority that signed the service's certificate; absent: those of this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

impl HttpKpiSettings {
    /// Makes every path absolute.
    pub fn resolve(&mut self, folder: &Path) {
        web::resolve(&mut self.ca_file, &mut self.auth, folder);
    }

    /// Whose events are counted: an address with the run's id asks for those of the run.
    pub fn counts(&self) -> Counts {
        if self.url.contains(RUN) { Counts::Run } else { Counts::Everybody }
    }

    /// Everything that can be seen to be wrong.
    pub fn violations(&self) -> Vec<Wrong> {
        let mut found: Vec<Wrong> = url_violation("url", &self.url.replace(RUN, "r-0")).into_iter().collect();
        let mut add = |field: &str, problem: String, expected: &str| {
            found.push((field.to_owned(), problem, expected.to_owned()));
        };
        match (&self.pointer, &self.regex) {
            (Some(_), Some(_)) => add("regex", "there is a pointer, too".to_owned(), "one of pointer and regex"),
            (None, None) => add("pointer", "neither it nor regex is there".to_owned(), "one of pointer and regex"),
            (Some(pointer), None) if !pointer.is_empty() && !pointer.starts_with('/') => {
                add(
                    "pointer",
                    format!("{pointer:?} does not begin with a slash"),
                    "a JSON pointer, such as /orders/total",
                );
            }
            (None, Some(regex)) => match Regex::new(regex) {
                Err(error) => add("regex", error.to_string(), "a regular expression with one group"),
                Ok(regex) if regex.captures_len() != 2 => {
                    let groups = regex.captures_len() - 1;
                    add("regex", format!("it has {groups} groups"), "exactly one group, around the number");
                }
                Ok(_) => {}
            },
            (Some(_), None) => {}
        }
        if self.kind == NumberKind::Counter && self.per != Per::default() {
            add("per", "a counter has no time".to_owned(), "kind: rate, or no per");
        }
        found.extend(time_violation("timeout", self.timeout));
        found
    }
}

/// A number in the answer to a GET, read at each interval.
pub struct HttpKpi {
    settings: HttpKpiSettings,
    web: Web,
    regex: Option<Regex>,
    readings: Readings,
}

impl HttpKpi {
    /// A source for these settings. The service is called when it is used.
    ///
    /// # Errors
    /// When the certificates cannot be read, or the regular expression makes no sense.
    pub fn new(settings: HttpKpiSettings) -> Result<Self, PortError> {
        let web = Web::new(settings.timeout, settings.ca_file.as_deref(), settings.auth.clone(), LONGEST)?;
        let regex = settings.regex.as_deref().map(Regex::new).transpose();
        let regex = regex.map_err(|error| PortError::because(FailureKind::Rejected, "regex makes no sense", error))?;
        Ok(Self { settings, web, regex, readings: Readings::default() })
    }

    fn number(&self, text: &str) -> Result<f64, String> {
        let value = match (&self.regex, &self.settings.pointer) {
            (Some(regex), _) => {
                let found = regex.captures(text).and_then(|captures| captures.get(1));
                let found = found.ok_or_else(|| format!("nothing in it is like {regex}{}", shown(text)))?;
                found.as_str().trim().parse().map_err(|_| format!("{:?} is not a number", found.as_str()))?
            }
            (None, pointer) => {
                let pointer = pointer.as_deref().unwrap_or_default();
                let json: Value =
                    serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}{}", shown(text)))?;
                let found = json.pointer(pointer).ok_or_else(|| format!("there is no {pointer}{}", shown(text)))?;
                let number = found.as_f64().or_else(|| found.as_str().and_then(|text| text.trim().parse().ok()));
                number.ok_or_else(|| format!("{pointer} is {found}, not a number"))?
            }
        };
        if value.is_finite() && value >= 0.0 { Ok(value) } else { Err(format!("{value} is no count")) }
    }
}

#[async_trait]
impl KpiSource for HttpKpi {
    async fn sample(&self, run: &RunId, since: Timestamp) -> Result<KpiSample, PortError> {
        let url = self.settings.url.replace(RUN, run.as_str());
        let act = format!("could not read the KPI from {url}");
        let (status, text) = self.web.answer(self.web.get(&url), &act).await?;
        if !status.is_success() {
            return Err(refused(status, &text, &act));
        }
        let number = self.number(&text);
        let value = number.map_err(|why| PortError::new(FailureKind::KpiUnmeasured, format!("{act}: {why}")))?;
        let now = Reading { at: Timestamp::now(), value };
        Ok(self.readings.window(since, now, self.settings.kind, self.settings.per))
    }

    fn counts(&self) -> Counts {
        self.settings.counts()
    }
}
