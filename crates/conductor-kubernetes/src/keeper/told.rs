//! What stands still for a run, as people are told.

use conductor_core::app::ApplicationId;
use conductor_core::guard::{Pause, Standing};
use conductor_core::ports::PortError;

use super::{Found, KeeperKind, Keepers};
use crate::environment::KubernetesEnvironment;

impl KubernetesEnvironment {
    /// What keeps these applications, with what becomes of it during a run.
    pub(crate) async fn told_keepers(&self, applications: &[ApplicationId]) -> Result<Vec<Pause>, PortError> {
        if !self.settings.pause_git_ops {
            return Ok(Vec::new());
        }
        let (objects, autoscalers, found) =
            futures::try_join!(self.found(applications), self.autoscalers(applications), self.found_keepers())?;
        let keepers = self.keepers(&objects, &autoscalers, &found);
        let told = found.iter().map(|found| self.told(found, &keepers, applications));
        Ok(told.filter(|pause| !pause.applications.is_empty()).collect())
    }

    fn told(&self, found: &Found, keepers: &Keepers, applications: &[ApplicationId]) -> Pause {
        let Found { keeper, holder, count, acts, .. } = found;
        let is_kept = |application: &&ApplicationId| {
            let kept_by = self.places.get(*application).and_then(|place| keepers.by_place.get(place));
            kept_by.is_some_and(|kept_by| kept_by.contains(keeper))
        };
        let own = keepers.own.get(keeper).copied().unwrap_or_default();
        Pause {
            name: keeper.to_string(),
            applications: applications.iter().filter(is_kept).cloned().collect(),
            others: count.map(|count| count.saturating_sub(own)),
            setting: setting(keeper.kind).to_owned(),
            standing: match holder {
                Some(holder) => Standing::Paused { by: holder.run.clone() },
                None if *acts => Standing::Acts,
                None => Standing::Left,
            },
        }
    }
}

/// What pauses a keeper of a kind.
const fn setting(kind: KeeperKind) -> &'static str {
    match kind {
        KeeperKind::Kustomization | KeeperKind::HelmRelease => "suspend: true",
        KeeperKind::Application => "syncPolicy.automated.enabled: false",
    }
}
