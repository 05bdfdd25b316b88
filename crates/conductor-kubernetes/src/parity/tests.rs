//! What is read of objects, and what of them never leaves.

use conductor_core::parity::{Autoscaling, Profile};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use serde_json::{Value, json};

use super::*;
use crate::workload::Workload;

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// Texts that nobody may read.
const SECRETS: [&str; 7] =
    ["hunter2", "pa55w0rd", "bearer-t0ken", "s3cret-query", "s3cret-path", "argument-p4ss", "v4lue"];

fn workload() -> Deployment {
    let probe = |what: Value| {
        let mut probe = json!({ "periodSeconds": 10, "timeoutSeconds": 1 });
        json_patch::merge(&mut probe, &what);
        probe
    };
    let headers = json!([{ "name": "Authorization", "value": "bearer-t0ken" }]);
    read(json!({
        "metadata": { "name": "checkout", "namespace": "shop", "uid": "u", "generation": 1,
            "annotations": { "deployment.kubernetes.io/revision": "1" } },
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": { "app": "checkout" } },
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": 0 } },
            "template": {
                "metadata": { "labels": { "app": "checkout" } },
                "spec": {
                    "priorityClassName": "high",
                    "nodeSelector": { "pool": "fast" },
                    "containers": [{
                        "name": "main",
                        "image": "registry.example/checkout:1",
                        "args": ["--password=argument-p4ss"],
                        "env": [
                            { "name": "LOG", "value": "v4lue" },
                            { "name": "PASSWORD", "valueFrom": { "secretKeyRef": { "name": "db", "key": "password" } } },
                            { "name": "FLAG", "valueFrom": { "configMapKeyRef": { "name": "flags", "key": "x", "optional": true } } },
                            { "name": "NODE", "valueFrom": { "fieldRef": { "fieldPath": "spec.nodeName" } } },
                            { "name": "TOKEN", "value": "hunter2" },
                        ],
                        "envFrom": [
                            { "configMapRef": { "name": "shop" } },
                            { "secretRef": { "name": "keys", "optional": true }, "prefix": "KEY_" },
                        ],
                        "livenessProbe": probe(json!({ "exec": { "command": ["redis-cli", "-a", "pa55w0rd"] } })),
                        "readinessProbe": probe(json!({ "httpGet": { "path": "/api/s3cret-path/health?key=s3cret-query", "port": 8080, "httpHeaders": headers } })),
                        "resources": { "requests": { "cpu": "250m" } },
                    }],
                    "initContainers": [{ "name": "migrate", "image": "registry.example/migrate:1" }],
                },
            },
        },
        "status": { "observedGeneration": 1 },
    }))
}

fn owner(kind: &str, uid: &str) -> Value {
    json!([{ "apiVersion": "apps/v1", "kind": kind, "name": "x", "uid": uid, "controller": true }])
}

/// A ready pod of the workload with this container in place of its own, and with an injected one.
fn pod(cpu: &str) -> Pod {
    let mut main = serde_json::to_value(&workload().spec.unwrap().template.spec.unwrap().containers[0]).unwrap();
    json_patch::merge(&mut main, &json!({ "resources": { "requests": { "cpu": cpu } } }));
    let id = format!("registry.example/checkout@sha256:{}", "0a".repeat(32));
    read(json!({
        "metadata": { "name": "checkout-1", "labels": { "pod-template-hash": "h" }, "ownerReferences": owner("ReplicaSet", "r") },
        "spec": { "containers": [main, { "name": "mesh", "image": "registry.example/mesh:7" }] },
        "status": {
            "phase": "Running",
            "conditions": [{ "type": "Ready", "status": "True" }],
            "containerStatuses": [{ "name": "main", "image": "", "imageID": id, "ready": true, "restartCount": 0 }],
        },
    }))
}

