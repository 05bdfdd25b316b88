//! Locust's web interface, one method per route that the driver uses, for both generations of verbs.
//!
//! It tells a login page or another program's answer from Locust's; it knows nothing of runs, windows or proofs.

use std::collections::BTreeMap;
use std::time::Duration;

use conductor_core::ports::{FailureKind, PortError};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::csv::Table;
use crate::settings::LocustSettings;

/// Locust answers `/stop` when all users are gone, and waits a minute more than its stop timeout for that.
const STOP_PATIENCE: Duration = Duration::from_secs(120);
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);

/// A client of one Locust master, or of a Locust of one process.
#[derive(Debug)]
pub(crate) struct Api {
    client: Client,
    base: String,
    token: Option<String>,
}

/// What the start page tells: the only answer that is fresh and carries the version.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Page {
    pub(crate) version: String,
    pub(crate) state: String,
    pub(crate) user_count: u64,
    #[serde(default)]
    pub(crate) is_distributed: bool,
    #[serde(default)]
    pub(crate) worker_count: u32,
    /// Present, as true or false, only when the locustfile brings a load shape.
    #[serde(default)]
    hide_common_options: Option<bool>,
    #[serde(default)]
    show_userclass_picker: bool,
    /// What the users call, when it is the same for all of them.
    #[serde(default)]
    pub(crate) host: Option<String>,
}

impl Page {
    /// True when posted users are ignored because a load shape decides.
    pub(crate) fn has_shape(&self) -> bool {
        self.hide_common_options.is_some() && !self.show_userclass_picker
    }

    /// True from Locust 2.47.0 on, where each post re-arms `run_time`; before, an old timer stops a later run.
    pub(crate) fn has_dead_man(&self) -> bool {
        let mut parts = self.version.split('.').map(|part| part.parse::<u32>().ok());
        let (Some(Some(major)), Some(Some(minor))) = (parts.next(), parts.next()) else { return false };
        (major, minor) >= (2, 47)
    }

    /// True while Locust starts or runs users.
    pub(crate) fn is_active(&self) -> bool {
        is_active(&self.state)
    }
}

/// True in the states in which Locust starts or runs users.
pub(crate) fn is_active(state: &str) -> bool {
    matches!(state, "spawning" | "running")
}

/// What the plugin serves.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Series {
    pub(crate) plugin: String,
    pub(crate) boot: Boot,
    pub(crate) active_run: String,
    pub(crate) now: f64,
    pub(crate) complete_until: f64,
    pub(crate) counts_from: f64,
    pub(crate) histograms_from: f64,
    /// Method and name of the rows that the seconds number.
    #[serde(default)]
    pub(crate) rows: Vec<(String, String)>,
    pub(crate) seconds: Vec<Second>,
    pub(crate) marks: Vec<PluginMark>,
    pub(crate) orphans: Orphans,
    pub(crate) generator: Generator,
}

/// The start of the process that serves.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Boot {
    pub(crate) id: String,
    pub(crate) at: f64,
}

/// One second of the series; `rows` are (row number, requests, failures, buckets).
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Second {
    /// Its beginning, in seconds since 1970.
    #[serde(default)]
    pub(crate) t: i64,
    pub(crate) kpi: u64,
    pub(crate) calls: BTreeMap<String, u64>,
    pub(crate) rows: Vec<(usize, u64, u64, BTreeMap<u64, u64>)>,
    /// Requests by status code, 0 for no response; `None` where a plugin does not tell all of them.
    #[serde(default)]
    pub(crate) codes: Option<BTreeMap<u16, u64>>,
}

/// Something the plugin noticed, with its seconds on the master's clock.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PluginMark {
    pub(crate) kind: String,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

/// Workers of a master that is gone, told to quit.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Orphans {
    pub(crate) last_seen: Option<f64>,
}

