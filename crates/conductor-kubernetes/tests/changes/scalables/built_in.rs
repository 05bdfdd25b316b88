//! Kinds that can be scaled without a CustomResourceDefinition: their replicas stand where those of all built-in kinds do.

use std::collections::BTreeMap;

use conductor_core::app::Allocation;
use conductor_core::phase::Changes;
use conductor_core::ports::{FailureKind, Scaler};
use conductor_core::scale::Plan;
use conductor_kubernetes_bed::until;
use futures::future::join_all;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::ReplicationController;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::bed::{Bed, PATIENCE, kubectl, text};
use crate::plans::step;
use crate::scene::{By, Scene};

/// What scalable.yaml gives for a custom kind, for these.
async fn rights() {
    static GIVEN: OnceCell<()> = OnceCell::const_new();
    let give = async || {
        let rule = |group: &str, plural: &str| json!({ "apiGroups": [group], "resources": [plural], "verbs": ["get", "list", "watch", "patch"] });
        let rights = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": { "name": "built-in-scalables" },
            "rules": [rule("apps", "replicasets"), rule("", "replicationcontrollers")],
        });
        kubectl("loadtest-conductor", &["apply", "--filename=-"], &rights.to_string()).await;
        let whom = "--serviceaccount=loadtest-conductor:loadtest-conductor";
        let bind = ["create", "clusterrolebinding", "built-in-scalables", "--clusterrole=built-in-scalables", whom];
        kubectl("loadtest-conductor", &bind, "").await;
    };
    GIVEN.get_or_init(give).await;
}

fn named(api_version: &str, kind: &str, name: &str) -> Value {
    json!({ "name": name, "scalable": { "apiVersion": api_version, "kind": kind, "name": name } })
}

/// A ReplicationController and a ReplicaSet that nobody owns, of two pods each.
fn manifests() -> String {
    let object = |api_version: &str, kind: &str, name: &str, selector: Value| {
        let container = json!({ "name": "main", "image": "registry.example/old:1" });
        let template = json!({ "metadata": { "labels": { "app": name } }, "spec": { "containers": [container] } });
        json!({
            "apiVersion": api_version, "kind": kind, "metadata": { "name": name },
            "spec": { "replicas": 2, "selector": selector, "template": template },
        })
    };
    let controller = object("v1", "ReplicationController", "older", json!({ "app": "older" }));
    let set = object("apps/v1", "ReplicaSet", "bare", json!({ "matchLabels": { "app": "bare" } }));
    json!({ "apiVersion": "v1", "kind": "List", "items": [controller, set] }).to_string()
}

impl Bed {
    /// How many replicas each is to have, how many pods of it are ready, and whether a run has marked it.
    async fn built_in(&self) -> [(Option<i32>, Option<i32>, bool); 2] {
        let marked = |annotations: &Option<BTreeMap<String, String>>| {
            annotations.iter().flatten().any(|(name, _)| name.starts_with("loadtest-conductor.dev/"))
        };
        let older = self.api::<ReplicationController>().get("older").await.unwrap();
        let bare = self.api::<ReplicaSet>().get("bare").await.unwrap();
        [
            (
                older.spec.unwrap().replicas,
                older.status.and_then(|status| status.ready_replicas),
                marked(&older.metadata.annotations),
            ),
            (
                bare.spec.unwrap().replicas,
                bare.status.and_then(|status| status.ready_replicas),
                marked(&bare.metadata.annotations),
            ),
        ]
    }
}

const AS_BEFORE: [(Option<i32>, Option<i32>, bool); 2] = [(Some(2), Some(2), false); 2];

async fn there_and_back(by: By) {
    let namespace = format!("scalable-built-in-{by:?}").to_lowercase();
    let applications = [named("v1", "ReplicationController", "older"), named("apps/v1", "ReplicaSet", "bare")];
    let bed = Bed::of(&namespace, &applications).await;
    bed.kubectl(&["create", "--filename=-"], &manifests()).await;
    until("their pods", PATIENCE, async || (bed.built_in().await == AS_BEFORE).then_some(())).await;
    let before = bed.everything().await;
    let baseline = bed.observe(&bed.conductor(1).await).await;
    assert_eq!(baseline["older"].allocation, Allocation::of_replicas(2));
    let to_six = |name| step(&baseline, name, Allocation::of_replicas(6));
    let plan = Plan { rollouts: Vec::new(), scale_steps: ["older", "bare"].map(to_six).into() };
    let scene = Scene { bed, before, changes: Changes { baseline, plan } };
    scene.perform(&scene.bed.conductor(1).await).await;
    assert_eq!(scene.bed.built_in().await, [(Some(6), Some(6), true); 2], "their pods were not waited for");
    scene.restore(&scene.bed.conductor(2).await, by).await;
    scene.assert_exactly_as_before(&namespace).await;
    assert_eq!(scene.bed.built_in().await, AS_BEFORE);
}

#[tokio::test]
async fn scalables_without_a_definition_get_their_replicas_and_are_back_exactly() {
    rights().await;
    join_all([By::Journal, By::Cluster].map(there_and_back)).await;
}

#[tokio::test]
async fn a_scalable_that_its_owner_scales_and_one_that_nobody_can_are_refused_before_anything_is_changed() {
    rights().await;
    let mut bed = Scene::new("scalable-owned", &["shop"], false).await.bed;
    let sets = bed.api::<ReplicaSet>().list(&Default::default()).await.unwrap();
    let set = sets.items[0].metadata.name.clone().unwrap();
    for (api_version, kind, name, told) in [
        (
            "apps/v1",
            "ReplicaSet",
            set.as_str(),
            format!(
                "ReplicaSet scalable-owned/{set}: it belongs to Deployment shop, which scales it; expected that \
                 in its place"
            ),
        ),
        (
            "apps/v1",
            "DaemonSet",
            "agent",
            "DaemonSet of apps/v1 has no scale subresource in the test cluster; expected a kind that has one"
                .to_owned(),
        ),
    ] {
        bed = bed.with(&json!({ "applications": [named(api_version, kind, name)] }));
        bed.applications = vec![name.parse().unwrap()];
        let refused = bed.conductor(1).await.allocated(&bed.applications).await.unwrap_err();
        assert_eq!((refused.kind, text(&refused)), (FailureKind::Rejected, told));
    }
}
