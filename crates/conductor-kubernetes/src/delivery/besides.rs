//! What a delivery changes of a workload's pods besides the fields that a run puts back: it stays, and is told.

use conductor_core::app::ApplicationId;
use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::PodTemplateSpec;

use crate::argo_rollout::ArgoRollout;
use crate::environment::KubernetesEnvironment;
use crate::names::fingerprint;
use crate::object::marker;
use crate::place::{Kind, Place};
use crate::workload::Workload;

/// A fingerprint of what of pods is nobody's to put back. Their labels and annotations are left out: every delivery puts its
/// own id there.
pub(crate) fn besides_fields(template: Option<&PodTemplateSpec>) -> String {
    let mut spec = template.and_then(|template| template.spec.clone()).unwrap_or_default();
    for container in spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()) {
        (container.image, container.resources) = (None, None);
    }
    format!("{:016x}", fingerprint(&serde_json::to_string(&spec).unwrap_or_default()))
}

impl KubernetesEnvironment {
    /// Tells when a delivery of the run has changed more of an application than is put back. It is known as long as the
    /// workload is marked.
    pub(super) async fn look_besides(&self, run: &RunId, application: &ApplicationId) -> Result<(), PortError> {
        let place = self.place(application)?;
        match &place.kind {
            Kind::Deployment => self.look_besides_at::<Deployment>(run, place).await,
            Kind::StatefulSet => self.look_besides_at::<StatefulSet>(run, place).await,
            Kind::Rollout => self.look_besides_at::<ArgoRollout>(run, place).await,
            // None is deployed by an object.
            Kind::StackSet | Kind::Scalable(_) => Ok(()),
        }
    }

    async fn look_besides_at<K: Workload<DynamicType = ()>>(
        &self,
        run: &RunId,
        place: &Place,
    ) -> Result<(), PortError> {
        let live: K = match self.reader.get_in(&place.namespace, &place.name).await {
            Ok(live) => live,
            Err(error) if error.kind == FailureKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let found = marker(&live).ok().flatten().filter(|marker| marker.holder.run == *run);
        match found.and_then(|marker| marker.besides) {
            Some(before) if before != besides_fields(live.template()) => {
                let text = format!(
                    "{place} is not as it was: its delivery has changed more of its pods than images and resources, which is \
                     not put back; deploy what was there once more"
                );
                Err(PortError::new(FailureKind::Unsettled, text))
            }
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(template: Value) -> String {
        besides_fields(Some(&serde_json::from_value(template).unwrap()))
    }

    #[test]
    fn images_resources_and_what_is_said_of_a_delivery_do_not_count_and_all_else_does() {
        let template = json!({
            "metadata": { "labels": { "deployment-id": "d-6" } },
            "spec": { "containers": [{ "name": "main", "image": "shop:1", "env": [{ "name": "A", "value": "1" }] }] },
        });
        let changed = |change: Value| {
            let mut other = template.clone();
            json_patch::merge(&mut other, &change);
            of(other) != of(template.clone())
        };
        let container = |more: Value| {
            let mut container = template["spec"]["containers"][0].clone();
            json_patch::merge(&mut container, &more);
            json!({ "spec": { "containers": [container] } })
        };
        assert!(!changed(json!({ "metadata": { "labels": { "deployment-id": "d-7" } } })));
        assert!(!changed(container(json!({ "image": "shop:2", "resources": { "limits": { "cpu": "1" } } }))));
        assert!(changed(container(json!({ "env": [{ "name": "A", "value": "2" }] }))));
        assert!(changed(json!({ "spec": { "priorityClassName": "high" } })));
    }
}
