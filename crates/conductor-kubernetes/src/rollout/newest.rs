//! The pods that show how the newest template does; those of older ones only go away.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::argo_rollout::POD_TEMPLATE_HASH as ROLLOUTS_POD_TEMPLATE_HASH;

/// The annotation that numbers the revisions of a Deployment, on it and on its ReplicaSets.
const REVISION: &str = "deployment.kubernetes.io/revision";
/// The label of pods of a Deployment.
pub(crate) const POD_TEMPLATE_HASH: &str = "pod-template-hash";
/// The label of pods of a StatefulSet.
const CONTROLLER_REVISION_HASH: &str = "controller-revision-hash";

/// The `pod-template-hash` of a Deployment's newest ReplicaSet; none while its controller has not made it, so that nobody
/// takes the troubles of the last version for those of the new one.
pub(crate) fn newest_hash<'a>(
    deployment: &Deployment,
    replica_sets: impl IntoIterator<Item = &'a ReplicaSet>,
) -> Option<&'a str> {
    let observed = deployment.status.as_ref().and_then(|status| status.observed_generation);
    if deployment.metadata.generation > observed {
        return None;
    }
    let its = deployment.metadata.uid.as_deref()?;
    let owned = replica_sets.into_iter().filter(|set| is_controlled_by(&set.metadata, its));
    let newest = owned.max_by_key(|set| revision(&set.metadata))?;
    // The lists of the two may be of different moments.
    let same = revision(&newest.metadata) == revision(&deployment.metadata);
    same.then(|| label(&newest.metadata, POD_TEMPLATE_HASH)).flatten()
}

/// The newest revision of a StatefulSet; none while its controller has not seen its newest template.
pub(crate) fn newest_revision(set: &StatefulSet) -> Option<&str> {
    let status = set.status.as_ref()?;
    let is_seen = status.observed_generation >= set.metadata.generation;
    is_seen.then_some(status.update_revision.as_deref()).flatten()
}

/// The pods of one revision: that of a `pod-template-hash`, a `rollouts-pod-template-hash`, or that of a StatefulSet's `status.updateRevision`.
pub(crate) fn of_revision<'a>(
    pods: impl IntoIterator<Item = &'a Pod>,
    revision: &str,
) -> impl Iterator<Item = &'a Pod> {
    pods.into_iter().filter(move |pod| {
        [POD_TEMPLATE_HASH, CONTROLLER_REVISION_HASH, ROLLOUTS_POD_TEMPLATE_HASH]
            .iter()
            .any(|key| label(&pod.metadata, key) == Some(revision))
    })
}

/// The pods of older revisions that a StatefulSet's controller wants to be ready before it replaces any: all of them, unless
/// it manages its pods in parallel. One that never becomes ready stays for good, even if its version is taken back.
pub(crate) fn waits_for<'a>(set: &StatefulSet, pods: &'a [Pod], newest: &str) -> Vec<&'a Pod> {
    let policy = set.spec.as_ref().and_then(|spec| spec.pod_management_policy.as_deref());
    let its = set.metadata.uid.as_deref().filter(|_| policy != Some("Parallel"));
    let is_older = |pod: &&Pod| {
        its.is_some_and(|uid| is_controlled_by(&pod.metadata, uid))
            && label(&pod.metadata, CONTROLLER_REVISION_HASH) != Some(newest)
    };
    pods.iter().filter(is_older).collect()
}

fn is_controlled_by(metadata: &ObjectMeta, uid: &str) -> bool {
    metadata.owner_references.iter().flatten().any(|owner| owner.uid == uid && owner.controller == Some(true))
}

fn revision(metadata: &ObjectMeta) -> Option<u64> {
    metadata.annotations.as_ref()?.get(REVISION)?.parse().ok()
}

