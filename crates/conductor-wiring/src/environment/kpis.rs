//! What counts as a KPI, and who counts it: one source steers, and another one may check its count.

use std::path::Path;

use conductor_core::crosscheck::{Counter, Counts, CrossCheck};
use conductor_locust::{CallEvent, KpiEvent, RequestEvent};
use conductor_observe::{HttpKpiSettings, PrometheusKpiSettings, SqlKpiSettings};
use serde::{Deserialize, Serialize};

/// What counts as a KPI, and who counts it. `request` and `call` are the short forms of a `source` of Locust.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KpiSettings {
    /// A request of Locust whose success counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestEvent>,
    /// A call in the locustfile that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallEvent>,
    /// The source that steers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<KpiSourceSettings>,
    /// The source that checks its count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cross_check: Option<CrossCheckSettings>,
}

/// A source of a KPI.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum KpiSourceSettings {
    /// The load generator.
    Locust(KpiEvent),
    /// Prometheus.
    Prometheus(PrometheusKpiSettings),
    /// A database.
    Sql(Box<SqlKpiSettings>),
    /// A number in the answer of a service.
    Http(HttpKpiSettings),
}

/// The source that checks another one's count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CrossCheckSettings {
    /// The source.
    pub source: KpiSourceSettings,
    /// How far the counts may differ, in percent of that of the source that steers.
    #[serde(default = "five_percent")]
    pub tolerance: String,
}

fn five_percent() -> String {
    "5%".to_owned()
}

impl KpiSettings {
    /// The source that steers; `None` where there is not exactly one.
    pub(crate) fn steers(&self) -> Option<KpiSourceSettings> {
        match (&self.request, &self.call, &self.source) {
            (Some(request), None, None) => Some(KpiSourceSettings::Locust(KpiEvent::Request(request.clone()))),
            (None, Some(call), None) => Some(KpiSourceSettings::Locust(KpiEvent::Call(call.clone()))),
            (None, None, Some(source)) => Some(source.clone()),
            _ => None,
        }
    }

    /// The event of Locust that either source counts, where one does.
    pub(crate) fn event(&self) -> Option<KpiEvent> {
        let checks = self.cross_check.as_ref().map(|check| check.source.clone());
        self.steers().into_iter().chain(checks).find_map(|source| match source {
            KpiSourceSettings::Locust(event) => Some(event),
            KpiSourceSettings::Prometheus(_) | KpiSourceSettings::Sql(_) | KpiSourceSettings::Http(_) => None,
        })
    }

    /// What the second source checks, where there is one.
    pub(crate) fn check(&self) -> Option<CrossCheck> {
        let checks = self.cross_check.as_ref()?;
        let tolerance = checks.tolerance()?;
        Some(CrossCheck { steers: self.steers()?.counter(), checks: checks.source.counter(), tolerance })
    }

    pub(super) fn resolve(&mut self, folder: &Path) {
        if let Some(source) = &mut self.source {
            source.resolve(folder);
        }
        if let Some(check) = &mut self.cross_check {
            check.source.resolve(folder);
        }
    }

    /// Everything that is wrong with it: the field, the problem, and what is expected.
    pub(super) fn violations(&self) -> Vec<(String, String, String)> {
        let mut found = Vec::new();
        let mut add = |field: &str, problem: String, expected: &str| {
            found.push((field.to_owned(), problem, expected.to_owned()));
        };
        let named = [self.request.is_some(), self.call.is_some(), self.source.is_some()];
        let named = named.into_iter().filter(|is| *is).count();
        if named != 1 {
            let problem = format!("{named} of request, call and source are there");
            add("source", problem, "one of them, such as source: { prometheus: { … } }");
        }
        if let Some(check) = &self.cross_check {
            if check.tolerance().is_none() {
                let problem = format!("\"{}\" is not a share from 0.1% to 50%", check.tolerance);
                add("crossCheck.tolerance", problem, "percent such as 5% (which it is when absent)");
            }
            if self.steers().as_ref() == Some(&check.source) {
                add("crossCheck.source", "it is the source that steers".to_owned(), "another one");
            }
            let both = [self.steers(), Some(check.source.clone())].into_iter().flatten();
            if both.filter(|source| matches!(source, KpiSourceSettings::Locust(_))).count() == 2 {
                let expected = "prometheus, sql or http: Locust cannot check itself";
                add("crossCheck.source", "both sources are Locust".to_owned(), expected);
            }
        }
        let sources =
            [("source", self.source.as_ref()), ("crossCheck.source", self.cross_check.as_ref().map(|c| &c.source))];
        for (place, source) in sources.into_iter().filter_map(|(place, source)| Some((place, source?))) {
            let (word, violations) = source.violations();
            found.extend(
                violations
                    .into_iter()
                    .map(|(field, problem, expected)| (format!("{place}.{word}.{field}"), problem, expected)),
            );
        }
        found
    }
}

impl CrossCheckSettings {
    /// The tolerance as a share.
    fn tolerance(&self) -> Option<f64> {
        let number: f64 = self.tolerance.trim().strip_suffix('%')?.trim().parse().ok()?;
        (0.1..=50.0).contains(&number).then_some(number / 100.0)
    }
}

impl KpiSourceSettings {
    /// What the verdict calls it, and whose events it counts.
    fn counter(&self) -> Counter {
        let (name, counts) = match self {
            Self::Locust(_) => ("Locust".to_owned(), Counts::Run),
            Self::Prometheus(source) => (format!("Prometheus at {}", source.url), source.counts()),
            Self::Sql(source) => (format!("SQL in {}", source.place()), source.counts()),
            Self::Http(source) => (source.url.clone(), source.counts()),
        };
        Counter { name, counts }
    }

    fn resolve(&mut self, folder: &Path) {
        match self {
            Self::Locust(_) => {}
            Self::Prometheus(source) => source.resolve(folder),
            Self::Sql(source) => source.resolve(folder),
            Self::Http(source) => source.resolve(folder),
        }
    }

    fn violations(&self) -> (&'static str, Vec<(String, String, String)>) {
        match self {
            Self::Locust(_) => ("locust", Vec::new()),
            Self::Prometheus(source) => ("prometheus", source.violations()),
            Self::Sql(source) => ("sql", source.violations()),
            Self::Http(source) => ("http", source.violations()),
        }
    }
}

#[cfg(test)]
#[path = "kpis_tests.rs"]
mod tests;
