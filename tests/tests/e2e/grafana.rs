//! Runs as people look at them in a real Grafana: annotations at the right times, written once, and links that lead there.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod bed;
mod dashboards;

use std::time::Duration;

use conductor_tests::{Bed, Server, Shop};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::server::{PATIENCE, assert_put_back, loaded, start};
use bed::Grafana;

/// The phases of a run that ends by itself.
const PHASES: [&str; 6] = ["PREPARE", "DEPLOY", "SCALE_UP", "GENERATE_LOAD", "SCALE_DOWN", "CLEAN_UP"];

/// A time of a run's page, in milliseconds.
fn millisecond(time: &Value) -> i64 {
    time.as_str().unwrap().parse::<Timestamp>().unwrap().as_millisecond()
}

/// The regions of the phases, in order.
fn regions(annotations: &[Value]) -> Vec<(String, i64, i64)> {
    let is_phase = |one: &&Value| one["tags"].as_array().unwrap().contains(&json!("kind:phase"));
    let region = |one: &Value| {
        let name = one["text"].as_str().unwrap().split(' ').next().unwrap().to_owned();
        (name, one["time"].as_i64().unwrap(), one["timeEnd"].as_i64().unwrap())
    };
    let mut regions: Vec<_> = annotations.iter().filter(is_phase).map(region).collect();
    regions.sort_by_key(|(_, from, to)| (*from, *to));
    regions
}

fn texts(annotations: &[Value], kind: &str) -> Vec<String> {
    let of_kind = annotations.iter().filter(|one| one["tags"].as_array().unwrap().contains(&json!(kind)));
    of_kind.map(|one| one["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
#[ignore = "needs Grafana: cargo verify --full"]
fn a_run_of_this_machine_is_in_grafana_with_its_phases_and_its_verdict() {
    let bed = Bed::up(Shop::default());
    let grafana = Grafana::start(&bed);
    grafana.in_environment(&bed, "Editor");
    let ended = bed.run();
    let view = bed.view();
    let run = view["id"].as_str().unwrap();

    let annotations = grafana.annotations(run);
    let regions = regions(&annotations);
    let names: Vec<&str> = regions.iter().map(|(name, _, _)| name.as_str()).collect();
    assert_eq!(names, PHASES);
    for (shown, (name, from, to)) in view["phases"].as_array().unwrap().iter().zip(&regions[1..]) {
        assert_eq!(shown["phase"], name.as_str());
        assert_eq!((millisecond(&shown["started"]), millisecond(&shown["ended"])), (*from, *to), "{name}");
    }
    assert_eq!(regions[0].1, millisecond(&view["createdAt"]));
    let [verdict] = &texts(&annotations, "kind:verdict")[..] else { panic!("one verdict") };
    let outcome = view["verdict"]["outcome"].as_str().unwrap();
    assert!(verdict.starts_with(&format!("load test short {outcome}")), "{verdict}");
    let tags = annotations[0]["tags"].as_array().unwrap();
    for tag in ["loadtest", "environment:shop-local", "load_test:short", "team:shop"] {
        assert!(tags.contains(&json!(tag)), "{tags:?}");
    }

    // As the dashboard of a run asks for them.
    let dashboard = grafana.dashboard("conductor-run");
    let queries = dashboard["annotations"]["list"].as_array().unwrap().iter();
    let queries: Vec<&Value> = queries.filter(|query| query["target"]["type"] == "tags").collect();
    let shown = |query: &&Value| {
        let tags = query["target"]["tags"].as_array().unwrap().iter();
        let tags: Vec<String> = tags.map(|tag| tag.as_str().unwrap().replace("$run", run)).collect();
        grafana.annotations_with(&tags.iter().map(String::as_str).collect::<Vec<_>>()).len()
    };
    assert!(queries.len() >= 2, "{queries:?}");
    assert_eq!(queries.iter().map(shown).sum::<usize>(), annotations.len(), "each is shown once: {queries:?}");

    let from = millisecond(&view["createdAt"]) - 60_000;
    let to = millisecond(&view["updatedAt"]) + 60_000;
    let query = format!("from={from}&to={to}&var-environment=shop-local&var-load_test=short&var-run={run}");
    let link = format!("Grafana: this run: {}/d/conductor-run?{query}", grafana.url());
    assert!(ended.out.contains(&link), "no {link} in\n{}", ended.out);
}

#[test]
#[ignore = "needs Grafana: cargo verify --full"]
fn a_server_that_takes_a_run_over_writes_what_its_predecessor_has_not_and_nothing_twice() {
    let bed = Bed::up(Shop::default());
    let rows = bed.rows();
    let grafana = Grafana::start(&bed);
    grafana.in_environment(&bed, "Editor");
    let first = Server::ready(&bed);
    let run = start(&first);
    loaded(&first, &run);
    let told = first.call("GetLoadTest", &json!({ "id": run })).json();
    let link = told["run"]["links"][0].clone();
    assert_eq!(link["title"], "Grafana: this run");
    assert!(link["url"].as_str().unwrap().contains("&to=now&"), "{link}");
    // It is killed.
    drop(first);
    let second = Server::ready(&bed);
    assert_put_back(&bed, &rows, &second.ended(&run, PATIENCE));
    second.terminate().succeeded();

    let annotations = grafana.annotations(&run);
    let regions = regions(&annotations);
    let names: Vec<&str> = regions.iter().map(|(name, _, _)| name.as_str()).collect();
    assert_eq!(names, PHASES);
    let taken_over = texts(&annotations, "kind:event");
    assert_eq!(taken_over.len(), 1, "{taken_over:?}");
    assert!(taken_over[0].starts_with("the run was found without a conductor"), "{taken_over:?}");
    assert_eq!(texts(&annotations, "kind:verdict").len(), 1);
}

#[test]
#[ignore = "needs Grafana: cargo verify --full"]
fn who_may_not_write_is_told_what_it_takes_once_and_the_run_is_as_it_is() {
    for (role, status, expected) in [
        ("Viewer", "403 Forbidden", "expected a service account that may annotations:create and annotations:read"),
        ("none", "401 Unauthorized", "expected the token of a service account that it knows, in tokenEnv or auth"),
    ] {
        let bed = Bed::up(Shop::default());
        let rows = bed.rows();
        let grafana = Grafana::start(&bed);
        grafana.in_environment(&bed, role);
        let server = Server::ready(&bed);
        let run = start(&server);
        let ended = server.ended(&run, PATIENCE);
        assert_put_back(&bed, &rows, &ended);
        assert_eq!(ended["ending"]["cause"], "completed", "{}", ended["ending"]);
        std::thread::sleep(Duration::from_secs(1));
        let said = server.terminate();
        let told: Vec<&str> = said.err.lines().filter(|line| line.contains("cannot be written")).collect();
        assert_eq!(told.len(), 1, "{}", said.err);
        assert!(told[0].contains(status) && told[0].contains(expected), "{}", told[0]);
        assert_eq!(grafana.annotations(&run), [Value::Null; 0]);
    }
}
