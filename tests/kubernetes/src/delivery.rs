//! A delivery system: a small controller that deploys what a DeploymentTask names, under a ServiceAccount of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::cluster::Cluster;
use crate::error::BedError;
use crate::rollouts::{Rollout, RolloutStatus};
use crate::user::User;

const GROUP: &str = "delivery.example";
const VERSION: &str = "v1";
const KIND: &str = "DeploymentTask";
/// How often it looks.
const INTERVAL: Duration = Duration::from_millis(100);

/// What becomes of a deployment.
#[derive(Clone, Debug)]
pub enum Deliver {
    /// The Deployment gets this strategic merge patch, as the manifests of a version would change it; a Rollout gets it as a
    /// merge patch, and is waited for until it is promoted.
    Manifests(Value),
    /// It never ends.
    Hangs,
}

/// A delivery system of one namespace. When it is dropped nothing is deployed any more; its objects stay.
///
/// `spec.application` of a task names the Deployment, or the Rollout where `spec.kind` says so, and `spec.deployment` what it
/// shall be. What nobody has said is a
/// failure, unless `spec.images` has images by container.
#[derive(Debug)]
pub struct Delivery {
    working: JoinHandle<()>,
    known: Known,
}

type Known = Arc<Mutex<BTreeMap<String, Deliver>>>;

/// Tests begin at the same time, and what is the same for all of them is applied by one after the other.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

impl Cluster {
    /// Starts a delivery system for a namespace: kind `DeploymentTask` of `delivery.example/v1`, in namespaces.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn delivery(&self, namespace: &str) -> Result<Delivery, BedError> {
        let _turn = TURN.lock().await;
        self.define(&format!("{GROUP}/{VERSION}"), KIND, true).await?;
        let tasks = format!("{}s", KIND.to_lowercase());
        let rule = |group: &str, resource: &str, verbs: &[&str]| json!({ "apiGroups": [group], "resources": [resource], "verbs": verbs });
        self.apply(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": { "name": "delivery" },
            "rules": [
                rule(GROUP, &tasks, &["get", "list"]),
                rule(GROUP, &format!("{tasks}/status"), &["patch"]),
                rule("apps", "deployments", &["get", "patch"]),
                rule("argoproj.io", "rollouts", &["get", "patch"]),
            ],
        }))
        .await?;
        self.apply(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": { "name": "delivery" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "delivery" },
            "subjects": [{ "kind": "ServiceAccount", "namespace": "delivery", "name": "controller" }],
        }))
        .await?;
        let client = self.client(&Delivery::user()).await?;
        let known = Known::default();
        let working = tokio::spawn(work(client, namespace.to_owned(), known.clone()));
        Ok(Delivery { working, known })
    }
}

impl Delivery {
    /// Who it is.
    pub fn user() -> User {
        User::service_account("delivery", "controller")
    }

    /// Says what becomes of a deployment.
    pub fn say(&self, deployment: &str, becomes: Deliver) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(deployment.to_owned(), becomes);
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.working.abort();
    }
}

async fn work(client: Client, namespace: String, known: Known) {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, VERSION, KIND));
    let tasks: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &resource);
    let workloads = Workloads {
        deployments: Api::namespaced(client.clone(), &namespace),
        rollouts: Api::namespaced(client, &namespace),
    };
    loop {
        // What is not answered now is asked for again.
        let listed = tasks.list(&ListParams::default()).await.map(|list| list.items).unwrap_or_default();
        for task in listed.iter().filter(|task| !has_ended(task)) {
            let name = task.metadata.name.as_deref().unwrap_or_default();
            let status = json!({ "status": done(&workloads, &task.data["spec"], &known).await });
            let _ = tasks.patch_status(name, &PatchParams::default(), &Patch::Merge(&status)).await;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

fn has_ended(task: &DynamicObject) -> bool {
    ["Succeeded", "Failed"].iter().any(|phase| task.data["status"]["phase"] == *phase)
}

/// Does what a task says, and tells what came of it.
async fn done(workloads: &Workloads, spec: &Value, known: &Known) -> Value {
    let word = |field: &str| spec[field].as_str().unwrap_or_default();
    let said = known.lock().unwrap_or_else(PoisonError::into_inner).get(word("deployment")).cloned();
    let patch = match (said, &spec["images"]) {
        (Some(Deliver::Hangs), _) => return json!({ "phase": "Deploying" }),
        (Some(Deliver::Manifests(patch)), _) => patch,
        (None, Value::Object(images)) => {
            let containers: Vec<Value> =
                images.iter().map(|(name, image)| json!({ "name": name, "image": image })).collect();
            json!({ "spec": { "template": { "spec": { "containers": containers } } } })
        }
        (None, _) => {
            return json!({ "phase": "Failed", "message": format!("no manifests of deployment {}", word("deployment")) });
        }
    };
    match workloads.patch(word("kind"), word("application"), &patch).await {
        Ok(true) => json!({ "phase": "Succeeded" }),
        Ok(false) => json!({ "phase": "Promoting" }),
        Err(error) => json!({ "phase": "Failed", "message": error.to_string() }),
    }
}

/// What it deploys to.
struct Workloads {
    deployments: Api<Deployment>,
    rollouts: Api<Rollout>,
}

impl Workloads {
    /// Patches one, and answers whether all is done.
    async fn patch(&self, kind: &str, name: &str, patch: &Value) -> kube::Result<bool> {
        let params = PatchParams { field_manager: Some("delivery".to_owned()), ..PatchParams::default() };
        if kind != "Rollout" {
            return self.deployments.patch(name, &params, &Patch::Strategic(patch)).await.map(|_| true);
        }
        let Rollout { metadata, status, .. } = self.rollouts.patch(name, &params, &Patch::Merge(patch)).await?;
        let is_seen = |status: &RolloutStatus| {
            metadata.generation.is_some_and(|number| number.to_string() == status.observed_generation)
        };
        Ok(status.is_some_and(|status| {
            is_seen(&status) && status.phase == "Healthy" && status.stable == status.current_pod_hash
        }))
    }
}