fn label<'a>(metadata: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    metadata.labels.as_ref()?.get(key).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shop(revision: &str, observed: i64) -> Deployment {
        serde_json::from_value(json!({
            "metadata": { "uid": "u", "generation": 4, "annotations": { REVISION: revision } },
            "status": { "observedGeneration": observed },
        }))
        .unwrap()
    }

    fn set(owner: &str, revision: &str, hash: &str) -> ReplicaSet {
        let owner =
            json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "shop", "uid": owner, "controller": true });
        serde_json::from_value(json!({ "metadata": {
            "ownerReferences": [owner],
            "annotations": { REVISION: revision },
            "labels": { POD_TEMPLATE_HASH: hash },
        } }))
        .unwrap()
    }

    #[test]
    fn the_newest_replica_set_is_the_own_one_with_the_highest_revision() {
        let mut orphan = set("u", "3", "orphan");
        orphan.metadata.owner_references.as_mut().unwrap()[0].controller = None;
        for (name, deployment, sets, expected) in [
            ("the only one", shop("1", 4), vec![set("u", "1", "a")], Some("a")),
            ("none", shop("1", 4), vec![], None),
            ("the highest as a number", shop("10", 4), vec![set("u", "9", "a"), set("u", "10", "b")], Some("b")),
            ("of another Deployment", shop("1", 4), vec![set("u", "1", "a"), set("v", "7", "b")], Some("a")),
            ("that nobody controls", shop("1", 4), vec![set("u", "1", "a"), orphan], Some("a")),
            ("a change not seen yet", shop("1", 3), vec![set("u", "1", "a")], None),
            ("the list is older", shop("2", 4), vec![set("u", "1", "a")], None),
            ("the list is newer", shop("1", 4), vec![set("u", "1", "a"), set("u", "2", "b")], None),
        ] {
            assert_eq!(newest_hash(&deployment, &sets), expected, "{name}");
        }
    }

    #[test]
    fn the_newest_revision_of_a_stateful_set_is_known_once_its_controller_has_seen_its_template() {
        let set = |observed: Option<i64>| -> StatefulSet {
            let status = json!({ "observedGeneration": observed, "replicas": 1, "updateRevision": "store-c" });
            serde_json::from_value(json!({ "metadata": { "generation": 4 }, "status": status })).unwrap()
        };
        assert_eq!(newest_revision(&set(Some(4))), Some("store-c"));
        assert_eq!(newest_revision(&set(Some(3))), None);
        assert_eq!(newest_revision(&set(None)), None);
        assert_eq!(newest_revision(&StatefulSet::default()), None);
    }

    #[test]
    fn older_pods_of_a_stateful_set_are_waited_for_unless_they_are_managed_in_parallel() {
        let set = |policy: Option<&str>| -> StatefulSet {
            let spec = json!({ "podManagementPolicy": policy, "serviceName": "any", "selector": {}, "template": {} });
            serde_json::from_value(json!({ "metadata": { "uid": "u" }, "spec": spec })).unwrap()
        };
        let pod = |owner: &str, revision: &str| -> Pod {
            let owner = json!({
                "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "any", "uid": owner, "controller": true,
            });
            let labels = json!({ CONTROLLER_REVISION_HASH: revision });
            serde_json::from_value(json!({ "metadata": { "ownerReferences": [owner], "labels": labels } })).unwrap()
        };
        let pods = [pod("u", "old"), pod("u", "new"), pod("v", "old")];
        assert_eq!(waits_for(&set(None), &pods, "new"), [&pods[0]]);
        assert_eq!(waits_for(&set(Some("OrderedReady")), &pods, "new"), [&pods[0]]);
        assert!(waits_for(&set(Some("Parallel")), &pods, "new").is_empty());
    }

    #[test]
    fn pods_are_told_apart_by_the_labels_of_both_kinds() {
        let pod = |key: &str, value: &str| -> Pod {
            serde_json::from_value(json!({ "metadata": { "name": value, "labels": { key: value } } })).unwrap()
        };
        let pods = [
            pod(POD_TEMPLATE_HASH, "a"),
            pod(POD_TEMPLATE_HASH, "b"),
            pod(CONTROLLER_REVISION_HASH, "store-c"),
            pod(ROLLOUTS_POD_TEMPLATE_HASH, "d"),
        ];
        let named = |revision| -> Vec<&str> {
            of_revision(&pods, revision).filter_map(|pod| pod.metadata.name.as_deref()).collect()
        };
        assert_eq!(named("b"), ["b"]);
        assert_eq!(named("store-c"), ["store-c"]);
        assert_eq!(named("d"), ["d"]);
        assert!(named("c").is_empty());
    }
}
