//! Whose a pod is: that of an application under test, of what makes load or answers in place of others, or of nobody here.

use std::collections::BTreeSet;

use conductor_core::layout::Placed;
use k8s_openapi::api::core::v1::Pod;

use crate::argo_rollout;
use crate::place::{Kind, Place};
use crate::rollout::POD_TEMPLATE_HASH;
use crate::settings::LayoutPods;

/// By what pods are told apart.
#[derive(Default)]
pub(super) struct Whose {
    /// What controls the pods of applications under test.
    pub(super) tested: BTreeSet<Place>,
    /// What controls those of load generators and mocks.
    pub(super) load: BTreeSet<Place>,
    /// What else the settings name as making load.
    pub(super) named: Vec<LayoutPods>,
    /// Pods, as `namespace/name`, of which it is known already.
    pub(super) known: BTreeSet<String>,
}

/// Whose a pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// That of an application under test.
    Tested,
    /// That of a load generator or a mock.
    Load,
}

/// A pod that has a node, and whose it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) side: Side,
    pub(super) placed: Placed,
}

/// The pods of both sides.
#[derive(Default)]
pub(super) struct Sides {
    pub(super) load: Vec<Placed>,
    pub(super) tested: Vec<Placed>,
}

impl FromIterator<Found> for Sides {
    fn from_iter<I: IntoIterator<Item = Found>>(found: I) -> Self {
        let mut sides = Self::default();
        for Found { side, placed } in found {
            match side {
                Side::Load => sides.load.push(placed),
                Side::Tested => sides.tested.push(placed),
            }
        }
        sides
    }
}

impl Whose {
    /// Whose a pod is, and where; `None` for one that is known already or of nobody here. An application under test is that,
    /// whatever else its labels say.
    pub(super) fn found(&self, pod: &Pod) -> Option<Found> {
        let placed = placed(pod).filter(|placed| !self.known.contains(&placed.pod))?;
        let controller = controller(pod);
        let is_of = |places: &BTreeSet<Place>| controller.as_ref().is_some_and(|place| places.contains(place));
        let side = if is_of(&self.tested) {
            Side::Tested
        } else if is_of(&self.load) || self.named.iter().any(|named| names(named, pod)) {
            Side::Load
        } else {
            return None;
        };
        Some(Found { side, placed })
    }
}

/// Where a pod is; `None` for one that has no node, is over, or is about to go.
pub(super) fn placed(pod: &Pod) -> Option<Placed> {
    let node = pod.spec.as_ref()?.node_name.clone().filter(|node| !node.is_empty())?;
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default();
    let is_going = pod.metadata.deletion_timestamp.is_some() || ["Succeeded", "Failed"].contains(&phase);
    let (namespace, name) = (pod.metadata.namespace.as_deref()?, pod.metadata.name.as_deref()?);
    (!is_going).then(|| Placed { node, pod: format!("{namespace}/{name}") })
}

fn names(named: &LayoutPods, pod: &Pod) -> bool {
    let has = |(key, value): (&String, &String)| label(pod, key) == Some(value);
    pod.metadata.namespace.as_ref() == Some(&named.namespace) && named.labels.iter().all(has)
}

fn label<'a>(pod: &'a Pod, key: &str) -> Option<&'a str> {
    pod.metadata.labels.as_ref()?.get(key).map(String::as_str)
}

