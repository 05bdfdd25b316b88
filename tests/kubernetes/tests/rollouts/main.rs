//! What Argo Rollouts does with Rollouts and their ReplicaSets. These hold for Argo Rollouts itself and for the controller of
//! the bed that stands in for it: `CONDUCTOR_ROLLOUTS` says which of the two is here.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod blue_green;
mod canary;
mod failures;
mod replicas;
mod rights;
#[path = "../support/mod.rs"]
mod support;
mod template;

use std::time::Duration;

use conductor_kubernetes_bed::{
    Behaviour, BlueGreen, Rollout, RolloutStatus, Step, blue_green, rollout, service, until,
};
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use support::{PATIENCE, api, namespace};

/// The label with the hash of a template.
pub(crate) const HASH: &str = "rollouts-pod-template-hash";
/// The annotation with the number of a version.
pub(crate) const REVISION: &str = "rollout.argoproj.io/revision";

/// How long nothing is written when nothing is left to be written.
const REST: Duration = Duration::from_millis(400);

/// The only Rollout of a namespace, `shop`.
pub(crate) struct Shop {
    pub(crate) rollouts: Api<Rollout>,
    pub(crate) sets: Api<ReplicaSet>,
    pub(crate) services: Api<Service>,
}

impl Shop {
    /// A Rollout as it is made, under the eyes of Argo Rollouts.
    pub(crate) async fn of(name: &str, made: &Rollout) -> Self {
        let (cluster, client) = namespace(name).await;
        cluster.rollouts().await.unwrap_or_else(|error| panic!("{error}"));
        let shop = Self { rollouts: api(&client, name), sets: api(&client, name), services: api(&client, name) };
        if let Some(BlueGreen { active_service, preview_service, .. }) = &made.spec.strategy.blue_green {
            for service in [Some(active_service), preview_service.as_ref()].into_iter().flatten() {
                shop.make_service(service).await;
            }
        }
        shop.rollouts.create(&Default::default(), made).await.unwrap();
        shop
    }

    pub(crate) async fn make_service(&self, name: &str) {
        self.services.create(&Default::default(), &service(name, "shop")).await.unwrap();
    }

    /// One with so many replicas, which is healthy and switches these Services.
    pub(crate) async fn blue_green(name: &str, replicas: i32, switched: BlueGreen) -> Self {
        let shop = Self::of(name, &blue_green("shop", replicas, Behaviour::Ready, switched)).await;
        shop.phase("Healthy").await;
        shop
    }

    /// One with so many replicas and these steps, which is healthy.
    pub(crate) async fn healthy(name: &str, replicas: i32, steps: &[Step]) -> Self {
        let shop = Self::of(name, &rollout("shop", replicas, Behaviour::Ready, steps)).await;
        shop.phase("Healthy").await;
        shop
    }

    pub(crate) async fn get(&self) -> Rollout {
        self.rollouts.get("shop").await.unwrap()
    }

    pub(crate) async fn status(&self) -> RolloutStatus {
        self.get().await.status.unwrap_or_default()
    }

    /// Waits until nothing is written to it for a moment. Argo Rollouts puts the answers to its own writes over what it hears of
    /// Rollouts, and does not see a change that is made at such a moment before the next one.
    async fn at_rest(&self) {
        let version = async || self.get().await.metadata.resource_version;
        let mut before = version().await;
        until("nothing is written", PATIENCE, async || {
            tokio::time::sleep(REST).await;
            let now = version().await;
            (std::mem::replace(&mut before, now.clone()) == now).then_some(())
        })
        .await;
    }

    /// Changes it by a merge patch.
    pub(crate) async fn change(&self, change: Value) -> Rollout {
        self.at_rest().await;
        self.rollouts.patch("shop", &PatchParams::default(), &Patch::Merge(change)).await.unwrap()
    }

    pub(crate) async fn change_status(&self, change: Value) {
        self.at_rest().await;
        let change = Patch::Merge(json!({ "status": change }));
        self.rollouts.patch_status("shop", &PatchParams::default(), &change).await.unwrap();
    }

    /// Gives it another image.
    pub(crate) async fn version(&self, number: u32) {
        self.change(version(number, &json!({}))).await;
    }

    /// Waits until its newest generation was seen and something holds of its status.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&RolloutStatus, i32) -> bool) -> RolloutStatus {
        until(what, PATIENCE, async || {
            let shop = self.get().await;
            let replicas = shop.spec.replicas.unwrap_or(1);
            let generation = shop.metadata.generation.unwrap().to_string();
            shop.status.filter(|status| status.observed_generation == generation && holds(status, replicas))
        })
        .await
    }

    /// Waits until it is in a phase; one that is healthy has all its replicas.
    pub(crate) async fn phase(&self, phase: &str) -> RolloutStatus {
        self.until(phase, |status, replicas| {
            let counts = [status.replicas, status.updated_replicas, status.ready_replicas, status.available_replicas];
            status.phase == phase && (phase != "Healthy" || (counts == [replicas; 4] && is_promoted(status)))
        })
        .await
    }

    /// The replicas that each version has, by the number of its image.
    pub(crate) async fn versions(&self) -> Vec<(u32, i32)> {
        let sets = self.sets.list(&ListParams::default()).await.unwrap().items;
        let version = |set: ReplicaSet| {
            let spec = set.spec?;
            let image = spec.template?.spec?.containers[0].image.clone()?;
            Some((image.rsplit(':').next()?.parse().ok()?, spec.replicas?))
        };
        let mut found: Vec<(u32, i32)> = sets.into_iter().filter_map(version).collect();
        found.sort_unstable();
        found
    }

    pub(crate) async fn has(&self, versions: &[(u32, i32)]) {
        until(&format!("{versions:?}"), PATIENCE, async || (self.versions().await == versions).then_some(())).await;
    }
}

/// The change to another image, with another change to the spec.
pub(crate) fn version(number: u32, more: &Value) -> Value {
    let mut template = rollout("shop", 1, Behaviour::Ready, &[]).spec.template;
    template["spec"]["containers"][0]["image"] = json!(format!("registry.example/shop:{number}"));
    let mut change = json!({ "spec": { "template": template } });
    for (field, value) in more.as_object().into_iter().flatten() {
        change["spec"][field] = value.clone();
    }
    change
}

pub(crate) fn is_promoted(status: &RolloutStatus) -> bool {
    !status.stable.is_empty() && status.stable == status.current_pod_hash
}
