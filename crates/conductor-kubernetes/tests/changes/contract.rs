//! The contract of the ports, on Deployments. Production is another namespace of the cluster, seen by another account.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use conductor_contract::{APPLICATIONS, Marks, Version};
use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::ports::Production;
use conductor_core::release::Release;
use conductor_kubernetes::KubernetesEnvironment;
use conductor_kubernetes_bed::{AuditLog, User, until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde_json::json;

use crate::bed::{Bed, PATIENCE, cluster, conductor};
use crate::plans::{production, with_resources};

conductor_contract::cases!(Deployments, Marks);

/// Replicas in production; there are two in the test environment.
const IN_PRODUCTION: u32 = 3;

struct Deployments {
    bed: Bed,
    /// The namespace of production.
    live: String,
}

/// The conductor, as production knows it.
fn reader() -> User {
    User::service_account("loadtest-conductor", "loadtest-conductor-reader")
}

impl Deployments {
    fn in_production<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.bed.admin.clone(), &self.live)
    }

    async fn audit(&self) -> AuditLog {
        cluster().await.audit().await.unwrap()
    }
}

/// What conductors have written, or tried to write, in a namespace.
fn writes(log: &AuditLog, namespace: &str, are_done: bool) -> Vec<String> {
    let ours = [conductor().name(), reader().name()];
    let its = log.entries().iter().filter(|entry| ours.contains(&entry.user) && entry.object.namespace == namespace);
    let its = its.filter(|entry| !are_done || entry.code < 300);
    its.map(|entry| format!("{} {} {}", entry.verb, entry.object.resource, entry.object.name)).collect()
}

/// Waits until all replicas that are wanted are ready and of the newest version.
async fn settle(deployments: &Api<Deployment>, name: &str) {
    until(&format!("{name} is ready"), PATIENCE, async || {
        let ready = ready(&deployments.get(name).await.unwrap());
        ready.filter(|(ready, wanted)| ready == wanted)
    })
    .await;
}

/// How many replicas are ready of the newest version, and how many there shall be; `None` where that is not known yet.
fn ready(deployment: &Deployment) -> Option<(u32, u32)> {
    let status = deployment.status.as_ref()?;
    let is_known = status.observed_generation == deployment.metadata.generation;
    let count = |number: Option<i32>| u32::try_from(number.unwrap_or_default()).unwrap();
    let ready = count(status.ready_replicas).min(count(status.updated_replicas));
    is_known.then(|| (ready, count(deployment.spec.as_ref().unwrap().replicas)))
}

impl conductor_contract::Bed for Deployments {
    type Conductor = KubernetesEnvironment;
    type Knowledge = Marks;

    async fn fresh() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let namespace = format!("contract-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let live = format!("{namespace}-live");
        let known: Vec<&str> = APPLICATIONS.into_iter().chain(["absent"]).collect();
        let bed = Bed::new(&namespace, &known).await;
        cluster().await.namespace(&live).await.unwrap();
        let kubeconfig = cluster().await.kubeconfig(&reader()).unwrap();
        let seen = json!({ "kubeconfig": kubeconfig, "sameCluster": true, "namespaces": { &namespace: live } });
        let bed = Self { bed: bed.with(&json!({ "production": seen })), live };
        let (test, live) = (bed.bed.api::<Deployment>(), bed.in_production::<Deployment>());
        for name in APPLICATIONS {
            test.create(&PostParams::default(), &with_resources(name, 2)).await.unwrap();
            live.create(&PostParams::default(), &in_production(name)).await.unwrap();
        }
        for name in APPLICATIONS {
            settle(&test, name).await;
            settle(&live, name).await;
        }
        bed
    }

    async fn conductor(&self, epoch: u64) -> KubernetesEnvironment {
        self.bed.conductor(epoch).await
    }

    fn absent(&self) -> ApplicationId {
        "absent".parse().unwrap()
    }

    fn version(&self, application: &ApplicationId, version: Version) -> String {
        let tag = match version {
            Version::Fine => "7",
            Version::NeverReady => "hang",
            Version::Broken => "imagepull",
        };
        format!("registry.example/{application}:{tag}")
    }

    async fn state(&self) -> Vec<String> {
        self.bed.everything().await.into_iter().map(|(name, object)| format!("{name} {object}")).collect()
    }

    async fn ready(&self, application: &ApplicationId) -> u32 {
        let found = self.bed.api::<Deployment>().get(application.as_str()).await.unwrap();
        ready(&found).unwrap().0
    }

    async fn done(&self) -> Vec<String> {
        writes(&self.audit().await, &self.bed.namespace, true)
    }

    async fn production(&self) -> BTreeMap<ApplicationId, Production> {
        let pods = self.in_production::<Pod>().list(&ListParams::default()).await.unwrap();
        let found = pods.into_iter().map(|pod| {
            let name = pod.metadata.labels.unwrap()["app"].parse().unwrap();
            let image = pod.status.unwrap().container_statuses.unwrap()[0].image_id.clone();
            let release = Release::new(BTreeMap::from([("main".to_owned(), image)]));
            (name, Production::new(release, production(IN_PRODUCTION)))
        });
        found.collect()
    }

    async fn done_in_production(&self) -> Vec<String> {
        writes(&self.audit().await, &self.live, false)
    }

    async fn somebody_scales(&self, application: &ApplicationId, replicas: u32) {
        let replicas = format!("--replicas={replicas}");
        self.bed.kubectl(&["scale", &format!("deployment/{application}"), &replicas], "").await;
    }

    async fn somebody_deploys(&self, application: &ApplicationId, version: &str) {
        let image = format!("main={version}");
        self.bed.kubectl(&["set", "image", &format!("deployment/{application}"), &image], "").await;
    }
}

/// A Deployment of production: a newer version with more replicas and other resources.
fn in_production(name: &str) -> Deployment {
    let Allocation { replicas, resources, .. } = production(IN_PRODUCTION);
    let mut made = with_resources(name, i32::try_from(replicas).unwrap());
    let container = &mut made.spec.as_mut().unwrap().template.spec.as_mut().unwrap().containers[0];
    container.image = Some(format!("registry.example/{name}:2"));
    let mut given = json!({});
    for (resource, quantity) in &resources["main"] {
        let (kind, resource) = resource.split_once('.').unwrap();
        given[kind][resource] = json!(quantity);
    }
    container.resources = Some(serde_json::from_value(given).unwrap());
    made
}
