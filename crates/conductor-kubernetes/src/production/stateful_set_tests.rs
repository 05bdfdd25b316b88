//! What is read of one StatefulSet, from objects that no cluster would keep still for.

use conductor_core::ports::FailureKind;
use serde_json::{Value, json};

use super::*;
use crate::place::Kind;

const ONE: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const OTHER: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

/// Two replicas, complete.
fn settled() -> Value {
    json!({
        "metadata": { "name": "ledger", "namespace": "shop", "uid": "S", "generation": 7 },
        "spec": {
            "replicas": 2,
            "serviceName": "ledger",
            "selector": {},
            "template": { "spec": { "containers": [{ "name": "main", "image": "host:5000/shop/ledger:v3" }] } },
        },
        "status": {
            "observedGeneration": 7, "replicas": 2, "readyReplicas": 2, "updatedReplicas": 2,
            "currentRevision": "ledger-b", "updateRevision": "ledger-b",
        },
    })
}

fn pod(set: &str, revision: &str, digest: &str) -> Value {
    let owner = json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": set, "uid": set, "controller": true });
    json!({
        "metadata": { "ownerReferences": [owner], "labels": { "controller-revision-hash": revision } },
        "spec": { "containers": [{ "name": "main" }] },
        "status": {
            "phase": "Running",
            "conditions": [{ "type": "Ready", "status": "True" }],
            "containerStatuses": [{
                "name": "main", "image": "", "imageID": format!("mirror.example/ledger@{digest}"),
                "ready": true, "restartCount": 0,
            }],
        },
    })
}

fn read(set: &Value, pods: &[Value]) -> Result<Running, Vec<Refusal>> {
    let place = Place { namespace: "shop".to_owned(), kind: Kind::StatefulSet, name: "ledger".to_owned() };
    let pods: Vec<Pod> = pods.iter().cloned().map(|one| serde_json::from_value(one).unwrap()).collect();
    running(&place, &serde_json::from_value(set.clone()).unwrap(), &pods, None)
}

/// Why a settled one with this change is refused.
fn refused(change: &Value) -> String {
    let mut set = settled();
    json_patch::merge(&mut set, change);
    let refusals = read(&set, &[pod("S", "ledger-b", ONE), pod("S", "ledger-b", ONE)]).unwrap_err();
    let [refusal] = &refusals[..] else { panic!("{refusals:?}") };
    assert_eq!(refusal.kind(), FailureKind::Unavailable);
    refusal.to_string()
}

#[test]
fn only_its_own_pods_of_the_newest_revision_are_asked() {
    let pods = [pod("S", "ledger-b", ONE), pod("S", "ledger-a", OTHER), pod("of another", "ledger-b", OTHER)];
    let running = read(&settled(), &pods).unwrap();
    assert_eq!(running.images["main"], format!("host:5000/shop/ledger@{ONE}"));
    assert_eq!(running.replicas, 2);
}

#[test]
fn what_is_not_one_version_in_the_wanted_number_is_refused() {
    let again = "; try again when it is done";
    for (change, expected) in [
        (
            json!({ "metadata": { "generation": 8 } }),
            "a change of StatefulSet shop/ledger: its controller has not seen it yet",
        ),
        (json!({ "status": null }), "a change of StatefulSet shop/ledger: its controller has not seen it yet"),
        (
            json!({ "status": { "updatedReplicas": 1, "updateRevision": "ledger-c" } }),
            "a rollout of StatefulSet shop/ledger: 1 of 2 replicas run the newest version",
        ),
        // All of them run it, and not all of them are ready.
        (
            json!({ "status": { "currentRevision": "ledger-a" } }),
            "a rollout of StatefulSet shop/ledger: 2 of 2 replicas run the newest version",
        ),
        (json!({ "spec": { "replicas": 3 } }), "scaling StatefulSet shop/ledger: it has 2 replicas and wants 3"),
        (json!({ "spec": { "replicas": null } }), "scaling StatefulSet shop/ledger: it has 2 replicas and wants 1"),
    ] {
        assert_eq!(refused(&change), format!("production is in the middle of {expected}{again}"), "{change}");
    }
}

#[test]
fn pods_that_were_replaced_by_hand_are_what_production_runs_once_all_are() {
    let mut set = settled();
    set["spec"]["updateStrategy"] = json!({ "type": "OnDelete" });
    set["status"]["currentRevision"] = json!("ledger-a");
    assert_eq!(read(&set, &[pod("S", "ledger-b", ONE)]).unwrap().replicas, 2);
    set["status"]["updatedReplicas"] = json!(1);
    let refusals = read(&set, &[pod("S", "ledger-b", ONE)]).unwrap_err();
    assert!(refusals[0].to_string().contains(": 1 of 2 replicas run the newest version;"), "{refusals:?}");
}

#[test]
fn pods_of_one_revision_with_different_digests_are_refused() {
    let refusals = read(&settled(), &[pod("S", "ledger-b", ONE), pod("S", "ledger-b", OTHER)]).unwrap_err();
    let [refusal] = &refusals[..] else { panic!("{refusals:?}") };
    assert_eq!(
        refusal.to_string(),
        format!(
            "pods of StatefulSet shop/ledger run different digests of container main although they are of one \
             ControllerRevision: {ONE}, {OTHER}"
        )
    );
    assert_eq!(refusal.kind(), FailureKind::Rejected);
}
