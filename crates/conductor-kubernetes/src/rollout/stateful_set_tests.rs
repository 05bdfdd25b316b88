//! Each case of the rule, as a change to a StatefulSet that has settled.

use conductor_core::app::Bounds;
use json_patch::merge;
use serde_json::{Value, json};

use super::super::wanted::Before;
use super::*;

/// A StatefulSet of three replicas that has settled, with a change.
fn store(change: &Value) -> StatefulSet {
    let mut store = json!({
        "metadata": { "name": "store", "generation": 4 },
        "spec": {
            "replicas": 3,
            "serviceName": "store",
            "selector": {},
            "template": { "spec": { "containers": [{ "name": "main", "image": "store:2" }] } },
            "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } },
        },
        "status": {
            "observedGeneration": 4, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
            "currentRevision": "store-b", "updateRevision": "store-b",
        },
    });
    merge(&mut store, change);
    serde_json::from_value(store).unwrap()
}

fn wanted(replicas: Option<u32>) -> Wanted {
    let images = [("main".to_owned(), "store:2".to_owned())].into();
    Wanted { images, replicas, ..Wanted::default() }
}

fn partitioned(partition: i32, updated: i32) -> Value {
    json!({
        "spec": { "updateStrategy": { "rollingUpdate": { "partition": partition } } },
        "status": { "updatedReplicas": updated, "currentRevision": "store-a" },
    })
}

fn by_hand(status: Value) -> Value {
    json!({ "spec": { "updateStrategy": { "type": "OnDelete" } }, "status": status })
}

#[test]
fn what_has_settled_is_settled() {
    let none = json!({ "replicas": 0, "updatedReplicas": null, "readyReplicas": null, "availableReplicas": null });
    let one = json!({ "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1 });
    for (name, change, replicas, settled) in [
        ("as wanted", json!({}), Some(3), 3),
        ("whatever it has", json!({}), None, 3),
        ("without a strategy", json!({ "spec": { "updateStrategy": null } }), Some(3), 3),
        ("without a partition", json!({ "spec": { "updateStrategy": { "rollingUpdate": null } } }), Some(3), 3),
        ("a partition, and those above it updated", partitioned(2, 1), Some(3), 3),
        ("a partition above all", partitioned(7, 0), Some(3), 3),
        ("replaced by hand, as all of them were", by_hand(json!({ "currentRevision": "store-a" })), Some(3), 3),
        ("no replicas", json!({ "spec": { "replicas": 0 }, "status": none }), Some(0), 0),
        ("absent replicas are one", json!({ "spec": { "replicas": null }, "status": one }), Some(1), 1),
    ] {
        assert_eq!(stateful_set(&store(&change), &wanted(replicas)), Progress::Settled { replicas: settled }, "{name}");
    }
}

#[test]
fn what_is_missing_is_told() {
    let unseen = "3 of 3 replicas ready, its controller has not seen the change yet";
    for (name, change, replicas, expected) in [
        ("not seen by its controller", json!({ "metadata": { "generation": 5 } }), Some(3), unseen),
        ("never seen by its controller", json!({ "status": { "observedGeneration": 0 } }), Some(3), unseen),
        ("observed generation absent", json!({ "status": { "observedGeneration": null } }), Some(3), unseen),
        ("other replicas than wanted", json!({}), Some(5), "3 of 5 replicas ready, but spec.replicas is 3"),
        (
            "scaled up a moment ago",
            json!({ "spec": { "replicas": 5 } }),
            Some(5),
            "3 of 5 replicas ready, 3 of 5 updated",
        ),
        (
            "scaled down a moment ago",
            json!({ "spec": { "replicas": 1 } }),
            Some(1),
            "3 of 1 replica ready, 2 replicas too many",
        ),
        (
            "a pod becomes ready",
            json!({ "status": { "readyReplicas": 2, "availableReplicas": 2 } }),
            Some(3),
            "2 of 3 replicas ready",
        ),
        (
            "a pod is made anew",
            json!({ "status": { "replicas": 2, "readyReplicas": 3 } }),
            Some(3),
            "3 of 3 replicas ready",
        ),
        (
            "ready for too short a time",
            json!({ "status": { "availableReplicas": 2 } }),
            Some(3),
            "3 of 3 replicas ready, 2 of 3 available",
        ),
        (
            "a new version",
            json!({ "status": { "updatedReplicas": 1 } }),
            Some(3),
            "3 of 3 replicas ready, 1 of 3 updated",
        ),
        (
            "replaced by hand, and those that are too many go",
            by_hand(json!({ "replicas": 5, "updatedReplicas": 3 })),
            Some(3),
            "3 of 3 replicas ready, 2 replicas too many",
        ),
        ("those above a partition", partitioned(1, 1), Some(3), "3 of 3 replicas ready, 1 of 2 updated"),
        (
            "updated, but not completed",
            json!({ "status": { "currentRevision": "store-a" } }),
            Some(3),
            "3 of 3 replicas ready, its controller has not completed the update yet",
        ),
    ] {
        let Progress::Underway { text, .. } = stateful_set(&store(&change), &wanted(replicas)) else {
            panic!("{name}")
        };
        assert_eq!(text, expected, "{name}");
    }
}

#[test]
fn replicas_that_an_autoscaler_still_has_to_bring_back_are_waited_for() {
    let bounds = Some(Bounds { min: 1, max: 2 });
    let progress = stateful_set(&store(&json!({})), &Wanted { bounds, ..wanted(None) });
    let text = "but spec.replicas is 3, out of the bounds of its autoscaler";
    assert_eq!(progress, Progress::underway(3, 3, Some(text.to_owned())));
}

#[test]
fn what_never_settles_fails_with_its_reason() {
    let image =
        json!({ "spec": { "template": { "spec": { "containers": [{ "name": "main", "image": "store:3" }] } } } });
    for (name, change, expected) in [
        (
            "on delete",
            by_hand(json!({ "updatedReplicas": 1 })),
            "its pods are replaced by hand (updateStrategy: OnDelete), and 2 replicas of an older template are left",
        ),
        ("deleted", json!({ "metadata": { "deletionTimestamp": "2026-11-26T10:00:00Z" } }), "somebody deletes it"),
        ("no spec", json!({ "spec": null }), "it has no spec"),
        ("another image", image, "somebody changed the template: container main has image store:3, wanted is store:2"),
    ] {
        let progress = stateful_set(&store(&change), &wanted(Some(3)));
        assert_eq!(progress, Progress::Failed(expected.to_owned()), "{name}");
    }
}

#[test]
fn an_object_of_before_the_change_is_no_news() {
    let before = Before::of_stateful_set(&store(&json!({ "metadata": { "generation": 5 } })));
    let images = [("main".to_owned(), "store:3".to_owned())].into();
    let progress = stateful_set(&store(&json!({})), &Wanted { images, replicas: Some(3), before, ..Wanted::default() });
    assert_eq!(progress, Progress::underway(3, 3, Some("the change is not seen yet".to_owned())));
}
