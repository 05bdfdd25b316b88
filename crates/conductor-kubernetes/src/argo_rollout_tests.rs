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
}
