//! How much each application uses of what it may have: one query for all of them.

use std::collections::BTreeMap;
use std::path::Path;

use async_trait::async_trait;
use conductor_core::app::ApplicationId;
use conductor_core::ports::{FailureKind, PortError, SaturationSource};
use conductor_core::run::RunId;
use conductor_core::saturation::Used;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::answer::Instant;
use super::{PrometheusServer, Server};
use crate::kpi::Wrong;

/// How saturation is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SaturationSettings {
    /// The Prometheus that is asked.
    pub prometheus: PrometheusServer,
    /// What gives for each application the share that it uses of what it may have, where 1 is all of it.
    pub query: String,
    /// The label that names the application.
    #[serde(default = "application")]
    pub label: String,
    /// From this share on an application is at its limit.
    #[serde(default = "threshold")]
    pub threshold: f64,
}

fn application() -> String {
    "application".to_owned()
}

const fn threshold() -> f64 {
    0.9
}

impl SaturationSettings {
    /// Makes every path absolute.
    pub fn resolve(&mut self, folder: &Path) {
        self.prometheus.resolve(folder);
    }

    /// Everything that can be seen to be wrong without Prometheus.
    pub fn violations(&self) -> Vec<Wrong> {
        let mut found = self.prometheus.violations();
        let mut add = |field: &str, problem: String, expected: &str| {
            found.push((field.to_owned(), problem, expected.to_owned()));
        };
        if self.query.trim().is_empty() {
            let expected = "a query of one series for each application, such as max by (application) (cpu_used_ratio)";
            add("query", "it is empty".to_owned(), expected);
        }
        let is_label = self.label.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && self.label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_label {
            let expected = "letters, digits and '_', beginning with no digit, such as application";
            add("label", format!("\"{}\" is not the name of a label", self.label), expected);
        }
        if !(self.threshold > 0.0 && self.threshold <= 10.0) {
            let expected = "a share above 0, where 1 is all that an application may have (0.9 when absent)";
            add("threshold", format!("{} is not such a share", self.threshold), expected);
        }
        found
    }
}

/// The saturation of applications, as a Prometheus knows it.
pub struct PrometheusSaturation {
    server: Server,
    query: String,
    label: String,
    threshold: f64,
}

impl PrometheusSaturation {
    /// A source by these settings. Prometheus is asked when it is used.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub fn new(settings: SaturationSettings) -> Result<Self, PortError> {
        let SaturationSettings { prometheus, query, label, threshold } = settings;
        Ok(Self { server: Server::new(prometheus)?, query, label, threshold })
    }
}

#[async_trait]
impl SaturationSource for PrometheusSaturation {
    fn threshold(&self) -> f64 {
        self.threshold
    }

    async fn read(&self, run: &RunId, at: Timestamp) -> Result<(Timestamp, Vec<Used>), PortError> {
        let time = self.server.time(at);
        let series = match self.server.instant(run, &self.query, time).await? {
            Instant::Vector(series) => series,
            Instant::Scalar(_) => {
                let text = format!("saturation.query gives a number, and not a series for each {}", self.label);
                return Err(PortError::new(FailureKind::Rejected, text));
            }
        };
        Ok((time, used(&self.label, &series).map_err(|text| PortError::new(FailureKind::Rejected, text))?))
    }
}

/// The share of each application; of several series of one, the highest. What names no application, and what is no number, tells of
/// none.
fn used(label: &str, series: &[(BTreeMap<String, String>, f64)]) -> Result<Vec<Used>, String> {
    let mut shares: BTreeMap<ApplicationId, f64> = BTreeMap::new();
    for (labels, share) in series.iter().filter(|(_, share)| share.is_finite()) {
        let Some(application) = labels.get(label).and_then(|name| name.parse().ok()) else { continue };
        let known = shares.entry(application).or_insert(*share);
        *known = known.max(*share);
    }
    if let (true, Some((labels, _))) = (shares.is_empty(), series.iter().find(|(_, share)| share.is_finite())) {
        let labels: Vec<&str> = labels.keys().map(String::as_str).collect();
        return Err(format!(
            "saturation.query gives series whose label {label} names no application (labels of the first: {}); expected one for \
             each application, such as of max by ({label}) (…)",
            if labels.is_empty() { "none".to_owned() } else { labels.join(", ") }
        ));
    }
    Ok(shares.into_iter().map(|(application, ratio)| Used { application, ratio }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(of: &[(&str, &str, f64)]) -> Vec<(BTreeMap<String, String>, f64)> {
        let one =
            |(label, name, share): &(&str, &str, f64)| ([((*label).to_owned(), (*name).to_owned())].into(), *share);
        of.iter().map(one).collect()
    }

    #[test]
    fn the_highest_series_of_an_application_is_its_share() {
        let of = [
            ("app", "shop", 0.5),
            ("app", "shop", 0.9),
            ("app", "db", 0.1),
            ("app", "b c", 3.0),
            ("app", "x", f64::NAN),
        ];
        let found = used("app", &series(&of)).unwrap();
        let found: Vec<(&str, f64)> = found.iter().map(|used| (used.application.as_str(), used.ratio)).collect();
        assert_eq!(found, [("db", 0.1), ("shop", 0.9)]);
        assert_eq!(used("app", &series(&[("app", "x", f64::NAN)])), Ok(vec![]), "nothing yet is no mistake");
        assert_eq!(
            used("application", &series(&[("app", "shop", 0.5)])).unwrap_err(),
            "saturation.query gives series whose label application names no application (labels of the first: app); expected one \
             for each application, such as of max by (application) (…)"
        );
    }

    #[test]
    fn what_is_wrong_is_told_by_its_field() {
        let settings = SaturationSettings {
            prometheus: PrometheusServer {
                url: "prometheus:9090".to_owned(),
                delay: conductor_core::units::Span::minutes(11),
                timeout: conductor_core::units::Span::seconds(0),
                auth: None,
                ca_file: None,
            },
            query: " ".to_owned(),
            label: "9a".to_owned(),
            threshold: f64::NAN,
        };
        let fields: Vec<String> = settings.violations().into_iter().map(|(field, ..)| field).collect();
        assert_eq!(fields, ["prometheus.url", "prometheus.timeout", "prometheus.delay", "query", "label", "threshold"]);
    }
}
