//! The server's program, called with the real grpcurl: whole runs of a real shop, and what becomes of them when it dies.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::time::Duration;

use conductor_tests::{Bed, Server, Shop, shell, until};
use serde_json::{Value, json};

/// How long a run may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// The load test of the bed, as a request.
pub(crate) fn load_test() -> Value {
    json!({
        "apiVersion": "loadtest-conductor.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": { "name": "short" },
        "spec": {
            "environment": "shop-local",
            "kpi": { "name": "orders", "target": "600/min" },
            "rampUp": "10s",
            "plateau": "20s",
            "interval": "5s",
            "limits": { "maxUsers": 400, "rehearsal": "40s" }
        }
    })
}

/// Starts the load test, and answers with the run's id.
pub(crate) fn start(server: &Server) -> String {
    let answer = server.call("StartLoadTest", &json!({ "loadTest": load_test() })).json();
    answer["run"]["id"].as_str().unwrap().to_owned()
}

/// Waits until a run generates load.
pub(crate) fn loaded(server: &Server, run: &str) {
    until("the ramp begins", PATIENCE, || server.get(run)["ticks"].as_array().is_some_and(|ticks| !ticks.is_empty()));
}

pub(crate) fn assert_put_back(bed: &Bed, rows: &[String], run: &Value) {
    assert_eq!(run["verdict"]["restored"], true, "{run:#}");
    bed.assert_restored(rows);
}

#[test]
fn a_whole_run_is_started_watched_and_read_with_nothing_but_grpcurl() {
    let bed = Bed::up(Shop::default());
    let rows = bed.rows();
    let server = Server::ready(&bed);
    let services = server.grpcurl(&[], &["list"]).succeeded();
    for service in ["conductor.v1.LoadTestService", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"] {
        assert!(services.lines().any(|line| line == service), "{services}");
    }
    let described = server.grpcurl(&[], &["describe", "conductor.v1.LoadTestService"]).succeeded();
    assert!(described.contains("rpc StartLoadTest"), "{described}");
    let health = server.grpcurl(&[], &["grpc.health.v1.Health/Check"]).json();
    assert_eq!(health["status"], "SERVING");

    let planned = server.call("PlanLoadTest", &json!({ "loadTest": load_test() })).json();
    assert_eq!(planned["plan"]["plan"]["rollouts"][0]["to"], json!({ "main": "v2" }), "{planned:#}");
    let run = start(&server);
    let again = server.call("StartLoadTest", &json!({ "loadTest": load_test() }));
    assert_eq!(again.code, Some(64 + 9), "{}\n{}", again.out, again.err);
    assert!(again.err.contains("shop-local"), "{}", again.err);
    let mut watch = server.stream("WatchLoadTest", &json!({ "id": run }));
    watch.line("\"PHASE_GENERATE_LOAD\"");
    watch.line("\"tick\":");
    watch.line("\"PHASE_SCALE_DOWN\"");
    watch.line("\"verdict\":");
    watch.wait().succeeded();

    let view = server.get(&run);
    assert_put_back(&bed, &rows, &view);
    assert_eq!(view["phase"], "PHASE_FINISHED");
    let listed = server.call("ListLoadTests", &json!({ "finished": true })).json();
    assert_eq!(listed["runs"][0]["id"], run.as_str());
    let report = server.call("GetReport", &json!({ "id": run })).json();
    assert_eq!(report["contentType"], "text/html; charset=utf-8");
    let metrics = server.probe("/metrics");
    for series in [
        "conductor_run_target_per_minute",
        "conductor_api_request_duration_seconds_count",
        "conductor_port_call_duration_seconds_count",
    ] {
        assert!(metrics.contains(series), "no {series} in\n{metrics}");
    }
    server.terminate().succeeded();
}

#[test]
fn what_is_wrong_with_a_request_is_told_with_its_field() {
    let bed = Bed::new(Shop::default());
    let server = Server::ready(&bed);
    let mut wrong = load_test();
    wrong["spec"]["kpi"]["target"] = "many".into();
    let refused = server.call("StartLoadTest", &json!({ "loadTest": wrong })).ended_with(64 + 3);
    assert!(refused.err.contains("spec.kpi.target"), "{}", refused.err);
    let mut elsewhere = load_test();
    elsewhere["spec"]["environment"] = "production".into();
    let refused = server.call("StartLoadTest", &json!({ "loadTest": elsewhere })).ended_with(64 + 3);
    let expected = "\"production\" is not an environment of this server; expected one of shop-local";
    assert!(refused.err.contains(expected), "{}", refused.err);
    let unknown = server.call("GetLoadTest", &json!({ "id": "short-20260101-000000-abcd" })).ended_with(64 + 5);
    assert!(unknown.err.contains("short-20260101-000000-abcd"), "{}", unknown.err);
    assert_eq!(server.call("ListLoadTests", &json!({})).json(), json!({}), "a refused run was recorded");
}

