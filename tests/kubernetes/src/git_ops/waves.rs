//! What is applied together, and waiting until it has come about; with what takes a while to do so.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use kube::{Api, Client};
use serde_json::{Value, json};

use super::{INTERVAL, Tool};
use crate::behaviour::Behaviour;
use crate::manifest::word;
use crate::workload::deployment;

/// As with the keepers' own `timeout`.
const WITHIN: Duration = Duration::from_secs(60);

/// The manifest of a Deployment, each of whose replicas takes so long to become ready, and in a wave after it that of another
/// one, `late`.
///
/// # Errors
/// When the manifest is not one of a Deployment.
pub fn two_waves(mut first: Value, takes: Duration) -> serde_json::Result<Vec<Value>> {
    let template = &mut first["spec"]["template"];
    let mut slow: PodTemplateSpec = serde_json::from_value(template.clone())?;
    Behaviour::Slow(takes).write_to(&mut slow);
    *template = json!(slow);
    let mut late = json!(deployment("late", 1, Behaviour::Ready));
    late["apiVersion"] = json!("apps/v1");
    late["kind"] = json!("Deployment");
    late["metadata"]["namespace"] = first["metadata"]["namespace"].clone();
    late["metadata"]["annotations"] = json!({ "argocd.argoproj.io/sync-wave": "1" });
    Ok(vec![first, late])
}

/// Manifests in the order in which they are applied: Argo CD waits for each wave but the last.
pub(super) fn waves(tool: Tool, manifests: &[Value]) -> Vec<Vec<Value>> {
    let mut waves: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
    for manifest in manifests {
        let wave = word(manifest, "/metadata/annotations/argocd.argoproj.io~1sync-wave").parse().unwrap_or_default();
        let wave = if tool == Tool::Application { wave } else { 0 };
        waves.entry(wave).or_default().push(manifest.clone());
    }
    waves.into_values().collect()
}

/// Waits until every Deployment of a wave has all of its replicas, or has had the time for it.
pub(super) async fn rolled_out(client: &Client, wave: &[Value]) -> kube::Result<()> {
    let waiting = async {
        for manifest in wave.iter().filter(|manifest| manifest["kind"] == "Deployment") {
            let api: Api<Deployment> = Api::namespaced(client.clone(), word(manifest, "/metadata/namespace"));
            while !api.get(word(manifest, "/metadata/name")).await.is_ok_and(|found| is_rolled_out(&found)) {
                tokio::time::sleep(INTERVAL).await;
            }
        }
    };
    let timed_out = |_| kube::Error::Service("timed out waiting for what was applied".into());
    tokio::time::timeout(WITHIN, waiting).await.map_err(timed_out)
}

fn is_rolled_out(found: &Deployment) -> bool {
    let (Some(spec), Some(status)) = (&found.spec, &found.status) else { return false };
    let counts = [status.replicas, status.updated_replicas, status.available_replicas];
    status.observed_generation >= found.metadata.generation
        && counts.iter().all(|count| count.unwrap_or_default() == spec.replicas.unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn argo_cd_applies_wave_after_wave_and_flux_everything_at_once() {
        let manifest = |name: &str, wave: Option<&str>| {
            let annotations = wave.map(|wave| json!({ "argocd.argoproj.io/sync-wave": wave }));
            json!({ "metadata": { "name": name, "annotations": annotations } })
        };
        let manifests = [manifest("late", Some("2")), manifest("usual", None), manifest("early", Some("-1"))];
        let names = |tool| {
            let name = |manifest: &Value| word(manifest, "/metadata/name").to_owned();
            waves(tool, &manifests).iter().map(|wave| wave.iter().map(name).collect()).collect::<Vec<Vec<String>>>()
        };
        assert_eq!(names(Tool::Application), [["early"], ["usual"], ["late"]]);
        assert_eq!(names(Tool::HelmRelease), [["late", "usual", "early"]]);
    }

    #[test]
    fn a_deployment_is_there_when_all_of_its_replicas_are_new_and_available() {
        let found = |observed: i64, [replicas, updated, available]: [i32; 3]| -> Deployment {
            let status = json!({
                "observedGeneration": observed, "replicas": replicas, "updatedReplicas": updated,
                "availableReplicas": available,
            });
            let spec = json!({ "replicas": 2, "selector": {}, "template": {} });
            serde_json::from_value(json!({ "metadata": { "generation": 3 }, "spec": spec, "status": status })).unwrap()
        };
        assert!(is_rolled_out(&found(3, [2, 2, 2])));
        for (observed, counts) in [(2, [2, 2, 2]), (3, [3, 2, 2]), (3, [2, 1, 2]), (3, [2, 2, 1])] {
            assert!(!is_rolled_out(&found(observed, counts)), "{observed} {counts:?}");
        }
    }
}
