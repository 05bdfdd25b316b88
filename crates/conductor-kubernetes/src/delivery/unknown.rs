//! Production's versions that a delivery system would have to know by a deploy id, where nothing tells one. Whoever keeps the
//! versions that are there, or has images of its own, needs none.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use conductor_core::app::ApplicationId;
use conductor_core::ports::{FailureKind, PortError};
use conductor_core::release::Rollout;

use crate::environment::KubernetesEnvironment;
use crate::place::Place;
use crate::production::Running;

/// What production runs of an application, and where.
pub(crate) struct Unknown {
    place: Place,
    images: BTreeMap<String, String>,
}

impl KubernetesEnvironment {
    /// Notes what production runs where nothing tells by which deployment a delivery system knows it.
    pub(crate) fn note_unknown_deployments(
        &self,
        places: &BTreeMap<ApplicationId, Place>,
        found: &BTreeMap<Place, Running>,
    ) {
        let mut noted = self.unknown_deployments.lock().unwrap_or_else(PoisonError::into_inner);
        for (application, place) in places {
            let running = found.get(place).filter(|running| running.deploy_id.is_none());
            match running.filter(|_| self.needs_deploy_id(application)) {
                Some(Running { images, .. }) => {
                    drop(noted.insert(application.clone(), Unknown { place: place.clone(), images: images.clone() }));
                }
                None => drop(noted.remove(application)),
            }
        }
    }

    /// Refuses rollouts of production's versions that nobody could deploy.
    pub(crate) fn refuse_unknown_deployments(&self, rollouts: &[Rollout]) -> Result<(), PortError> {
        let noted = self.unknown_deployments.lock().unwrap_or_else(PoisonError::into_inner);
        let told = rollouts.iter().filter(|rollout| rollout.deploy_id.is_none()).filter_map(|rollout| {
            let Unknown { place, images } = noted.get(&rollout.application)?;
            let both = |(container, image)| Some((images.get(container)?, image));
            let shared: Vec<(&String, &String)> = rollout.to.containers().iter().filter_map(both).collect();
            (!shared.is_empty() && shared.iter().all(|(found, image)| found == image)).then(|| {
                format!(
                    "nothing tells the deploy id of {place} in production, which the template of its deployment has; expected \
                     what production.deployIdAnnotation or the deployId of production.releases names, or deploy: images for it"
                )
            })
        });
        let told: Vec<String> = told.collect();
        if told.is_empty() { Ok(()) } else { Err(PortError::new(FailureKind::Rejected, told.join("; "))) }
    }
}
