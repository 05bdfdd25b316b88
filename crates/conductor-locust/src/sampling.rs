//! The KPI of a window: exact seconds from the plugin, or differences of Locust's counters without it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use conductor_core::load::{KpiSample, Mark};
use conductor_core::ports::{FailureKind, KpiSource, PortError};
use conductor_core::responses::ResponseCodes;
use conductor_core::run::RunId;
use jiff::Timestamp;

use crate::api::{PluginMark, Second, Series};
use crate::csv::Counters;
use crate::driver::{CPU_LIMIT, Locust, SKEW_LIMIT};
use crate::histogram::Histogram;
use crate::memory::{Snapshot, Window};
use crate::settings::KpiEvent;

/// The row in which the plugin counts those that were too many to tell apart.
const OTHER_ROWS: &str = "(other rows)";

#[async_trait]
impl KpiSource for Locust {
    async fn sample(&self, run: &RunId, since: Timestamp) -> Result<KpiSample, PortError> {
        let from = whole_second_after(since);
        match self.api.series(run.as_str(), from as f64).await? {
            Some(series) => {
                self.memory().note_boot(&series.boot.id);
                exact(&self.event, &series, from)
            }
            None => self.by_difference(since).await,
        }
    }
}

impl Locust {
    /// What it knows of requests in the whole seconds of a window that another source counts; `None` without the plugin,
    /// which alone knows of seconds.
    ///
    /// # Errors
    /// When Locust does not answer, or answers with something else.
    pub async fn requests(&self, run: &RunId, from: Timestamp, to: Timestamp) -> Result<Option<KpiSample>, PortError> {
        let (from, to) = (whole_second_after(from), whole_second_after(to));
        let Some(mut series) = self.api.series(run.as_str(), from as f64).await? else { return Ok(None) };
        self.memory().note_boot(&series.boot.id);
        series.seconds.retain(|second| second.t < to);
        series.complete_until = series.complete_until.min(to as f64);
        exact(&self.event, &series, from).map(Some)
    }

    /// Workers that take part, and the busiest one's CPU in percent, without the plugin.
    pub(crate) async fn plain_workers(&self) -> Result<(Vec<String>, Option<f64>), PortError> {
        let present: Vec<_> = self.api.statistics().await?.workers;
        let present = present.into_iter().filter(|worker| worker.state != "missing");
        let (ids, cpus): (Vec<_>, Vec<_>) = present.map(|worker| (worker.id, worker.cpu_usage)).unzip();
        Ok((ids, cpus.into_iter().reduce(f64::max)))
    }

    async fn by_difference(&self, since: Timestamp) -> Result<KpiSample, PortError> {
        let Some((method, name)) = self.event.row() else {
            let act = format!(
                "Locust at {} runs without the conductor's plugin, which alone can count this KPI's event",
                self.api.base()
            );
            return Err(PortError::new(FailureKind::KpiUnmeasured, act));
        };
        let page = self.api.page().await?;
        let table = self.api.counters().await?;
        let (workers, cpu) = self.plain_workers().await?;
        let now = Snapshot { at: Timestamp::now(), kpi: table.row(method, name), total: table.total() };
        let mut marks = BTreeSet::from([Mark::Approximate]);
        if self.notice_restart(&page, &table) {
            marks.insert(Mark::GeneratorRestarted);
        }
        if cpu.is_some_and(|cpu| cpu > CPU_LIMIT) {
            marks.insert(Mark::GeneratorBound);
        }
        let mut memory = self.memory();
        if memory.note_workers(workers) {
            marks.insert(Mark::WorkerLost);
        }
        let (from, start, known) = match memory.window(since, now) {
            Window::Begins => (now.at, now, true),
            Window::Since(start) => (start.at, start, true),
            Window::Reset(last) => {
                marks.insert(Mark::CounterReset);
                let zero = Counters::default();
                (last, Snapshot { at: last, kpi: zero, total: zero }, false)
            }
        };
        let successes = |counters: Counters| counters.requests.saturating_sub(counters.failures);
        Ok(KpiSample {
            from,
            to: now.at,
            count: known.then(|| successes(now.kpi).saturating_sub(successes(start.kpi))),
            requests: now.total.requests.saturating_sub(start.total.requests),
            failures: now.total.failures.saturating_sub(start.total.failures),
            latency: None,
            responses: None,
            marks: marks.into_iter().collect(),
        })
    }
}

