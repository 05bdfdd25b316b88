//! Following a rollout in a cluster that all tests share, each in a namespace of its own.

use std::fmt::Debug;
use std::time::Instant;

use conductor_kubernetes_bed::{Cluster, ClusterSettings, User};
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{ListParams, Patch, PatchParams};
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use super::*;

/// How long anything may take on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

/// An admin's client and a fresh namespace of the cluster, whose processes end with this one: it is never dropped.
pub(super) async fn namespace(name: &str) -> Client {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    let start = async || Cluster::start(ClusterSettings::default()).await.unwrap_or_else(|error| panic!("{error}"));
    let cluster = CLUSTER.get_or_init(start).await;
    cluster.namespace(name).await.unwrap();
    cluster.client(&User::Admin).await.unwrap()
}

/// Changes an object.
pub(super) async fn patch<K: Clone + DeserializeOwned + Debug>(objects: &Api<K>, name: &str, change: &Value) -> K {
    objects.patch(name, &PatchParams::default(), &Patch::Strategic(change)).await.unwrap()
}

/// What following a rollout led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Settled(u32),
    Failed(String),
}

/// The Deployment or StatefulSet `shop` of a namespace.
pub(super) struct Watched {
    pub(super) client: Client,
    pub(super) namespace: String,
}

impl Watched {
    pub(super) fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn pods(&self) -> Vec<Pod> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        pods.list(&ListParams::default()).await.unwrap().items
    }

    /// Follows the Deployment to its end; time runs so many times faster than it does.
    pub(super) async fn follow(&self, wanted: &Wanted, speed: u32) -> End {
        let sets: Api<ReplicaSet> = Api::namespaced(self.client.clone(), &self.namespace);
        let (begun, start) = (Instant::now(), Timestamp::UNIX_EPOCH);
        let (mut steady, mut troubles) = (Steady::new(Steady::HOLD), Troubles::new(Troubles::SCHEDULE_WITHIN));
        let mut told = Vec::new();
        loop {
            assert!(begun.elapsed() < PATIENCE, "{told:#?}");
            let live = self.deployments().get("shop").await.unwrap();
            let sets = sets.list(&ListParams::default()).await.unwrap().items;
            let pods = self.pods().await;
            let now = start + begun.elapsed() * speed;
            let progress = deployment(&live, wanted);
            if let Progress::Settled { replicas } = progress {
                assert_all_ready(&pods, wanted, replicas);
            }
            if let Some(hash) = newest_hash(&live, &sets)
                && let Outlook::Failed(text) = troubles.see(now, of_revision(&pods, hash))
            {
                return End::Failed(text);
            }
            match steady.see(now, progress) {
                Progress::Settled { replicas } => return End::Settled(replicas),
                Progress::Failed(text) => return End::Failed(text),
                Progress::Underway { text, .. } => told.push(text),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Follows the StatefulSet until it has settled or failed.
    pub(super) async fn follow_set(&self, wanted: &Wanted) -> End {
        let sets: Api<StatefulSet> = Api::namespaced(self.client.clone(), &self.namespace);
        let begun = Instant::now();
        let mut told = Vec::new();
        loop {
            assert!(begun.elapsed() < PATIENCE, "{told:#?}");
            match stateful_set(&sets.get("shop").await.unwrap(), wanted) {
                Progress::Settled { replicas } => {
                    assert_all_ready(&self.pods().await, wanted, replicas);
                    return End::Settled(replicas);
                }
                Progress::Failed(text) => return End::Failed(text),
                Progress::Underway { text, .. } => told.push(text),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Holds the pods against what was said of them. One that crashed since then was ready.
fn assert_all_ready(pods: &[Pod], wanted: &Wanted, replicas: u32) {
    assert_eq!(pods.len(), usize::try_from(replicas).unwrap(), "a pod too many or too few");
    for pod in pods {
        let image = pod.spec.as_ref().unwrap().containers[0].image.as_ref();
        assert_eq!(image, wanted.images.get("main"), "a pod of another version");
        let status = &pod.status.as_ref().unwrap().container_statuses.as_ref().unwrap()[0];
        assert!(status.ready || status.restart_count > 0, "{status:?}");
    }
}
