//! Each case of the rule, as a change to a Deployment that has settled.

use json_patch::merge;
use serde_json::{Value, json};

use super::super::wanted::Before;
use conductor_core::app::Bounds;

use super::*;

/// A Deployment of three replicas that has settled, with a change.
fn shop(change: &Value) -> Deployment {
    let mut shop = json!({
        "metadata": { "name": "shop", "generation": 4 },
        "spec": {
            "replicas": 3,
            "selector": {},
            "template": { "spec": { "containers": [{ "name": "main", "image": "shop:2" }] } },
        },
        "status": {
            "observedGeneration": 4, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
            "terminatingReplicas": 0,
            "conditions": [condition("Progressing", "True", "NewReplicaSetAvailable", "done")],
        },
    });
    merge(&mut shop, change);
    serde_json::from_value(shop).unwrap()
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({ "type": kind, "status": status, "reason": reason, "message": message, "lastUpdateTime": "2026-11-26T10:00:00Z" })
}

fn wanted(replicas: Option<u32>) -> Wanted {
    let images = [("main".to_owned(), "shop:2".to_owned())].into();
    Wanted { images, replicas, ..Wanted::default() }
}

fn underway(ready: u32, wanted: u32, text: &str) -> Progress {
    Progress::Underway { ready, wanted, text: text.to_owned() }
}

fn failed(text: &str) -> Progress {
    Progress::Failed(text.to_owned())
}

