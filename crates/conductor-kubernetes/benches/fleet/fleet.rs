//! The Deployments: one container each, whose pods are ready at once.

use std::path::PathBuf;
use std::time::Duration;

use conductor_kubernetes_bed::{Behaviour, Cluster, User, deployment, until};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::{Way, user};

/// Namespaces of the full fleet, and its Deployments.
const FULL: [usize; 2] = [40, 1122];
/// How long everything together may take.
const PATIENCE: Duration = Duration::from_secs(600);

const CONDUCTOR: &str = include_str!("../../../../deploy/kubernetes/conductor.yaml");
const FREEZE: [&str; 3] = [
    include_str!("../../../../deploy/kubernetes/freeze/crd.yaml"),
    include_str!("../../../../deploy/kubernetes/freeze/policy.yaml"),
    include_str!("../../../../deploy/kubernetes/freeze/binding.yaml"),
];

/// Deployments in namespaces of a cluster.
pub(crate) struct Fleet {
    /// Namespace and name of each.
    pub(crate) places: Vec<(String, String)>,
    pub(crate) namespaces: Vec<String>,
    /// How the conductor and the floor reach the cluster.
    pub(crate) kubeconfig: PathBuf,
    admin: Client,
}

/// Replicas and the requests of the container.
pub(crate) fn wanted(way: Way) -> (u32, [(&'static str, &'static str); 2]) {
    match way {
        Way::Up => (3, [("cpu", "200m"), ("memory", "128Mi")]),
        Way::Back => (1, [("cpu", "100m"), ("memory", "64Mi")]),
    }
}

/// The requests as Kubernetes has them.
pub(crate) fn requests(way: Way) -> Value {
    wanted(way)
        .1
        .into_iter()
        .map(|(name, amount)| (name.to_owned(), json!(amount)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

impl Fleet {
    pub(crate) async fn make(cluster: &Cluster, size: usize) -> Self {
        let count = (size * FULL[0]).div_ceil(FULL[1]);
        let namespaces: Vec<String> = (0..count).map(|index| format!("fleet-{index:02}")).collect();
        let place = |index: usize| (namespaces[index % count].clone(), format!("app-{index:04}"));
        let places: Vec<_> = (0..size).map(place).collect();
        let admin = cluster.client(&User::Admin).await.unwrap();
        println!("making {size} Deployments in {count} namespaces");
        install(&admin, CONDUCTOR).await;
        stream::iter(&namespaces).for_each_concurrent(8, async |name| cluster.namespace(name).await.unwrap()).await;
        let made = stream::iter(&places).map(|(namespace, name)| {
            let api: Api<Deployment> = Api::namespaced(admin.clone(), namespace);
            async move { api.create(&Default::default(), &small(name)).await.map(drop) }
        });
        made.buffer_unordered(8).try_collect::<()>().await.unwrap();
        let fleet = Self { places, namespaces, kubeconfig: cluster.kubeconfig(&user()).unwrap(), admin };
        fleet.await_settled().await;
        fleet
    }

    /// Waits until the controllers have nothing to do any more.
    pub(crate) async fn await_settled(&self) {
        let all: Api<Deployment> = Api::all(self.admin.clone());
        until("settled Deployments", PATIENCE, async || {
            tokio::time::sleep(Duration::from_secs(1)).await;
            // In pages, for the memory of this process is measured.
            let (mut page, mut settled) = (ListParams::default().limit(50), 0);
            loop {
                let list = all.list(&page).await.ok()?;
                settled += list.items.iter().filter(|deployment| is_settled(deployment)).count();
                match list.metadata.continue_.filter(|token| !token.is_empty()) {
                    Some(token) => page.continue_token = Some(token),
                    None => return (settled == self.places.len()).then_some(()),
                }
            }
        })
        .await;
    }

    /// Puts the admission policy in force, as an administrator does.
    pub(crate) async fn install_freeze(&self) {
        for manifest in FREEZE {
            install(&self.admin, manifest).await;
            let definitions: Api<CustomResourceDefinition> = Api::all(self.admin.clone());
            until("established definitions", PATIENCE, async || {
                let all = definitions.list(&ListParams::default()).await.ok()?;
                all.iter().all(is_established).then_some(())
            })
            .await;
        }
    }
}

fn small(name: &str) -> Deployment {
    let mut made = deployment(name, 1, Behaviour::Ready);
    let containers = &mut made.spec.as_mut().unwrap().template.spec.as_mut().unwrap().containers;
    containers[0].resources = Some(serde_json::from_value(json!({ "requests": requests(Way::Back) })).unwrap());
    made
}

fn is_settled(deployment: &Deployment) -> bool {
    let (Some(spec), Some(status)) = (&deployment.spec, &deployment.status) else { return false };
    let counts = [status.replicas, status.updated_replicas, status.available_replicas];
    status.observed_generation == deployment.metadata.generation && counts.iter().all(|count| *count == spec.replicas)
}

fn is_established(definition: &CustomResourceDefinition) -> bool {
    let conditions = definition.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|one| one.type_ == "Established" && one.status == "True")
}

async fn install(admin: &Client, manifest: &str) {
    for object in serde_saphyr::from_multiple::<DynamicObject>(manifest).unwrap() {
        let types = object.types.as_ref().unwrap();
        let resource = ApiResource::from_gvk(&GroupVersionKind::try_from(types).unwrap());
        let api: Api<DynamicObject> = match &object.metadata.namespace {
            Some(namespace) => Api::namespaced_with(admin.clone(), namespace, &resource),
            None => Api::all_with(admin.clone(), &resource),
        };
        api.create(&Default::default(), &object).await.unwrap_or_else(|error| panic!("{types:?}: {error}"));
    }
}