fn profile(pods: &[Pod], autoscalers: Vec<HorizontalPodAutoscaler>) -> Profile {
    let set: ReplicaSet = read(json!({ "metadata": {
        "uid": "r", "labels": { "pod-template-hash": "h" }, "ownerReferences": owner("Deployment", "u"),
        "annotations": { "deployment.kubernetes.io/revision": "1" },
    } }));
    let (scalers, key) = (Scalers::of(autoscalers, Vec::new()), Key::fresh().unwrap());
    let around = Surroundings { replica_sets: &[set], pods, scalers: Some(&scalers), key: &key };
    around.profile(&workload()).1.unwrap()
}

#[test]
fn no_value_leaves_not_even_for_a_log() {
    let profile = profile(&[pod("1")], Vec::new());
    let shown = format!("{profile:?}");
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
    assert!(serde_json::to_string(&workload()).unwrap().contains("hunter2"), "it was there");
    assert_eq!(profile.containers["main"].env.len(), 5);
}

#[test]
fn a_container_is_told_in_words() {
    let profile = profile(&[], Vec::new());
    let main = &profile.containers["main"];
    let env = |name: &str| main.env[name].to_string();
    assert_eq!(env("PASSWORD"), "Secret db, key password");
    assert_eq!(env("FLAG"), "ConfigMap flags, key x, optional");
    assert_eq!(env("NODE"), "fieldRef.fieldPath=spec.nodeName");
    assert!(env("LOG").starts_with("value #"), "{}", env("LOG"));
    let all: Vec<(&str, &str)> = main.env_from.iter().map(|(of, how)| (of.as_str(), how.as_str())).collect();
    assert_eq!(all, [("ConfigMap/shop", "all entries"), ("Secret/keys", "all entries with prefix KEY_, optional")]);
    let readiness = &main.probes["readiness"];
    assert!(
        readiness.starts_with("httpGet.httpHeaders[0].name=Authorization httpGet.httpHeaders[0].value=#"),
        "{readiness}"
    );
    let (path, _) = readiness.split_once(" httpGet.path=/api/#").unwrap().1.split_once(" ").unwrap();
    assert!(path.contains("/health?#"), "{readiness}");
    assert!(readiness.ends_with(" httpGet.port=8080 periodSeconds=10 timeoutSeconds=1"), "{readiness}");
    assert!(main.probes["liveness"].starts_with("exec.command[0]=#"), "{:?}", main.probes);
    assert!(main.command.is_some() && profile.containers["migrate"].command.is_none());
    assert_eq!(profile.containers["migrate"].role.to_string(), "init container");
    let settings: Vec<(&str, &str)> =
        profile.settings.iter().map(|(name, one)| (name.as_str(), one.as_str())).collect();
    assert_eq!(
        settings,
        [
            ("kind", "Deployment"),
            ("nodeSelector", "pool=fast"),
            ("priorityClass", "high"),
            ("strategy", "rollingUpdate.maxSurge=25% rollingUpdate.maxUnavailable=0 type=RollingUpdate"),
        ]
    );
    assert!(profile.settings.keys().all(|name| Profile::SETTINGS.contains(&name.as_str())));
}

#[test]
fn pods_tell_more_than_their_template_where_they_agree() {
    let without = profile(&[], Vec::new());
    assert_eq!(without.containers.keys().collect::<Vec<_>>(), ["main", "migrate"]);
    assert_eq!(without.containers["main"].image, "registry.example/checkout:1");
    let with = profile(&[pod("1"), pod("1")], Vec::new());
    let main = &with.containers["main"];
    assert_eq!(main.image, format!("registry.example/checkout@sha256:{}", "0a".repeat(32)));
    assert_eq!(main.resources["requests.cpu"], "1".parse().unwrap());
    assert_eq!(with.containers["mesh"].role.to_string(), "injected sidecar");
    let divided = profile(&[pod("1"), pod("2")], Vec::new());
    assert_eq!(divided.containers["main"].resources["requests.cpu"], "250m".parse().unwrap());
}

