//! Pausing the keepers of a run's applications, and letting them go on.

use std::collections::{BTreeMap, BTreeSet};

use conductor_core::app::ApplicationId;
use conductor_core::ports::{FailureKind, PortError, Way};
use conductor_core::run::RunId;
use futures::stream::{StreamExt, TryStreamExt, iter};

use super::argo_cd::Application;
use super::flux::{HelmRelease, Kustomization};
use super::{Found, Keeper, KeeperKind, Keepers, Keeps, Kept};
use crate::autoscaler::ByTarget;
use crate::change::{Wish, admit};
use crate::environment::KubernetesEnvironment;
use crate::let_go::all_failed;
use crate::look;
use crate::object::{called, holder, marker};
use crate::place::Place;

/// Keepers that are paused at the same time.
const CONCURRENCY: usize = 16;

impl KubernetesEnvironment {
    /// Every keeper of the cluster.
    pub(crate) async fn found_keepers(&self) -> Result<Vec<Found>, PortError> {
        let (mut found, helm, argo) = futures::try_join!(
            self.found_keepers_of::<Kustomization>(),
            self.found_keepers_of::<HelmRelease>(),
            self.found_keepers_of::<Application>()
        )?;
        found.extend(helm);
        found.extend(argo);
        Ok(found)
    }

    async fn found_keepers_of<K: Keeps>(&self) -> Result<Vec<Found>, PortError> {
        self.keepers_kept::<K, Found>(Found::of).await
    }

    /// What is kept of the keepers of a kind. Where nothing is to be paused they may be out of the conductor's rights.
    async fn keepers_kept<K: Keeps, T>(&self, keep: impl Fn(&K) -> Option<T>) -> Result<Vec<T>, PortError> {
        if !self.known.knows::<K>(&self.reader).await? {
            return Ok(Vec::new());
        }
        match self.reader.kept_of::<K, T>(keep).await {
            Err(error) if error.kind == FailureKind::Rejected && !self.settings.pause_git_ops => Ok(Vec::new()),
            listed => listed,
        }
    }

    /// Those of applications.
    pub(crate) fn keepers(
        &self,
        applications: &BTreeMap<ApplicationId, look::Found>,
        autoscalers: &ByTarget,
        found: &[Found],
    ) -> Keepers {
        let mut kept: Vec<Kept> = applications.values().map(|application| application.kept.clone()).collect();
        let places: BTreeSet<Place> = kept.iter().map(|one| one.of.clone()).collect();
        for (place, scaling) in autoscalers.iter().filter(|(place, _)| places.contains(place)) {
            kept.extend(scaling.iter().map(|one| Kept::new(place.clone(), one.kind(), one.meta())));
        }
        Keepers::of(&kept, found)
    }

    /// Pauses the keepers of applications, where the environment wants that. Again it does nothing.
    pub(crate) async fn pause_keepers(&self, run: &RunId, applications: &[ApplicationId]) -> Result<(), PortError> {
        if !self.settings.pause_git_ops {
            return Ok(());
        }
        let (applications, autoscalers, found) =
            futures::try_join!(self.found(applications), self.autoscalers(applications), self.found_keepers())?;
        let keepers = self.keepers(&applications, &autoscalers, &found);
        let pauses: Vec<_> = keepers.all().into_iter().cloned().map(|keeper| self.pause(run, keeper)).collect();
        iter(pauses).buffer_unordered(CONCURRENCY).try_collect().await
    }

    async fn pause(&self, run: &RunId, keeper: Keeper) -> Result<(), PortError> {
        match keeper.kind {
            KeeperKind::Kustomization => self.pause_one::<Kustomization>(run, &keeper).await,
            KeeperKind::HelmRelease => self.pause_one::<HelmRelease>(run, &keeper).await,
            KeeperKind::Application => self.pause_one::<Application>(run, &keeper).await,
        }
    }

    async fn pause_one<K: Keeps>(&self, run: &RunId, Keeper { namespace, name, .. }: &Keeper) -> Result<(), PortError> {
        let found: K = self.reader.get_in(namespace, name).await?;
        let act = || format!("could not pause {} {namespace}/{name}", K::kind(&()));
        let unreadable = |error| PortError::because(FailureKind::Rejected, act(), error);
        admit(holder(&found).as_ref(), &self.holder(run))
            .map_err(|error| PortError::because(FailureKind::Rejected, act(), error))?;
        let Some(change) = found.pause().map_err(unreadable)? else { return Ok(()) };
        let wish = Wish { way: Way::There, changes: vec![change], contested: BTreeSet::new() };
        let written = self.writer.write::<K>(namespace, name, &self.holder(run), &wish).await?;
        // A field that the cluster's version of the kind does not have is dropped without a word.
        match written.pause().map_err(unreadable)? {
            None => Ok(()),
            Some(change) => {
                let why = format!("the cluster's {} has no field for {}", K::kind(&()), change.field);
                Err(PortError::because(FailureKind::Rejected, act(), why))
            }
        }
    }

    /// Lets every keeper go on that the run has paused. One failure does not stop the others.
    pub(crate) async fn resume_keepers(&self, run: &RunId) -> Result<(), PortError> {
        let mut failures = self.resume_all::<Kustomization>(run).await;
        failures.extend(self.resume_all::<HelmRelease>(run).await);
        failures.extend(self.resume_all::<Application>(run).await);
        all_failed(&failures)
    }

    async fn resume_all<K: Keeps>(&self, run: &RunId) -> Vec<PortError> {
        let is_held = |one: &K| holder(one).is_some_and(|holder| holder.run == *run);
        let held = match self.keepers_kept::<K, K>(|one| is_held(one).then(|| one.clone())).await {
            Ok(held) => held,
            Err(error) => return vec![error],
        };
        // Nothing but the marker knows what a keeper was: one that cannot be read stays, and so does the pause.
        let told = held.iter().filter_map(|one| Some((one.meta(), marker(one).err()?)));
        let mut failures: Vec<PortError> = told
            .map(|(meta, error)| {
                let text = |text: &Option<String>| text.clone().unwrap_or_default();
                let called = called::<K>(&text(&meta.namespace), &text(&meta.name));
                let act = format!("could not read what a load test has left on {called}, which stays paused");
                PortError::because(FailureKind::Rejected, act, error)
            })
            .collect();
        let readable = held.into_iter().filter(|one| marker(one).is_ok()).collect();
        failures.extend(self.part(run, readable, |_| true, |_| BTreeSet::new()).await);
        failures
    }
}
