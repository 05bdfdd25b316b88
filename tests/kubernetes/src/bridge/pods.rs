//! Which pods of a Deployment are ready, as a watch tells it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::Event;

/// The images of pods by name.
pub(crate) type Images = BTreeMap<String, BTreeMap<String, String>>;

/// The ready pods of a watch.
#[derive(Debug, Default)]
pub(crate) struct ReadyPods {
    ready: Images,
    /// Those of a list that is not complete yet.
    listed: Images,
}

impl ReadyPods {
    /// Takes in what a watch tells; true when the pods are known anew.
    pub(crate) fn see(&mut self, event: Event<Pod>) -> bool {
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(pod) => put(&mut self.listed, pod),
            Event::InitDone => self.ready = std::mem::take(&mut self.listed),
            Event::Apply(pod) => put(&mut self.ready, pod),
            Event::Delete(pod) => drop(self.ready.remove(&name(&pod))),
        }
        // While a list is read, what was known before holds.
        self.listed.is_empty()
    }

    /// What each ready pod runs.
    pub(crate) fn images(&self) -> &Images {
        &self.ready
    }
}

fn put(pods: &mut Images, pod: Pod) {
    let name = name(&pod);
    if is_ready(&pod) {
        pods.insert(name, images(pod));
    } else {
        pods.remove(&name);
    }
}

fn name(pod: &Pod) -> String {
    pod.metadata.name.clone().unwrap_or_default()
}

/// A pod that is to be deleted gets no more requests.
fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    pod.metadata.deletion_timestamp.is_none()
        && conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn images(pod: Pod) -> BTreeMap<String, String> {
    let statuses = pod.status.and_then(|status| status.container_statuses).unwrap_or_default();
    statuses.into_iter().map(|container| (container.name, container.image_id)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, ready: &str, deleted: bool) -> Pod {
        let mut metadata = json!({ "name": name });
        if deleted {
            metadata["deletionTimestamp"] = json!("2026-01-02T03:04:05Z");
        }
        let container = json!({
            "name": "shop", "image": "shop:v1", "imageID": "shop@sha256:1", "ready": true, "restartCount": 0,
        });
        let status = json!({
            "conditions": [{ "type": "Ready", "status": ready }], "containerStatuses": [container],
        });
        serde_json::from_value(json!({ "metadata": metadata, "status": status })).unwrap()
    }

    fn names(pods: &ReadyPods) -> Vec<&str> {
        pods.images().keys().map(String::as_str).collect()
    }

    #[test]
    fn only_pods_that_are_ready_and_not_to_be_deleted_count() {
        let mut pods = ReadyPods::default();
        pods.see(Event::Apply(pod("a", "True", false)));
        pods.see(Event::Apply(pod("b", "False", false)));
        pods.see(Event::Apply(pod("c", "True", true)));
        assert_eq!(names(&pods), ["a"]);
        assert_eq!(pods.images()["a"]["shop"], "shop@sha256:1");
        pods.see(Event::Apply(pod("b", "True", false)));
        pods.see(Event::Apply(pod("a", "True", true)));
        assert_eq!(names(&pods), ["b"]);
        pods.see(Event::Delete(pod("b", "True", true)));
        assert_eq!(names(&pods), [""; 0]);
    }

    #[test]
    fn what_was_known_holds_until_a_new_list_is_complete() {
        let mut pods = ReadyPods::default();
        pods.see(Event::Apply(pod("old", "True", false)));
        pods.see(Event::Init);
        assert!(!pods.see(Event::InitApply(pod("new", "True", false))));
        assert_eq!(names(&pods), ["old"]);
        assert!(pods.see(Event::InitDone));
        assert_eq!(names(&pods), ["new"]);
    }
}
