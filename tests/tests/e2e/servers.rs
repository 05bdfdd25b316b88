//! Several servers on one journal: a run goes on in one of them when the other one dies, hangs or is cut off, and in one alone.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::time::Duration;

use conductor_tests::{Server, until};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::server::{PATIENCE, assert_put_back, loaded, start};
use crate::shared_journal::SharedBed;

/// A server whose journal is behind the front, or is not.
fn server(shared: &SharedBed, journal: &str) -> Server {
    let (environment, journal) = (shared.bed.path("environment.yaml"), shared.bed.path(journal));
    let server = Server::start(&shared.bed, &[&environment, "--journal", &journal]);
    server.wait_until_ready();
    server
}

/// Waits until the run goes on with another server than the one that began it, and to its end.
fn goes_on(shared: &SharedBed, rows: &[String], other: &Server, run: &str) -> Value {
    let ended = other.ended(run, PATIENCE);
    assert_put_back(&shared.bed, rows, &ended);
    let told = "the run was found without a conductor and goes on";
    let events = ended["events"].as_array().unwrap();
    assert_eq!(events.iter().filter(|event| event["message"] == told).count(), 1, "{events:#?}");
    assert_eq!(ended["ending"]["cause"], "completed", "{}", ended["ending"]);
    ended
}

#[test]
fn the_run_of_a_server_that_was_killed_goes_on_with_another_one() {
    let shared = SharedBed::up();
    let rows = shared.bed.rows();
    let (first, second) = (server(&shared, "journal.yaml"), server(&shared, "direct.yaml"));
    let run = start(&first);
    loaded(&second, &run);
    let mut watch = second.stream("WatchLoadTest", &serde_json::json!({ "id": run }));
    watch.line("\"PHASE_GENERATE_LOAD\"");
    first.kill();
    goes_on(&shared, &rows, &second, &run);
    watch.line("\"verdict\":");
    watch.wait().succeeded();
}

#[test]
fn a_server_that_was_stopped_wakes_up_after_another_has_ended_its_run_and_touches_nothing() {
    let shared = SharedBed::up();
    let rows = shared.bed.rows();
    let (first, second) = (server(&shared, "journal.yaml"), server(&shared, "direct.yaml"));
    let run = start(&first);
    loaded(&second, &run);
    first.signal(Signal::SIGSTOP);
    let ended = goes_on(&shared, &rows, &second, &run);
    first.signal(Signal::SIGCONT);
    until("the first server sees the end", PATIENCE, || first.get(&run)["verdict"].is_object());
    assert_eq!(first.get(&run), ended, "it has written to a run that was another's");
    shared.bed.assert_restored(&rows);
    // It is of use again.
    let next = start(&first);
    assert_put_back(&shared.bed, &rows, &first.ended(&next, PATIENCE));
}

#[test]
fn a_server_that_is_cut_off_from_the_journal_lets_go_of_its_run_for_another_one() {
    let shared = SharedBed::up();
    let rows = shared.bed.rows();
    let (first, second) = (server(&shared, "journal.yaml"), server(&shared, "direct.yaml"));
    let run = start(&first);
    loaded(&second, &run);
    shared.front.silence();
    goes_on(&shared, &rows, &second, &run);
    shared.front.open();
    until("the first server sees the end", PATIENCE, || {
        first.call("GetLoadTest", &serde_json::json!({ "id": run })).code == Some(0)
    });
    assert_eq!(first.get(&run)["verdict"]["restored"], true);
}

/// A moment in a run, from its start to some seconds after what it usually takes.
fn some_moment() -> Duration {
    Duration::from_millis(rand::random_range(0..75_000))
}

/// Kills whichever server drives a run at some moment of it, and starts that one again.
fn kill_at_some_moments(shared: &SharedBed, mut servers: Vec<Server>) {
    const MOMENTS: usize = 25;
    let rows = shared.bed.rows();
    for number in 1..=MOMENTS {
        let run = start(&servers[0]);
        let moment = some_moment();
        println!("{number} of {MOMENTS}: run {run}, killed after {moment:?}");
        std::thread::sleep(moment);
        servers.remove(0).kill();
        servers.push(server(shared, "direct.yaml"));
        let ended = servers[0].ended(&run, PATIENCE);
        assert_put_back(&shared.bed, &rows, &ended);
        let restored = ended["phases"].as_array().unwrap().iter().filter(|phase| phase["phase"] == "PHASE_SCALE_DOWN");
        assert_eq!(restored.count(), 1, "{ended:#}");
    }
}

#[test]
#[ignore = "takes half an hour: a stage of `cargo verify --full`"]
fn one_server_that_is_killed_at_any_moment_and_started_again() {
    let shared = SharedBed::up();
    let servers = vec![server(&shared, "direct.yaml")];
    kill_at_some_moments(&shared, servers);
}

#[test]
#[ignore = "takes half an hour: a stage of `cargo verify --full`"]
fn one_of_two_servers_that_is_killed_at_any_moment() {
    let shared = SharedBed::up();
    let servers = vec![server(&shared, "direct.yaml"), server(&shared, "direct.yaml")];
    kill_at_some_moments(&shared, servers);
}
