//! One call of the service: at its pace, tried again where that may help, with an answer that is not too long.
//!
//! It knows nothing of what is listed or deleted.

use std::sync::Arc;
use std::time::Duration;

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;
use conductor_core::spec::{LOAD_TEST_HEADER, RUN_HEADER};
use conductor_core::units::Span;
use jiff::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Response, StatusCode, Url};
use serde_json::Value;

use super::pace::Pace;
use super::retry::{self, Patience};
use super::settings::HttpTestDataSettings;
use super::template::Request;

const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer that is read; a page of ten thousand items has a few megabytes.
const LONGEST_ANSWER: usize = 32 << 20;
/// How much of an answer a message repeats.
const SHOWN: usize = 200;

/// Calls a service.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    headers: HeaderMap,
    settings: Arc<HttpTestDataSettings>,
    pace: Pace,
}

/// What the service said. It is a success, or one of the statuses that the caller takes for an answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Vec<u8>,
    shown: String,
}

impl Answer {
    /// Whether numbers of what was done can be in it: not where there was nothing to do, or it is not done yet.
    pub(super) fn tells(&self) -> bool {
        self.status.is_success() && !matches!(self.status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT)
    }
}

/// What a call is for, in the words of its error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Purpose<'a> {
    pub(super) run: &'a RunId,
    /// Such as `list orders`.
    pub(super) act: &'a str,
    /// Statuses besides those of success that are an answer.
    pub(super) taken: &'a [u16],
    /// How long it is tried again.
    pub(super) patience: Duration,
}

impl Client {
    pub(super) fn new(settings: Arc<HttpTestDataSettings>, token: Option<String>) -> Result<Self, PortError> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            // The declaration alone says where the token goes, and not what a shell or a container sets for its programs.
            .no_proxy()
            .connect_timeout(CONNECT_PATIENCE)
            .timeout(settings.timeout.as_duration());
        if let Some(file) = &settings.ca_file {
            let act = || {
                let file = file.display();
                format!("test data {}: could not read the certificate authority in caFile {file}", settings.name)
            };
            let pem = std::fs::read(file).map_err(|error| PortError::because(FailureKind::Rejected, act(), error))?;
            let certificate = reqwest::Certificate::from_pem(&pem)
                .map_err(|error| PortError::because(FailureKind::Rejected, act(), error))?;
            builder = builder.tls_certs_merge([certificate]);
        }
        let http = builder.build().map_err(|error| {
            let act = format!("test data {}: could not set up the HTTP client", settings.name);
            PortError::because(FailureKind::Rejected, act, error)
        })?;
        let headers = headers(&settings, token)?;
        let pace = Pace::per_second(settings.requests_per_second);
        Ok(Self { http, headers, settings, pace })
    }

    /// Sends a request until it is answered for good, or the patience is over.
    pub(super) async fn call(&self, request: &Request, purpose: Purpose<'_>) -> Result<Answer, PortError> {
        let mut patience = Patience::new(purpose.patience);
        loop {
            self.pace.turn().await;
            let (failure, asked) = match self.once(request, purpose).await {
                Ok(answer) => return Ok(answer),
                Err((failure, _)) if !failure.kind.is_transient() => return Err(failure),
                Err(transient) => transient,
            };
            match (patience.pause(asked), asked) {
                // What a service asks of one request, it asks of all.
                (Some(pause), Some(_)) => self.pace.hold(pause).await,
                (Some(pause), None) => tokio::time::sleep(pause).await,
                (None, asked) => {
                    let waits = asked.map(|asked| format!(", and it asks to wait {}", Span::from(asked)));
                    let act = format!("{} ({}{})", failure.act, patience.spent(), waits.unwrap_or_default());
                    return Err(PortError { act, ..failure });
                }
            }
        }
    }

    /// Sends a request once; a failure comes with the pause that the service asks for.
    async fn once(&self, request: &Request, purpose: Purpose<'_>) -> Result<Answer, (PortError, Option<Duration>)> {
        let shown = request.shown(purpose.run);
        let act = format!("test data {}: could not {} by {shown}", self.settings.name, purpose.act);
        let unanswered = |error: reqwest::Error| {
            // The act names the address already, without the values of its query.
            (PortError::because(FailureKind::Unavailable, &*act, error.without_url()), None)
        };
        let response = self.request(request, purpose.run).send().await.map_err(unanswered)?;
        let (status, headers) = (response.status(), response.headers().clone());
        if !status.is_success() && !purpose.taken.contains(&status.as_u16()) {
            let kind = retry::kind(status);
            let asked = retry::after(&headers, Timestamp::now());
            let body = read(response, SHOWN * 4).await.map_or_else(|_| String::new(), |(bytes, _)| excerpt(&bytes));
            let why = refusal(status, &headers, &request.url, &body);
            return Err((PortError::because(kind, act, why), asked));
        }
        match read(response, LONGEST_ANSWER).await.map_err(unanswered)? {
            (body, true) => Ok(Answer { status, headers, body, shown }),
            (_, false) => {
                let why = format!("the answer is longer than {} MiB; ask for shorter pages", LONGEST_ANSWER >> 20);
                Err((PortError::because(FailureKind::Rejected, act, why), None))
            }
        }
    }

    fn request(&self, request: &Request, run: &RunId) -> reqwest::RequestBuilder {
        let method = request.method.as_http();
        let mut builder = self.http.request(method, request.url.clone()).headers(self.headers.clone());
        if self.settings.load_test_headers {
            builder = builder.header(LOAD_TEST_HEADER.0, LOAD_TEST_HEADER.1).header(RUN_HEADER, run.as_str());
        }
        match &request.body {
            Some(body) => builder.json(body),
            None => builder,
        }
    }

    /// The refusal of an answer that makes no sense.
    pub(super) fn nonsense(&self, answer: &Answer, act: &str, why: &str) -> PortError {
        let act = format!("test data {}: could not {act} by {}", self.settings.name, answer.shown);
        PortError::because(FailureKind::Rejected, act, format!("{why}: {}", excerpt(&answer.body)))
    }

    /// The JSON of an answer.
    pub(super) fn json(&self, answer: &Answer, act: &str) -> Result<Value, PortError> {
        serde_json::from_slice(&answer.body).map_err(|error| {
            self.nonsense(answer, act, &format!("the answer (HTTP {}) is no JSON, {error}", answer.status.as_u16()))
        })
    }

    /// The whole number at a JSON pointer of an answer.
    pub(super) fn number(&self, answer: &Answer, pointer: &str, act: &str) -> Result<u64, PortError> {
        let json = self.json(answer, act)?;
        json.pointer(pointer)
            .and_then(Value::as_u64)
            .ok_or_else(|| self.nonsense(answer, act, &format!("the answer has no whole number at \"{pointer}\"")))
    }
}

