//! What is in a cluster, as JSON.

use std::collections::{BTreeMap, BTreeSet};

use conductor_kubernetes_bed::Cluster;
use serde_json::{Map, Value};

use super::clusters::{read, said};

/// What comes and goes by itself, or tells of what there is.
const PASSING: [&str; 7] = [
    "controllerrevisions.apps",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "events",
    "events.events.k8s.io",
    "pods",
    "replicasets.apps",
];

/// Everything of a namespace that can be listed, by kind and name, but for what comes and goes by itself.
pub(super) fn everything(cluster: &Cluster, namespace: &str) -> Vec<(String, Value)> {
    let kinds = said(cluster, &["api-resources", "--namespaced", "--verbs=list", "--output=name"]);
    let kinds: Vec<&str> = kinds.lines().filter(|kind| !PASSING.contains(kind)).collect();
    let found = read(cluster, &["-n", namespace, "get", &kinds.join(",")]);
    let mut objects: Vec<(String, Value)> = found["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| (format!("{} {}", text(&object["kind"]), text(&object["metadata"]["name"])), bare(object)))
        .collect();
    objects.sort_by(|one, other| one.0.cmp(&other.0));
    objects
}

/// What is different between objects before and now, field by field, as in `Deployment shop/spec/replicas: 1 → 2`.
pub(crate) fn differences(before: &[(String, Value)], now: &[(String, Value)]) -> Vec<String> {
    let [before, now] = [before, now].map(|objects| objects.iter().cloned().collect::<Map<_, _>>());
    let mut told = Vec::new();
    compare("", &Value::Object(before), &Value::Object(now), &mut told);
    told
}

fn compare(path: &str, before: &Value, now: &Value, told: &mut Vec<String>) {
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => {
            let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
            let of = |fields: &Map<String, Value>, name: &String| fields.get(name).cloned().unwrap_or_default();
            for name in names {
                let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                compare(&path, &of(before, name), &of(now, name), told);
            }
        }
        (Value::Array(before), Value::Array(now)) if before.len() == now.len() => {
            for (index, (before, now)) in before.iter().zip(now).enumerate() {
                compare(&format!("{path}/{index}"), before, now, told);
            }
        }
        _ if before != now => told.push(format!("{path}: {before} → {now}")),
        _ => {}
    }
}

/// One object as it is.
pub(super) fn one(cluster: &Cluster, namespace: &str, kind: &str, name: &str) -> Value {
    read(cluster, &["-n", namespace, "get", kind, name])
}

/// The tag of each image that pods run, by the digest that it stands for: what a registry would know.
pub(super) fn versions(clusters: [&Cluster; 2], namespace: &str) -> BTreeMap<String, String> {
    let mut versions = BTreeMap::new();
    for cluster in clusters {
        let pods = read(cluster, &["-n", namespace, "get", "pods"]);
        for container in pods["items"].as_array().unwrap().iter().flat_map(containers) {
            let (_, tag) = text(&container["image"]).rsplit_once(':').unwrap();
            versions.insert(text(&container["imageID"]).to_owned(), tag.to_owned());
        }
    }
    versions
}

/// What tells of a run in the conductor's own namespace.
pub(super) fn signs(cluster: &Cluster, namespace: &str, run: &str) -> Vec<String> {
    let found = read(cluster, &["-n", namespace, "get", "leases,jobs,freezes.loadtest-conductor.dev"]);
    let objects = found["items"].as_array().unwrap().iter().filter(|object| object.to_string().contains(run));
    objects.map(ToString::to_string).collect()
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    pod["status"]["containerStatuses"].as_array().into_iter().flatten()
}

/// In what an object's controller counts its versions, or those of its owner.
const REVISIONS: [&str; 3] = [
    "deployment.kubernetes.io/revision",
    "rollout.argoproj.io/revision",
    "stackset-controller.zalando.org/stack-generation",
];

/// An object without status, managedFields, generation, resourceVersion and the annotations with its revision.
fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    object.as_object_mut().unwrap().remove("status");
    let meta = object["metadata"].as_object_mut().unwrap();
    for field in ["managedFields", "generation", "resourceVersion"] {
        meta.remove(field);
    }
    if let Some(annotations) = meta.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.retain(|name, _| !REVISIONS.contains(&name.as_str()));
    }
    object
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_are_told_field_by_field() {
        let objects = |shop: Value| vec![("Deployment shop".to_owned(), shop), ("HPA shop".to_owned(), json!({}))];
        let before = objects(json!({ "spec": { "replicas": 1, "containers": [{ "image": "v1" }] } }));
        assert_eq!(differences(&before, &before), [""; 0]);
        let now = objects(json!({ "spec": { "replicas": 2, "containers": [{ "image": "v2" }], "paused": true } }));
        assert_eq!(
            differences(&before, &now),
            [
                "Deployment shop/spec/containers/0/image: \"v1\" → \"v2\"",
                "Deployment shop/spec/paused: null → true",
                "Deployment shop/spec/replicas: 1 → 2"
            ]
        );
        assert_eq!(differences(&before, &now[1..])[0][..24], *"Deployment shop: {\"spec\"");
    }
}
