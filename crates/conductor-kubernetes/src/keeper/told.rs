//! What stands still for a run, as people are told.

use conductor_core::app::ApplicationId;
use conductor_core::guard::{Pause, Standing};
use conductor_core::ports::PortError;
use conductor_core::scale::ScaleStep;

use super::{Found, KeeperKind, Keepers};
use crate::environment::KubernetesEnvironment;

impl KubernetesEnvironment {
    /// What keeps these applications, with what becomes of it during a run that takes these steps.
    pub(crate) async fn told_keepers(
        &self,
        applications: &[ApplicationId],
        steps: &[ScaleStep],
    ) -> Result<Vec<Pause>, PortError> {
        let found = self.found_for_a_run().await?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let (objects, autoscalers) = futures::try_join!(self.found(applications), self.autoscalers(applications))?;
        let keepers = self.keepers_of(&objects, &autoscalers, &found);
        let told = found.iter().map(|found| self.told(found, &keepers, applications, steps));
        Ok(told.filter(|pause| !pause.applications.is_empty()).collect())
    }

    fn told(&self, found: &Found, keepers: &Keepers, applications: &[ApplicationId], steps: &[ScaleStep]) -> Pause {
        let Found { keeper, holder, count, acts, sizes, .. } = found;
        let is_kept = |application: &&ApplicationId| {
            let kept_by = self.places.get(*application).and_then(|place| keepers.by_place.get(place));
            kept_by.is_some_and(|kept_by| kept_by.contains(keeper))
        };
        let applications: Vec<ApplicationId> = applications.iter().filter(is_kept).cloned().collect();
        let is_sized = steps.iter().any(|step| step.sets_resources() && applications.contains(&step.application));
        let own = keepers.own.get(keeper).copied().unwrap_or_default();
        Pause {
            name: keeper.to_string(),
            applications,
            others: count.map(|count| count.saturating_sub(own)),
            setting: setting(keeper.kind, is_sized).to_owned(),
            standing: match holder {
                Some(holder) => Standing::Paused { by: holder.run.clone() },
                None if *acts || (*sizes && is_sized) => Standing::Acts,
                None => Standing::Left,
            },
        }
    }
}

/// What pauses a keeper of a kind, where the run sets resources of what it keeps or where it does not.
const fn setting(kind: KeeperKind, sets_resources: bool) -> &'static str {
    match kind {
        KeeperKind::Kustomization | KeeperKind::HelmRelease => "suspend: true",
        KeeperKind::Application => "syncPolicy.automated.enabled: false",
        KeeperKind::VerticalPodAutoscaler if sets_resources => {
            "updateMode: Off, since the run sets the resources of its pods"
        }
        KeeperKind::VerticalPodAutoscaler => {
            "updateMode: Initial, since its pods have the resources that it recommends"
        }
    }
}
