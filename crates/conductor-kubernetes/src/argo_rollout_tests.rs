//! Rollouts as they are written.

use serde_json::json;

use super::*;
use crate::field::{Field, Fields, Value};

fn rollout(template: Json) -> ArgoRollout {
    let spec = json!({ "replicas": 2, "template": template });
    let object = json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {}, "spec": spec });
    serde_json::from_value(object).unwrap()
}

#[test]
fn amounts_may_be_numbers_and_stay_as_they_are_written() {
    let resources = json!({ "requests": { "cpu": 1, "memory": "64Mi" }, "limits": { "cpu": 1.5 } });
    let written = json!({ "spec": {
        "containers": [{ "name": "main", "image": "shop:1", "resources": resources }],
        "volumes": [{ "name": "cache", "emptyDir": { "sizeLimit": 1024 } }],
    } });
    let found = rollout(written.clone());
    let fields = found.fields().unwrap().fields();
    let amount = |name: &str| {
        let field = Field::Resource { container: "main".to_owned(), name: name.to_owned() };
        fields.get(&field).map(Value::to_string)
    };
    let amounts = ["requests.cpu", "requests.memory", "limits.cpu"].map(amount);
    assert_eq!(amounts, ["1", "64Mi", "1.5"].map(|text| Some(text.to_owned())));
    assert_eq!(found.written_template(), Some(&written));
    assert_eq!(serde_json::to_value(&found).unwrap()["spec"]["template"], written);
}

#[test]
fn a_template_that_cannot_be_read_or_is_elsewhere_keeps_no_other_rollout_from_being_read() {
    let unreadable = rollout(json!({ "spec": { "containers": "none" } })).fields().unwrap_err().to_string();
    assert!(unreadable.starts_with("its pod template cannot be read: invalid type"), "{unreadable}");
    assert_eq!(rollout(Json::Null).fields().unwrap_err().to_string(), "it has no pod template of its own");
}

#[test]
fn one_that_could_not_be_put_back_is_unfit() {
    let mut found = rollout(json!({ "spec": { "containers": [] } }));
    assert_eq!(found.unfit(false), [], "nothing was said of it yet");
    let status = |stable: &str, current: &str| {
        serde_json::from_value(json!({ "stableRS": stable, "currentPodHash": current })).unwrap()
    };
    found.status = Some(status("a", "a"));
    assert_eq!(found.unfit(false), []);
    found.status = Some(status("a", "b"));
    found.spec.paused = Some(true);
    found.spec.workload_ref = Some(WorkloadRef { kind: "Deployment".to_owned(), name: "shop".to_owned() });
    let told: Vec<String> = found.unfit(false).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "its pod template is that of Deployment shop (workloadRef); expected a template of its own",
            "it is paused (spec.paused), so that nothing is rolled out; expected it not to be",
            "it is in the middle of a rollout from ReplicaSet a to b (canary); expected it to be promoted or taken back",
        ]
    );
    let switched =
        json!({ "status": { "stableRS": "a", "currentPodHash": "b" }, "spec": { "strategy": { "blueGreen": {} } } });
    let aborted = json!({ "status": { "stableRS": "a", "currentPodHash": "b", "abort": true } });
    for (change, expected) in [
        (
            switched,
            "it is in the middle of a rollout from ReplicaSet a to b (blue-green); expected it to be promoted or taken back",
        ),
        (
            json!({ "spec": { "strategy": { "blueGreen": { "scaleDownDelaySeconds": 0 } } } }),
            "Argo Rollouts never takes the replicas of its older versions away (scaleDownDelaySeconds: 0 of its strategy); \
             expected a second or more",
        ),
        (
            aborted,
            "its rollout from ReplicaSet a to b was aborted; expected another template, or that it is tried again and promoted",
        ),
    ] {
        let mut found = serde_json::to_value(rollout(json!({ "spec": { "containers": [] } }))).unwrap();
        json_patch::merge(&mut found, &change);
        let found: ArgoRollout = serde_json::from_value(found).unwrap();
        let told: Vec<String> = found.unfit(false).iter().map(ToString::to_string).collect();
        assert_eq!(told, [expected]);
    }
}

#[test]
fn older_replicas_stay_without_users_where_these_are_switched_or_routed() {
    for (strategy, stay, for_ever) in [
        (Json::Null, false, false),
        (json!({ "canary": { "scaleDownDelaySeconds": 0 } }), false, false),
        (json!({ "canary": { "trafficRouting": {} } }), true, false),
        (json!({ "canary": { "trafficRouting": {}, "scaleDownDelaySeconds": 0 } }), true, true),
        (
            json!({ "canary": { "trafficRouting": {}, "scaleDownDelaySeconds": 0, "dynamicStableScale": true } }),
            true,
            false,
        ),
        (json!({ "blueGreen": {}, "canary": null }), true, false),
        (json!({ "blueGreen": { "scaleDownDelaySeconds": 1 } }), true, false),
        (json!({ "blueGreen": { "scaleDownDelaySeconds": 0 } }), true, true),
        (json!({ "blueGreen": { "scaleDownDelaySeconds": 0, "scaleDownDelayRevisionLimit": 0 } }), true, false),
    ] {
        let mut found = rollout(json!({}));
        found.spec.strategy = Some(strategy.clone());
        assert_eq!((found.spec.keeps_older(), found.spec.keeps_older_for_ever()), (stay, for_ever), "{strategy}");
    }
}

#[test]
fn older_versions_that_stay_longer_than_a_run_waits_for_them_are_refused() {
    let refused = |strategy: Json| {
        let mut found = rollout(json!({}));
        found.spec.strategy = Some(strategy);
        unfit_rollout(&found).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for fine in [
        json!({ "blueGreen": { "scaleDownDelaySeconds": 1199 } }),
        json!({ "blueGreen": { "scaleDownDelaySeconds": 3600, "scaleDownDelayRevisionLimit": 0 } }),
        json!({ "canary": { "scaleDownDelaySeconds": 3600 } }),
    ] {
        assert_eq!(refused(fine), [""; 0]);
    }
    assert_eq!(
        refused(json!({ "blueGreen": { "scaleDownDelaySeconds": 1200 } })),
        [
            "Argo Rollouts keeps the replicas of its older versions for 1200 s (scaleDownDelaySeconds of its strategy), and a run \
          waits until they are gone; expected less than 20m, the time of that phase"
        ]
    );
}
