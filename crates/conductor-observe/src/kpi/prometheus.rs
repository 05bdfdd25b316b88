//! A counter or a rate that Prometheus has scraped.

pub(crate) mod answer;
mod increase;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use conductor_core::crosscheck::Counts;
use conductor_core::load::{KpiSample, Mark};
use conductor_core::ports::{FailureKind, KpiSource, PortError};
use conductor_core::run::RunId;
use conductor_core::units::Span;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::increase::{Point, Unknown, increase};
use super::readings::sample;
use super::web::{self, Credentials, Web, refused, time_violation, url_violation};
use super::{Per, Wrong};

/// What stands for the run's id in a query.
pub(crate) const RUN: &str = "$run";
/// How far before a window samples are looked for. A series that was silent for longer counts as a new one.
const LOOK_BACK_S: f64 = 1_800.0;
/// The longest answer that is read.
const LONGEST: usize = 16 << 20;
/// How far a sample may be ahead of the conductor's clock, in seconds.
const SKEW_LIMIT_S: f64 = 1.0;

/// What to ask of which Prometheus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrometheusKpiSettings {
    /// The address of its API without `/api/v1`, such as `http://prometheus:9090`.
    pub url: String,
    /// A selector of counters, such as `shop_orders_total{status="accepted"}`; all that it selects are summed. `$run` in
    /// it is the run's id. Either this or `rate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<String>,
    /// An expression that is a rate, such as `sum(rate(shop_orders_total[1m]))`; all that it gives is summed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// The time of a rate.
    #[serde(default)]
    pub per: Per,
    /// How late a rate is complete: only of a counter's own samples can that be learnt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Span>,
    /// How long a query may take.
    #[serde(default = "web::timeout")]
    pub timeout: Span,
    /// How the conductor says who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Credentials>,
    /// The authority that signed Prometheus' certificate; absent: those of this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

impl PrometheusKpiSettings {
    /// Makes every path absolute.
    pub fn resolve(&mut self, folder: &Path) {
        web::resolve(&mut self.ca_file, &mut self.auth, folder);
    }

    /// Whose events are counted: a query with the run's id asks for those of the run.
    pub fn counts(&self) -> Counts {
        let query = self.counter.as_ref().or(self.rate.as_ref());
        if query.is_some_and(|query| query.contains(RUN)) { Counts::Run } else { Counts::Everybody }
    }

    /// Everything that can be seen to be wrong without Prometheus.
    pub fn violations(&self) -> Vec<Wrong> {
        let mut found: Vec<Wrong> = url_violation("url", &self.url).into_iter().collect();
        let mut add = |field: &str, problem: &str, expected: &str| {
            found.push((field.to_owned(), problem.to_owned(), expected.to_owned()));
        };
        match (&self.counter, &self.rate) {
            (Some(_), Some(_)) => add("rate", "there is a counter, too", "one of counter and rate"),
            (None, None) => add("counter", "neither it nor rate is there", "one of counter and rate"),
            (Some(counter), None) => {
                if counter.contains(['(', '[']) {
                    let expected =
                        "a selector, such as shop_orders_total{status=\"accepted\"}; what it selects is summed";
                    add("counter", "it is an expression", expected);
                }
                if self.delay.is_some() {
                    add("delay", "a counter's samples tell how late it is", "a rate, or no delay");
                }
                if self.per != Per::default() {
                    add("per", "a counter has no time", "a rate, or no per");
                }
            }
            (None, Some(_)) => {
                if self.delay.is_none() {
                    let expected =
                        "how late the expression is complete: a scrape interval and the time it is scraped in";
                    add("delay", "a rate needs it", expected);
                }
            }
        }
        found.extend(time_violation("timeout", self.timeout));
        found
    }
}

/// A counter or a rate that Prometheus has scraped.
pub struct PrometheusKpi {
    settings: PrometheusKpiSettings,
    web: Web,
}