#[test]
fn an_environment_that_is_not_up_is_refused_without_a_run_and_without_a_path_of_the_server() {
    let bed = Bed::new(Shop::default());
    let server = Server::ready(&bed);
    for method in ["StartLoadTest", "PlanLoadTest"] {
        let refused = server.call(method, &json!({ "loadTest": load_test() })).ended_with(64 + 9);
        let expected = "the environment is not up; conductor local up ENVIRONMENT starts it";
        assert!(refused.err.contains(expected), "{}", refused.err);
        assert!(!refused.err.contains(&bed.path("")) && !refused.err.contains(".json"), "{}", refused.err);
    }
    assert_eq!(server.call("ListLoadTests", &json!({})).json(), json!({}), "a refused run was recorded");
}

#[test]
fn a_server_listens_at_a_name_of_this_machine_and_refuses_a_port_that_is_taken() {
    let bed = Bed::new(Shop::default());
    let server = Server::start_at(&bed, "localhost:0", &[&bed.path("environment.yaml")]);
    server.wait_until_ready();
    assert_eq!(server.call("ListLoadTests", &json!({})).json(), json!({}));
    let taken = &server.address;
    let arguments = ["--listen", taken, "--metrics", "127.0.0.1:0", &bed.path("environment.yaml")];
    let refused = Server::refused(&bed, &arguments).ended_with(1);
    let expected = format!("error: could not listen on {taken}: ");
    assert!(refused.err.lines().any(|line| line.starts_with(&expected)), "{}", refused.err);
}

#[test]
fn a_server_that_was_killed_goes_on_with_its_run_when_it_starts_again() {
    let bed = Bed::up(Shop::default());
    let rows = bed.rows();
    let server = Server::ready(&bed);
    let run = start(&server);
    loaded(&server, &run);
    server.kill();
    let server = Server::ready(&bed);
    let ended = server.ended(&run, PATIENCE);
    assert_put_back(&bed, &rows, &ended);
    let told = "the run was found without a conductor and goes on";
    let events = ended["events"].as_array().unwrap();
    assert_eq!(events.iter().filter(|event| event["message"] == told).count(), 1, "{events:#?}");
}

#[test]
fn a_run_whose_server_is_killed_at_the_begin_of_each_phase_comes_to_its_end_and_everything_is_back() {
    let bed = Bed::up(Shop::default());
    let rows = bed.rows();
    let phases = ["DEPLOY", "SCALE_UP", "GENERATE_LOAD", "SCALE_DOWN", "CLEAN_UP", "FINISHED"];
    let reached = |view: &Value, phase: &str| {
        let place = |name: &str| phases.iter().position(|phase| name.ends_with(phase));
        place(view["phase"].as_str().unwrap()) >= place(phase)
    };
    let mut server = Server::ready(&bed);
    let run = start(&server);
    for phase in phases {
        until(phase, PATIENCE, || reached(&server.get(&run), phase));
        server.kill();
        server = Server::ready(&bed);
    }
    let ended = server.ended(&run, PATIENCE);
    assert_put_back(&bed, &rows, &ended);
}

#[test]
fn a_server_that_ends_in_order_hands_its_run_over_to_the_next_one() {
    let bed = Bed::up(Shop::default());
    let rows = bed.rows();
    let first = Server::ready(&bed);
    let run = start(&first);
    loaded(&first, &run);
    let second = Server::ready(&bed);
    assert_eq!(second.get(&run)["phase"], "PHASE_GENERATE_LOAD", "the other server sees it");
    let handed = first.terminate();
    assert_eq!(handed.code, Some(0), "{}", handed.err);
    assert!(handed.err.contains("the run is handed over"), "{}", handed.err);
    let ended = second.ended(&run, PATIENCE);
    assert_put_back(&bed, &rows, &ended);
    assert_eq!(ended["ending"]["cause"], "completed", "{}", ended["ending"]);
}

#[test]
fn a_run_is_stopped_and_changed_through_whichever_server() {
    let bed = Bed::up(Shop::default());
    let rows = bed.rows();
    let (first, second) = (Server::ready(&bed), Server::ready(&bed));
    let run = start(&first);
    loaded(&second, &run);
    second.call("UpdateLoadTest", &json!({ "id": run, "target": "300/min" })).succeeded();
    until("the target is another", PATIENCE, || first.get(&run)["targetPerMin"] == 300.0);
    assert_eq!(second.call("StopLoadTest", &json!({ "id": run })).json(), json!({ "asked": true }));
    let ended = first.ended(&run, PATIENCE);
    assert_eq!(ended["verdict"]["outcome"], "OUTCOME_CANCELLED", "{ended:#}");
    assert_put_back(&bed, &rows, &ended);
    assert_eq!(second.call("StopLoadTest", &json!({ "id": run })).json(), json!({}), "it had ended");
}

