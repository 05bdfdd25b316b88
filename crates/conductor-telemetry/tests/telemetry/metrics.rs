//! What a scraper reads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use conductor_core::failure::FailureKind;
use conductor_core::load::{Latency, Mark};
use conductor_core::phase::Phase;
use conductor_core::ramp::Mode;
use conductor_core::verdict::Outcome;
use conductor_core::view::Tick;
use conductor_engine::{CallOutcome, PortCall, PortObserver, SystemClock, TokioClock};
use conductor_telemetry::{Metrics, MetricsSettings};

use crate::bed::{accepted, advice, loading, over, saturated};
use crate::exposition::Scrape;

fn metrics() -> Metrics {
    Metrics::new(&MetricsSettings::default(), "1.2.3", Arc::new(SystemClock))
}

fn scrape(metrics: &Metrics) -> Scrape {
    Scrape::read(&metrics.text().unwrap())
}

#[test]
fn before_any_run_the_counts_are_zero_and_the_process_is_told() {
    let scrape = scrape(&metrics());
    for outcome in ["passed", "warned", "failed", "cancelled", "invalid"] {
        assert_eq!(scrape.value(&format!("conductor_runs_total{{outcome=\"{outcome}\"}}")), Some(0.0));
    }
    assert_eq!(scrape.value("conductor_build_info{version=\"1.2.3\"}"), Some(1.0));
    assert!(scrape.value("process_resident_memory_bytes").unwrap() > 1e6);
    assert!(scrape.value("process_open_fds").unwrap() >= 3.0);
    assert!(scrape.value("process_max_fds").unwrap() >= scrape.value("process_open_fds").unwrap());
    assert!(scrape.value("process_cpu_seconds_total").unwrap() >= 0.0);
    assert!(scrape.value("process_start_time_seconds").unwrap() > 1.7e9);
    assert_eq!(scrape.of("conductor_run_"), Vec::<&str>::new());
}

#[test]
fn a_run_is_told_by_its_last_figures() {
    let metrics = metrics();
    metrics.runs().see(&accepted("run-1"));
    let labels = "environment=\"model\",load_test=\"model\"";
    let value = |scrape: &Scrape, name: &str| scrape.value(&format!("{name}{{{labels},run=\"run-1\"}}"));
    let phase = |scrape: &Scrape, phase: &str| {
        scrape.value(&format!("conductor_run_phase{{{labels},phase=\"{phase}\",run=\"run-1\"}}"))
    };
    let first = scrape(&metrics);
    assert_eq!(value(&first, "conductor_run_target_per_minute"), Some(1500.0));
    assert_eq!(value(&first, "conductor_run_users"), None);
    assert_eq!((phase(&first, "PREPARE"), phase(&first, "GENERATE_LOAD")), (Some(1.0), Some(0.0)));
    assert_eq!(first.value("conductor_runs_active{phase=\"PREPARE\"}"), Some(1.0));

    metrics.runs().see(&loading("run-1", Some(120.5), 21));
    let second = scrape(&metrics);
    assert_eq!(value(&second, "conductor_run_kpi_per_minute"), Some(120.5));
    assert_eq!(value(&second, "conductor_run_set_point_per_minute"), Some(125.0));
    assert_eq!(value(&second, "conductor_run_users"), Some(21.0));
    assert_eq!((phase(&second, "PREPARE"), phase(&second, "GENERATE_LOAD")), (Some(0.0), Some(1.0)));

    // A KPI that was not measured is not told as the one before.
    metrics.runs().see(&loading("run-1", None, 22));
    assert_eq!(value(&scrape(&metrics), "conductor_run_kpi_per_minute"), None);
}