/// The sample from the plugin's seconds `from..complete_until`.
fn exact(event: &KpiEvent, series: &Series, from: i64) -> Result<KpiSample, PortError> {
    let to = (series.complete_until.floor() as i64).max(from);
    let (mut count, mut requests, mut failures) = (0, 0, 0);
    let mut histogram = Histogram::default();
    let inside: Vec<_> = series.seconds.iter().filter(|second| (from..to).contains(&second.t)).collect();
    for second in &inside {
        count += match event {
            KpiEvent::Request(_) => second.kpi,
            KpiEvent::Call(call) => second.calls.get(&call.name).copied().unwrap_or(0),
        };
        for (_, row_requests, row_failures, buckets) in &second.rows {
            requests += row_requests;
            failures += row_failures;
            histogram.add(buckets);
        }
    }
    let start = from as f64;
    let restarted = to > from && series.boot.at > start;
    let counted = !restarted && (to == from || series.counts_from <= start);
    let timed = counted && series.histograms_from <= start;
    let mut marks = marks(series, start, to as f64, restarted);
    if requests > 0 && nobody_asked(event, &series.rows, &inside) {
        marks.push(Mark::NoKpiRequest);
    }
    Ok(KpiSample {
        from: at(from)?,
        to: at(to)?,
        count: counted.then_some(count),
        requests,
        failures,
        latency: histogram.latency().filter(|_| timed),
        responses: responses(&inside).filter(|_| timed),
        marks,
    })
}

/// The requests of these seconds by status code; `None` where one of them does not tell, and where none was made by HTTP.
fn responses(seconds: &[&Second]) -> Option<ResponseCodes> {
    let mut codes = ResponseCodes::default();
    for second in seconds {
        second.codes.as_ref()?.iter().for_each(|(code, count)| codes.add(*code, *count));
    }
    (!codes.is_empty()).then_some(codes)
}

/// Whether none of these seconds has a request of the KPI's row; of a call nobody can tell, nor where rows are counted together.
fn nobody_asked(event: &KpiEvent, rows: &[(String, String)], seconds: &[&Second]) -> bool {
    let KpiEvent::Request(kpi) = event else { return false };
    let is_other = |(method, name): &(String, String)| {
        name != OTHER_ROWS && !(kpi.method.eq_ignore_ascii_case(method) && *name == kpi.name)
    };
    seconds.iter().flat_map(|second| &second.rows).all(|(row, ..)| rows.get(*row).is_some_and(is_other))
}

fn marks(series: &Series, from: f64, to: f64, restarted: bool) -> Vec<Mark> {
    let inside = |mark: &&PluginMark| mark.to > from && mark.from <= to;
    let mut marks: BTreeSet<Mark> = series.marks.iter().filter(inside).filter_map(known).collect();
    if restarted {
        marks.insert(Mark::GeneratorRestarted);
    }
    let behind = series.now - Timestamp::now().as_duration().as_secs_f64();
    let workers = series.generator.workers.iter().map(|worker| worker.clock_offset);
    if workers.chain([behind]).any(|offset| offset.abs() > SKEW_LIMIT) {
        marks.insert(Mark::ClockSkew);
    }
    marks.into_iter().collect()
}

/// The plugin's words for marks; a word of a newer plugin is left out.
fn known(mark: &PluginMark) -> Option<Mark> {
    match mark.kind.as_str() {
        "worker_lost" => Some(Mark::WorkerLost),
        "worker_joined" => Some(Mark::WorkerJoined),
        "counters_reset" => Some(Mark::CounterReset),
        "generator_bound" => Some(Mark::GeneratorBound),
        "late" => Some(Mark::LateRows),
        "dropped" => Some(Mark::Approximate),
        _ => None,
    }
}

/// The first whole second that is not before `time`: a second counts as a whole or not at all.
pub(crate) fn whole_second_after(time: Timestamp) -> i64 {
    let nanoseconds = time.as_nanosecond();
    i64::try_from(-(-nanoseconds).div_euclid(1_000_000_000)).unwrap_or(i64::MAX)
}