impl PrometheusKpi {
    /// A source for these settings. Prometheus is asked when it is used.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub fn new(settings: PrometheusKpiSettings) -> Result<Self, PortError> {
        let web = Web::new(settings.timeout, settings.ca_file.as_deref(), settings.auth.clone(), LONGEST)?;
        Ok(Self { settings, web })
    }

    async fn ask(&self, path: &str, form: &[(&str, &str)], act: &str) -> Result<Vec<Vec<Point>>, PortError> {
        ask(&self.web, &self.settings.url, path, form, act, answer::series).await
    }

    async fn counter(&self, selector: &str, since: Timestamp) -> Result<KpiSample, PortError> {
        let act = format!("could not ask Prometheus at {} for {selector}", self.settings.url);
        let now = seconds(Timestamp::now());
        let range = (now - seconds(since)).max(0.0) + LOOK_BACK_S;
        let query = format!("{selector}[{}ms]", (range * 1000.0).ceil());
        let series = self.ask("query", &[("query", &query)], &act).await?;
        let found = increase(&series, seconds(since), now).map_err(|unknown| {
            let why = match unknown {
                Unknown::NoSample => "there is no such series".to_owned(),
                Unknown::Silent(age) => format!("it is not scraped any more: the newest sample is {age:.0} s old"),
            };
            // A counter may come with its first event, and a scrape may succeed again.
            PortError::new(FailureKind::Unavailable, format!("{act}: {why}"))
        })?;
        let newest = series.iter().flatten().map(|point| point.0).fold(0.0, f64::max);
        let mut marks = Vec::new();
        marks.extend(found.reset.then_some(Mark::CounterReset));
        marks.extend(found.gap.then_some(Mark::Approximate));
        marks.extend((newest - now > SKEW_LIMIT_S).then_some(Mark::ClockSkew));
        let (from, to) = (time(found.from, &act)?, time(found.to, &act)?);
        // Times of samples have milliseconds: what is asked for next begins where this ends.
        Ok(sample(from.max(since), to.max(since), Some(found.events.round() as u64), marks))
    }

    async fn rate(&self, expression: &str, since: Timestamp) -> Result<KpiSample, PortError> {
        let act = format!("could not ask Prometheus at {} for {expression}", self.settings.url);
        let delay = self.settings.delay.unwrap_or_default().as_secs_f64();
        let from = seconds(since);
        let whole = (seconds(Timestamp::now()) - delay - from).floor();
        if whole < 1.0 {
            return Ok(sample(since, since, Some(0), Vec::new()));
        }
        // About sixty steps, each of whole seconds.
        let step = (whole / 60.0).ceil();
        let steps = (whole / step).floor();
        let (first, last) = (from + step, from + steps * step);
        let form = [("query", expression.to_owned()), ("start", format!("{first:.3}"))];
        let form = form.into_iter().chain([("end", format!("{last:.3}")), ("step", format!("{step}"))]);
        let form: Vec<(&str, String)> = form.collect();
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let series = self.ask("query_range", &form, &act).await?;
        let at_step = |number: u32| {
            let wanted = from + step * f64::from(number);
            let values = series.iter().flatten().filter(|point| (point.0 - wanted).abs() < 0.5).map(|point| point.1);
            values.fold(None, |sum: Option<f64>, value| Some(sum.unwrap_or_default() + value))
        };
        let sum = (1..=steps as u32).map(at_step).sum::<Option<f64>>();
        let sum = sum.ok_or_else(|| {
            PortError::new(FailureKind::Unavailable, format!("{act}: it has no value for a part of the time"))
        })?;
        let events = (sum * step / self.settings.per.seconds()).max(0.0).round() as u64;
        Ok(sample(since, time(last, &act)?.max(since), Some(events), vec![Mark::Approximate]))
    }
}

#[async_trait]
impl KpiSource for PrometheusKpi {
    async fn sample(&self, run: &RunId, since: Timestamp) -> Result<KpiSample, PortError> {
        match (&self.settings.counter, &self.settings.rate) {
            (Some(selector), _) => self.counter(&selector.replace(RUN, run.as_str()), since).await,
            (None, Some(expression)) => self.rate(&expression.replace(RUN, run.as_str()), since).await,
            (None, None) => Err(PortError::new(FailureKind::Rejected, "the settings name neither counter nor rate")),
        }
    }

    fn counts(&self) -> Counts {
        self.settings.counts()
    }
}

/// What a call of Prometheus' API gives, as `read` finds it in the answer.
pub(crate) async fn ask<T>(
    web: &Web,
    server: &str,
    path: &str,
    form: &[(&str, &str)],
    act: &str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, PortError> {
    let url = format!("{}/api/v1/{path}", server.trim_end_matches('/'));
    let (status, text) = web.answer(web.form(&url, form), act).await?;
    match read(&text) {
        Ok(found) => Ok(found),
        // What is not of Prometheus, such as a gateway, speaks by its status.
        Err(why) if status.is_success() || text.contains("errorType") => {
            let kind = if status.is_server_error() { FailureKind::Unavailable } else { FailureKind::Rejected };
            Err(PortError::new(kind, format!("{act}: {why}")))
        }
        Err(_) => Err(refused(status, &text, act)),
    }
}

fn seconds(time: Timestamp) -> f64 {
    time.as_duration().as_secs_f64()
}

fn time(seconds: f64, act: &str) -> Result<Timestamp, PortError> {
    Timestamp::from_microsecond((seconds * 1e6).round() as i64).map_err(|error| {
        PortError::because(FailureKind::Rejected, format!("{act}: the time of a sample is out of range"), error)
    })
}
