//! What a collector gets of whole runs of the engine, and what it costs when there is none.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use conductor_engine::{Conductor, EngineOptions, ObservedFactory, PortObserver};
use conductor_sim::MemoryStore;
use conductor_telemetry::{HeaderSettings, Metrics, MetricsSettings, Telemetry, TelemetrySettings, TraceSettings};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use tokio::runtime::{Builder, Runtime};

use crate::bed::{Factory, created, environment};
use crate::collector::{Collector, text};
use crate::exposition::Scrape;
use crate::logs::Lines;

/// The runtime of the collector and of the requests to it, on whose clock the model does not live.
fn outside() -> Runtime {
    // It fails where a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn settings(endpoint: String) -> TelemetrySettings {
    let traces: TraceSettings = serde_json::from_value(serde_json::json!({ "endpoint": endpoint })).unwrap();
    TelemetrySettings { traces: Some(traces), ..TelemetrySettings::default() }
}

/// A whole run in a model environment, on a paused clock of its own.
fn run(metrics: &Metrics) {
    let inside = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    inside.block_on(async {
        let (environment, clock) = environment();
        let created = created(&environment, "evening");
        let by: Arc<dyn PortObserver> = metrics.ports();
        let factory = ObservedFactory::new(Arc::new(Factory(environment)), &by);
        let store = Arc::new(MemoryStore::new());
        let conductor = Conductor::new(store.clone(), store, Arc::new(factory), clock, EngineOptions::default());
        let id = conductor.start(created).await.unwrap();
        metrics.runs().follow(&id, conductor.watch(&id).await.unwrap()).await;
    });
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

#[test]
fn a_run_is_one_trace_of_its_phases_and_their_calls() {
    let outside = outside();
    let collector = outside.block_on(Collector::start());
    let mut settings = settings(format!("http://{}", collector.address));
    let traces = settings.traces.as_mut().unwrap();
    traces.headers = vec![HeaderSettings { name: "X-Token".to_owned(), env: Some("TOKEN".to_owned()), file: None }];
    traces.resource = [("deployment.environment.name".to_owned(), "stage".to_owned())].into();
    let variable = |name: &str| (name == "TOKEN").then(|| "s3cret".to_owned());
    let lines = Lines::default();
    let (dispatch, telemetry) =
        Telemetry::prepare(&settings, &variable, outside.handle().clone(), lines.clone()).unwrap();
    let metrics = Metrics::new(&MetricsSettings::default(), "1.2.3", Arc::new(conductor_engine::SystemClock));
    tracing::dispatcher::with_default(&dispatch, || {
        run(&metrics);
        outside.block_on(telemetry.end(Duration::from_secs(20)));
    });

    let spans = collector.spans();
    let [root] = named(&spans, "run")[..] else { panic!("one span of the run in {} spans", spans.len()) };
    assert_eq!(text(&root.attributes, "environment"), Some("model"));
    assert_eq!(text(&root.attributes, "load_test"), Some("evening"));
    assert!(text(&root.attributes, "run").unwrap().starts_with("evening-"));
    assert!(root.parent_span_id.is_empty());
    // What is asked of the factory is asked before there is a run.
    let of_the_run = spans.iter().filter(|span| !span.name.starts_with("factory."));
    assert!(of_the_run.clone().count() > 20 && of_the_run.into_iter().all(|span| span.trace_id == root.trace_id));

    let mut phases: Vec<&Span> = spans.iter().filter(|span| text(&span.attributes, "phase").is_some()).collect();
    phases.sort_by_key(|span| span.start_time_unix_nano);
    let names: Vec<&str> = phases.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["PREPARE", "DEPLOY", "SCALE_UP", "GENERATE_LOAD", "SCALE_DOWN", "CLEAN_UP"]);
    assert!(phases.iter().all(|span| span.parent_span_id == root.span_id));

    let within =
        |call: &str, phase: usize| named(&spans, call).iter().any(|span| span.parent_span_id == phases[phase].span_id);
    assert!(within("deployer.roll_out", 1) && within("scaler.scale", 2) && within("kpi.sample", 3));
    assert!(within("generator.stop", 3) && within("deployer.roll_out", 4) && within("test_data.delete", 5));
    let abandoned = named(&spans, "guard.drifted");
    assert!(abandoned.iter().all(|span| text(&span.attributes, "outcome") == Some("abandoned")));
    let is_error = |span: &&Span| span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error);
    assert_eq!(spans.iter().filter(is_error).count(), 0);

    let got = collector.got();
    assert!(got.iter().all(|got| got.headers["x-token"] == "s3cret"));
    assert!(got.iter().all(|got| got.headers["content-type"] == "application/x-protobuf"));
    let resource = got[0].request.resource_spans[0].resource.as_ref().unwrap();
    assert_eq!(text(&resource.attributes, "service.name"), Some("conductord"));
    assert_eq!(text(&resource.attributes, "deployment.environment.name"), Some("stage"));
    assert!(!lines.text().contains("s3cret"));

    let scrape = Scrape::read(&metrics.text().unwrap());
    assert_eq!(scrape.value("conductor_runs_total{outcome=\"passed\"}"), Some(1.0));
    let counted = scrape.of("conductor_port_call_duration_seconds_count");
    let counted: f64 = counted.into_iter().filter_map(|series| scrape.value(series)).sum();
    let calls = spans.iter().filter(|span| text(&span.attributes, "outcome").is_some()).count();
    assert!((counted - calls as f64).abs() < 0.5, "{counted} calls are counted, {calls} have spans");
}

