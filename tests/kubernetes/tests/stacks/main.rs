//! What the controller of StackSets does with them and with what it makes of them. These hold for the real one and for the
//! controller of the bed that stands in for it: `CONDUCTOR_STACKS` says which of the two is here.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod autoscaled;
mod made;
mod plain;
mod rights;
#[path = "../support/mod.rs"]
mod support;
mod traffic;

use std::fmt::Debug;
use std::time::Duration;

use conductor_kubernetes_bed::{Stack, StackSet, stack_set, until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use support::{PATIENCE, api, namespace};

/// How long it is looked whether nothing more is done: for some looks of the controller and one of the autoscalers.
pub(crate) const A_WHILE: Duration = Duration::from_secs(3);

pub(crate) const GENERATION: &str = "stackset-controller.zalando.org/stack-generation";

/// The only StackSet of a namespace, `shop`, with its first Stack `shop-v1`.
pub(crate) struct Shop {
    pub(crate) sets: Api<StackSet>,
    pub(crate) stacks: Api<Stack>,
    pub(crate) deployments: Api<Deployment>,
    pub(crate) autoscalers: Api<HorizontalPodAutoscaler>,
}

impl Shop {
    /// A StackSet, once its first Stack has its pods and all traffic.
    pub(crate) async fn of(name: &str, set: StackSet) -> Self {
        let (cluster, client) = namespace(name).await;
        cluster.stack_sets().await.unwrap_or_else(|error| panic!("{error}"));
        let shop = Self {
            sets: api(&client, name),
            stacks: api(&client, name),
            deployments: api(&client, name),
            autoscalers: api(&client, name),
        };
        let replicas = set.spec.stack_template.spec.stack.replicas.unwrap_or(1);
        shop.sets.create(&Default::default(), &set).await.unwrap();
        shop.has("shop-v1", replicas).await;
        shop.serves("shop-v1").await;
        shop
    }

    pub(crate) async fn plain(name: &str) -> Self {
        Self::of(name, stack_set("shop", 2, None)).await
    }

    /// From one replica to four.
    pub(crate) async fn autoscaled(name: &str) -> Self {
        let shop = Self::of(name, stack_set("shop", 2, Some(1..=4))).await;
        shop.bounds(1, 4).await;
        shop
    }

    pub(crate) async fn stack(&self) -> Stack {
        self.stacks.get("shop-v1").await.unwrap()
    }

    pub(crate) async fn deployment(&self) -> Deployment {
        self.deployments.get("shop-v1").await.unwrap()
    }

    pub(crate) async fn replicas(&self) -> i32 {
        self.deployment().await.spec.unwrap().replicas.unwrap()
    }

    /// Waits until a Stack has all traffic.
    pub(crate) async fn serves(&self, name: &str) {
        until(&format!("{name} has all traffic"), PATIENCE, async || {
            let status = self.stacks.get_opt(name).await.unwrap()?.status?;
            (status.actual_traffic_weight >= 100.0).then_some(())
        })
        .await;
    }

    /// Waits until the Deployment of a Stack wants so many replicas, and has them.
    pub(crate) async fn has(&self, name: &str, replicas: i32) {
        until(&format!("{replicas} replicas of {name}"), PATIENCE, async || {
            let found = self.deployments.get_opt(name).await.unwrap()?;
            let ready = found.status.as_ref()?.ready_replicas.unwrap_or_default();
            (found.spec.as_ref()?.replicas == Some(replicas) && ready == replicas).then_some(())
        })
        .await;
    }

    /// Looks for a while whether the Deployment wants so many replicas all the time.
    pub(crate) async fn keeps(&self, replicas: i32) {
        let begun = tokio::time::Instant::now();
        while begun.elapsed() < A_WHILE {
            assert_eq!(self.replicas().await, replicas, "after {:?}", begun.elapsed());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until the autoscaler has these bounds.
    pub(crate) async fn bounds(&self, least: i32, most: i32) -> HorizontalPodAutoscaler {
        until(&format!("an autoscaler from {least} to {most}"), PATIENCE, async || {
            let found = self.autoscalers.get_opt("shop-v1").await.unwrap()?;
            ((found.spec.min_replicas, found.spec.max_replicas) == (Some(least), most)).then_some(found)
        })
        .await
    }

    /// Waits until the Deployment is made of the Stack as it is.
    pub(crate) async fn carried(&self) -> Deployment {
        let generation = self.stack().await.metadata.generation.unwrap().to_string();
        until("the Stack is carried to its Deployment", PATIENCE, async || {
            Some(self.deployment().await).filter(|found| found.annotations().get(GENERATION) == Some(&generation))
        })
        .await
    }
}

/// Changes an object by a merge patch.
pub(crate) async fn change<K>(objects: &Api<K>, name: &str, change: Value) -> K
where
    K: Clone + Debug + DeserializeOwned,
{
    objects.patch(name, &PatchParams::default(), &Patch::Merge(change)).await.unwrap()
}

/// An annotation that is nobody's business here.
pub(crate) fn annotated() -> Value {
    json!({ "annotations": { "team.example/owner": "a" } })
}
