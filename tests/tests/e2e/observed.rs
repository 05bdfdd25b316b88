//! A server as those see it who operate it: its spans in a real OpenTelemetry collector, its metrics in a real Prometheus.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod collector;
mod dashboards;
pub(crate) mod program;
pub(crate) mod prometheus;
mod rules;
mod watched;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use conductor_tests::{Bed, Server, Shop, until};
use serde_json::{Value, json};

use crate::server::{PATIENCE, assert_put_back, load_test, loaded, start};
use collector::{Place, Span};
use prometheus::{Prometheus, as_older_text, documentation, lint};

/// How long a server takes to end at most, with spans that nobody takes: it hands over within 20 s.
const ENDS_WITHIN: Duration = Duration::from_secs(40);

/// A server that sends its spans to a place.
fn traced(bed: &Bed, place: &Place) -> Server {
    let traces = format!(
        "{{ endpoint: \"{}\", interval: 500ms, resource: {{ deployment.environment.name: stage }} }}",
        place.endpoint()
    );
    let head = "apiVersion: loadtest-conductor.dev/v1alpha1\nkind: Server\nspec:\n  environments: [environment.yaml]";
    bed.write("server.yaml", &format!("{head}\n  telemetry: {{ traces: {traces} }}\n"));
    let server = Server::start(bed, &["--settings", &bed.path("server.yaml")]);
    server.wait_until_ready();
    server
}

#[test]
#[ignore = "needs an OpenTelemetry collector: cargo verify --full"]
fn a_run_arrives_at_a_collector_as_one_trace_of_its_phases_and_their_calls() {
    let bed = Bed::up(Shop::default());
    let rows = bed.rows();
    let place = Place::of(&bed);
    let _collector = place.collect();
    let server = traced(&bed, &place);
    let run = start(&server);
    assert_put_back(&bed, &rows, &server.ended(&run, PATIENCE));
    server.terminate().succeeded();

    let mut spans = Vec::new();
    until("the span of the run", PATIENCE, || {
        spans = place.spans();
        spans.iter().any(|span| span.name() == "run")
    });
    for span in &spans {
        assert_eq!(span.of_resource("service.name"), Some("conductord"), "{:#}", span.resource);
        assert_eq!(span.of_resource("deployment.environment.name"), Some("stage"));
    }
    let [root] = spans.iter().filter(|span| span.name() == "run").collect::<Vec<_>>()[..] else { panic!("one run") };
    let said = ["run", "environment", "load_test"].map(|key| root.text(key));
    assert_eq!(said, [Some(run.as_str()), Some("shop-local"), Some("short")]);
    assert_eq!(root.parent(), "");

    let mut phases: Vec<&Span> = spans.iter().filter(|span| span.text("phase").is_some()).collect();
    phases.sort_by_key(|span| span.span["startTimeUnixNano"].as_str().unwrap().to_owned());
    let names: Vec<&str> = phases.iter().map(|span| span.name()).collect();
    assert_eq!(names, ["PREPARE", "DEPLOY", "SCALE_UP", "GENERATE_LOAD", "SCALE_DOWN", "CLEAN_UP"]);
    assert!(phases.iter().all(|phase| phase.parent() == root.id()));

    let parents: BTreeMap<&str, &str> = phases.iter().chain([&root]).map(|span| (span.id(), span.name())).collect();
    let calls: Vec<&Span> = spans.iter().filter(|span| span.text("outcome").is_some()).collect();
    let mut seen = BTreeSet::new();
    for call in &calls {
        let (port, method) = (call.text("port").unwrap(), call.text("method").unwrap());
        assert_eq!(call.name(), format!("{port}.{method}"));
        match call.name() {
            "factory.connect" | "factory.usable" => assert_eq!(call.parent(), ""),
            name => {
                assert_eq!(call.span["traceId"], root.span["traceId"], "{name}");
                let parent = parents.get(call.parent());
                seen.insert((
                    *parent.unwrap_or_else(|| panic!("{name} is in no phase: {:#}", call.span)),
                    name.to_owned(),
                ));
            }
        }
    }
    for (phase, call) in [
        ("DEPLOY", "deployer.roll_out"),
        ("SCALE_UP", "scaler.scale"),
        ("GENERATE_LOAD", "kpi.sample"),
        ("GENERATE_LOAD", "generator.set"),
        ("SCALE_DOWN", "deployer.roll_out"),
        ("CLEAN_UP", "test_data.delete"),
    ] {
        assert!(seen.contains(&(phase, call.to_owned())), "no {call} in {phase}: {seen:#?}");
    }
}