#[test]
fn runs_that_are_not_sampled_are_sent_with_none_of_their_spans() {
    let outside = outside();
    let collector = outside.block_on(Collector::start());
    let mut settings = settings(format!("http://{}", collector.address));
    settings.traces.as_mut().unwrap().sampling = 0.0;
    let (dispatch, telemetry) =
        Telemetry::prepare(&settings, &|_| None, outside.handle().clone(), std::io::sink).unwrap();
    tracing::dispatcher::with_default(&dispatch, || {
        tracing::info_span!(target: "conductor_engine", "run").in_scope(|| ());
        outside.block_on(telemetry.end(Duration::from_secs(20)));
    });
    assert!(collector.spans().is_empty());
}

#[test]
fn only_what_the_conductors_own_crates_tell_is_sent() {
    let outside = outside();
    let collector = outside.block_on(Collector::start());
    let settings = settings(format!("http://{}", collector.address));
    let (dispatch, telemetry) =
        Telemetry::prepare(&settings, &|_| None, outside.handle().clone(), std::io::sink).unwrap();
    tracing::dispatcher::with_default(&dispatch, || {
        let own = tracing::info_span!(target: "conductor_engine", "own");
        own.in_scope(|| {
            tracing::info!(target: "conductor_engine", "told");
            tracing::error!(target: "kube_client::client", "a secret");
            tracing::info_span!(target: "hyper", "foreign").in_scope(|| ());
        });
        drop(own);
        outside.block_on(telemetry.end(Duration::from_secs(20)));
    });
    let spans = collector.spans();
    let names: BTreeSet<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, BTreeSet::from(["own"]));
    assert_eq!(spans[0].events.len(), 1, "{:?}", spans[0].events);
}

#[test]
fn a_dead_collector_is_spoken_of_once_and_keeps_nothing_from_its_end() {
    let outside = outside();
    // A port that is taken, and that nobody listens at.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = taken.local_addr().unwrap();
    let mut settings = settings(format!("http://user:pass@{address}"));
    settings.traces.as_mut().unwrap().interval = "1s".parse().unwrap();
    let lines = Lines::default();
    let (dispatch, telemetry) =
        Telemetry::prepare(&settings, &|_| None, outside.handle().clone(), lines.clone()).unwrap();
    // The exporter's thread has no subscriber but the program's own, which hears of other tests' collectors, too.
    tracing::dispatcher::set_global_default(dispatch).unwrap();
    for _ in 0..2000 {
        tracing::info_span!(target: "conductor_engine", "run").in_scope(|| ());
    }
    let began = Instant::now();
    outside.block_on(telemetry.end(Duration::from_secs(5)));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    let text = lines.text();
    let warned: Vec<&str> =
        text.lines().filter(|line| line.contains("spans cannot be sent to the collector")).collect();
    let [warned] = warned.into_iter().filter(|line| line.contains(&address.to_string())).collect::<Vec<_>>()[..] else {
        panic!("{text}")
    };
    assert!(warned.contains("Connection refused") && !text.contains("pass"), "{text}");
}

#[test]
fn a_collector_that_never_answers_keeps_a_program_no_longer_than_it_is_allowed_to() {
    let outside = outside();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = settings(format!("http://{}", silent.local_addr().unwrap()));
    let (dispatch, telemetry) =
        Telemetry::prepare(&settings, &|_| None, outside.handle().clone(), std::io::sink).unwrap();
    tracing::dispatcher::with_default(&dispatch, || {
        tracing::info_span!(target: "conductor_engine", "run").in_scope(|| ());
        let began = Instant::now();
        outside.block_on(telemetry.end(Duration::from_millis(500)));
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    });
    outside.shutdown_background();
}
