//! Pausing the keepers of a run's applications, and letting them go on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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
use crate::vertical::VerticalPodAutoscaler;

/// Keepers that are paused at the same time.
const CONCURRENCY: usize = 16;

impl KubernetesEnvironment {
    /// Every keeper of the cluster.
    pub(crate) async fn found_keepers(&self) -> Result<Arc<Vec<Found>>, PortError> {
        self.keepers.ask("", self.list_keepers()).await
    }

    async fn list_keepers(&self) -> Result<Vec<Found>, PortError> {
        let (mut found, helm, argo, vertical) = futures::try_join!(
            self.found_keepers_of::<Kustomization>(),
            self.found_keepers_of::<HelmRelease>(),
            self.found_keepers_of::<Application>(),
            self.found_keepers_of::<VerticalPodAutoscaler>()
        )?;
        found.extend(helm);
        found.extend(argo);
        found.extend(vertical);
        Ok(found)
    }

    /// Those of the cluster that a run pauses where they keep something of it.
    pub(super) async fn found_for_a_run(&self) -> Result<Arc<Vec<Found>>, PortError> {
        match self.settings.pause_git_ops {
            true => self.found_keepers().await,
            false => self.found_keepers_of::<VerticalPodAutoscaler>().await.map(Arc::new),
        }
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
            Err(error)
                if error.kind == FailureKind::Rejected && K::KIND.is_git_ops() && !self.settings.pause_git_ops =>
            {
                Ok(Vec::new())
            }
            listed => listed,
        }
    }

    /// Those of applications.
    pub(crate) fn keepers_of(
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

    /// Pauses the keepers of applications, those of a repository where the environment wants that, and answers with all of
    /// them. Again it does nothing.
    pub(crate) async fn pause_keepers(
        &self,
        run: &RunId,
        applications: &[ApplicationId],
        autoscalers: &ByTarget,
    ) -> Result<BTreeSet<Keeper>, PortError> {
        let found = self.found_for_a_run().await?;
        if found.is_empty() {
            return Ok(BTreeSet::new());
        }
        let applications = self.found(applications).await?;
        let keepers: BTreeSet<Keeper> =
            self.keepers_of(&applications, autoscalers, &found).all().into_iter().cloned().collect();
        let pauses: Vec<_> = keepers.iter().cloned().map(|keeper| self.pause(run, keeper)).collect();
        iter(pauses).buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
        Ok(keepers)
    }

    async fn pause(&self, run: &RunId, keeper: Keeper) -> Result<(), PortError> {
        match keeper.kind {
            KeeperKind::Kustomization => self.pause_one::<Kustomization>(run, &keeper).await,
            KeeperKind::HelmRelease => self.pause_one::<HelmRelease>(run, &keeper).await,
            KeeperKind::Application => self.pause_one::<Application>(run, &keeper).await,
            KeeperKind::VerticalPodAutoscaler => self.pause_one::<VerticalPodAutoscaler>(run, &keeper).await,
        }
    }

    async fn pause_one<K: Keeps>(&self, run: &RunId, Keeper { namespace, name, .. }: &Keeper) -> Result<(), PortError> {
        let found: K = self.reader.get_in(namespace, name).await?;
        let act = || format!("could not pause {} {namespace}/{name}", K::kind(&()));
        let unreadable = |error| PortError::because(FailureKind::Rejected, act(), error);
        admit(holder(&found).as_ref(), &self.holder(run))
            .map_err(|error| PortError::because(FailureKind::Rejected, act(), error))?;
        let changes = found.pause().map_err(unreadable)?;
        if changes.is_empty() {
            return Ok(());
        }
        let wish = Wish { way: Way::There, changes, contested: BTreeSet::new() };
        let written = self.writer.write::<K>(namespace, name, &self.holder(run), &wish).await?;
        // A field that the cluster's version of the kind does not have is dropped without a word.
        match written.pause().map_err(unreadable)?.first() {
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
        failures.extend(self.resume_all::<VerticalPodAutoscaler>(run).await);
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