#[test]
fn the_command_line_starts_a_run_on_a_server_and_shows_it_as_one_of_its_own() {
    let bed = Bed::up(Shop::default());
    let rows = bed.rows();
    let server = Server::ready(&bed);
    let url = format!("http://{}", server.address);
    let on_server = |arguments: &[&str]| bed.conductor(&[arguments, &["--server", &url]].concat());
    let ended = on_server(&["start", &bed.path("loadtest.yaml"), "--wait"]);
    assert!(ended.out.contains("restored   everything is as it was before"), "{}\n{}", ended.out, ended.err);
    bed.assert_restored(&rows);
    // The server's journal is the one of this machine: a local look at the run tells the same, word by word.
    assert_eq!(on_server(&["get"]).succeeded(), bed.conductor(&["get"]).succeeded());
    assert!([Some(0), Some(1)].contains(&ended.code), "{}", ended.out);
    let report = bed.path("report.html");
    on_server(&["report", "--file", &report]).succeeded();
    let (first, second) = (std::fs::read_to_string(&report).unwrap(), bed.path("local.html"));
    bed.conductor(&["report", "--file", &second]).succeeded();
    assert_eq!(first, std::fs::read_to_string(&second).unwrap());
}

#[test]
fn what_is_wrong_with_a_servers_settings_is_told_before_it_listens() {
    let bed = Bed::new(Shop::default());
    let refused = |text: &str| {
        bed.write("server.yaml", &format!("apiVersion: loadtest-conductor.dev/v1alpha1\nkind: Server\nspec:\n{text}"));
        let ended = Server::refused(&bed, &["--settings", &bed.path("server.yaml")]);
        assert_eq!(
            (ended.code, ended.out.as_str()),
            (Some(2), ""),
            "it listened, or all of it is as needed: {}",
            ended.err
        );
        ended.err.replace(&bed.path(""), "")
    };
    assert_eq!(
        refused("  environments: []\n"),
        "error: spec.environments is empty; expected at least one environment's file\n"
    );
    let off = refused("  listen: 0.0.0.0:0\n  environments: [environment.yaml]\n");
    assert!(off.contains("spec.access is not set: access control may be off only on a loopback address"), "{off}");
    let no_way = refused("  environments: [environment.yaml]\n  access: {}\n");
    assert!(no_way.starts_with("error: access: names no way to identify callers; expected at least one"), "{no_way}");
    let absent = refused("  environments: [environment.yaml]\n  tls: { certificate: absent, key: absent }\n");
    assert!(absent.contains("\nerror: spec.tls: tls.certificate: reading absent: "), "{absent}");
    let unknown = refused("  listens: 127.0.0.1:0\n");
    let expected = "error: server.yaml:4:3: spec: unknown field `listens`, expected one of listen, environments, ";
    assert!(unknown.starts_with(expected), "{unknown}");
    let twice = refused("  environments: [environment.yaml, environment.yaml]\n");
    assert!(twice.contains("metadata.name: \"shop-local\" is the name of another environment, too"), "{twice}");
}

#[test]
fn the_lines_of_the_readme_work_as_they_stand_there() {
    let bed = Bed::up(Shop::default());
    let server = Server::ready(&bed);
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let (_, section) = readme.split_once("conductord environment.yaml").unwrap();
    let (lines, _) = section.split_once("```").unwrap();
    let (_, lines) = lines.split_once('\n').unwrap();
    // Another port, and a smaller and shorter test: everything else is as people read it.
    let mut lines = lines.replace("127.0.0.1:7400", &server.address).replace("2000/min", "600/min");
    for (long, short) in
        [("\"2m\"", "\"10s\""), ("\"3m\"", "\"10s\""), ("\"interval\": \"10s\"", "\"interval\": \"5s\"")]
    {
        assert!(lines.contains(long), "{lines}");
        lines = lines.replace(long, short);
    }
    let (until_start, watch) = lines.split_once("StartLoadTest\n").unwrap();
    let started = shell(&bed, &format!("{until_start}StartLoadTest")).succeeded();
    assert!(started.contains("rpc StartLoadTest"), "{started}");
    let runs = server.call("ListLoadTests", &json!({})).json();
    assert_eq!(runs["runs"].as_array().map(Vec::len), Some(1), "{runs}");
    let run = runs["runs"][0]["id"].as_str().unwrap();
    assert!(started.contains(run), "{started}");
    let watched = shell(&bed, &watch.replace("RUN", run)).succeeded();
    assert!(watched.contains("\"tick\":") && watched.contains("\"verdict\":"), "{watched}");
    assert_eq!(server.get(run)["verdict"]["restored"], true);
}
