//! Load workers of a real Locust are scaled while load is generated, and are as before afterwards.

use std::time::Duration;

use conductor_tests::{Bed, ClusterBed, Ended, SHORT, Shop, until};
use nix::sys::signal::Signal;

/// What customers cost besides: 15 ms of their worker's CPU before each request.
const EXPENSIVE: &str = "
def burn():
    until = time.thread_time() + 0.015
    while time.thread_time() < until:
        pass


class Customer(FastHttpUser):
";

/// A shop with one load worker and customers that some twenty of take 30 % of it, and a load that needs some fifty.
fn bed() -> Bed {
    let bed = Bed::with_load_workers(Shop { dead_man: "20s", ..Shop::default() });
    bed.edit("locustfile.py", "\nclass Customer(FastHttpUser):\n", EXPENSIVE);
    bed.edit("locustfile.py", "    def wait_time(self):\n", "    def wait_time(self):\n        burn()\n");
    let test = SHORT.replace("600/min", "1200/min").replace(
        "plateau: 20s",
        "plateau: 25s\n  load: { usersPerKpi: 0.04, workers: { application: load-workers, most: 3, targetCpu: 30% } }",
    );
    bed.write("loadtest.yaml", &test);
    bed.bring_up();
    has_one_worker(&bed);
    bed
}

/// Waits until Locust has heard of its one load worker, whose process is ready long before.
fn has_one_worker(bed: &Bed) {
    until("Locust has one worker", Duration::from_secs(20), || bed.users_by_worker().len() == 1);
}

/// Asserts that there is one load worker, and nothing of others.
fn assert_one_worker(bed: &Bed) {
    let replicas = bed.replicas_of("load-workers");
    assert!(replicas.len() == 1 && replicas[0]["state"] == "ready", "{replicas:?}");
    has_one_worker(bed);
}

#[test]
fn load_workers_are_scaled_during_the_load_and_are_as_before_afterwards() {
    let bed = bed();
    let rows = bed.rows();
    let plan = bed.conductor(&["plan", &bed.path("loadtest.yaml")]).succeeded();
    assert!(plan.contains("load-workers from 1 to at most 3 replicas, planned for 30 % CPU each"), "{plan}");
    assert!(plan.contains("scale load workers"), "its time limit is not in\n{plan}");
    let mut running = bed.start();
    running.line("load workers are scaled, load-workers: 1 replica → ");
    running.line("load workers are ready, load-workers: 1 replica → ");
    let spread = || {
        let users = bed.users_by_worker();
        users.len() > 1 && users.iter().all(|users| *users > 0)
    };
    until("every worker has users", Duration::from_secs(20), spread);
    let Ended { out, .. } = running.wait();
    bed.assert_restored(&rows);
    assert_one_worker(&bed);
    let view = bed.view();
    assert_eq!(view["ending"]["cause"], "completed", "{out}");
    let ticks = view["ticks"].as_array().unwrap();
    // A worker that stood still, as on a machine whose processors are all busy, makes the run generator-bound as one at its
    // limit does. Their CPU alone says that there were workers enough.
    let cpu: Vec<f64> = ticks.iter().filter_map(|tick| tick["cpuPercent"].as_f64()).collect();
    assert!(!cpu.is_empty() && cpu.iter().all(|cpu| *cpu < 90.0), "{cpu:?}\n{out}");
    let workers: Vec<u64> = ticks.iter().filter_map(|tick| tick["workers"].as_u64()).collect();
    assert!(workers[0] == 1 && workers.is_sorted() && *workers.last().unwrap() > 1, "{workers:?}\n{out}");
    let application = |view: &&serde_json::Value| view["application"] == "load-workers";
    let applications = view["applications"].as_array().unwrap();
    let scaled = applications.iter().find(application).unwrap();
    assert_eq!(scaled["after"], scaled["before"], "{scaled}");
}

#[test]
fn a_conductor_killed_as_it_scales_load_workers_leaves_one_after_restore() {
    let bed = bed();
    let rows = bed.rows();
    let mut running = bed.start();
    running.line("load workers are scaled, load-workers: 1 replica → ");
    running.signal(Signal::SIGKILL);
    assert_eq!(running.wait().code, None, "it had ended before it was killed");
    bed.without_files(|| bed.conductor(&["restore"]).ended_with(0));
    bed.assert_restored(&rows);
    assert_one_worker(&bed);
    assert_eq!(bed.view()["ending"]["cause"], "abandoned");
}

#[test]
fn a_locust_without_workers_is_refused_before_anything_is_changed() {
    let bed = Bed::new(Shop::default());
    let idle = "      - { name: load-workers, support: true, command: [sleep, infinity], ready: {} }\n  locust: {";
    bed.edit("environment.yaml", "  locust: {", idle);
    bed.bring_up();
    let load = "plateau: 20s\n  load: { workers: { application: load-workers, most: 3 } }";
    bed.write("loadtest.yaml", &SHORT.replace("plateau: 20s", load));
    let ended = bed.conductor(&["plan", &bed.path("loadtest.yaml")]);
    assert_ne!(ended.code, Some(0));
    assert!(ended.err.contains("one process without workers"), "{}\n{}", ended.out, ended.err);
}

/// How many workers each have users, where all of them do.
fn loaded(bed: &ClusterBed) -> Option<usize> {
    let users = bed.users_by_worker();
    users.iter().all(|users| *users > 0).then_some(users.len())
}

#[test]
fn load_workers_in_a_cluster_are_scaled_with_every_test_and_are_as_before_afterwards() {
    let bed = ClusterBed::with_load_workers("load-workers", "3m");
    let (objects, rows) = (bed.objects(), bed.rows());
    has_one_worker(&bed);
    let plan = bed.conductor(&["plan", &bed.path("loadtest.yaml")]).succeeded();
    assert!(plan.contains("  load-workers: 1 replica → 3 replicas\n"), "{plan}");
    let mut running = bed.start();
    running.line("the ramp begins");
    until("three workers have users", Duration::from_secs(20), || loaded(&bed) == Some(3));
    let Ended { out, .. } = running.wait();
    assert_eq!(bed.view()["ending"]["cause"], "completed", "{out}");
    bed.assert_back(&objects, &rows);
    has_one_worker(&bed);
}