/// Users and workers at the moment, as the plugin sees them.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Generator {
    pub(crate) state: String,
    pub(crate) user_count: u64,
    pub(crate) cpu: f64,
    pub(crate) workers: Vec<PluginWorker>,
}

/// One worker as the plugin on the master knows it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PluginWorker {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) plugin: Option<String>,
    pub(crate) same_users: bool,
    pub(crate) clock_offset: f64,
}

/// The part of `/stats/requests` that is not in the CSV.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Statistics {
    #[serde(default)]
    pub(crate) workers: Vec<StatisticsWorker>,
}

/// One worker as Locust's own statistics show it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct StatisticsWorker {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) cpu_usage: f64,
}

#[derive(Debug, Deserialize)]
struct Answer {
    success: bool,
    #[serde(default)]
    message: String,
}

impl Api {
    /// A client for these settings; it connects with the first call.
    pub(crate) fn new(settings: &LocustSettings, token: Option<String>) -> Result<Self, PortError> {
        let refused = |act: String| PortError::new(FailureKind::Rejected, act);
        let url = reqwest::Url::parse(&settings.url).map_err(|error| {
            let act = format!("locust.url \"{}\" is not an address such as http://locust:8089", settings.url);
            PortError::because(FailureKind::Rejected, act, error)
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused(format!("locust.url \"{}\" must begin with http:// or https://", settings.url)));
        }
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_PATIENCE)
            .timeout(PATIENCE);
        if let Some(file) = &settings.ca_file {
            let act = || format!("could not read the certificate authority in locust.caFile {}", file.display());
            let pem = std::fs::read(file).map_err(|error| PortError::because(FailureKind::Rejected, act(), error))?;
            let certificate = reqwest::Certificate::from_pem(&pem)
                .map_err(|error| PortError::because(FailureKind::Rejected, act(), error))?;
            builder = builder.tls_certs_merge([certificate]);
        }
        let client = builder.build().map_err(|error| {
            PortError::because(FailureKind::Rejected, "could not set up the HTTP client for Locust", error)
        })?;
        Ok(Self { client, base: settings.url.trim_end_matches('/').to_owned(), token })
    }

    /// The address, for messages.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The start page.
    pub(crate) async fn page(&self) -> Result<Page, PortError> {
        let act = format!("could not read the state of Locust at {}", self.base);
        let text = self.text(self.request(Method::GET, "/"), &act).await?;
        let found = text.split_once("window.templateArgs =").and_then(|(_, rest)| {
            serde_json::Deserializer::from_str(rest).into_iter::<Page>().next().and_then(Result::ok)
        });
        found.ok_or_else(|| {
            let why = "the page is not Locust's: it may be a login page (set locust.tokenEnv), another program, or a \
                       Locust older than 2.32";
            PortError::because(FailureKind::Rejected, act, why)
        })
    }

    /// The plugin's series from `since` on (seconds of Unix time); `None` when Locust runs without the plugin.
    pub(crate) async fn series(&self, run: &str, since: f64) -> Result<Option<Series>, PortError> {
        let act = format!("could not read the conductor's plugin in Locust at {}", self.base);
        let query = [("run", run.to_owned()), ("since", since.to_string())];
        let response = self.send(self.request(Method::GET, "/conductor/series").query(&query), &act).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        json(accepted(response, &act)?, &act).await.map(Some)
    }

    /// Locust's statistics; Locust caches them for two seconds.
    pub(crate) async fn statistics(&self) -> Result<Statistics, PortError> {
        let act = format!("could not read the statistics of Locust at {}", self.base);
        let response = self.send(self.request(Method::GET, "/stats/requests"), &act).await?;
        json(accepted(response, &act)?, &act).await
    }

    /// The cumulative counters, as fresh as the last report of each worker.
    pub(crate) async fn counters(&self) -> Result<Table, PortError> {
        let act = format!("could not read the counters of Locust at {}", self.base);
        let text = self.text(self.request(Method::GET, "/stats/requests/csv"), &act).await?;
        Table::parse(&text).ok_or_else(|| {
            PortError::because(FailureKind::Rejected, act, "the answer is not the CSV of Locust's statistics")
        })
    }

    /// Asks for users. Success means that Locust understood, not that users run.
    pub(crate) async fn swarm(&self, form: &[(&str, String)]) -> Result<(), PortError> {
        let act = format!("could not set the users of Locust at {}", self.base);
        let response = self.send(self.request(Method::POST, "/swarm").form(form), &act).await?;
        let answer: Answer = json(accepted(response, &act)?, &act).await?;
        if answer.success {
            return Ok(());
        }
        Err(PortError::because(FailureKind::Rejected, act, format!("Locust says: {}", answer.message)))
    }

    /// Asks all users to stop.
    pub(crate) async fn stop(&self) -> Result<(), PortError> {
        let act = format!("could not stop Locust at {}", self.base);
        self.act("/stop", STOP_PATIENCE, &act).await
    }

    /// Sets Locust's own counters to zero.
    pub(crate) async fn reset(&self) -> Result<(), PortError> {
        let act = format!("could not reset the counters of Locust at {}", self.base);
        self.act("/stats/reset", PATIENCE, &act).await
    }

    /// POST as from Locust 2.47.0 on; where that is not allowed, GET as before.
    async fn act(&self, path: &str, patience: Duration, act: &str) -> Result<(), PortError> {
        let response = self.send(self.request(Method::POST, path).timeout(patience), act).await?;
        let response = match response.status() {
            StatusCode::METHOD_NOT_ALLOWED => self.send(self.request(Method::GET, path).timeout(patience), act).await?,
            _ => response,
        };
        accepted(response, act).map(drop)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder, act: &str) -> Result<Response, PortError> {
        request.send().await.map_err(|error| unanswered(act, error))
    }

    async fn text(&self, request: RequestBuilder, act: &str) -> Result<String, PortError> {
        let response = accepted(self.send(request, act).await?, act)?;
        response.text().await.map_err(|error| unanswered(act, error))
    }
}