/// The headers of every request.
fn headers(settings: &HttpTestDataSettings, token: Option<String>) -> Result<HeaderMap, PortError> {
    let refused = |what: &str| {
        let act = format!("test data {}: {what} cannot be sent in a header", settings.name);
        PortError::new(FailureKind::Rejected, act)
    };
    let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
    for (name, value) in &settings.headers {
        let name = name.parse::<HeaderName>().map_err(|_| refused(&format!("headers.{name}")))?;
        let value = value.parse().map_err(|_| refused(&format!("headers.{name}")))?;
        headers.insert(name, value);
    }
    if let Some(token) = token {
        let (name, text) = match &settings.token_header {
            Some(name) => (name.parse().map_err(|_| refused("tokenHeader"))?, token),
            None => (AUTHORIZATION, format!("Bearer {token}")),
        };
        // The value is not told: it is the secret.
        let mut value = HeaderValue::from_str(text.trim()).map_err(|_| refused("the value that tokenEnv names"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

/// Why a request was not done.
fn refusal(status: StatusCode, headers: &HeaderMap, url: &Url, body: &str) -> String {
    let said = if body.is_empty() { String::new() } else { format!(": {body}") };
    if status.is_redirection() {
        let target = headers.get(LOCATION).and_then(|value| value.to_str().ok()).and_then(|text| url.join(text).ok());
        let target = target.map_or_else(String::new, |mut target| {
            target.set_query(None);
            format!(" to {target}")
        });
        return format!(
            "it answers HTTP {status} and sends us on{target}, where we do not go; give the address itself"
        );
    }
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        let expected = "expected a token it accepts in the variable of tokenEnv";
        return format!("it answers HTTP {status}, {expected}{said}");
    }
    format!("it answers HTTP {status}{said}")
}

/// What is sent, up to a bound, and whether that was all.
async fn read(mut response: Response, most: usize) -> Result<(Vec<u8>, bool), reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > most {
            body.truncate(most);
            return Ok((body, false));
        }
    }
    Ok((body, true))
}

/// The first characters of a text, in one line.
fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.chars().filter(|character| !character.is_control());
    let mut shown: String = line.clone().take(SHOWN).collect();
    if line.count() > SHOWN {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_answer_is_shown_in_one_short_line() {
        assert_eq!(excerpt(b"<html>\n  <body>\x1b[31mno\r\n"), "<html> <body>[31mno");
        assert_eq!(excerpt("ü".repeat(500).as_bytes()).chars().count(), SHOWN + 1);
        assert_eq!(excerpt(b" \n"), "");
    }

    #[test]
    fn where_a_redirect_leads_is_told_without_its_query() {
        let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_static("https://evil.example/x?code=7"))]);
        let url = Url::parse("https://orders.example/orders").unwrap();
        assert_eq!(
            refusal(StatusCode::FOUND, &headers, &url, ""),
            "it answers HTTP 302 Found and sends us on to https://evil.example/x, where we do not go; give the address itself"
        );
    }
}
