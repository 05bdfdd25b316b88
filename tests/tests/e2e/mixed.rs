//! Whole load tests of a mixed environment between two real clusters: Deployments, a StatefulSet, a Rollout, a StackSet and an
//! object of a custom kind, scaled by a HorizontalPodAutoscaler, by KEDA or by nobody, and kept by Flux, by Argo CD or by nobody.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use conductor_tests::{ClusterBed, Moment, Requests};
use nix::sys::signal::Signal;

/// How long a conductor may take to get somewhere.
const SOON: Duration = Duration::from_secs(90);

/// Locust's dead man's switch, longer than a test.
const PATIENT: &str = "3m";

#[test]
fn every_kind_is_made_like_production_and_everything_of_the_namespace_is_put_back() {
    let bed = ClusterBed::mixed("mixed", PATIENT);
    let (objects, rows) = (bed.objects(), bed.rows());
    let plan = bed.conductor(&["plan", &bed.path("loadtest.yaml")]).succeeded();
    assert_eq!(bed.writes(), [[], []], "planning has written");
    assert_eq!(bed.objects(), objects, "planning has changed something");
    bed.held_load();
    let mut running = bed.start();
    running.line("the ramp begins");
    bed.assert_like_production();
    let ended = running.wait().ended_with(0);
    assert!(ended.out.contains("restored   everything is as it was before"), "{plan}\n{}", ended.out);
    bed.assert_back(&objects, &rows);
    assert_eq!(bed.writes()[0], [], "production was written to");
}

/// When a conductor is killed: at which write of a way, and what is done of that one then.
#[derive(Clone, Copy, Debug)]
enum Kill {
    There(u32, Moment),
    Back(u32, Moment),
}

/// By what a run is put back.
#[derive(Clone, Copy, Debug)]
enum By {
    Journal,
    /// What is left in the cluster; the journal is lost.
    Cluster,
}

/// Kills a conductor and lets a new one put everything back.
fn killed(name: &str, kill: Kill, by: By) {
    let bed = ClusterBed::mixed(name, PATIENT);
    let (objects, rows) = (bed.objects(), bed.rows());
    bed.edit("loadtest.yaml", "plateau: 20s", "plateau: 5m");
    let mut held = bed.holdable();
    if let Kill::There(number, at) = kill {
        held.stop_at(Requests::writes(), number, at);
    }
    let mut running = bed.start();
    if let Kill::Back(number, at) = kill {
        running.line("== GENERATE_LOAD");
        held.stop_at(Requests::writes(), number, at);
        running.signal(Signal::SIGINT);
    }
    held.reached(SOON);
    let run = bed.view()["id"].as_str().unwrap_or_default().to_owned();
    running.signal(Signal::SIGKILL);
    assert_eq!(running.wait().code, None, "it had ended before it was killed");
    held.let_go();
    let restored = match by {
        By::Journal => bed.without_files(|| bed.conductor(&["restore", &run])),
        By::Cluster => {
            let (settings, elsewhere) = (bed.path("environment.yaml"), bed.path("elsewhere"));
            let from_cluster = ["--from-cluster", "--settings", &settings, "--state-dir", &elsewhere];
            bed.conductor(&[&["restore", &run][..], &from_cluster].concat())
        }
    };
    let restored = restored.ended_with(0).out;
    assert!(restored.contains(&format!("run        {run}")), "{restored}");
    bed.assert_back(&objects, &rows);
    assert_eq!(bed.writes()[0], [], "production was written to");
}

/// Three pauses of keepers, a promotion and nine versions, and three of the steps of scaling are written before it, besides
/// the Lease, the freeze and what ends that.
#[test]
fn killed_in_the_midst_of_scaling_every_kind_is_put_back_without_a_journal() {
    killed("mixed-lost", Kill::There(20, Moment::After), By::Cluster);
}

/// Some allocations are back by then, and hardly a version.
#[test]
fn killed_in_the_midst_of_the_way_back_every_kind_is_put_back_by_the_journal() {
    killed("mixed-back", Kill::Back(10, Moment::Before), By::Journal);
}

/// How many of the kills are done at the same time.
const AT_ONCE: usize = 4;

#[test]
#[ignore = "many whole runs: cargo verify --full"]
fn killed_at_any_write_every_kind_is_put_back() {
    use {By::*, Kill::*, Moment::*};
    let kills = [
        (There(5, Before), Journal),
        (There(10, After), Cluster),
        (There(15, After), Journal),
        (There(20, Before), Cluster),
        (There(25, Before), Journal),
        (There(30, After), Cluster),
        (Back(5, After), Cluster),
        (Back(10, After), Journal),
        (Back(15, Before), Cluster),
        (Back(20, Before), Journal),
        (Back(25, After), Cluster),
        (Back(30, After), Journal),
    ];
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some((kill, by)) = kills.get(next.fetch_add(1, Ordering::Relaxed)) {
            println!("{kill:?} by {by:?}");
            let (way, number) = match kill {
                There(number, _) => ("there", number),
                Back(number, _) => ("back", number),
            };
            killed(&format!("{way}-{number}"), *kill, *by);
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
}