#[test]
fn what_has_settled_is_settled() {
    let settled = |replicas| Progress::Settled { replicas };
    let none = json!({ "replicas": 0, "updatedReplicas": null, "readyReplicas": null, "availableReplicas": null });
    let one = json!({ "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1 });
    for (name, change, replicas, expected) in [
        ("as wanted", json!({}), Some(3), settled(3)),
        ("whatever it has", json!({}), None, settled(3)),
        (
            "before terminating replicas were counted",
            json!({ "status": { "terminatingReplicas": null } }),
            Some(3),
            settled(3),
        ),
        ("no replicas", json!({ "spec": { "replicas": 0 }, "status": none }), Some(0), settled(0)),
        ("absent replicas are one", json!({ "spec": { "replicas": null }, "status": one }), Some(1), settled(1)),
        (
            "absent replicas are not none",
            json!({ "spec": { "replicas": null }, "status": none }),
            None,
            underway(0, 1, "0 of 1 replica ready, 0 of 1 updated"),
        ),
        ("paused, with nothing to roll out", json!({ "spec": { "paused": true } }), Some(3), settled(3)),
    ] {
        assert_eq!(deployment(&shop(&change), &wanted(replicas)), expected, "{name}");
    }
}

#[test]
fn what_is_missing_is_told() {
    for (name, change, replicas, expected) in [
        (
            "not seen by its controller",
            json!({ "metadata": { "generation": 5 } }),
            Some(3),
            "3 of 3 replicas ready, its controller has not seen the change yet",
        ),
        (
            "no status at all",
            json!({ "status": null }),
            Some(3),
            "0 of 3 replicas ready, its controller has not seen the change yet",
        ),
        ("other replicas than wanted", json!({}), Some(20), "3 of 20 replicas ready, but spec.replicas is 3"),
        ("fewer than there are", json!({}), Some(2), "3 of 2 replicas ready, but spec.replicas is 3"),
        (
            "scaled up a moment ago",
            json!({ "spec": { "replicas": 20 } }),
            Some(20),
            "3 of 20 replicas ready, 3 of 20 updated",
        ),
        (
            "pods become ready",
            json!({ "spec": { "replicas": 20 }, "status": { "replicas": 20, "updatedReplicas": 20 } }),
            Some(20),
            "3 of 20 replicas ready",
        ),
        (
            "pods of before",
            json!({ "status": { "replicas": 4, "readyReplicas": 4, "availableReplicas": 4 } }),
            Some(3),
            "4 of 3 replicas ready, 1 replica of an older template",
        ),
        (
            "a new version",
            json!({ "status": { "updatedReplicas": 1 } }),
            Some(3),
            "3 of 3 replicas ready, 1 of 3 updated",
        ),
        (
            "scaled down a moment ago",
            json!({ "spec": { "replicas": 1 } }),
            Some(1),
            "3 of 1 replica ready, 2 replicas too many",
        ),
        (
            "ready for too short a time",
            json!({ "status": { "availableReplicas": 2 } }),
            Some(3),
            "3 of 3 replicas ready, 2 of 3 available",
        ),
        (
            "a replica is gone",
            json!({ "status": { "availableReplicas": 2, "readyReplicas": 2 } }),
            None,
            "2 of 3 replicas ready",
        ),
        (
            "still terminating",
            json!({ "status": { "terminatingReplicas": 2 } }),
            Some(3),
            "3 of 3 replicas ready, 2 replicas terminating",
        ),
    ] {
        let Progress::Underway { text, .. } = deployment(&shop(&change), &wanted(replicas)) else { panic!("{name}") };
        assert_eq!(text, expected, "{name}");
    }
}

#[test]
fn an_autoscaler_whose_bounds_are_back_has_to_bring_the_replicas_there() {
    let bounds = |min, max| Wanted { bounds: Some(Bounds { min, max }), ..wanted(None) };
    let out = underway(3, 3, "3 of 3 replicas ready, but spec.replicas is 3, out of the bounds of its autoscaler");
    assert_eq!(deployment(&shop(&json!({})), &bounds(1, 3)), Progress::Settled { replicas: 3 });
    assert_eq!(deployment(&shop(&json!({})), &bounds(1, 2)), out);
    assert_eq!(deployment(&shop(&json!({})), &bounds(4, 9)), out);
    let none = json!({ "replicas": 0, "updatedReplicas": null, "readyReplicas": null, "availableReplicas": null });
    let off = shop(&json!({ "spec": { "replicas": 0 }, "status": none }));
    assert_eq!(deployment(&off, &bounds(1, 2)), Progress::Settled { replicas: 0 }, "at none it is off");
}

#[test]
fn what_never_settles_fails_with_its_reason() {
    let conditions = |conditions: &[Value]| json!({ "status": { "updatedReplicas": 1, "conditions": conditions } });
    let deadline = condition(
        "Progressing",
        "False",
        "ProgressDeadlineExceeded",
        "ReplicaSet \"shop-1\" has timed out progressing.",
    );
    let quota =
        condition("ReplicaFailure", "True", "FailedCreate", "pods \"shop-1\" is forbidden: exceeded quota: small");
    let exceeded = "ReplicaFailure: FailedCreate: pods \"shop-1\" is forbidden: exceeded quota: small";
    for (name, change, expected) in [
        (
            "paused",
            json!({ "spec": { "paused": true }, "status": { "updatedReplicas": 0 } }),
            "it is paused (spec.paused), so that nothing is rolled out",
        ),
        ("deleted", json!({ "metadata": { "deletionTimestamp": "2026-11-26T10:00:00Z" } }), "somebody deletes it"),
        ("no spec", json!({ "spec": null }), "it has no spec"),
        (
            "another image",
            json!({ "spec": { "template": { "spec": { "containers": [{ "name": "main", "image": "shop:3" }] } } } }),
            "somebody changed the template: container main has image shop:3, wanted is shop:2",
        ),
        (
            "the deadline",
            conditions(std::slice::from_ref(&deadline)),
            "Progressing: ProgressDeadlineExceeded: ReplicaSet \"shop-1\" has timed out progressing.",
        ),
        ("a quota", conditions(std::slice::from_ref(&quota)), exceeded),
        ("a quota and thus the deadline", conditions(&[quota, deadline]), exceeded),
        (
            "without a message",
            conditions(&[json!({ "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate" })]),
            "ReplicaFailure: FailedCreate",
        ),
    ] {
        assert_eq!(deployment(&shop(&change), &wanted(Some(3))), failed(expected), "{name}");
    }
}

#[test]
fn a_condition_counts_only_for_the_change_it_speaks_of() {
    let deadline = condition("Progressing", "False", "ProgressDeadlineExceeded", "late");
    let quota = condition("ReplicaFailure", "True", "FailedCreate", "quota");
    let mut later = deadline.clone();
    later["lastUpdateTime"] = json!("2026-11-26T10:10:00Z");
    let gone = condition("ReplicaFailure", "False", "FailedCreate", "quota");
    let answer = |observed: i64, conditions: &[Value]| {
        Before::of_deployment(&shop(&json!({ "status": { "observedGeneration": observed, "conditions": conditions } })))
    };
    for (name, observed, before, now, fails) in [
        ("not observed", 3, Before::default(), deadline.clone(), false),
        ("observed", 4, Before::default(), deadline.clone(), true),
        ("observed, and there before", 4, answer(3, &[deadline.clone(), quota.clone()]), deadline.clone(), false),
        ("a quota that was exceeded before", 4, answer(3, &[deadline.clone(), quota.clone()]), quota.clone(), false),
        ("there before, and again", 4, answer(3, std::slice::from_ref(&deadline)), later, true),
        ("nothing was changed", 4, answer(4, std::slice::from_ref(&quota)), quota.clone(), true),
        ("something else before", 4, answer(3, &[deadline]), quota, true),
        ("no failure of replicas", 4, Before::default(), gone, false),
    ] {
        let live =
            shop(&json!({ "status": { "observedGeneration": observed, "updatedReplicas": 1, "conditions": [now] } }));
        let progress = deployment(&live, &Wanted { before, ..wanted(Some(3)) });
        assert_eq!(matches!(progress, Progress::Failed(_)), fails, "{name}: {progress:?}");
        assert_eq!(matches!(progress, Progress::Underway { .. }), !fails, "{name}: {progress:?}");
    }
}

#[test]
fn an_object_of_before_the_change_is_no_news() {
    let before = Before::of_deployment(&shop(&json!({ "metadata": { "generation": 5 } })));
    let images = [("main".to_owned(), "shop:3".to_owned())].into();
    let wanted = Wanted { images, replicas: Some(3), before, ..Wanted::default() };
    assert_eq!(
        deployment(&shop(&json!({})), &wanted),
        underway(3, 3, "3 of 3 replicas ready, the change is not seen yet"),
        "its image is that of before, and nobody changed it"
    );
    let seen = shop(&json!({ "metadata": { "generation": 5 } }));
    assert!(matches!(deployment(&seen, &wanted), Progress::Failed(_)));
}

#[test]
fn what_was_made_of_an_older_stack_is_not_judged_yet() {
    let of = |generation: &str| json!({ "stackset-controller.zalando.org/stack-generation": generation });
    let made = |generation: &str| shop(&json!({ "metadata": { "annotations": of(generation) } }));
    let wanted = |image: &str| Wanted {
        images: [("main".to_owned(), image.to_owned())].into(),
        replicas: Some(3),
        generation_of_stack: Some(7),
        ..Wanted::default()
    };
    let text = "3 of 3 replicas ready, the change of its Stack is not carried to it yet";
    assert_eq!(deployment(&made("6"), &wanted("shop:9")), underway(3, 3, text), "its image is still that of before");
    let Progress::Failed(why) = deployment(&made("7"), &wanted("shop:9")) else { panic!() };
    assert!(why.starts_with("somebody changed the template"), "{why}");
    assert_eq!(deployment(&made("7"), &wanted("shop:2")), Progress::Settled { replicas: 3 });
    assert_eq!(deployment(&shop(&json!({})), &wanted("shop:2")), underway(3, 3, text), "it is made of no Stack");
}
