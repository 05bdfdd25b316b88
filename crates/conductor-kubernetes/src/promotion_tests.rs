//! What is promoted, and what is not.

use json_patch::merge;
use serde_json::{Value, json};

use super::*;

/// A Rollout that pauses at the own change, with another change.
fn shop(change: &Value) -> ArgoRollout {
    let mut shop = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": { "uid": "u", "generation": 4, "annotations": { RUN: "run-1" } },
        "spec": {
            "replicas": 2,
            "template": { "spec": { "containers": [
                { "name": "main", "image": "shop:2", "resources": { "requests": { "cpu": "0.5" } } },
            ] } },
        },
        "status": {
            "observedGeneration": "4", "currentPodHash": "b", "stableRS": "a",
            "pauseConditions": [{ "reason": "CanaryPauseStep", "startTime": "2026-11-26T10:00:00Z" }],
        },
    });
    merge(&mut shop, change);
    serde_json::from_value(shop).unwrap()
}

fn promotion(live: &ArgoRollout) -> Option<Value> {
    let own = Own::of(&shop(&json!({})));
    patch(live, &own, "/status/promoteFull", json!(true)).unwrap().map(|patch| json!(patch))
}

#[test]
fn a_promotion_tests_everything_that_it_rests_on() {
    let test = |path: &str, value: Value| json!({ "op": "test", "path": path, "value": value });
    assert_eq!(
        promotion(&shop(&json!({}))),
        Some(json!([
            test("/metadata/uid", json!("u")),
            test("/metadata/generation", json!(4)),
            test("/metadata/annotations/loadtest-conductor.dev~1run", json!("run-1")),
            test("/status/currentPodHash", json!("b")),
            { "op": "add", "path": "/status/promoteFull", "value": true },
        ]))
    );
    // On the way back it may be without annotations.
    let bare = shop(&json!({ "metadata": { "annotations": null } }));
    let of_bare = patch(&bare, &Own::of(&bare), "/status/promoteFull", json!(true)).unwrap();
    assert_eq!(json!(of_bare)[2], test("/metadata/annotations", Value::Null));
}

/// A change to its only container, by somebody who makes another generation of it.
fn with(container: &Value) -> Value {
    let mut main = json!({ "name": "main" });
    merge(&mut main, container);
    json!({ "metadata": { "generation": 5 }, "spec": { "template": { "spec": { "containers": [main] } } } })
}

#[test]
fn what_is_scaled_or_written_in_another_form_meanwhile_is_promoted_as_it_is_then() {
    let scaled = json!({ "metadata": { "generation": 5 }, "spec": { "replicas": 7 } });
    let normalised = with(&json!({ "image": "shop:2", "resources": { "requests": { "cpu": "500m" } } }));
    for (name, change) in [("scaled by an autoscaler", scaled), ("written by its controller", normalised)] {
        let promotion = promotion(&shop(&change)).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(promotion[1], json!({ "op": "test", "path": "/metadata/generation", "value": 5 }), "{name}");
    }
}

#[test]
fn what_somebody_else_has_changed_is_not_promoted() {
    for (name, change) in [
        ("made anew", json!({ "metadata": { "uid": "v" } })),
        ("given another version", with(&json!({ "image": "shop:3", "resources": { "requests": { "cpu": "0.5" } } }))),
        ("given other resources", with(&json!({ "image": "shop:2", "resources": { "requests": { "cpu": "1" } } }))),
        ("taken over", json!({ "metadata": { "annotations": { RUN: "run-2" } } })),
        ("let go of", json!({ "metadata": { "annotations": { RUN: null } } })),
        ("no status", json!({ "status": null })),
    ] {
        assert_eq!(promotion(&shop(&change)), None, "{name}");
    }
}

#[test]
fn only_pauses_of_steps_and_before_a_switch_are_ended() {
    let pause = |reason: &str| json!({ "status": { "pauseConditions": [{ "reason": reason, "startTime": "2026-11-26T10:00:00Z" }] } });
    for (name, change, expected) in [
        ("a step", json!({}), true),
        ("a switch", pause("BlueGreenPause"), true),
        ("an analysis", pause("InconclusiveAnalysisRun"), false),
        ("none", json!({ "status": { "pauseConditions": [] } }), false),
        ("paused by somebody", json!({ "spec": { "paused": true } }), false),
        ("stable", json!({ "status": { "stableRS": "b" } }), false),
    ] {
        assert_eq!(is_pausing(&shop(&change)), expected, "{name}");
    }
}

#[test]
fn what_is_not_taken_up_is_ignored() {
    for (name, change, expected) in [
        ("seen, and not promoted", json!({}), false),
        ("not seen", json!({ "metadata": { "generation": 5 } }), true),
        ("no status", json!({ "status": null }), true),
        ("promoted, and still pausing", json!({ "status": { "promoteFull": true } }), true),
        ("promoted, and going on", json!({ "status": { "promoteFull": true, "pauseConditions": null } }), false),
    ] {
        assert_eq!(is_ignored(&shop(&change)), expected, "{name}");
    }
}

#[test]
fn a_template_that_its_controller_has_not_seen_is_told_and_never_comes_while_it_is_paused() {
    let text = "3 of 3 replicas ready, its controller has not seen the template yet".to_owned();
    let told = Progress::Underway { ready: 3, wanted: 3, text };
    assert_eq!(unseen(&shop(&json!({})), Progress::Settled { replicas: 3 }), told);
    let paused = shop(&json!({ "spec": { "paused": true } }));
    let failed = Progress::Failed("it is paused (spec.paused), so that nothing is rolled out".to_owned());
    assert_eq!(unseen(&paused, Progress::Settled { replicas: 3 }), failed);
}
