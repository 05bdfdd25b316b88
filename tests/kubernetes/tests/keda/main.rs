//! What KEDA does with ScaledObjects and with what they scale. These hold for KEDA itself and for the controller of the bed
//! that stands in for it: `CONDUCTOR_KEDA` says which of the two is here.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod annotations;
mod bounds;
mod idle;
mod pause;
mod rights;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use conductor_kubernetes_bed::{Behaviour, ScaledObject, Trigger, deployment, scaled_object, until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use support::{PATIENCE, api, namespace};

/// How long it is looked whether nothing more is done: for three looks at the triggers and one of the autoscalers.
pub(crate) const A_WHILE: Duration = Duration::from_secs(3);

/// The only ScaledObject of a namespace, with its Deployment `shop`.
pub(crate) struct Shop {
    pub(crate) objects: Api<ScaledObject>,
    pub(crate) autoscalers: Api<HorizontalPodAutoscaler>,
    pub(crate) deployments: Api<Deployment>,
}

impl Shop {
    /// A Deployment with so many replicas, under the eyes of KEDA but without a ScaledObject.
    pub(crate) async fn unscaled(name: &str, replicas: i32) -> Self {
        let (cluster, client) = namespace(name).await;
        cluster.keda().await.unwrap_or_else(|error| panic!("{error}"));
        let shop =
            Self { objects: api(&client, name), autoscalers: api(&client, name), deployments: api(&client, name) };
        let pods = deployment("shop", replicas, Behaviour::Ready);
        shop.deployments.create(&Default::default(), &pods).await.unwrap();
        shop
    }

    /// A Deployment with so many replicas and a ScaledObject that is ready.
    pub(crate) async fn scaled(name: &str, replicas: i32, object: ScaledObject) -> Self {
        let shop = Self::unscaled(name, replicas).await;
        shop.objects.create(&Default::default(), &object).await.unwrap();
        shop.condition("Ready", "True").await;
        shop
    }

    /// One with two to five replicas and an active trigger.
    pub(crate) async fn usual(name: &str) -> Self {
        Self::scaled(name, 2, scaled_object("shop", 2..=5, Trigger::active())).await
    }

    pub(crate) async fn object(&self) -> ScaledObject {
        self.objects.get("shop").await.unwrap()
    }

    pub(crate) async fn autoscaler(&self) -> Option<HorizontalPodAutoscaler> {
        self.autoscalers.get_opt("keda-hpa-shop").await.unwrap()
    }

    pub(crate) async fn replicas(&self) -> i32 {
        self.deployments.get("shop").await.unwrap().spec.unwrap().replicas.unwrap()
    }

    /// Changes the ScaledObject by a merge patch.
    pub(crate) async fn change(&self, change: Value) -> ScaledObject {
        self.objects.patch("shop", &PatchParams::default(), &Patch::Merge(change)).await.unwrap()
    }

    pub(crate) async fn annotate(&self, annotations: Value) {
        self.change(json!({ "metadata": { "annotations": annotations } })).await;
    }

    /// Wants another number of replicas of the Deployment.
    pub(crate) async fn scale(&self, replicas: i32) {
        let change = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
        self.deployments.patch("shop", &PatchParams::default(), &change).await.unwrap();
    }

    /// Waits until the ScaledObject says something.
    pub(crate) async fn condition(&self, kind: &str, status: &str) {
        until(&format!("{kind} is {status}"), PATIENCE, async || {
            let object = self.object().await;
            let condition = object.status.as_ref()?.condition(kind)?;
            (condition.status == status).then_some(())
        })
        .await;
    }

    /// Waits until there is an autoscaler with these bounds.
    pub(crate) async fn bounds(&self, least: i32, most: i32) -> HorizontalPodAutoscaler {
        until(&format!("an autoscaler from {least} to {most}"), PATIENCE, async || {
            let autoscaler = self.autoscaler().await?;
            let bounds = (autoscaler.spec.min_replicas, autoscaler.spec.max_replicas);
            (bounds == (Some(least), most)).then_some(autoscaler)
        })
        .await
    }

    pub(crate) async fn no_autoscaler(&self) {
        until("no autoscaler", PATIENCE, async || self.autoscaler().await.is_none().then_some(())).await;
    }

    /// Waits until the Deployment is wanted to have so many replicas, and has them.
    pub(crate) async fn has(&self, replicas: i32) {
        until(&format!("{replicas} replicas"), PATIENCE, async || {
            let shop = self.deployments.get("shop").await.unwrap();
            let ready = shop.status.as_ref()?.ready_replicas.unwrap_or_default();
            (self.replicas().await == replicas && ready == replicas).then_some(())
        })
        .await;
    }

    /// Looks for a while whether the Deployment is wanted to have so many replicas all the time.
    pub(crate) async fn keeps(&self, replicas: i32) {
        let begun = tokio::time::Instant::now();
        while begun.elapsed() < A_WHILE {
            assert_eq!(self.replicas().await, replicas, "after {:?}", begun.elapsed());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

pub(crate) fn uid(object: &impl ResourceExt) -> String {
    object.uid().unwrap()
}
