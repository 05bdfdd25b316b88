//! Whole load tests of a mixed environment between two real clusters: Deployments, a StatefulSet, a Rollout and a StackSet,
//! scaled by a HorizontalPodAutoscaler, by KEDA or by nobody, and kept by Flux, by Argo CD or by nobody.

use std::time::Duration;

use conductor_tests::{ClusterBed, Moment, Requests, Verb};
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

#[test]
fn killed_in_the_midst_of_scaling_every_kind_is_put_back_without_a_journal() {
    let bed = ClusterBed::mixed("mixed-lost", PATIENT);
    let (objects, rows) = (bed.objects(), bed.rows());
    let mut held = bed.hold(Requests::writes().verb(Verb::Patch), KILLED_AT, Moment::After);
    let mut running = bed.start();
    running.line("== SCALE_UP");
    held.reached(SOON);
    let run = bed.view()["id"].as_str().unwrap().to_owned();
    running.signal(Signal::SIGKILL);
    assert_eq!(running.wait().code, None, "it had ended before it was killed");
    held.let_go();
    assert_ne!(bed.objects(), objects, "nothing was changed when it was killed");
    let elsewhere = bed.path("elsewhere");
    let restore =
        ["restore", &run, "--from-cluster", "--settings", &bed.path("environment.yaml"), "--state-dir", &elsewhere];
    let restored = bed.conductor(&restore).ended_with(0).out;
    assert!(restored.contains(&format!("run        {run}")), "{restored}");
    bed.assert_back(&objects, &rows);
    assert_eq!(bed.writes()[0], [], "production was written to");
}

/// Three pauses of keepers, a promotion and nine versions, and three of the steps of scaling are written before it.
const KILLED_AT: u32 = 16;