#[test]
fn a_window_is_told_with_its_users_requests_response_times_and_mode() {
    let metrics = metrics();
    let mut view = loading("run-1", Some(120.5), 21);
    view.load_started = Some("2026-11-24T14:05:00Z".parse().unwrap());
    let marked =
        Tick { requests: 40, failures: 1, marks: vec![Mark::WorkerLost, Mark::LateRows], ..view.ticks[0].clone() };
    let last = Tick {
        users_wanted: 24,
        workers: Some(3),
        requests: 60,
        failures: 2,
        latency: Some(Latency { mean_ms: 120.0, p50_ms: 80.0, p95_ms: 410.0, p99_ms: 1250.0 }),
        cpu_percent: Some(45.0),
        marks: vec![Mark::LateRows],
        advice: Some(advice(Mode::Hold)),
        saturation: Some(saturated(12)),
        ..view.ticks[0].clone()
    };
    view.ticks = vec![marked, last];
    metrics.runs().see(&view);
    let seen = scrape(&metrics);
    let labels = "environment=\"model\",load_test=\"model\"";
    let value = |name: &str| seen.value(&format!("{name}{{{labels},run=\"run-1\"}}"));
    let labelled = |name: &str, label: &str| seen.value(&format!("{name}{{{labels},{label},run=\"run-1\"}}"));
    assert_eq!(value("conductor_run_users_wanted"), Some(24.0));
    assert_eq!(value("conductor_run_workers"), Some(3.0));
    assert_eq!(value("conductor_run_worker_cpu_ratio"), Some(0.45));
    assert_eq!(value("conductor_run_requests_total"), Some(100.0));
    assert_eq!(value("conductor_run_failures_total"), Some(3.0));
    assert_eq!(value("conductor_run_response_time_mean_seconds"), Some(0.12));
    for (percentile, seconds) in [("50", 0.08), ("95", 0.41), ("99", 1.25)] {
        let label = format!("percentile=\"{percentile}\"");
        assert_eq!(labelled("conductor_run_response_time_seconds", &label), Some(seconds));
    }
    assert_eq!(labelled("conductor_run_mode", "mode=\"hold\""), Some(1.0));
    assert_eq!(seen.of("conductor_run_mode").len(), 1, "no other mode");
    for (mark, windows) in [("rows_came_late", 2.0), ("worker_lost", 1.0), ("clocks_differ", 0.0)] {
        assert_eq!(labelled("conductor_run_marks_total", &format!("mark=\"{mark}\"")), Some(windows), "{mark}");
    }
    assert_eq!(seen.of("conductor_run_saturation_ratio").len(), 10, "of twelve");
    let highest = labelled("conductor_run_saturation_ratio", "application=\"app-11\"");
    assert_eq!(highest, Some(0.95));

    // What only grows is still there when the load is over, and what was measured is not.
    view.phase = Phase::ScaleDown;
    metrics.runs().see(&view);
    let after = scrape(&metrics);
    assert_eq!(after.value(&format!("conductor_run_requests_total{{{labels},run=\"run-1\"}}")), Some(100.0));
    for gone in ["users_wanted", "response_time", "mode", "saturation", "worker"] {
        assert_eq!(after.of(&format!("conductor_run_{gone}")), Vec::<&str>::new());
    }
}

#[test]
fn responses_are_told_by_status_code_of_which_a_run_has_not_more_than_so_many() {
    let metrics = metrics();
    let value = |scrape: &Scrape, code: &str| {
        let labels = "environment=\"model\",load_test=\"model\"";
        let series = "conductor_run_responses_per_second";
        scrape.value(&format!("{series}{{{labels},code=\"{code}\",run=\"run-1\"}}"))
    };
    let mut view = loading("run-1", Some(120.5), 21);
    let window = |codes: &[(u16, u64)]| Tick {
        responses: (!codes.is_empty()).then(|| codes.iter().copied().collect()),
        ..loading("run-1", None, 1).ticks[0].clone()
    };
    view.ticks = vec![window(&[])];
    metrics.runs().see(&view);
    assert!(scrape(&metrics).of("conductor_run_responses").is_empty(), "where the load generator does not tell");

    view.ticks = vec![window(&[(0, 5), (200, 400)]), window(&[(200, 350), (503, 20)])];
    metrics.runs().see(&view);
    let seen = scrape(&metrics);
    assert_eq!([value(&seen, "200"), value(&seen, "503")], [Some(35.0), Some(2.0)], "of a window of ten seconds");
    assert_eq!(value(&seen, "none"), Some(0.0), "what there was before is none now, and not unknown");
    assert_eq!(value(&seen, "other"), None);

    let all: Vec<(u16, u64)> = (400..500).map(|code| (code, 10)).collect();
    view.ticks.push(window(&all));
    metrics.runs().see(&view);
    let seen = scrape(&metrics);
    assert_eq!(seen.of("conductor_run_responses_per_second{").len(), 21, "twenty and the others");
    assert_eq!([value(&seen, "200"), value(&seen, "400"), value(&seen, "417")], [Some(0.0), Some(1.0), None]);
    assert_eq!(value(&seen, "other"), Some(83.0));

    view.phase = Phase::ScaleDown;
    metrics.runs().see(&view);
    assert!(scrape(&metrics).of("conductor_run_responses").is_empty(), "the load is over");
}

