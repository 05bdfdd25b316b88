//! Grafana: settings, links to the dashboards that show a run, and annotations by its HTTP API.

mod annotate;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use conductor_core::links::PageTemplate;
use conductor_core::ports::{Annotator, PortError};
use conductor_core::units::Span;
use serde::{Deserialize, Serialize};

use crate::kpi::web::{self, Web, time_violation, url_violation};
use crate::kpi::{Credentials, Wrong};

/// The longest uid of a dashboard that Grafana takes.
const LONGEST_UID: usize = 40;
/// The longest tag that every database of Grafana keeps.
const LONGEST_TAG: usize = 100;
/// How much of an answer is read.
const LONGEST: usize = 4 << 20;
/// The time, and the variables of both dashboards, as `deploy/grafana` has them.
const QUERY: &str = "from={from}&to={to}&var-environment={environment}&var-load_test={loadTest}";
/// The variable that chooses one run.
const RUN: &str = "&var-run={run}";

/// A Grafana that shows runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrafanaSettings {
    /// Its address as people open it, such as `https://grafana.example`, with its path prefix where it has one.
    pub url: String,
    /// Its address as the conductor calls it; absent for the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_url: Option<String>,
    /// The dashboards that links lead to.
    #[serde(default)]
    pub dashboards: DashboardSettings,
    /// Whether phases, alerts and verdicts are written as annotations.
    #[serde(default = "yes")]
    pub annotations: bool,
    /// Tags that annotations have beside those of the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Name of the environment variable that holds the token of a service account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
    /// How the conductor says who it is, where that is in files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Credentials>,
    /// Longest wait for an answer.
    #[serde(default = "web::timeout")]
    pub timeout: Span,
    /// PEM file of the certificate authority that signed its certificate, where the system does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// Dashboards, by their uids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DashboardSettings {
    /// The page of a run.
    pub run: String,
    /// The overview of runs.
    pub runs: String,
}

impl Default for DashboardSettings {
    fn default() -> Self {
        Self { run: "conductor-run".to_owned(), runs: "conductor-runs".to_owned() }
    }
}

const fn yes() -> bool {
    true
}

impl GrafanaSettings {
    /// Makes every path absolute.
    pub fn resolve(&mut self, folder: &Path) {
        web::resolve(&mut self.ca_file, &mut self.auth, folder);
    }

    /// Everything that can be seen to be wrong without Grafana, by the path of the field.
    pub fn violations(&self) -> Vec<Wrong> {
        let mut found: Vec<Wrong> = address_violation("url", &self.url).into_iter().collect();
        found.extend(self.api_url.iter().filter_map(|url| address_violation("apiUrl", url)));
        for (field, uid) in [("run", &self.dashboards.run), ("runs", &self.dashboards.runs)] {
            let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            if uid.is_empty() || uid.len() > LONGEST_UID || !uid.bytes().all(is_good) {
                let expected = "the uid of a dashboard: 1 to 40 letters, digits, '-' or '_'".to_owned();
                found.push((format!("dashboards.{field}"), format!("{uid:?} is no uid"), expected));
            }
        }
        for (position, tag) in self.tags.iter().enumerate() {
            if tag.trim().is_empty() || tag.chars().count() > LONGEST_TAG {
                let expected = format!("1 to {LONGEST_TAG} characters, such as team:checkout");
                found.push((format!("tags[{position}]"), format!("{tag:?} is no tag"), expected));
            }
        }
        match (&self.token_env, &self.auth) {
            (Some(_), Some(_)) => {
                found.push((
                    "auth".to_owned(),
                    "there is a tokenEnv, too".to_owned(),
                    "one of tokenEnv and auth".to_owned(),
                ));
            }
            (None, None) if self.annotations => {
                let problem = "nothing says who writes annotations".to_owned();
                let expected = "tokenEnv or auth, or annotations: false for links alone".to_owned();
                found.push(("annotations".to_owned(), problem, expected));
            }
            (Some(_) | None, Some(_) | None) => {}
        }
        found.extend(time_violation("timeout", self.timeout));
        found
    }

    /// The pages that show runs.
    pub fn pages(&self) -> Vec<PageTemplate> {
        let url = self.url.trim_end_matches('/');
        let page = |title: &str, uid: &str, more: &str| PageTemplate {
            title: format!("Grafana: {title}"),
            url: format!("{url}/d/{uid}?{QUERY}{more}"),
        };
        vec![page("this run", &self.dashboards.run, RUN), page("runs", &self.dashboards.runs, "")]
    }