#[test]
fn an_autoscaler_is_told_by_its_bounds_metrics_and_behavior() {
    assert_eq!(profile(&[], Vec::new()).autoscaling, Some(Autoscaling::Absent));
    let target = json!({ "kind": "Deployment", "name": "checkout" });
    let cpu = json!({ "type": "Resource", "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 70 } } });
    let autoscaler = read(json!({
        "metadata": { "name": "checkout", "namespace": "shop" },
        "spec": { "scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 9, "metrics": [cpu] },
    }));
    let Some(Autoscaling::By(found)) = profile(&[], vec![autoscaler]).autoscaling else { panic!("no autoscaler") };
    assert_eq!(found.bounds.to_string(), "autoscaled from 2 to 9");
    let metrics: Vec<&str> = found.metrics.iter().map(String::as_str).collect();
    assert_eq!(
        metrics,
        ["resource.name=cpu resource.target.averageUtilization=70 resource.target.type=Utilization type=Resource"]
    );
    assert_eq!(found.behavior, "as Kubernetes has it");
}

#[test]
fn a_scaled_object_is_told_by_its_own_bounds_and_the_metrics_that_keda_has_made_of_its_triggers() {
    let target = json!({ "kind": "Deployment", "name": "checkout" });
    let queue = json!({ "type": "External", "external": { "metric": { "name": "s0-queue" }, "target": { "type": "AverageValue", "averageValue": "5" } } });
    let mut owner = owner("ScaledObject", "s");
    owner[0]["apiVersion"] = json!("keda.sh/v1alpha1");
    let made = read(json!({
        "metadata": { "name": "keda-hpa-checkout", "namespace": "shop", "ownerReferences": owner },
        "spec": { "scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 7, "metrics": [queue] },
    }));
    let scaled = read(json!({
        "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
        "metadata": { "name": "checkout", "namespace": "shop" },
        "spec": { "scaleTargetRef": { "name": "checkout" }, "minReplicaCount": 0, "maxReplicaCount": 7 },
    }));
    let place = workload().place(&());
    let found = Scalers::of(vec![made], vec![scaled]).autoscaling(&place, &Key::fresh().unwrap()).unwrap();
    let Autoscaling::By(found) = found else { panic!("no autoscaler") };
    assert_eq!(found.bounds.to_string(), "autoscaled from 0 to 7");
    let metrics: Vec<&str> = found.metrics.iter().map(String::as_str).collect();
    assert_eq!(
        metrics,
        [
            "external.metric.name=s0-queue external.target.averageValue=5 external.target.type=AverageValue type=External"
        ]
    );
}

#[test]
fn nodes_are_grouped_by_type_with_what_the_smallest_has() {
    let node = |kind: Option<&str>, memory: &str| -> Node {
        let mut node = json!({
            "metadata": { "name": "n", "labels": { "kubernetes.io/arch": "arm64" } },
            "status": {
                "allocatable": { "cpu": "4", "memory": memory },
                "nodeInfo": {
                    "architecture": "", "bootID": "", "containerRuntimeVersion": "", "kernelVersion": "", "kubeProxyVersion": "",
                    "kubeletVersion": "v1.36.2", "machineID": "", "operatingSystem": "", "osImage": "", "systemUUID": "",
                },
            },
        });
        if let Some(kind) = kind {
            node["metadata"]["labels"]["node.kubernetes.io/instance-type"] = json!(kind);
        }
        read(node)
    };
    let found = nodes::nodes(&[node(Some("m5"), "16Gi"), node(Some("m5"), "15Gi"), node(None, "1Gi")]).unwrap();
    let types: Vec<String> = found.types.iter().map(|(name, one)| format!("{name}: {one}")).collect();
    assert_eq!(types, ["m5: 2 × arm64 with cpu 4, memory 15Gi", "unlabelled: 1 × arm64 with cpu 4, memory 1Gi"]);
    assert_eq!(found.agents.into_iter().collect::<Vec<_>>(), ["v1.36.2"]);
    let error = nodes::nodes(&[node(None, "lots")]).unwrap_err();
    assert!(told(&error).starts_with("could not read Node n: \"lots\" is not an amount"), "{error:?}");
}