#[test]
fn a_run_is_told_with_the_beginning_of_its_phase_what_it_has_left_and_its_verdict() {
    let metrics = metrics();
    let labels = "environment=\"model\",load_test=\"model\"";
    let value = |scrape: &Scrape, name: &str| scrape.value(&format!("{name}{{{labels},run=\"run-1\"}}"));
    let since = "conductor_run_phase_start_time_seconds";
    let mut view = accepted("run-1");
    metrics.runs().see(&view);
    let first = value(&scrape(&metrics), since);
    assert_eq!(first, Some(1_795_528_800.0));
    view.updated_at = "2026-11-24T14:03:00Z".parse().unwrap();
    metrics.runs().see(&view);
    assert_eq!(value(&scrape(&metrics), since), first, "it is in the same phase");
    assert_eq!(value(&scrape(&metrics), "conductor_run_restore_incomplete"), Some(0.0));
    assert_eq!(scrape(&metrics).of("conductor_run_outcome"), Vec::<&str>::new());

    view.phase = Phase::ScaleUp;
    view.phases[1].started = Some("2026-11-24T14:10:00.5Z".parse().unwrap());
    metrics.runs().see(&view);
    assert_eq!(value(&scrape(&metrics), since), Some(1_795_529_400.5));

    metrics.runs().see(&over("run-1", Outcome::Failed, false));
    let ended = scrape(&metrics);
    assert_eq!(value(&ended, since), None, "it is in none");
    assert_eq!(value(&ended, "conductor_run_restore_incomplete"), Some(1.0));
    let outcome = format!("conductor_run_outcome{{{labels},outcome=\"failed\",run=\"run-1\"}}");
    assert_eq!(ended.of("conductor_run_outcome"), [outcome]);
}

#[test]
fn runs_that_wait_are_told_by_environment_and_are_none_that_are_active() {
    let metrics = metrics();
    assert_eq!(scrape(&metrics).of("conductor_runs_waiting"), Vec::<&str>::new());
    metrics.runs().see_waiting(BTreeMap::from([("cards".to_owned(), 1), ("shop".to_owned(), 3)]));
    let waiting = scrape(&metrics);
    assert_eq!(waiting.value("conductor_runs_waiting{environment=\"cards\"}"), Some(1.0));
    assert_eq!(waiting.value("conductor_runs_waiting{environment=\"shop\"}"), Some(3.0));
    assert_eq!(waiting.value("conductor_runs_active{phase=\"PREPARE\"}"), Some(0.0));
    metrics.runs().see_waiting(BTreeMap::new());
    assert_eq!(scrape(&metrics).of("conductor_runs_waiting"), Vec::<&str>::new());
}

#[test]
fn the_end_of_a_run_is_counted_once_by_its_verdict() {
    let metrics = metrics();
    metrics.runs().see(&over("run-1", Outcome::Passed, true));
    metrics.runs().see(&over("run-1", Outcome::Passed, true));
    metrics.runs().see(&over("run-2", Outcome::Failed, false));
    let scrape = scrape(&metrics);
    assert_eq!(scrape.value("conductor_runs_total{outcome=\"passed\"}"), Some(1.0));
    assert_eq!(scrape.value("conductor_runs_total{outcome=\"failed\"}"), Some(1.0));
    assert_eq!(scrape.value("conductor_runs_not_restored_total"), Some(1.0));
    assert_eq!(scrape.of("conductor_run_users"), Vec::<&str>::new(), "there is no load any more");
    assert_eq!(scrape.value("conductor_runs_active{phase=\"GENERATE_LOAD\"}"), Some(0.0));
}

