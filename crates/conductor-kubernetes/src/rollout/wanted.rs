//! What somebody waits for: images, replicas, and what the object showed before its controller could act.

use std::collections::BTreeMap;

use conductor_core::app::Bounds;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, StatefulSet};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::argo_rollout::ArgoRollout;

/// What a rollout shall lead to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Wanted {
    /// The images that the template must show, by container; init containers count. What is not named may be anything.
    pub(crate) images: BTreeMap<String, String>,
    /// The replicas. Absent: whatever `spec.replicas` is, while an autoscaler rules.
    pub(crate) replicas: Option<u32>,
    /// Where an autoscaler has to bring the replicas to. It may act once more by what its bounds were a moment ago.
    pub(crate) bounds: Option<Bounds>,
    /// The generation of the Stack that the object must have been made of, where it is made of one.
    pub(crate) generation_of_stack: Option<i64>,
    /// What there was before; the default when nothing was written.
    pub(crate) before: Before,
}

/// What the answer to the last own write showed: the object as it was written, with the status of before.
///
/// A cache may show an older object still, which is no news of the rollout. And a controller that notes a new generation
/// may keep a condition of the last one until it can judge: right after a failed rollout was taken back,
/// `ProgressDeadlineExceeded` of that rollout is still there. It says nothing about this one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Before {
    generation: i64,
    conditions: Vec<DeploymentCondition>,
}

impl Before {
    /// Of a Deployment, as the answer to a write shows it.
    pub(crate) fn of_deployment(answer: &Deployment) -> Self {
        let generation = answer.metadata.generation.unwrap_or(0);
        let status = answer.status.as_ref();
        // After a write that changed nothing, such as one that is made again after a crash, they speak of what is wanted.
        let older = status.filter(|status| status.observed_generation < Some(generation));
        Self { generation, conditions: older.and_then(|status| status.conditions.clone()).unwrap_or_default() }
    }

    /// Of a Deployment that a write to something else is still to be carried to.
    pub(crate) fn carrying(found: &Deployment) -> Self {
        let conditions = found.status.as_ref().and_then(|status| status.conditions.clone());
        Self { generation: 0, conditions: conditions.unwrap_or_default() }
    }

    /// Of a StatefulSet, as the answer to a write shows it. Its controller sets no conditions.
    pub(crate) fn of_stateful_set(answer: &StatefulSet) -> Self {
        Self { generation: answer.metadata.generation.unwrap_or(0), conditions: Vec::new() }
    }

    /// Of a Rollout of Argo Rollouts, as the answer to a write shows it.
    pub(crate) fn of_argo_rollout(answer: &ArgoRollout) -> Self {
        let generation = answer.metadata.generation.unwrap_or(0);
        let older = answer.status.as_ref().filter(|status| status.observed() < Some(generation));
        Self { generation, conditions: older.and_then(|status| status.conditions.clone()).unwrap_or_default() }
    }

    /// Of an object of a custom kind, as the answer to a write shows it.
    pub(crate) fn of_scalable(answer: &ObjectMeta) -> Self {
        Self { generation: answer.generation.unwrap_or(0), conditions: Vec::new() }
    }

    /// True for an object that is older than the write.
    pub(super) fn is_after(&self, generation: Option<i64>) -> bool {
        generation.unwrap_or(0) < self.generation
    }

    /// True for a condition that was there already.
    pub(super) fn had(&self, condition: &DeploymentCondition) -> bool {
        self.conditions.contains(condition)
    }
}

impl Wanted {
    /// What is wrong with the replicas that the object wants. An autoscaler that was told its new bounds takes its time to
    /// get there; at none it is off.
    pub(super) fn other_replicas(&self, replicas: u32) -> Option<String> {
        if self.replicas.is_some_and(|wanted| wanted != replicas) {
            return Some(format!("but spec.replicas is {replicas}"));
        }
        let is_out = replicas > 0 && self.bounds.is_some_and(|bounds| !bounds.contain(replicas));
        is_out.then(|| format!("but spec.replicas is {replicas}, out of the bounds of its autoscaler"))
    }

    /// What is wrong with the template's images, when somebody changed them.
    pub(super) fn changed_images(&self, template: &PodTemplateSpec) -> Option<String> {
        let pod = template.spec.as_ref();
        let all = pod.into_iter().flat_map(|pod| pod.containers.iter().chain(pod.init_containers.iter().flatten()));
        let found: BTreeMap<&str, Option<&str>> =
            all.map(|container| (container.name.as_str(), container.image.as_deref())).collect();
        let wrong = self.images.iter().filter_map(|(container, wanted)| match found.get(container.as_str()) {
            Some(Some(image)) if image == wanted => None,
            Some(image) => {
                Some(format!("container {container} has image {}, wanted is {wanted}", image.unwrap_or("none")))
            }
            None => Some(format!("container {container} is gone, wanted is its image {wanted}")),
        });
        let wrong: Vec<String> = wrong.collect();
        (!wrong.is_empty()).then(|| format!("somebody changed the template: {}", wrong.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_wanted_image_must_be_in_the_template_under_its_container() {
        let template: PodTemplateSpec = serde_json::from_value(json!({ "spec": {
            "initContainers": [{ "name": "migrate", "image": "shop-schema:2" }],
            "containers": [{ "name": "main", "image": "shop:2" }, { "name": "sidecar", "image": "proxy:7" }, { "name": "bare" }],
        } }))
        .unwrap();
        let only = |text: &str| Some(format!("somebody changed the template: {text}"));
        for (name, images, expected) in [
            ("nothing wanted", &[][..], None),
            ("all as wanted", &[("main", "shop:2"), ("migrate", "shop-schema:2")], None),
            ("another image", &[("main", "shop:3")], only("container main has image shop:2, wanted is shop:3")),
            (
                "another image of an init container",
                &[("migrate", "shop-schema:3")],
                only("container migrate has image shop-schema:2, wanted is shop-schema:3"),
            ),
            ("a container is gone", &[("cache", "c:1")], only("container cache is gone, wanted is its image c:1")),
            ("no image at all", &[("bare", "b:1")], only("container bare has image none, wanted is b:1")),
            (
                "two at once",
                &[("main", "shop:3"), ("sidecar", "proxy:8")],
                only(
                    "container main has image shop:2, wanted is shop:3; container sidecar has image proxy:7, wanted is proxy:8",
                ),
            ),
        ] {
            let images =
                images.iter().map(|(container, image)| ((*container).to_owned(), (*image).to_owned())).collect();
            let wanted = Wanted { images, ..Wanted::default() };
            assert_eq!(wanted.changed_images(&template), expected, "{name}");
        }
    }
}