pub(crate) fn at(second: i64) -> Result<Timestamp, PortError> {
    Timestamp::from_second(second).map_err(|error| {
        PortError::because(FailureKind::Rejected, "the time of a window of Locust's plugin is out of range", error)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn series(boot: f64, now: f64) -> Series {
        serde_json::from_value(serde_json::json!({
            "plugin": "1", "boot": {"id": "b", "at": boot}, "active_run": "r-1",
            "now": now, "complete_until": 1012.4, "counts_from": 0, "histograms_from": 0,
            "seconds": [
                {"t": 1010, "kpi": 3, "calls": {"orders": 2}, "rows": [[0, 5, 1, {"10": 4, "200": 1}]]},
                {"t": 1011, "kpi": 4, "calls": {}, "rows": [[0, 4, 0, {"10": 4}]]},
            ],
            "marks": [
                {"kind": "worker_lost", "from": 1011.0, "to": 1015.0},
                {"kind": "generator_bound", "from": 900.0, "to": 910.0},
                {"kind": "of the future", "from": 1011.0, "to": 1015.0},
            ],
            "orphans": {"last_seen": null}, "generator": {"state": "running", "user_count": 1, "cpu": 3.0, "workers": []},
        }))
        .unwrap()
    }

    #[test]
    fn a_window_is_the_sum_of_its_whole_seconds() {
        let now = Timestamp::now().as_duration().as_secs_f64();
        let sample = exact(&KpiEvent::request("POST", "/orders"), &series(1.0, now), 1010).unwrap();
        assert_eq!((sample.from.as_second(), sample.to.as_second()), (1010, 1012));
        assert_eq!((sample.count, sample.requests, sample.failures), (Some(7), 9, 1));
        assert_eq!(sample.latency.map(|latency| latency.p99_ms), Some(200.0));
        assert_eq!(sample.marks, [Mark::WorkerLost]);
    }

    #[test]
    fn a_page_that_does_not_go_on_is_not_counted_again() {
        let now = Timestamp::now().as_duration().as_secs_f64();
        let sample = exact(&KpiEvent::request("POST", "/orders"), &series(1.0, now), 1012).unwrap();
        assert_eq!((sample.from, sample.to), (at(1012).unwrap(), at(1012).unwrap()));
        assert_eq!((sample.count, sample.requests, sample.failures), (Some(0), 0, 0));
    }

    #[test]
    fn a_window_without_any_request_of_the_kpi_is_marked_where_that_can_be_told() {
        let now = Timestamp::now().as_duration().as_secs_f64();
        let marked = |name: &str, row: [&str; 2]| {
            let mut series = series(1.0, now);
            series.rows = vec![(row[0].to_owned(), row[1].to_owned())];
            let sample = exact(&KpiEvent::request("POST", name), &series, 1010).unwrap();
            sample.marks.contains(&Mark::NoKpiRequest)
        };
        assert!(marked("/orders", ["POST", "/orders/v2"]) && marked("/orders", ["GET", "/orders"]));
        assert!(!marked("/orders", ["post", "/orders"]), "it was asked for, with whatever came of it");
        assert!(!marked("/orders", ["", OTHER_ROWS]), "it may be among the others");
        let call: KpiEvent = serde_json::from_str(r#"{"call":{"name":"orders"}}"#).unwrap();
        assert!(!exact(&call, &series(1.0, now), 1010).unwrap().marks.contains(&Mark::NoKpiRequest));
    }

    #[test]
    fn what_happened_before_a_restart_is_unknown_and_not_zero() {
        let now = Timestamp::now().as_duration().as_secs_f64();
        let sample = exact(&KpiEvent::request("POST", "/orders"), &series(1010.5, now), 1010).unwrap();
        assert_eq!(sample.count, None);
        assert!(sample.marks.contains(&Mark::GeneratorRestarted));
    }

    #[test]
    fn responses_are_told_by_code_where_every_second_of_the_window_tells_them() {
        let now = Timestamp::now().as_duration().as_secs_f64();
        let told = |series: &Series, from| {
            let codes = exact(&KpiEvent::request("POST", "/orders"), series, from).unwrap().responses;
            codes.map(|codes| codes.iter().collect::<Vec<_>>())
        };
        let mut series = series(1.0, now);
        assert_eq!(told(&series, 1010), None, "an older plugin does not tell them");
        series.seconds[0].codes = Some(BTreeMap::from([(200, 4), (500, 1)]));
        assert_eq!(told(&series, 1010), None, "a part of them would be told as all");
        series.seconds[1].codes = Some(BTreeMap::from([(0, 1), (200, 3)]));
        assert_eq!(told(&series, 1010), Some(vec![(0, 1), (200, 7), (500, 1)]));
        assert_eq!(told(&series, 1012), None, "nothing was asked");
        series.histograms_from = 1011.0;
        assert_eq!(told(&series, 1010), None, "those of the first second were thinned out");
        assert_eq!(told(&series, 1011), Some(vec![(0, 1), (200, 3)]));
    }

    #[test]
    fn a_clock_that_is_far_from_ours_is_marked() {
        let sample = exact(&KpiEvent::request("POST", "/orders"), &series(1.0, 1012.5), 1010).unwrap();
        assert!(sample.marks.contains(&Mark::ClockSkew));
    }

    #[test]
    fn a_window_begins_at_the_next_whole_second() {
        assert_eq!(whole_second_after(Timestamp::from_millisecond(10_001).unwrap()), 11);
        assert_eq!(whole_second_after(Timestamp::from_second(10).unwrap()), 10);
    }
}