/// An answer that did not come. The act names the address already, which the client's error would only repeat.
fn unanswered(act: &str, error: reqwest::Error) -> PortError {
    PortError::because(FailureKind::Unavailable, act, error.without_url())
}

/// The response, unless its status says that Locust did not do it.
fn accepted(response: Response, act: &str) -> Result<Response, PortError> {
    let status = response.status();
    let (kind, why) = if status.is_success() {
        return Ok(response);
    } else if status.is_redirection() || matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        let why = "Locust asks for a login; set locust.tokenEnv to a variable that holds a bearer token it accepts";
        (FailureKind::Rejected, format!("{why} (HTTP {status})"))
    } else if matches!(
        status,
        StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
    ) {
        (FailureKind::Unavailable, format!("it answers HTTP {status}"))
    } else if status == StatusCode::NOT_FOUND {
        let why = "there is no such route; locust.url must hold the base path, if Locust has one, and nothing else";
        (FailureKind::NotFound, format!("{why} (HTTP {status})"))
    } else {
        (FailureKind::Rejected, format!("it answers HTTP {status}"))
    };
    Err(PortError::because(kind, act, why))
}

/// The JSON of an answer; a page instead of JSON is named as such.
async fn json<T: DeserializeOwned>(response: Response, act: &str) -> Result<T, PortError> {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
    if !kind.starts_with("application/json") {
        let why = format!(
            "the answer is \"{kind}\" instead of JSON: it may be a login page; set locust.tokenEnv to a variable that \
             holds a bearer token"
        );
        return Err(PortError::because(FailureKind::Rejected, act, why));
    }
    let body = response.bytes().await.map_err(|error| unanswered(act, error))?;
    serde_json::from_slice(&body).map_err(|error| PortError::because(FailureKind::Rejected, act, error))
}
