//! The series of runs, as they are when Prometheus asks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use conductor_core::phase::Phase;
use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use super::figures::{Figures, MARKS, Totals};
use super::runs::{OUTCOMES, Runs};

const PHASES: [Phase; 7] = [
    Phase::Prepare,
    Phase::Deploy,
    Phase::ScaleUp,
    Phase::GenerateLoad,
    Phase::ScaleDown,
    Phase::CleanUp,
    Phase::Finished,
];

/// The collector of the runs that a program was told of.
pub(super) struct RunSeries(pub(super) Arc<Runs>);

impl fmt::Debug for RunSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RunSeries").finish()
    }
}

impl Collector for RunSeries {
    fn encode(&self, encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let told = self.0.told();
        let mut series = Series { encoder, runs: told.runs };
        series.steering()?;
        series.load()?;
        series.progress()?;
        let Series { mut encoder, runs } = series;
        active(&mut encoder, &runs)?;
        waits(&mut encoder, &told.waiting)?;
        counted(&mut encoder, &told.ended, told.not_restored)
    }
}

/// A label that is a run's beside those that all of its series have, and the value.
type Labelled = (String, f64);

struct Series<'a> {
    encoder: DescriptorEncoder<'a>,
    runs: Vec<Figures>,
}

impl Series<'_> {
    /// The KPI and the users that make it.
    fn steering(&mut self) -> fmt::Result {
        self.gauge("conductor_run_target_per_minute", "The KPI's target", None, |run| Some(run.target))?;
        let help = "What the KPI shall be at the moment, on the way to the target";
        self.gauge("conductor_run_set_point_per_minute", help, None, |run| run.load.set_point)?;
        let help = "The KPI as it was measured last";
        self.gauge("conductor_run_kpi_per_minute", help, None, |run| run.load.kpi)?;
        self.gauge("conductor_run_users", "Users that generate load", None, |run| run.load.users)?;
        let help = "Users that were asked for at last";
        self.gauge("conductor_run_users_wanted", help, None, |run| run.load.users_wanted)?;
        let help = "1 for the mode that the control law is in; the others are absent";
        self.gauges("conductor_run_mode", help, None, "mode", |run| {
            run.load.mode.map(|mode| (mode.to_string(), 1.0)).into_iter().collect()
        })
    }

    /// What load costs, and what becomes of it.
    fn load(&mut self) -> fmt::Result {
        self.counter("conductor_run_requests", "Requests since the load began", |totals| totals.requests)?;
        let help = "Requests since the load began that have failed";
        self.counter("conductor_run_failures", help, |totals| totals.failures)?;
        let help = "Responses of the last window a second, by their status code";
        self.gauges("conductor_run_responses_per_second", help, None, "code", |run| run.load.responses.clone())?;
        let seconds = Some(&Unit::Seconds);
        let help = "Percentiles of the response times of all requests of the last window";
        self.gauges("conductor_run_response_time", help, seconds, "percentile", |run| {
            run.load.latency.map_or_else(Vec::new, |latency| {
                let told = [("50", latency.p50_ms), ("95", latency.p95_ms), ("99", latency.p99_ms)];
                told.map(|(percentile, ms)| (percentile.to_owned(), ms / 1000.0)).to_vec()
            })
        })?;
        let help = "Mean of the response times of all requests of the last window";
        self.gauge("conductor_run_response_time_mean", help, seconds, |run| {
            run.load.latency.map(|latency| latency.mean_ms / 1000.0)
        })?;
        self.gauge("conductor_run_workers", "Workers of the load generator", None, |run| run.load.workers)?;
        let ratio = Unit::Other("ratio".to_owned());
        let help = "CPU of the load generator's busiest worker; 1 is a core";
        self.gauge("conductor_run_worker_cpu", help, Some(&ratio), |run| run.load.cpu)?;
        let help = "What each application uses of what it may have, of the ten that use most; 1 is all of it";
        self.gauges("conductor_run_saturation", help, Some(&ratio), "application", |run| run.load.saturation.clone())?;
        self.marks()
    }

    /// How far runs are, and what they have left.
    fn progress(&mut self) -> fmt::Result {
        let help = "1 for the phase that the run is in, 0 for the others";
        self.gauges("conductor_run_phase", help, None, "phase", |run| {
            PHASES.map(|phase| (phase.to_string(), f64::from(u8::from(run.phase == phase)))).to_vec()
        })?;
        let help = "When the run's phase began, since the Unix epoch";
        self.gauge("conductor_run_phase_start_time", help, Some(&Unit::Seconds), |run| {
            run.phase_since.map(since_epoch)
        })?;
        let help = "1 when something of what the run changed or made could not be put back or deleted";
        self.gauge("conductor_run_restore_incomplete", help, None, |run| {
            Some(f64::from(u8::from(run.restore_incomplete)))
        })?;
        let help = "1 for the verdict of a run that is over; the others are absent";
        self.gauges("conductor_run_outcome", help, None, "outcome", |run| {
            run.outcome.map(|outcome| (outcome.to_string(), 1.0)).into_iter().collect()
        })
    }

    fn gauge(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        value: impl Fn(&Figures) -> Option<f64>,
    ) -> fmt::Result {
        // A name without a series would be told for nothing.
        if !self.runs.iter().any(|run| value(run).is_some()) {
            return Ok(());
        }
        let mut family = self.encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for run in &self.runs {
            if let Some(value) = value(run) {
                ConstGauge::new(value).encode(family.encode_family(&run.labels)?)?;
            }
        }
        Ok(())
    }

    fn gauges(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        label: &'static str,
        values: impl Fn(&Figures) -> Vec<Labelled>,
    ) -> fmt::Result {
        if self.runs.iter().all(|run| values(run).is_empty()) {
            return Ok(());
        }
        let mut family = self.encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for run in &self.runs {
            for (word, value) in values(run) {
                ConstGauge::new(value).encode(family.encode_family(&labels(run, label, word))?)?;
            }
        }
        Ok(())
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Fn(&Totals) -> u64) -> fmt::Result {
        if self.runs.iter().all(|run| run.totals.is_none()) {
            return Ok(());
        }
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for run in &self.runs {
            if let Some(totals) = &run.totals {
                ConstCounter::new(value(totals)).encode(family.encode_family(&run.labels)?)?;
            }
        }
        Ok(())
    }

    fn marks(&mut self) -> fmt::Result {
        if self.runs.iter().all(|run| run.totals.is_none()) {
            return Ok(());
        }
        let help = "Windows since the load began of whose figures a reader must know this";
        let mut family = self.encoder.encode_descriptor("conductor_run_marks", help, None, MetricType::Counter)?;
        for run in &self.runs {
            for (mark, count) in run.totals.iter().flat_map(|totals| MARKS.iter().zip(totals.marked)) {
                let labels = labels(run, "mark", mark.to_string().replace(' ', "_"));
                ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

fn labels(run: &Figures, name: &'static str, word: String) -> [(&'static str, String); 4] {
    let [environment, load_test, id] = run.labels.clone();
    [environment, load_test, (name, word), id]
}

fn since_epoch(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

fn active(encoder: &mut DescriptorEncoder<'_>, runs: &[Figures]) -> Result<(), fmt::Error> {
    let help = "Runs that this conductor drives, by phase";
    let mut family = encoder.encode_descriptor("conductor_runs_active", help, None, MetricType::Gauge)?;
    for phase in PHASES.into_iter().filter(|phase| *phase != Phase::Finished) {
        let count = runs.iter().filter(|run| run.phase == phase).count();
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        ConstGauge::new(count).encode(family.encode_family(&[("phase", phase.to_string())])?)?;
    }
    Ok(())
}

fn waits(encoder: &mut DescriptorEncoder<'_>, waiting: &BTreeMap<String, usize>) -> Result<(), fmt::Error> {
    if waiting.is_empty() {
        return Ok(());
    }
    let help = "Runs of the journal that wait for their turn, by environment";
    let mut family = encoder.encode_descriptor("conductor_runs_waiting", help, None, MetricType::Gauge)?;
    for (environment, count) in waiting {
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        ConstGauge::new(count).encode(family.encode_family(&[("environment", environment.clone())])?)?;
    }
    Ok(())
}

fn counted(
    encoder: &mut DescriptorEncoder<'_>,
    ended: &[u64; OUTCOMES.len()],
    not_restored: u64,
) -> Result<(), fmt::Error> {
    let help = "Runs that this conductor has seen end, by their verdict";
    let mut family = encoder.encode_descriptor("conductor_runs", help, None, MetricType::Counter)?;
    for (outcome, count) in OUTCOMES.iter().zip(ended) {
        ConstCounter::new(*count).encode(family.encode_family(&[("outcome", outcome.to_string())])?)?;
    }
    let help = "Runs that this conductor has seen end without everything put back or deleted";
    let family = encoder.encode_descriptor("conductor_runs_not_restored", help, None, MetricType::Counter)?;
    ConstCounter::new(not_restored).encode(family)
}
