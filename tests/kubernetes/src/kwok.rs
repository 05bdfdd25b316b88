//! What kwok plays: which stage a node or pod goes through, when, and what its status says then. The statuses are in the
//! templates beside this file.

use serde_json::{Value, json};

use crate::behaviour::{BEHAVIOUR, DELAY};

/// How long a pod that flaps is ready, in milliseconds.
const READY_BEFORE_CRASH: u32 = 3000;

const NODE_READY: &str = include_str!("kwok/node-ready.tmpl");
const POD_READY: &str = concat!(include_str!("kwok/image.tmpl"), include_str!("kwok/pod-ready.tmpl"));
const POD_WAITING: &str = concat!(include_str!("kwok/image.tmpl"), include_str!("kwok/pod-waiting.tmpl"));
const POD_COMPLETE: &str = concat!(include_str!("kwok/image.tmpl"), include_str!("kwok/pod-complete.tmpl"));

/// The first condition of a kind, for the keys of selectors.
const READY: &str = r#".status.conditions.[] | select( .type == "Ready" ) | .status"#;

/// The configuration of kwok: documents of YAML, each written as JSON.
pub(crate) fn configuration() -> String {
    // A document of options replaces all of kwok's defaults, so each of these must be said.
    let options = json!({
        "podPlayStageParallelism": 16,
        "nodePlayStageParallelism": 4,
        "nodeLeaseParallelism": 4,
        "podsOnNodeSyncParallelism": 4,
    });
    let kwok = json!({
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokConfiguration",
        "options": options,
    });
    let documents: Vec<String> = std::iter::once(kwok).chain(stages()).map(|document| document.to_string()).collect();
    documents.join("\n---\n")
}

fn stages() -> [Value; 6] {
    // The tag of an image may say it as well: another version of a workload does something else than the last one.
    let tag = r#"(.spec.containers[0].image | split(":") | last | select(IN("imagepull", "crash", "hang", "flap")))"#;
    let behaviour = |kinds: &[&str]| is(&format!(r#".metadata.annotations["{BEHAVIOUR}"] // {tag} // "ready""#), kinds);
    let alive = absent(".metadata.deletionTimestamp");
    let fresh = || vec![alive.clone(), is(".status.phase", &["Pending"])];
    let not_waiting = absent(".status.containerStatuses.[].state.waiting.reason");
    let of_job = is(".metadata.ownerReferences.[].kind", &["Job"]);
    let told = json!({ "durationMilliseconds": 0, "durationFrom": { "expressionFrom": format!(r#".metadata.annotations["{DELAY}"]"#) } });
    let flapping = json!({ "durationMilliseconds": READY_BEFORE_CRASH });
    let at_once = json!({ "durationMilliseconds": 0 });
    [
        stage("node-ready", "Node", vec![is_not(READY, &["True"])], &at_once, status(NODE_READY)),
        stage(
            "pod-ready",
            "Pod",
            [fresh(), vec![behaviour(&["ready", "slow", "flap"])]].concat(),
            &told,
            status(POD_READY),
        ),
        stage(
            "pod-waiting",
            "Pod",
            [fresh(), vec![behaviour(&["imagepull", "crash", "hang"]), not_waiting]].concat(),
            &at_once,
            status(POD_WAITING),
        ),
        stage(
            "pod-crashes-after-all",
            "Pod",
            vec![alive.clone(), behaviour(&["flap"]), is(READY, &["True"])],
            &flapping,
            status(POD_WAITING),
        ),
        stage(
            "pod-complete",
            "Pod",
            vec![alive, is(".status.phase", &["Running"]), of_job],
            &at_once,
            status(POD_COMPLETE),
        ),
        stage("pod-gone", "Pod", vec![present(".metadata.deletionTimestamp")], &at_once, json!({ "delete": true })),
    ]
}

fn stage(name: &str, kind: &str, when: Vec<Value>, delay: &Value, step: Value) -> Value {
    json!({
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": { "name": name },
        "spec": {
            "resourceRef": { "apiGroup": "v1", "kind": kind },
            "selector": { "matchExpressions": when },
            "delay": delay,
            "steps": [step],
        },
    })
}

fn status(template: &str) -> Value {
    json!({ "patch": { "subresource": "status", "root": "status", "template": template } })
}

fn is(key: &str, values: &[&str]) -> Value {
    json!({ "key": key, "operator": "In", "values": values })
}

fn is_not(key: &str, values: &[&str]) -> Value {
    json!({ "key": key, "operator": "NotIn", "values": values })
}

fn present(key: &str) -> Value {
    json!({ "key": key, "operator": "Exists" })
}

fn absent(key: &str) -> Value {
    json!({ "key": key, "operator": "DoesNotExist" })
}