#[test]
#[ignore = "needs an OpenTelemetry collector: cargo verify --full"]
fn a_collector_that_goes_away_never_touches_a_run_and_gets_spans_again_when_it_is_back() {
    let bed = Bed::up(Shop::default());
    let rows = bed.rows();
    let place = Place::of(&bed);
    let collector = place.collect();
    let server = traced(&bed, &place);
    let run = start(&server);
    loaded(&server, &run);
    until("spans of the run", PATIENCE, || place.spans().iter().any(|span| span.name() == "DEPLOY"));
    drop(collector);
    let ended = server.ended(&run, PATIENCE);
    assert_put_back(&bed, &rows, &ended);
    assert_eq!(ended["ending"]["cause"], "completed", "{}", ended["ending"]);
    assert!(server.probe("/readyz").starts_with("ready"));

    let collector = place.collect();
    let before = place.spans().len();
    server.call("PlanLoadTest", &json!({ "loadTest": load_test() })).succeeded();
    until("spans again", PATIENCE, || place.spans().len() > before);
    drop(collector);
    let begun = std::time::Instant::now();
    server.call("PlanLoadTest", &json!({ "loadTest": load_test() })).succeeded();
    let said = server.terminate();
    assert!(begun.elapsed() < ENDS_WITHIN, "it took {:?}", begun.elapsed());
    assert_eq!(said.code, Some(0), "{}", said.err);
    let told = |words: &str| said.err.matches(words).count();
    let lost = told("spans cannot be sent to the collector and are lost");
    assert!((1..=2).contains(&lost), "it is told when the collector goes away, and not again and again\n{}", said.err);
    assert_eq!(told("the collector takes spans again"), 1, "{}", said.err);
}

#[test]
fn prometheus_knows_every_metric_of_the_documentation_after_a_run() {
    let (bed, _shop) = watched::bed();
    let rows = bed.rows();
    let server = Server::ready(&bed);
    let prometheus = Prometheus::scraping(&bed, &server);
    let run = start(&server);
    loaded(&server, &run);
    let checked = lint(&as_older_text(&server.probe("/metrics")));
    assert_eq!((checked.code, checked.err.as_str()), (Some(0), ""), "{}", checked.out);
    let mut next = load_test();
    next["spec"]["ifBusy"] = "queue".into();
    let next = server.call("StartLoadTest", &json!({ "loadTest": next })).json();
    until("a run waits", PATIENCE, || !prometheus.ask("conductor_runs_waiting > 0").is_empty());
    server.call("StopLoadTest", &json!({ "id": next["run"]["id"] })).succeeded();
    assert_put_back(&bed, &rows, &server.ended(&run, PATIENCE));
    until("the end is scraped", PATIENCE, || {
        !prometheus.ask("conductor_runs_total{outcome!='cancelled'} > 0").is_empty()
    });

    let documentation = documentation();
    let (_, table) = documentation.split_once("| metric | type |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let names: Vec<&str> = table.lines().skip(2).flat_map(|row| row.split('|').nth(1).unwrap().split('`')).collect();
    let names: Vec<&str> = names.into_iter().filter(|name| name.contains('_')).collect();
    assert!(names.len() > 15, "{names:?}");
    let range = "[10m]";
    for name in names {
        let series = if name.ends_with("_duration_seconds") { format!("{name}_count") } else { name.to_owned() };
        let values = prometheus.ask(&format!("max_over_time({series}{range})"));
        assert!(!values.is_empty(), "Prometheus has no {series}");
        assert!(values.iter().all(|(labels, value)| labels["job"] == "conductord" && value.is_finite()), "{values:?}");
    }

    let highest = |metric: &str| {
        let asked =
            format!("max_over_time({metric}{{environment='shop-local', load_test='short', run='{run}'}}{range})");
        let [(_, value)] = prometheus.ask(&asked)[..] else { panic!("one series of {asked}") };
        value
    };
    assert_eq!(highest("conductor_run_target_per_minute"), 600.0);
    let (kpi, users) = (highest("conductor_run_kpi_per_minute"), highest("conductor_run_users"));
    assert!((60.0..6000.0).contains(&kpi) && (1.0..=400.0).contains(&users), "{kpi} a minute, {users} users");
    assert!(highest("conductor_run_set_point_per_minute") <= 600.0);
    // One that takes less than the time between two scrapes is not seen.
    let seen = prometheus.ask(&format!("max_over_time(conductor_run_phase{{run='{run}'}}{range}) == 1"));
    let seen: Vec<&Value> = seen.iter().map(|(labels, _)| &labels["phase"]).collect();
    assert!(seen.len() > 2 && seen.contains(&&json!("GENERATE_LOAD")), "{seen:?}");
    let together = format!("max_over_time(sum(conductor_run_phase{{run='{run}'}})[10m:500ms])");
    assert!(prometheus.ask(&together).iter().all(|(_, sum)| *sum <= 1.0), "it was in two phases");

    let latency = "histogram_quantile(0.99, sum by (le, method) (conductor_api_request_duration_seconds_bucket))";
    let latencies = prometheus.ask(latency);
    let of = |method: &str| latencies.iter().find(|(labels, _)| labels["method"] == method).map(|(_, value)| *value);
    assert!(of("GetLoadTest").is_some_and(|seconds| seconds > 0.0 && seconds < 10.0), "{latencies:?}");
    assert!(of("StartLoadTest").is_some(), "{latencies:?}");
    let calls = prometheus.ask("sum by (port, method, outcome) (conductor_port_call_duration_seconds_count)");
    for (port, method) in [("scaler", "scale"), ("deployer", "roll_out"), ("kpi", "sample"), ("test_data", "delete")] {
        let labels = json!({ "port": port, "method": method, "outcome": "ok" });
        assert!(calls.iter().any(|(found, count)| *found == labels && *count > 0.0), "no {labels} in {calls:?}");
    }
    let lost = prometheus.ask(&format!("min_over_time(up{range})"));
    assert_eq!(lost.iter().map(|(_, value)| *value).collect::<Vec<_>>(), [1.0], "a scrape has failed");
    server.terminate().succeeded();
}
