//! Everything of a namespace that belongs to users, to be compared: exactly, but for what no restore can bring back.

use std::collections::BTreeMap;
use std::fmt::Debug;

use conductor_kubernetes_bed::{Rollout, ScaledObject, SearchCluster, Stack, StackSet};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, LimitRange, ResourceQuota, Secret, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{ApiResource, DynamicObject};
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::bed::Bed;

/// Objects as they are, by kind and name.
pub(crate) type Everything = BTreeMap<String, Value>;

impl Bed {
    /// Everything in the namespace that belongs to users. ReplicaSets are left out: those of other versions stay.
    pub(crate) async fn everything(&self) -> Everything {
        let mut all = Everything::new();
        add(&mut all, &self.api::<Deployment>()).await;
        add(&mut all, &self.api::<StatefulSet>()).await;
        add(&mut all, &self.api::<HorizontalPodAutoscaler>()).await;
        add_custom::<ScaledObject>(&mut all, self).await;
        add_custom::<Rollout>(&mut all, self).await;
        add_custom::<SearchCluster>(&mut all, self).await;
        add_custom::<StackSet>(&mut all, self).await;
        add_custom::<Stack>(&mut all, self).await;
        add(&mut all, &self.api::<ConfigMap>()).await;
        add(&mut all, &self.api::<Secret>()).await;
        add(&mut all, &self.api::<Service>()).await;
        add(&mut all, &self.api::<ServiceAccount>()).await;
        add(&mut all, &self.api::<Lease>()).await;
        add(&mut all, &self.api::<LimitRange>()).await;
        add(&mut all, &self.api::<ResourceQuota>()).await;
        add(&mut all, &self.api::<PodDisruptionBudget>()).await;
        all
    }

    /// The objects of a kind with all that they have.
    pub(crate) fn untyped<K: Resource<DynamicType = ()>>(&self) -> Api<DynamicObject> {
        Api::namespaced_with(self.admin.clone(), &self.namespace, &ApiResource::erase::<K>(&()))
    }

    /// The pods that each Deployment has of older versions: none, where a way back is at its end.
    pub(crate) async fn older_replicas(&self) -> i32 {
        let sets = self.api::<ReplicaSet>().list(&Default::default()).await.unwrap();
        let revision = |set: &ReplicaSet| -> Option<(String, u64)> {
            let number = set.metadata.annotations.as_ref()?.get(REVISION)?.parse().ok()?;
            Some((set.metadata.owner_references.as_ref()?.first()?.name.clone(), number))
        };
        let mut newest = BTreeMap::new();
        for (owner, number) in sets.items.iter().filter_map(revision) {
            let found = newest.entry(owner).or_insert(number);
            *found = number.max(*found);
        }
        let older = sets
            .items
            .iter()
            .filter(|set| revision(set).is_some_and(|(owner, number)| newest.get(&owner) != Some(&number)));
        older.map(|set| set.status.as_ref().map_or(0, |status| status.replicas)).sum()
    }
}

/// The same, where replicas that an autoscaler may choose are its own affair.
pub(crate) fn but_for_what_autoscalers_choose(mut all: Everything) -> Everything {
    let autoscalers = all.values().filter(|object| object["spec"]["minReplicas"].is_number());
    let bounds: Vec<(String, i64, i64)> = autoscalers
        .map(|object| {
            let spec = &object["spec"];
            let [min, max] = ["minReplicas", "maxReplicas"].map(|end| spec[end].as_i64().unwrap());
            let [kind, name] = ["kind", "name"].map(|part| spec["scaleTargetRef"][part].as_str().unwrap());
            (format!("{kind} {name}"), min, max)
        })
        .collect();
    for (name, min, max) in bounds {
        let path = if name.starts_with("SearchCluster ") { "/spec/nodes/data" } else { "/spec/replicas" };
        let Some(replicas) = all.get_mut(&name).and_then(|object| object.pointer_mut(path)) else { continue };
        if (min..=max).contains(&replicas.as_i64().unwrap()) {
            *replicas = json!("what an autoscaler chooses");
        }
    }
    all
}

/// The annotation in which the controller counts rollouts.
const REVISION: &str = "deployment.kubernetes.io/revision";
/// The same of Argo Rollouts.
const ROLLOUT_REVISION: &str = "rollout.argoproj.io/revision";
/// The annotation with the generation of the Stack that an object was made of.
const GENERATION_OF_STACK: &str = "stackset-controller.zalando.org/stack-generation";

async fn add<K>(all: &mut Everything, objects: &Api<K>)
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize,
{
    let list = objects.list(&Default::default()).await.unwrap();
    let named = |object: &K| (format!("{} {}", K::kind(&()), object.meta().name.clone().unwrap()), bare(object));
    all.extend(list.items.iter().map(named));
}

/// Custom resources with all that they have, where the cluster knows them.
async fn add_custom<K: Resource<DynamicType = ()>>(all: &mut Everything, bed: &Bed) {
    let objects = bed.untyped::<K>();
    match objects.list(&Default::default()).await {
        Ok(list) => {
            let named = |object: &DynamicObject| {
                let mut value = bare(object);
                // What stops on its way to a version is not there.
                if let Some(stable) = object.data["status"].get("stableRS") {
                    value["isPromoted"] = json!(*stable == object.data["status"]["currentPodHash"]);
                }
                (format!("{} {}", K::kind(&()), object.metadata.name.clone().unwrap()), value)
            };
            all.extend(list.items.iter().map(named));
        }
        Err(kube::Error::Api(status)) if status.code == 404 => {}
        Err(error) => panic!("{error}"),
    }
}

/// An object without status, managedFields, generation, resourceVersion and revision. Everything else counts: identity, labels,
/// every other annotation, owners, the whole spec.
fn bare(object: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(object).unwrap();
    value.as_object_mut().unwrap().remove("status");
    let meta = value["metadata"].as_object_mut().unwrap();
    for field in ["managedFields", "generation", "resourceVersion"] {
        meta.remove(field);
    }
    if let Some(annotations) = meta.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove(REVISION);
        annotations.remove(ROLLOUT_REVISION);
        annotations.remove(GENERATION_OF_STACK);
        // None and an empty map are the same to the API server.
        if annotations.is_empty() {
            meta.remove("annotations");
        }
    }
    value
}
