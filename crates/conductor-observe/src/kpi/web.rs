//! Calls of HTTP: who calls, how long it may take, and how long an answer may be.

use std::path::{Path, PathBuf};
use std::time::Duration;

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::units::Span;
use reqwest::{RequestBuilder, StatusCode, Url};
use serde::{Deserialize, Serialize};

use super::Wrong;

/// How long an answer may take, where nobody says otherwise.
pub(crate) const TIMEOUT: Span = Span::seconds(10);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How much of an answer a message repeats.
const SHOWN: usize = 200;

/// What stands for a field `timeout` that is not there.
pub(crate) const fn timeout() -> Span {
    TIMEOUT
}

/// Makes the paths of who calls and of whom is trusted absolute.
pub(crate) fn resolve(ca_file: &mut Option<PathBuf>, auth: &mut Option<Credentials>, folder: &Path) {
    ca_file.iter_mut().for_each(|file| *file = folder.join(&*file));
    auth.iter_mut().for_each(|auth| auth.resolve(folder));
}

/// How the conductor says who it is. Files are read anew with each call, since tokens are replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Credentials {
    /// A file with a bearer token.
    BearerFile(PathBuf),
    /// A user and a password.
    #[serde(rename_all = "camelCase")]
    Basic {
        /// The user.
        user: String,
        /// A file with the password.
        password_file: PathBuf,
    },
}

impl Credentials {
    /// Makes its path absolute.
    fn resolve(&mut self, folder: &Path) {
        let (Self::BearerFile(file) | Self::Basic { password_file: file, .. }) = self;
        *file = folder.join(&*file);
    }

    /// What is wrong with its file, if anything is: a call that fails for it would come too late. The path must be absolute.
    pub(crate) fn unreadable(&self) -> Option<Wrong> {
        let (field, file) = self.file();
        unreadable(field, file)
    }

    /// The file with its secret, and the field that names it.
    const fn file(&self) -> (&'static str, &PathBuf) {
        match self {
            Self::BearerFile(file) => ("auth.bearerFile", file),
            Self::Basic { password_file, .. } => ("auth.basic.passwordFile", password_file),
        }
    }

    fn sign(&self, request: RequestBuilder, act: &str) -> Result<RequestBuilder, PortError> {
        let (field, file) = self.file();
        let word = secret(field, file).map_err(|refused| {
            let text = format!("{act}: {refused}");
            PortError::new(FailureKind::Rejected, text)
        })?;
        Ok(match self {
            Self::BearerFile(_) => request.bearer_auth(word),
            Self::Basic { user, .. } => request.basic_auth(user, Some(word)),
        })
    }
}

/// What a file with a secret should be.
const ONE_WORD: &str = "a file with one line";

/// A secret, as it is in its file now: secrets are replaced.
///
/// # Errors
/// With the field, the file and what is wrong, but never with what the file holds.
pub(crate) fn secret(field: &str, file: &Path) -> Result<String, String> {
    word(file).map_err(|problem| format!("{field} {}: {problem}; expected {ONE_WORD}", file.display()))
}

/// What is wrong with a file with a secret, if anything is.
pub(crate) fn unreadable(field: &str, file: &Path) -> Option<Wrong> {
    let problem = word(file).err()?;
    Some((field.to_owned(), format!("{}: {problem}", file.display()), ONE_WORD.to_owned()))
}

/// The only word of a file.
fn word(file: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("could not read it: {error}"))?;
    let line = text.trim();
    if line.is_empty() || line.contains(char::is_whitespace) {
        return Err("it is not one word".to_owned());
    }
    Ok(line.to_owned())
}

/// Calls one service.
#[derive(Debug)]
pub(crate) struct Web {
    http: reqwest::Client,
    credentials: Option<Credentials>,
    longest: usize,
    timeout: Span,
}

