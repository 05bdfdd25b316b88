//! Whole load tests of an environment that is partly on Kubernetes and partly on ECS, by one run: production's state is put into both,
//! and both are put back exactly, whatever becomes of the conductor.

use std::time::Duration;

use conductor_ecs_bed::{Moment, Stop};
use conductor_tests::{Before, EcsBeside, Running};
use nix::sys::signal::Signal;

/// How long a conductor may take to get somewhere.
const SOON: Duration = Duration::from_secs(120);

/// Locust's dead man's switch, longer than a test.
const PATIENT: &str = "3m";

const RESTORED: &str = "restored   everything is as it was before";

/// What production's services run and how many tasks, as a run makes it.
const THERE: [(&str, u64); 3] = [("bank", 2), ("search", 3), ("stock", 3)];
/// What there was before.
const HERE: [(&str, u64); 3] = [("bank", 1), ("search", 1), ("stock", 1)];

#[test]
fn applications_on_both_are_made_like_production_loaded_and_put_back_by_one_run() {
    let bed = EcsBeside::up("beside", PATIENT);
    let before = bed.before();
    assert_eq!(bed.desired(), named(HERE));
    let plan = bed.conductor(&["plan", &bed.path("loadtest.yaml")]).succeeded();
    for name in ["shop", "search", "stock"] {
        let changed = format!("  {name}: registry.example/{name}:v1 → registry.example/{name}@sha256:");
        assert!(plan.contains(&changed), "{plan}");
    }
    assert!(plan.contains("  bank: 1 replica → 2 replicas\n"), "{plan}");
    assert_eq!(bed.writes(), [[], []], "planning has written to a cluster");
    assert_eq!(bed.asked_of_aws(), [], "planning has written to AWS");
    let mut running = bed.start();
    running.line("the ramp begins");
    bed.await_versions(&["v2", "v2", "v2"]);
    bed.assert_like_production();
    let changes = bed.changes(&before);
    for change in [
        "service search/desiredCount: 1 → 3",
        "service bank/desiredCount: 1 → 2",
        "ScalableTargets service/shop-test/stock/SuspendedState/DynamicScalingInSuspended: false → true",
    ] {
        assert!(changes.iter().any(|told| told == change), "{change} is not in\n{}", changes.join("\n"));
    }
    let at = |place: &str| changes.iter().any(|told| told.starts_with(place));
    assert!(at("service search/tags") && at("service stock/taskDefinition: ") && at("cluster shop-test/tags"));
    assert!(!at("production: ") && !at("definition "), "{}", changes.join("\n"));
    // Half a minute is short to hold a target: what a verdict says is others' business.
    let ended = running.wait();
    assert!(ended.out.contains(RESTORED), "{}\n{}", ended.out, ended.err);
    let view = bed.view();
    assert_eq!(view["ending"]["cause"], "completed", "{}", ended.out);
    let mut deleted = view["deleted"].as_array().unwrap().iter().filter(|deleted| deleted["table"] == "shop/orders");
    assert!(deleted.any(|deleted| deleted["rows"].as_u64() > Some(10)), "there was no load: {}", view["deleted"]);
    bed.assert_back(&before);
}

/// A run that is to be killed, and everything as it was before it.
fn started(name: &str) -> (EcsBeside, Before, Running) {
    let bed = EcsBeside::up(name, PATIENT);
    bed.edit("loadtest.yaml", "plateau: 20s", "plateau: 5m");
    let before = bed.before();
    let running = bed.start();
    (bed, before, running)
}

/// Kills a conductor when it asks for a number of tasks, once some services have theirs; the run's name.
fn killed_while_scaling(bed: &EcsBeside, running: Running, stop: Stop) -> String {
    bed.await_held(&stop, SOON);
    let run = bed.view()["id"].as_str().unwrap_or_default().to_owned();
    kill(running);
    drop(stop);
    let desired = bed.desired();
    assert_ne!(run, "", "it has no name");
    assert!(desired != named(HERE) && desired != named(THERE), "it was not killed in the midst: {desired:?}");
    run
}

/// Two updates bring versions, and three bring numbers of tasks.
const IN_THE_MIDST: (u32, Moment) = (4, Moment::After);

#[test]
fn killed_in_the_midst_of_scaling_both_are_put_back_by_the_next_run_before_it_begins() {
    let (bed, before, running) = started("beside-next");
    let (number, at) = IN_THE_MIDST;
    let stop = bed.hold_call("UpdateService", number, at);
    let dead = killed_while_scaling(&bed, running, stop);
    let mut next = bed.start();
    next.line("== DEPLOY");
    next.signal(Signal::SIGINT);
    let ended = next.wait().ended_with(4);
    assert!(ended.out.contains(&dead), "{}", ended.out);
    bed.assert_back(&before);
    assert_eq!(bed.conductor(&["restore"]).succeeded(), "nothing to restore: every run has ended\n");
}

#[test]
fn killed_in_the_midst_of_scaling_both_are_put_back_without_a_journal() {
    let (bed, before, running) = started("beside-lost");
    let (number, at) = IN_THE_MIDST;
    let stop = bed.hold_call("UpdateService", number, at);
    let run = killed_while_scaling(&bed, running, stop);
    let (settings, elsewhere) = (bed.path("environment.yaml"), bed.path("elsewhere"));
    let from_cluster = ["--from-cluster", "--settings", &settings, "--state-dir", &elsewhere];
    let restored = bed.conductor(&[&["restore", &run][..], &from_cluster].concat()).ended_with(0);
    assert!(restored.out.contains(RESTORED), "{}", restored.out);
    bed.assert_back(&before);
}

#[test]
fn killed_in_the_midst_of_the_way_back_both_are_put_back_by_the_journal() {
    let (bed, before, mut running) = started("beside-back");
    running.line("== GENERATE_LOAD");
    // The second of what goes back, which is not done.
    let stop = bed.hold_call("UpdateService", 2, Moment::Before);
    running.signal(Signal::SIGINT);
    bed.await_held(&stop, SOON);
    kill(running);
    drop(stop);
    let restored = bed.without_files(|| bed.conductor(&["restore"]).ended_with(0));
    assert!(restored.out.contains(RESTORED), "{}", restored.out);
    bed.assert_back(&before);
}

fn kill(running: Running) {
    running.signal(Signal::SIGKILL);
    assert_eq!(running.wait().code, None, "it had ended before it was killed");
}

fn named(desired: [(&str, u64); 3]) -> Vec<(String, u64)> {
    desired.map(|(name, tasks)| (name.to_owned(), tasks)).into()
}