/// What a pod is of. A ReplicaSet is called as what it is of and the hash of its template, which is a label of the pod too.
fn controller(pod: &Pod) -> Option<Place> {
    let namespace = pod.metadata.namespace.clone()?;
    let owner = pod.metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))?;
    if owner.kind != "ReplicaSet" {
        let kind = Kind::called(Some(&owner.api_version), &owner.kind)?;
        return Some(Place { namespace, kind, name: owner.name.clone() });
    }
    let hashes = [(argo_rollout::POD_TEMPLATE_HASH, Kind::Rollout), (POD_TEMPLATE_HASH, Kind::Deployment)];
    let (name, kind) = hashes.into_iter().find_map(|(key, kind)| {
        let name = owner.name.strip_suffix(label(pod, key)?)?.strip_suffix('-')?;
        Some((name.to_owned(), kind))
    })?;
    Some(Place { namespace, kind, name })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, node: Value, owner: &[&str; 3], labels: Value) -> Pod {
        let [api_version, kind, of] = owner;
        let owner = json!({ "apiVersion": api_version, "kind": kind, "name": of, "uid": "u", "controller": true });
        let meta = json!({ "namespace": "shop", "name": name, "labels": labels, "ownerReferences": [owner] });
        serde_json::from_value(json!({ "metadata": meta, "spec": { "nodeName": node, "containers": [] } })).unwrap()
    }

    fn place(kind: Kind, name: &str) -> Place {
        Place { namespace: "shop".to_owned(), kind, name: name.to_owned() }
    }

    fn whose() -> Whose {
        let pods = |labels: Value| {
            serde_json::from_value::<LayoutPods>(json!({ "namespace": "shop", "labels": labels })).unwrap()
        };
        Whose {
            tested: [place(Kind::Deployment, "checkout"), place(Kind::Rollout, "basket")].into(),
            load: [place(Kind::StatefulSet, "mocks")].into(),
            named: vec![pods(json!({ "makes": "load" }))],
            known: ["shop/known".to_owned()].into(),
        }
    }

    fn side(pod: &Pod) -> Option<Side> {
        whose().found(pod).map(|found| found.side)
    }

    #[test]
    fn a_pod_is_of_what_its_replica_set_is_of() {
        let of = |set: &str, labels: Value| side(&pod("one", json!("n"), &["apps/v1", "ReplicaSet", set], labels));
        assert_eq!(of("checkout-5f", json!({ "pod-template-hash": "5f" })), Some(Side::Tested));
        assert_eq!(of("checkout-mobile-5f", json!({ "pod-template-hash": "5f" })), None, "another Deployment");
        assert_eq!(of("checkout-5f", json!({})), None, "a ReplicaSet of nobody");
        assert_eq!(of("basket-7d", json!({ "rollouts-pod-template-hash": "7d" })), Some(Side::Tested));
        assert_eq!(
            of("basket-7d", json!({ "pod-template-hash": "7d" })),
            None,
            "a Deployment called as the Rollout is"
        );
    }

    #[test]
    fn what_makes_load_is_known_by_its_workload_or_by_its_labels() {
        let of =
            |kind: &str, name: &str, labels: Value| side(&pod("one", json!("n"), &["apps/v1", kind, name], labels));
        assert_eq!(of("StatefulSet", "mocks", json!({})), Some(Side::Load));
        assert_eq!(of("DaemonSet", "locust", json!({ "makes": "load" })), Some(Side::Load));
        assert_eq!(of("DaemonSet", "logs", json!({})), None);
        let both = json!({ "makes": "load", "pod-template-hash": "5f" });
        assert_eq!(of("ReplicaSet", "checkout-5f", both), Some(Side::Tested), "it is under test before anything else");
    }

    #[test]
    fn a_pod_counts_while_it_is_on_a_node() {
        let owner = ["apps/v1", "StatefulSet", "mocks"];
        assert_eq!(side(&pod("one", Value::Null, &owner, json!({}))), None, "it waits for a node");
        assert_eq!(side(&pod("known", json!("n"), &owner, json!({}))), None, "it was counted");
        let mut over = pod("one", json!("n"), &owner, json!({}));
        over.status = serde_json::from_value(json!({ "phase": "Succeeded" })).unwrap();
        assert_eq!(side(&over), None);
        let mut going = pod("one", json!("n"), &owner, json!({}));
        going.metadata.deletion_timestamp = serde_json::from_value(json!("2026-11-24T14:00:00Z")).unwrap();
        assert_eq!(side(&going), None);
    }
}
