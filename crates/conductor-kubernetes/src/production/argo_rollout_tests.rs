//! What is read of one Rollout, from lists that no cluster would keep still for.

use conductor_core::ports::FailureKind;
use serde_json::{Value, json};

use super::*;
use crate::place::Kind;

const ONE: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const OTHER: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

fn owner(kind: &str, uid: &str) -> Value {
    json!([{ "apiVersion": "x", "kind": kind, "name": uid, "uid": uid, "controller": true }])
}

/// What is read of a Rollout of two replicas that has settled on ReplicaSet `b`, with a change; there is a ReplicaSet `a`, too.
fn read(change: &Value) -> Result<Running, Vec<Refusal>> {
    let mut rollout = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": { "name": "checkout", "namespace": "shop", "uid": "R", "generation": 7 },
        "spec": { "replicas": 2, "template": { "spec": { "containers": [{ "name": "main", "image": "shop/checkout:v3" }] } } },
        "status": {
            "observedGeneration": "7", "stableRS": "b", "currentPodHash": "b", "replicas": 2, "updatedReplicas": 2,
        },
    });
    json_patch::merge(&mut rollout, change);
    let set = |hash: &str| {
        let labels = json!({ POD_TEMPLATE_HASH: hash });
        json!({ "metadata": { "uid": hash, "labels": labels, "ownerReferences": owner("Rollout", "R") } })
    };
    let pod = |set: &str, digest: &str| {
        let status = json!({
            "name": "main", "image": "", "imageID": format!("mirror.example/checkout@{digest}"), "ready": true, "restartCount": 0,
        });
        json!({
            "metadata": { "ownerReferences": owner("ReplicaSet", set) },
            "spec": { "containers": [{ "name": "main" }] },
            "status": {
                "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }], "containerStatuses": [status],
            },
        })
    };
    let place = Place { namespace: "shop".to_owned(), kind: Kind::Rollout, name: "checkout".to_owned() };
    let sets: Vec<ReplicaSet> = serde_json::from_value(json!([set("a"), set("b")])).unwrap();
    let pods: Vec<Pod> = serde_json::from_value(json!([pod("a", OTHER), pod("b", ONE), pod("b", ONE)])).unwrap();
    running(&place, &serde_json::from_value(rollout).unwrap(), &sets, &pods, None)
}

#[test]
fn the_stable_pods_tell_which_digest_runs() {
    let running = read(&json!({})).unwrap();
    assert_eq!((running.images["main"].clone(), running.replicas), (format!("shop/checkout@{ONE}"), 2));
}

#[test]
fn replicas_of_before_that_serve_nobody_any_more_do_not_count() {
    let switched = json!({ "spec": { "strategy": { "blueGreen": {} } }, "status": { "replicas": 4 } });
    let running = read(&switched).unwrap();
    assert_eq!((running.images["main"].clone(), running.replicas), (format!("shop/checkout@{ONE}"), 2));
}

#[test]
fn what_is_on_its_way_or_elsewhere_is_refused() {
    let canary = "production is in the middle of a rollout of Rollout shop/checkout (canary): it goes from ReplicaSet b to c, \
                  and is not promoted yet; try again when it is, or is taken back";
    let switch = "production is in the middle of a rollout of Rollout shop/checkout (blue-green): it goes from ReplicaSet b to \
                  c, and is not promoted yet; try again when it is, or is taken back";
    let aborted = "a rollout of Rollout shop/checkout in production from ReplicaSet b to c was aborted, so that its template is \
                   not what runs; expected another template, or that it is tried again and promoted";
    let unseen = "production is in the middle of a change of Rollout shop/checkout: its controller has not seen it yet; try \
                  again when it is done";
    let passes = FailureKind::Unavailable;
    for (name, change, kind, expected) in [
        ("a canary", json!({ "status": { "currentPodHash": "c" } }), passes, canary),
        (
            "before a switch",
            json!({ "spec": { "strategy": { "blueGreen": {} } }, "status": { "currentPodHash": "c" } }),
            passes,
            switch,
        ),
        ("aborted", json!({ "status": { "currentPodHash": "c", "abort": true } }), FailureKind::Rejected, aborted),
        ("not seen", json!({ "metadata": { "generation": 8 } }), passes, unseen),
        (
            "the list of ReplicaSets is older",
            json!({ "status": { "currentPodHash": "d", "stableRS": "d" } }),
            passes,
            unseen,
        ),
        ("no status", json!({ "status": null }), passes, unseen),
        (
            "the last replicas of before",
            json!({ "status": { "replicas": 3 } }),
            passes,
            "production is in the middle of a rollout of Rollout shop/checkout: 2 of 3 replicas run the newest version; try \
             again when it is done",
        ),
        (
            "scaling",
            json!({ "spec": { "replicas": 5 } }),
            passes,
            "production is in the middle of scaling Rollout shop/checkout: it has 2 replicas and wants 5; try again when it \
             is done",
        ),
        (
            "a template of somebody else",
            json!({ "spec": { "template": null, "workloadRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "x" } } }),
            FailureKind::Rejected,
            "Rollout shop/checkout in production has its pod template from Deployment x (workloadRef), which cannot be read \
             yet; expected a template of its own",
        ),
    ] {
        let refusals = read(&change).unwrap_err();
        let [refusal] = &refusals[..] else { panic!("{name}: {refusals:?}") };
        assert_eq!((refusal.kind(), refusal.to_string().as_str()), (kind, expected), "{name}");
    }
}