    /// Who writes annotations, with the token where `token_env` names one; `None` where nobody shall.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub fn annotator(&self, token: Option<String>) -> Result<Option<Arc<dyn Annotator>>, PortError> {
        if !self.annotations {
            return Ok(None);
        }
        let web = Web::new(self.timeout, self.ca_file.as_deref(), self.auth.clone(), LONGEST)?;
        let api = self.api_url.as_ref().unwrap_or(&self.url);
        Ok(Some(Arc::new(annotate::Grafana::new(web, api, token, self.tags.clone()))))
    }
}

/// What is wrong with an address to which a path is added.
fn address_violation(field: &str, url: &str) -> Option<Wrong> {
    url_violation(field, url)
        .map(|(field, problem, _)| (field, problem))
        .or_else(|| {
            let extra = url.find(['?', '#', '{', '}'])?;
            Some((field.to_owned(), format!("it goes on with {:?}", &url[extra..])))
        })
        .map(|(field, problem)| {
            let expected = "http:// or https://, a host and Grafana's path prefix; secrets go into tokenEnv or auth";
            (field, problem, expected.to_owned())
        })
}

#[cfg(test)]
mod tests {
    use conductor_core::links::Shown;
    use serde_json::{Value, json};

    use super::*;

    fn settings(fields: Value) -> GrafanaSettings {
        let mut settings = json!({ "url": "https://grafana.test/ops/" });
        settings.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        serde_json::from_value(settings).unwrap()
    }

    fn violations(fields: Value) -> Vec<String> {
        let told = |(field, problem, expected)| format!("{field}: {problem}; expected {expected}");
        settings(fields).violations().into_iter().map(told).collect()
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_field() {
        let url = "expected http:// or https://, a host and Grafana's path prefix; secrets go into tokenEnv or auth";
        let uid = "expected the uid of a dashboard: 1 to 40 letters, digits, '-' or '_'";
        assert_eq!(
            violations(json!({
                "url": "grafana", "apiUrl": "http://grafana/?orgId=2", "dashboards": { "run": "a/b", "runs": "" },
                "tags": ["ok", " "], "timeout": "1h",
            })),
            [
                format!("url: relative URL without a base; {url}"),
                format!("apiUrl: it goes on with \"?orgId=2\"; {url}"),
                format!("dashboards.run: \"a/b\" is no uid; {uid}"),
                format!("dashboards.runs: \"\" is no uid; {uid}"),
                "tags[1]: \" \" is no tag; expected 1 to 100 characters, such as team:checkout".to_owned(),
                "annotations: nothing says who writes annotations; expected tokenEnv or auth, or annotations: false for links \
                 alone"
                    .to_owned(),
                "timeout: 1h is too short or too long; expected 100ms to 2m".to_owned(),
            ]
        );
        assert_eq!(
            violations(json!({ "tokenEnv": "TOKEN", "auth": { "bearerFile": "token" } })),
            ["auth: there is a tokenEnv, too; expected one of tokenEnv and auth"]
        );
        let secret = violations(json!({ "url": "https://user:secret@grafana.test", "tokenEnv": "TOKEN" }));
        assert_eq!(secret, [format!("url: it has a user or a password; {url}")]);
        assert_eq!(violations(json!({ "annotations": false })), [""; 0]);
    }

    #[test]
    fn links_lead_to_the_run_in_its_time() {
        let settings = settings(json!({ "dashboards": { "runs": "all" }, "apiUrl": "http://grafana.monitoring:3000" }));
        let run = "cyber-week-1".parse().unwrap();
        let (from, to) = ("2026-11-24T14:00:00Z".parse().unwrap(), "2026-11-24T16:00:00Z".parse().unwrap());
        let shown = Shown { run: &run, load_test: "cyber-week", environment: "shop", from, to: Some(to) };
        let links: Vec<_> = settings.pages().iter().map(|page| page.link(&shown)).collect();
        let query = "from=1795528740000&to=1795536060000&var-environment=shop&var-load_test=cyber-week";
        assert_eq!(links[0].title, "Grafana: this run");
        assert_eq!(links[0].url, format!("https://grafana.test/ops/d/conductor-run?{query}&var-run=cyber-week-1"));
        assert_eq!(links[1].title, "Grafana: runs");
        assert_eq!(links[1].url, format!("https://grafana.test/ops/d/all?{query}"));
    }

    #[test]
    fn nobody_annotates_where_nobody_shall() {
        assert!(settings(json!({ "annotations": false })).annotator(None).unwrap().is_none());
    }
}
