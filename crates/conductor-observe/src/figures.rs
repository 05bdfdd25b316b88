//! Figures of Prometheus at one time: those that objectives name by their queries, and how much each application uses of what it may
//! have.

mod answer;
mod saturation;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use conductor_core::failure::Failure;
use conductor_core::figures::Reading;
use conductor_core::ports::{FailureKind, FigureSource, PortError};
use conductor_core::run::RunId;
use conductor_core::units::Span;
use futures::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::answer::{Instant, one};
pub use self::saturation::{PrometheusSaturation, SaturationSettings};
use crate::kpi::Wrong;
use crate::kpi::prometheus::{RUN, ask};
use crate::kpi::web::{self, Credentials, Web, time_violation, url_violation};

/// The longest answer that is read.
const LONGEST: usize = 16 << 20;
/// The longest time after which a figure may be complete.
const LATEST: Span = Span::minutes(10);

/// Where a Prometheus is, and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrometheusServer {
    /// The address of its API without `/api/v1`, such as `http://prometheus:9090`.
    pub url: String,
    /// How late what it has is complete: so long before each measurement it is asked of.
    #[serde(default)]
    pub delay: Span,
    /// How long a query may take.
    #[serde(default = "web::timeout")]
    pub timeout: Span,
    /// How the conductor says who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Credentials>,
    /// The authority that signed its certificate; absent: those of this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

impl PrometheusServer {
    fn resolve(&mut self, folder: &Path) {
        web::resolve(&mut self.ca_file, &mut self.auth, folder);
    }

    fn violations(&self) -> Vec<Wrong> {
        let late = (self.delay > LATEST).then(|| {
            (
                "delay".to_owned(),
                format!("{} is too long to be told of in time", self.delay),
                format!("at most {LATEST}"),
            )
        });
        let found =
            url_violation("url", &self.url).into_iter().chain(time_violation("timeout", self.timeout)).chain(late);
        found.map(|(field, problem, expected)| (format!("prometheus.{field}"), problem, expected)).collect()
    }
}

/// Where the figures of objectives come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FiguresSettings {
    /// The Prometheus that objectives of `prometheus("…")` ask.
    pub prometheus: PrometheusServer,
}

impl FiguresSettings {
    /// Makes every path absolute.
    pub fn resolve(&mut self, folder: &Path) {
        self.prometheus.resolve(folder);
    }

    /// Everything that can be seen to be wrong without Prometheus.
    pub fn violations(&self) -> Vec<Wrong> {
        self.prometheus.violations()
    }
}

/// Asks one Prometheus of one time.
struct Server {
    settings: PrometheusServer,
    web: Web,
}

impl Server {
    fn new(settings: PrometheusServer) -> Result<Self, PortError> {
        let web = Web::new(settings.timeout, settings.ca_file.as_deref(), settings.auth.clone(), LONGEST)?;
        Ok(Self { settings, web })
    }

    /// The time of which it is asked at another one.
    fn time(&self, at: Timestamp) -> Timestamp {
        at.saturating_sub(self.settings.delay.as_duration()).unwrap_or(Timestamp::MIN)
    }

    /// What a query gives at a time. The run's id stands where the query says so.
    async fn instant(&self, run: &RunId, query: &str, time: Timestamp) -> Result<Instant, PortError> {
        let act = format!("could not ask Prometheus at {}", self.settings.url);
        let (query, time) = (query.replace(RUN, run.as_str()), format!("{:.3}", time.as_duration().as_secs_f64()));
        let form = [("query", query.as_str()), ("time", time.as_str())];
        ask(&self.web, &self.settings.url, "query", &form, &act, answer::instant).await
    }
}

/// The figures of a Prometheus.
pub struct PrometheusFigures {
    server: Server,
}

impl PrometheusFigures {
    /// A source by these settings. Prometheus is asked when it is used.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub fn new(settings: FiguresSettings) -> Result<Self, PortError> {
        Ok(Self { server: Server::new(settings.prometheus)? })
    }

    /// The figure of each query; `None` where there is no data.
    async fn all(&self, run: &RunId, queries: &[String], time: Timestamp) -> Vec<Result<Option<f64>, PortError>> {
        let figure = |query: &String| {
            let query = query.clone();
            async move {
                let found = self.server.instant(run, &query, time).await?;
                one(found).map_err(|why| PortError::new(FailureKind::Rejected, why))
            }
        };
        join_all(queries.iter().map(figure)).await
    }
}

#[async_trait]
impl FigureSource for PrometheusFigures {
    async fn check(&self, run: &RunId, queries: &[String]) -> Result<Vec<String>, PortError> {
        let found = self.all(run, queries, self.server.time(Timestamp::now())).await;
        let (mut wrong, mut without) = (Vec::new(), Vec::new());
        for (query, found) in queries.iter().zip(found) {
            match found {
                Ok(Some(_)) => {}
                Ok(None) => without.push(query.clone()),
                Err(error) if error.kind == FailureKind::Rejected => {
                    wrong.push(format!("prometheus(\"{query}\"): {}", Failure::of("", &error).message));
                }
                Err(error) => return Err(error),
            }
        }
        if wrong.is_empty() { Ok(without) } else { Err(PortError::new(FailureKind::Rejected, wrong.join("; "))) }
    }

    async fn read(
        &self,
        run: &RunId,
        queries: &[String],
        at: Timestamp,
    ) -> Result<(Timestamp, BTreeMap<String, Reading>), PortError> {
        let time = self.server.time(at);
        let mut readings = BTreeMap::new();
        let mut failures = Vec::new();
        for (query, found) in queries.iter().zip(self.all(run, queries, time).await) {
            let reading = match found {
                Ok(Some(figure)) => Reading::of(figure),
                Ok(None) => Reading::failed("the query gives no data"),
                Err(error) => {
                    let reading = Reading::failed(Failure::of("", &error).message);
                    failures.push(error);
                    reading
                }
            };
            readings.insert(query.clone(), reading);
        }
        // Who does not answer at all is told of once, and not query by query.
        let lost = failures.iter().all(|error| error.kind == FailureKind::Unavailable);
        let lost = lost && failures.len() == queries.len();
        match failures.pop().filter(|_| lost) {
            Some(error) => Err(error),
            None => Ok((time, readings)),
        }
    }
}
