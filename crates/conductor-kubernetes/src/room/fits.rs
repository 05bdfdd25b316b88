//! To which nodes the pods of applications can go, as their workloads say.

use std::collections::BTreeMap;

use conductor_core::app::ApplicationId;
use conductor_core::ports::PortError;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};

use super::nodes::Fit;
use crate::environment::KubernetesEnvironment;
use crate::object::Object;
use crate::place::Place;
use crate::workload::Workload;

impl KubernetesEnvironment {
    /// Of those of these applications that are there, by where they are.
    pub(super) async fn fits(
        &self,
        applications: impl Iterator<Item = &ApplicationId>,
    ) -> Result<BTreeMap<Place, Fit>, PortError> {
        let applications: Vec<ApplicationId> = applications.cloned().collect();
        let (deployments, stateful_sets, rollouts, stacks) = futures::try_join!(
            self.fits_of::<Deployment>(&applications),
            self.fits_of::<StatefulSet>(&applications),
            self.rollouts(&applications),
            self.stacks(&applications)
        )?;
        let mut fits: BTreeMap<Place, Fit> = deployments.into_iter().chain(stateful_sets).collect();
        fits.extend(rollouts.iter().map(|one| (one.place(&()), Fit::of(one.template()))));
        for (place, stacks) in stacks {
            let one = stacks.iter().find(|stack| stack.has_traffic()).or(stacks.first());
            fits.extend(one.map(|one| (place, Fit::of(one.template()))));
        }
        Ok(fits)
    }

    async fn fits_of<K: Workload<DynamicType = ()>>(
        &self,
        applications: &[ApplicationId],
    ) -> Result<Vec<(Place, Fit)>, PortError> {
        let fit = |one: K| Some((one.place(&()), Fit::of(one.template())));
        self.list(applications, &(), |of| *of == K::workload_kind(&()), fit).await
    }
}
