//! Each case of the rule, as a change to a Rollout that has settled.

use conductor_core::app::Bounds;
use json_patch::merge;
use serde_json::{Value, json};

use super::*;
use crate::rollout::Before;

/// A Rollout of three replicas that has settled, with a change.
fn shop(change: &Value) -> ArgoRollout {
    let mut shop = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": { "name": "shop", "generation": 4 },
        "spec": {
            "replicas": 3,
            "template": { "spec": { "containers": [{ "name": "main", "image": "shop:2" }] } },
        },
        "status": {
            "observedGeneration": "4", "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
            "currentPodHash": "b", "stableRS": "b", "phase": "Healthy",
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

#[test]
fn what_has_settled_is_settled() {
    let settled = |replicas| Progress::Settled { replicas };
    let none = json!({ "replicas": 0, "updatedReplicas": null, "readyReplicas": null, "availableReplicas": null });
    let paused = json!({ "spec": { "paused": true }, "status": { "phase": "Paused", "message": "manually paused" } });
    for (name, change, replicas, expected) in [
        ("as wanted", json!({}), Some(3), settled(3)),
        ("whatever it has", json!({}), None, settled(3)),
        ("before phases were said", json!({ "status": { "phase": null } }), Some(3), settled(3)),
        ("no replicas", json!({ "spec": { "replicas": 0 }, "status": none }), Some(0), settled(0)),
        ("paused, with nothing to roll out", paused, Some(3), settled(3)),
    ] {
        assert_eq!(argo_rollout(&shop(&change), &wanted(replicas)), expected, "{name}");
    }
    let bounds = Wanted { bounds: Some(Bounds { min: 1, max: 2 }), ..wanted(None) };
    assert!(matches!(argo_rollout(&shop(&json!({})), &bounds), Progress::Underway { .. }));
}

#[test]
fn what_is_missing_is_told() {
    let pausing = json!({ "status": {
        "updatedReplicas": 1, "currentPodHash": "c", "phase": "Paused", "message": "CanaryPauseStep",
        "pauseConditions": [{ "reason": "CanaryPauseStep", "startTime": "2026-11-26T10:00:00Z" }],
    } });
    let old_counts =
        json!({ "metadata": { "generation": 5 }, "spec": { "replicas": 6 }, "status": { "observedGeneration": "5" } });
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
        (
            "a generation that is no number",
            json!({ "status": { "observedGeneration": "6d4f8b" } }),
            Some(3),
            "3 of 3 replicas ready, its controller has not seen the change yet",
        ),
        ("healthy, at the counts of before", old_counts, Some(6), "3 of 6 replicas ready, 3 of 6 updated"),
        ("other replicas than wanted", json!({}), Some(20), "3 of 20 replicas ready, but spec.replicas is 3"),
        ("a canary that pauses", pausing, Some(3), "3 of 3 replicas ready, 1 of 3 updated, paused (CanaryPauseStep)"),
        (
            "a canary that goes on",
            json!({ "status": { "updatedReplicas": 1, "currentPodHash": "c", "phase": "Progressing" } }),
            Some(3),
            "3 of 3 replicas ready, 1 of 3 updated",
        ),
        (
            "all are of it, and it is not stable",
            json!({ "status": { "currentPodHash": "c" } }),
            Some(3),
            "3 of 3 replicas ready, not promoted yet",
        ),
        (
            "no version was ever stable",
            json!({ "status": { "currentPodHash": "", "stableRS": "" } }),
            Some(3),
            "3 of 3 replicas ready, not promoted yet",
        ),
        (
            "pods of before",
            json!({ "status": { "replicas": 4, "readyReplicas": 4 } }),
            Some(3),
            "4 of 3 replicas ready, 1 replica of an older template",
        ),
        (
            "scaled down a moment ago",
            json!({ "spec": { "replicas": 1 } }),
            Some(1),
            "3 of 1 replica ready, 2 replicas too many",
        ),
        (
            "pods become ready",
            json!({ "status": { "readyReplicas": 1, "availableReplicas": 1 } }),
            Some(3),
            "1 of 3 replicas ready",
        ),
        (
            "ready for too short a time",
            json!({ "status": { "availableReplicas": 2 } }),
            Some(3),
            "3 of 3 replicas ready, 2 of 3 available",
        ),
        (
            "its phase says more",
            json!({ "status": { "phase": "Progressing", "message": "waiting for analysis to complete" } }),
            Some(3),
            "3 of 3 replicas ready, Progressing: waiting for analysis to complete",
        ),
    ] {
        let Progress::Underway { text, .. } = argo_rollout(&shop(&change), &wanted(replicas)) else { panic!("{name}") };
        assert_eq!(text, expected, "{name}");
    }
}

#[test]
fn what_never_settles_fails_with_the_reason_of_its_controller() {
    let conditions = |conditions: &[Value]| json!({ "status": { "updatedReplicas": 1, "conditions": conditions } });
    let deadline =
        condition("Progressing", "False", "ProgressDeadlineExceeded", "ReplicaSet \"shop-c\" has timed out.");
    let quota = condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota: small");
    let invalid = condition("InvalidSpec", "True", "InvalidSpec", "The Rollout \"shop\" is invalid: spec.strategy");
    let aborted = condition("Progressing", "False", "RolloutAborted", "Rollout aborted update to revision 2");
    let inconclusive = json!([{ "reason": "InconclusiveAnalysisRun", "startTime": "2026-11-26T10:00:00Z" }]);
    for (name, change, expected) in [
        (
            "paused",
            json!({ "spec": { "paused": true }, "status": { "currentPodHash": "c" } }),
            "it is paused (spec.paused), so that nothing is rolled out",
        ),
        ("deleted", json!({ "metadata": { "deletionTimestamp": "2026-11-26T10:00:00Z" } }), "somebody deletes it"),
        ("no template", json!({ "spec": { "template": null } }), "it has no pod template of its own"),
        (
            "another image",
            json!({ "spec": { "template": { "spec": { "containers": [{ "name": "main", "image": "shop:3" }] } } } }),
            "somebody changed the template: container main has image shop:3, wanted is shop:2",
        ),
        (
            "an analysis that says nothing",
            json!({ "status": { "currentPodHash": "c", "pauseConditions": inconclusive } }),
            "it is paused: InconclusiveAnalysisRun",
        ),
        (
            "the deadline",
            conditions(std::slice::from_ref(&deadline)),
            "Progressing: ProgressDeadlineExceeded: ReplicaSet \"shop-c\" has timed out.",
        ),
        ("aborted", conditions(&[aborted]), "Progressing: RolloutAborted: Rollout aborted update to revision 2"),
        ("invalid", conditions(&[invalid]), "InvalidSpec: The Rollout \"shop\" is invalid: spec.strategy"),
        ("a quota", conditions(&[deadline, quota]), "ReplicaFailure: FailedCreate: exceeded quota: small"),
    ] {
        let failed = Progress::Failed(expected.to_owned());
        assert_eq!(argo_rollout(&shop(&change), &wanted(Some(3))), failed, "{name}");
    }
}

#[test]
fn a_condition_counts_only_for_the_change_it_speaks_of() {
    let deadline = condition("Progressing", "False", "ProgressDeadlineExceeded", "late");
    let answer = |observed: &str| {
        let status = json!({ "observedGeneration": observed, "conditions": [deadline] });
        Before::of_argo_rollout(&shop(&json!({ "status": status })))
    };
    let live = shop(&json!({ "status": { "updatedReplicas": 1, "conditions": [deadline] } }));
    for (name, before, fails) in [
        ("there before", answer("3"), false),
        ("nothing was changed", answer("4"), true),
        ("new", Before::default(), true),
    ] {
        let progress = argo_rollout(&live, &Wanted { before, ..wanted(Some(3)) });
        assert_eq!(matches!(progress, Progress::Failed(_)), fails, "{name}: {progress:?}");
    }
}

#[test]
fn the_newest_template_is_known_once_its_controller_has_seen_the_newest_generation() {
    assert_eq!(newest(&shop(&json!({ "status": { "currentPodHash": "c" } }))), Some("c"));
    assert_eq!(newest(&shop(&json!({ "metadata": { "generation": 5 } }))), None);
    assert_eq!(newest(&shop(&json!({ "status": null }))), None);
}
