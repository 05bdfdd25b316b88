//! Production in which admission changes pods: what is in their template still is what production runs.

use conductor_kubernetes_bed::{Behaviour, deployment, until};
use k8s_openapi::api::admissionregistration::v1::{MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding};
use k8s_openapi::api::core::v1::Pod;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::bed::{PATIENCE, api, create, namespace, place, running_in, settle, texts};

#[tokio::test]
async fn a_sidecar_that_is_injected_is_not_part_of_it() {
    let (reader, admin) = namespace("mesh").await;
    let sidecar = "JSONPatch{ op: 'add', path: '/spec/containers/-', \
                   value: Object.spec.containers{ name: 'mesh-proxy', image: 'registry.example/mesh:7' } }";
    change_pods(&admin, "mesh", sidecar, |pod| pod.spec.as_ref().unwrap().containers.len() == 2).await;
    settle(&api(&admin, "mesh"), deployment("checkout", 2, Behaviour::Ready)).await;
    let running = running_in(&reader, "mesh", &["checkout"]).await.unwrap();
    let checkout = &running[&place("mesh", "checkout")];
    assert_eq!(checkout.images.keys().collect::<Vec<_>>(), ["main"]);
    assert_eq!(checkout.resources.keys().collect::<Vec<_>>(), ["main"]);
}

#[tokio::test]
async fn resources_are_those_that_an_autoscaler_gave_to_the_pods() {
    let (reader, admin) = namespace("autoscaled").await;
    let resources = "JSONPatch{ op: 'add', path: '/spec/containers/0/resources', \
                     value: Object.spec.containers.resources{ requests: { 'cpu': '750m', 'memory': '3Gi' } } }";
    let is_changed = |pod: &Pod| {
        let given = pod.spec.as_ref().unwrap().containers[0].resources.as_ref();
        given.is_some_and(|given| given.requests.is_some())
    };
    change_pods(&admin, "autoscaled", resources, is_changed).await;
    settle(&api(&admin, "autoscaled"), deployment("checkout", 2, Behaviour::Ready)).await;
    let running = running_in(&reader, "autoscaled", &["checkout"]).await.unwrap();
    let expected = texts([("requests.cpu", "750m"), ("requests.memory", "3Gi")]);
    assert_eq!(running[&place("autoscaled", "checkout")].resources["main"], expected);
}

/// Has the API server change every pod that is made in a namespace, and waits until it does.
pub(crate) async fn change_pods(admin: &Client, namespace: &str, change: &str, is_changed: impl Fn(&Pod) -> bool) {
    let policy = json!({
        "metadata": { "name": namespace },
        "spec": {
            "matchConstraints": {
                "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace } },
                "resourceRules": [
                    { "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"] },
                ],
            },
            "reinvocationPolicy": "Never",
            "mutations": [{ "patchType": "JSONPatch", "jsonPatch": { "expression": format!("[{change}]") } }],
        },
    });
    create(&Api::<MutatingAdmissionPolicy>::all(admin.clone()), policy).await;
    let binding: Value = json!({ "metadata": { "name": namespace }, "spec": { "policyName": namespace } });
    create(&Api::<MutatingAdmissionPolicyBinding>::all(admin.clone()), binding).await;
    let probe: Pod = serde_json::from_value(json!({
        "metadata": { "name": "probe" },
        "spec": { "containers": [{ "name": "main", "image": "registry.example/probe:1" }] },
    }))
    .unwrap();
    let without_effect = PostParams { dry_run: true, ..PostParams::default() };
    until("the policy has come into force", PATIENCE, async || {
        let made = api::<Pod>(admin, namespace).create(&without_effect, &probe).await.unwrap();
        is_changed(&made).then_some(())
    })
    .await;
}