impl Web {
    /// A client.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub(crate) fn new(
        timeout: Span,
        ca_file: Option<&Path>,
        credentials: Option<Credentials>,
        longest: usize,
    ) -> Result<Self, PortError> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            // The settings alone say where secrets go, and not what a shell or a container sets for its programs.
            .no_proxy()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(timeout.as_duration());
        if let Some(file) = ca_file {
            let act = || format!("caFile: could not read {}; expected certificates in PEM", file.display());
            let pem = std::fs::read(file).map_err(|error| PortError::because(FailureKind::Rejected, act(), error))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem)
                .map_err(|error| PortError::because(FailureKind::Rejected, act(), error))?;
            if certificates.is_empty() {
                let text = format!("caFile: no certificate is in {}; expected certificates in PEM", file.display());
                return Err(PortError::new(FailureKind::Rejected, text));
            }
            builder = builder.tls_certs_merge(certificates);
        }
        let http = builder
            .build()
            .map_err(|error| PortError::because(FailureKind::Rejected, "could not set up the HTTP client", error))?;
        Ok(Self { http, credentials, longest, timeout })
    }

    /// A GET of an address.
    pub(crate) fn get(&self, url: &str) -> RequestBuilder {
        self.http.get(url)
    }

    /// A form that is posted to an address.
    pub(crate) fn form(&self, url: &str, form: &[(&str, &str)]) -> RequestBuilder {
        self.http.post(url).form(form)
    }

    /// A text that is posted to an address.
    pub(crate) fn post(&self, url: &str, content_type: &str, body: String) -> RequestBuilder {
        self.http.post(url).header(reqwest::header::CONTENT_TYPE, content_type).body(body)
    }

    /// The status and the text that a request is answered with.
    pub(crate) async fn answer(&self, request: RequestBuilder, act: &str) -> Result<(StatusCode, String), PortError> {
        let request = match &self.credentials {
            Some(credentials) => credentials.sign(request, act)?,
            None => request,
        };
        let unanswered = |error: reqwest::Error| {
            if error.is_timeout() {
                let text = format!("{act}: no answer within {}", self.timeout);
                return PortError::new(FailureKind::Unavailable, text);
            }
            PortError::because(FailureKind::Unavailable, act, error.without_url())
        };
        let mut response = request.send().await.map_err(unanswered)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
            if body.len() + chunk.len() > self.longest {
                let text = format!("{act}: the answer is longer than {} kB", self.longest / 1024);
                return Err(PortError::new(FailureKind::Rejected, text));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((response.status(), String::from_utf8_lossy(&body).into_owned()))
    }
}

/// The error of a status that is not a success.
pub(crate) fn refused(status: StatusCode, text: &str, act: &str) -> PortError {
    let busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    let kind = if status.is_server_error() || busy { FailureKind::Unavailable } else { FailureKind::Rejected };
    PortError::new(kind, format!("{act}: {status}{}", shown(text)))
}

/// The beginning of an answer, for a message.
pub(crate) fn shown(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    let beginning: String = text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let rest = if text.chars().count() > SHOWN { "…" } else { "" };
    format!(": {beginning}{rest}")
}

/// What is wrong with an address.
pub(crate) fn url_violation(field: &str, url: &str) -> Option<Wrong> {
    let problem = match Url::parse(url) {
        Err(error) => error.to_string(),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => format!("its scheme is {}", url.scheme()),
        Ok(url) if url.password().is_some() || !url.username().is_empty() => "it has a user or a password".to_owned(),
        Ok(_) => return None,
    };
    Some((field.to_owned(), problem, "http:// or https://, a host and a path; secrets go into auth".to_owned()))
}

/// What is wrong with a time that something may take.
pub(crate) fn time_violation(field: &str, time: Span) -> Option<Wrong> {
    let is_wrong = time.as_duration() < Duration::from_millis(100) || time.as_duration() > Duration::from_secs(120);
    is_wrong.then(|| (field.to_owned(), format!("{time} is too short or too long"), "100ms to 2m".to_owned()))
}
