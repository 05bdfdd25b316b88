//! Annotations by Grafana's HTTP API: organization annotations, which every dashboard can show by their tags.

use async_trait::async_trait;
use conductor_core::annotation::Annotation;
use conductor_core::ports::{Annotator, FailureKind, PortError};
use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::LONGEST_TAG;
use crate::kpi::web::{Web, refused, shown};

const LOOK: &str = "could not look for an annotation in Grafana";
const WRITE: &str = "could not write an annotation into Grafana";
/// The tag of every annotation of every run.
const TAG: &str = "loadtest";
/// How many annotations of a run at one time are looked at.
const MOST: &str = "1000";

pub(super) struct Grafana {
    web: Web,
    url: String,
    token: Option<String>,
    tags: Vec<String>,
}

/// An annotation as Grafana tells it: by these it is the same.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    time: i64,
    time_end: i64,
    text: String,
}

impl Grafana {
    pub(super) fn new(web: Web, url: &str, token: Option<String>, tags: Vec<String>) -> Self {
        Self { web, url: format!("{}/api/annotations", url.trim_end_matches('/')), token, tags }
    }

    /// The text that a request is answered with.
    async fn ask(&self, request: RequestBuilder, act: &str) -> Result<String, PortError> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let (status, text) = self.web.answer(request, act).await?;
        if status.is_success() { Ok(text) } else { Err(explained(status, refused(status, &text, act))) }
    }

    /// True when it was written before, by whomever.
    async fn is_there(&self, annotation: &Annotation) -> Result<bool, PortError> {
        let wanted = written(annotation);
        let (from, to) = (wanted.time.to_string(), wanted.time_end.to_string());
        let run = tag("run", annotation.run.as_str());
        let request = self.web.get(&self.url).query(&[
            ("type", "annotation"),
            ("tags", TAG),
            ("tags", &run),
            ("from", &from),
            ("to", &to),
            ("limit", MOST),
        ]);
        let text = self.ask(request, LOOK).await?;
        let found: Vec<Written> = serde_json::from_str(&text).map_err(|error| {
            let text = format!(
                "{LOOK}: its answer is no list of annotations ({error}){}; expected url or apiUrl to be the \
                 address of a Grafana",
                shown(&text)
            );
            PortError::new(FailureKind::Rejected, text)
        })?;
        Ok(found.contains(&wanted))
    }
}

#[async_trait]
impl Annotator for Grafana {
    async fn annotate(&self, annotation: &Annotation) -> Result<(), PortError> {
        if self.is_there(annotation).await? {
            return Ok(());
        }
        let Written { time, time_end, text } = written(annotation);
        let mut tags = vec![
            TAG.to_owned(),
            tag("run", annotation.run.as_str()),
            tag("load_test", &annotation.load_test),
            tag("environment", &annotation.environment),
            tag("kind", &annotation.kind.to_string()),
        ];
        tags.extend(self.tags.iter().cloned());
        let body = json!({ "time": time, "timeEnd": time_end, "tags": tags, "text": text }).to_string();
        self.ask(self.web.post(&self.url, "application/json", body), WRITE).await.map(drop)
    }
}

/// How Grafana keeps an annotation: one that has no duration ends when it begins.
fn written(annotation: &Annotation) -> Written {
    let Annotation { from, to, text, .. } = annotation;
    Written { time: from.as_millisecond(), time_end: to.unwrap_or(*from).as_millisecond(), text: text.clone() }
}

/// A tag that names what it is of, no longer than Grafana's databases keep it.
fn tag(key: &str, value: &str) -> String {
    format!("{key}:{}", value.chars().take(LONGEST_TAG).collect::<String>())
}

/// The error of an answer, with what would be right where that is known.
fn explained(status: StatusCode, error: PortError) -> PortError {
    let expected = match status {
        StatusCode::UNAUTHORIZED => "the token of a service account that it knows, in tokenEnv or auth",
        StatusCode::FORBIDDEN => {
            "a service account that may annotations:create and annotations:read, as those with the role Editor may"
        }
        StatusCode::NOT_FOUND => "url or apiUrl to be the address of a Grafana, with its path prefix",
        _ => return error,
    };
    PortError::new(error.kind, format!("{error}; expected {expected}"))
}
