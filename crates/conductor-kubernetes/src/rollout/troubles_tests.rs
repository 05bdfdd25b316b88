//! What pods in trouble lead to, look by look.

use serde_json::{Value, json};

use super::*;

const NODES: &str = "0/4 nodes are available: 4 Insufficient cpu.";
const PULL: &str = "Back-off pulling image \"registry.example/shop:2\"";

fn pod(name: &str, status: &Value) -> Pod {
    serde_json::from_value(json!({ "metadata": { "name": name, "uid": name }, "status": status })).unwrap()
}

fn fine(name: &str) -> Pod {
    pod(name, &containers_of(&json!({ "running": {} })))
}

fn containers_of(state: &Value) -> Value {
    json!({ "containerStatuses": [status("main", state)] })
}

fn status(container: &str, state: &Value) -> Value {
    json!({ "name": container, "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state })
}

fn waits(reason: &str, message: &str) -> Value {
    json!({ "waiting": { "reason": reason, "message": message } })
}

fn pulls(name: &str) -> Pod {
    pod(name, &containers_of(&waits("ImagePullBackOff", PULL)))
}

fn misconfigured(name: &str) -> Pod {
    pod(name, &containers_of(&waits("CreateContainerConfigError", "secret \"db\" not found")))
}

fn scheduled(name: &str, status: &str, reason: &str) -> Pod {
    let condition = json!({ "type": "PodScheduled", "status": status, "reason": reason, "message": NODES });
    pod(name, &json!({ "conditions": [condition] }))
}

fn nowhere(name: &str) -> Pod {
    scheduled(name, "False", "Unschedulable")
}

fn deleted(mut pod: Pod) -> Pod {
    pod.metadata.deletion_timestamp = Some(serde_json::from_value(json!("2026-11-26T10:00:00Z")).unwrap());
    pod
}

/// What the looks lead to, each at its second.
fn outlook(looks: &[(i64, Vec<Pod>)]) -> Outlook {
    let mut troubles = Troubles::new(Troubles::SCHEDULE_WITHIN);
    let answers = looks.iter().map(|(second, pods)| troubles.see(Timestamp::from_second(*second).unwrap(), pods));
    answers.last().unwrap()
}

#[test]
fn pods_without_trouble_look_fine() {
    for (name, looks) in [
        ("no pods", vec![]),
        ("running", vec![fine("a")]),
        ("starting", vec![pod("a", &containers_of(&waits("ContainerCreating", "")))]),
        ("on a node", vec![scheduled("a", "True", "")]),
        ("held back on purpose", vec![scheduled("a", "False", "SchedulingGated")]),
        ("just made", vec![pod("a", &json!({}))]),
        ("on its way out", vec![deleted(misconfigured("a")), fine("b")]),
    ] {
        assert_eq!(outlook(&[(0, looks)]), Outlook::Fine, "{name}");
    }
}

#[test]
fn a_failure_names_pod_container_and_reason_with_the_message_of_kubernetes() {
    let init =
        json!({ "initContainerStatuses": [status("migrate", &waits("InvalidImageName", "couldn't parse \"shop:\""))] });
    let crash = waits("CrashLoopBackOff", "back-off 10s restarting failed container");
    for (name, looks, expected) in [
        (
            "an image",
            vec![(0, vec![pulls("shop-a")]), (20, vec![pulls("shop-a")])],
            format!("container main of pod shop-a: ImagePullBackOff: {PULL}"),
        ),
        (
            "an init container",
            vec![(0, vec![pod("shop-a", &init)])],
            "container migrate of pod shop-a: InvalidImageName: couldn't parse \"shop:\"".to_owned(),
        ),
        (
            "a crash",
            vec![(0, vec![fine("shop-a"), pod("shop-b", &containers_of(&crash))])],
            "container main of pod shop-b: CrashLoopBackOff: back-off 10s restarting failed container".to_owned(),
        ),
        (
            "no node",
            vec![(0, vec![nowhere("shop-a")]), (601, vec![nowhere("shop-a")])],
            format!("pod shop-a: Unschedulable for 10 min: {NODES}"),
        ),
        (
            "several pods",
            vec![(0, vec![misconfigured("c"), misconfigured("a"), fine("d"), misconfigured("b")])],
            "container main of pod a: CreateContainerConfigError: secret \"db\" not found (and 2 pods more)".to_owned(),
        ),
        (
            "without a message",
            vec![(0, vec![pod("a", &containers_of(&json!({ "waiting": { "reason": "ErrImageNeverPull" } })))])],
            "container main of pod a: ErrImageNeverPull".to_owned(),
        ),
    ] {
        assert_eq!(outlook(&looks), Outlook::Failed(expected), "{name}");
    }
}

#[test]
fn what_may_pass_is_told_with_its_time() {
    let both = || vec![nowhere("a"), nowhere("b"), pulls("c")];
    for (name, looks, expected) in [
        ("one pod", vec![(0, vec![nowhere("a")])], format!("1 pod unschedulable for 0 s: {NODES}")),
        (
            "two pods, and the longest time",
            vec![(0, vec![nowhere("a")]), (40, vec![nowhere("a"), nowhere("b")])],
            format!("2 pods unschedulable for 40 s: {NODES}"),
        ),
        (
            "two troubles",
            vec![(0, both()), (5, both())],
            format!("1 pod with ImagePullBackOff for 5 s: {PULL}; 2 pods unschedulable for 5 s: {NODES}"),
        ),
        (
            "just within the budget",
            vec![(0, vec![nowhere("a")]), (600, vec![nowhere("a")])],
            format!("1 pod unschedulable for 10 min: {NODES}"),
        ),
        (
            "it had a node between",
            vec![(0, vec![nowhere("a")]), (300, vec![fine("a")]), (700, vec![nowhere("a")])],
            format!("1 pod unschedulable for 0 s: {NODES}"),
        ),
        (
            "a pod that was gone between",
            vec![(0, vec![pulls("a")]), (10, vec![]), (30, vec![pulls("a")])],
            format!("1 pod with ImagePullBackOff for 0 s: {PULL}"),
        ),
        (
            "another pod in its place",
            vec![(0, vec![pulls("a")]), (30, vec![pulls("b")])],
            format!("1 pod with ImagePullBackOff for 0 s: {PULL}"),
        ),
        (
            "pulled in the end, but for one",
            vec![(0, vec![pulls("a"), pulls("b")]), (10, vec![fine("a"), pulls("b")])],
            format!("1 pod with ImagePullBackOff for 10 s: {PULL}"),
        ),
    ] {
        assert_eq!(outlook(&looks), Outlook::Troubled(expected), "{name}");
    }
}

#[test]
fn containers_of_a_pod_are_seen_each_for_itself() {
    let two = |one: &Value, other: &Value| {
        vec![pod("a", &json!({ "containerStatuses": [status("main", one), status("proxy", other)] }))]
    };
    let (wait, run) = (waits("ErrImagePull", PULL), json!({ "running": {} }));
    let taking_turns = [(0, two(&wait, &run)), (15, two(&run, &wait)), (30, two(&wait, &run))];
    assert_eq!(outlook(&taking_turns), Outlook::Troubled(format!("1 pod with ErrImagePull for 0 s: {PULL}")));
    let both = [(0, two(&wait, &wait)), (20, two(&run, &wait))];
    assert_eq!(outlook(&both), Outlook::Failed(format!("container proxy of pod a: ErrImagePull: {PULL}")));
    let at_once = [(0, two(&wait, &wait))];
    assert_eq!(outlook(&at_once), Outlook::Troubled(format!("1 pod with ErrImagePull for 0 s: {PULL}")), "one pod");
}

#[test]
fn a_long_message_is_cut() {
    let long = pod("a", &containers_of(&waits("InvalidImageName", &"ö".repeat(5000))));
    let Outlook::Failed(text) = outlook(&[(0, vec![long])]) else { panic!() };
    assert!(text.chars().count() < 500, "{text}");
}
