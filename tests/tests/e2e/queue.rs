//! An environment that is in use: what becomes of another run, of this machine and of a server.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use conductor_tests::{Bed, SHORT, Server, Shop, until};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::server::{PATIENCE, assert_put_back, load_test, loaded};

/// The load test of the bed, which waits.
fn waiting(bed: &Bed, if_busy: &str) -> String {
    bed.write("waiting.yaml", &SHORT.replace("spec:\n", &format!("spec:\n  ifBusy: {if_busy}\n")));
    bed.path("waiting.yaml")
}

#[test]
fn a_run_of_this_machine_waits_in_the_foreground_is_taken_out_by_ctrl_c_and_replaces_what_is_active() {
    let bed = Bed::up(Shop::default());
    let rows = bed.rows();
    let mut active = bed.start();
    active.line("the ramp begins");
    let first = bed.view()["id"].as_str().unwrap().to_owned();
    let mut queued = bed.start_command(&["run", &waiting(&bed, "queue")]);
    queued.line(&format!(" waits for the end of run {first}; Ctrl-C takes it out of the queue"));
    queued.line(&format!(" waits: run {first} is active"));
    let listed = bed.conductor(&["list"]).succeeded();
    assert!(listed.contains("  waits, 1   shop-local"), "{listed}");
    let unneeded = bed.conductor(&["restore"]);
    assert!(!unneeded.err.contains("waits"), "a run that waits is none to restore: {}", unneeded.err);
    queued.signal(Signal::SIGINT);
    let cancelled = queued.wait().ended_with(4);
    assert!(cancelled.out.contains("verdict    cancelled"), "{}", cancelled.out);

    let mut replacing = bed.start_command(&["run", &waiting(&bed, "replace")]);
    replacing.line(&format!(" waits for the end of run {first}, which it replaces; Ctrl-C takes it out of the queue"));
    let replaced = active.wait().ended_with(4);
    assert!(replaced.out.contains(", which replaces it"), "{}", replaced.out);
    replacing.line("its turn has come");
    replacing.line("the ramp begins");
    replacing.wait();
    bed.assert_restored(&rows);
    assert_eq!(bed.view()["ending"]["cause"], "completed");
}

#[test]
fn a_run_of_a_server_waits_over_kill_9_and_begins_once() {
    let bed = Bed::up(Shop::default());
    let rows = bed.rows();
    let server = Server::ready(&bed);
    let mut queueing = load_test();
    queueing["spec"]["ifBusy"] = "queue".into();
    let start = |server: &Server| server.call("StartLoadTest", &json!({ "loadTest": queueing })).json()["run"].clone();
    let id = |run: &Value| run["id"].as_str().unwrap().to_owned();
    let active = id(&start(&server));
    let waiting = [start(&server), start(&server)];
    assert_eq!((&waiting[0]["state"], &waiting[0]["phase"]), (&json!("Waiting"), &json!("PHASE_PREPARE")));
    assert_eq!(waiting[0]["waits"], json!({ "run": active }));
    let [next, last] = waiting.map(|run| id(&run));
    loaded(&server, &active);
    let taken_out = server.call("StopLoadTest", &json!({ "id": last })).json();
    assert_eq!(taken_out, json!({ "asked": true }));
    assert_eq!(server.get(&last)["verdict"]["outcome"], "OUTCOME_CANCELLED");
    server.kill();
    let server = Server::ready(&bed);
    assert_eq!(server.get(&next)["state"], "Waiting");
    let listed = server.call("ListLoadTests", &json!({ "finished": false })).json();
    assert_eq!(listed["runs"][0]["waiting"], "queue", "{listed:#}");
    server.ended(&active, PATIENCE);
    until("its turn", PATIENCE, || server.get(&next)["state"] != "Waiting");
    server.kill();
    let server = Server::ready(&bed);
    let ended = server.ended(&next, PATIENCE);
    assert_put_back(&bed, &rows, &ended);
    let events = ended["events"].as_array().unwrap();
    assert_eq!(events.iter().filter(|event| event["message"] == "its turn has come").count(), 1, "{events:#?}");
    server.terminate().succeeded();
}