#[tokio::test(start_paused = true)]
async fn the_series_of_a_run_go_some_time_after_its_end_and_its_count_stays() {
    let clock = TokioClock::starting_at("2026-11-24T14:00:00Z".parse().unwrap());
    let metrics = Metrics::new(&MetricsSettings::default(), "1.2.3", Arc::new(clock));
    metrics.runs().see(&over("ended", Outcome::Warned, true));
    metrics.runs().see(&accepted("going"));
    let shown = |metrics: &Metrics| scrape(metrics).of("conductor_run_target_per_minute").len();
    tokio::time::advance(Duration::from_secs(599)).await;
    assert_eq!(shown(&metrics), 2);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(shown(&metrics), 1, "the one that goes on");
    assert_eq!(scrape(&metrics).value("conductor_runs_total{outcome=\"warned\"}"), Some(1.0));
}

#[tokio::test]
async fn a_run_whose_views_end_before_it_does_is_told_no_more() {
    let metrics = metrics();
    let views = futures::stream::iter([accepted("run-1"), loading("run-1", None, 1)]);
    metrics.runs().follow(&"run-1".parse().unwrap(), views).await;
    assert_eq!(scrape(&metrics).of("conductor_run_"), Vec::<&str>::new());

    let views = futures::stream::iter([accepted("run-2"), over("run-2", Outcome::Passed, true)]);
    metrics.runs().follow(&"run-2".parse().unwrap(), views).await;
    assert_eq!(scrape(&metrics).of("conductor_run_target_per_minute").len(), 1);
}

#[test]
fn a_name_with_quotes_and_line_ends_stays_one_label() {
    let metrics = metrics();
    let mut view = accepted("run-1");
    view.environment = "a\"b\\c\nd".to_owned();
    metrics.runs().see(&view);
    let series = scrape(&metrics).of("conductor_run_target_per_minute").concat();
    assert!(series.contains(r#"environment="a\"b\\c\nd""#), "{series}");
}

#[test]
fn calls_are_told_by_port_method_and_outcome() {
    let metrics = metrics();
    let call = |outcome, millis| {
        let took = Duration::from_millis(millis);
        metrics.ports().called(PortCall { port: "deployer", method: "roll_out", outcome, took });
    };
    call(CallOutcome::Done, 30);
    call(CallOutcome::Done, 20_000);
    call(CallOutcome::Failed(FailureKind::TimedOut), 1);
    metrics.api().answered("StartLoadTest", "OK", Duration::from_millis(3));

    let scrape = scrape(&metrics);
    let of = |outcome: &str| format!("method=\"roll_out\",outcome=\"{outcome}\",port=\"deployer\"");
    let families = scrape.families();
    assert_eq!(families["conductor_port_call_duration_seconds"], "histogram");
    let value = |series: &str, outcome: &str| {
        let found =
            scrape.of(series).into_iter().find(|found| of(outcome).split(',').all(|label| found.contains(label)));
        scrape.value(found.unwrap()).unwrap()
    };
    assert_eq!(value("conductor_port_call_duration_seconds_count", "ok"), 2.0);
    assert!((value("conductor_port_call_duration_seconds_sum", "ok") - 20.03).abs() < 1e-9);
    assert_eq!(value("conductor_port_call_duration_seconds_bucket{le=\"0.1\"", "ok"), 1.0);
    assert_eq!(value("conductor_port_call_duration_seconds_count", "timed_out"), 1.0);
    assert_eq!(scrape.of("conductor_api_request_duration_seconds_count").len(), 1);
}

#[test]
fn a_thousand_runs_are_told_in_reasonable_time() {
    let metrics = metrics();
    for number in 0..1000 {
        let mut view = loading(&format!("run-{number}"), Some(f64::from(number)), 10);
        view.load_started = Some(view.created_at);
        metrics.runs().see(&view);
    }
    let began = Instant::now();
    let text = metrics.text().unwrap();
    let took = began.elapsed();
    let scrape = Scrape::read(&text);
    assert_eq!(scrape.of("conductor_run_users{").len(), 1000);
    assert_eq!(scrape.of("conductor_run_phase{").len(), 7000);
    assert_eq!(scrape.of("conductor_run_marks_total").len(), 9000);
    // Not optimised and on a busy machine; a scraper gives up after ten seconds.
    assert!(took < Duration::from_secs(2), "{took:?} for {} bytes", text.len());
}
