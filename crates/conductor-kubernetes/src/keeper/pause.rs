//! Pausing the keepers of a run's applications, and letting them go on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use conductor_core::app::ApplicationId;
use conductor_core::ports::{FailureKind, PortError, Way};
use conductor_core::run::RunId;
use futures::stream::{StreamExt, TryStreamExt, iter};
use tokio::time::Instant;

use super::argo_cd::Application;
use super::flux::{HelmRelease, Kustomization};
use super::{Found, Keeper, KeeperKind, Keepers, Keeps, Kept};
use crate::autoscaler::ByTarget;
use crate::change::{Wish, admit};
use crate::environment::KubernetesEnvironment;
use crate::let_go::all_failed;
use crate::look;
use crate::named::Named;
use crate::object::{holder, marker};
use crate::place::Place;
use crate::vertical::VerticalPodAutoscaler;

/// Keepers that are paused at the same time.
const CONCURRENCY: usize = 16;

impl KubernetesEnvironment {
    /// Every keeper of the cluster.
    pub(crate) async fn found_keepers(&self) -> Result<Arc<Vec<Found>>, PortError> {
        self.keepers.ask("", || self.list_keepers()).await
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

    /// The kinds of keepers of a repository that a run may pause in this cluster.
    pub(crate) async fn paused_kinds(&self) -> Result<BTreeSet<KeeperKind>, PortError> {
        if !self.settings.pause_git_ops {
            return Ok(BTreeSet::new());
        }
        let (kustomizations, releases, applications) = futures::try_join!(
            self.known.knows::<Kustomization>(&self.reader),
            self.known.knows::<HelmRelease>(&self.reader),
            self.known.knows::<Application>(&self.reader)
        )?;
        let all = [
            (KeeperKind::Kustomization, kustomizations),
            (KeeperKind::HelmRelease, releases),
            (KeeperKind::Application, applications),
        ];
        Ok(all.into_iter().filter(|(_, is_known)| *is_known).map(|(kind, _)| kind).collect())
    }

    /// Pauses the keepers of applications, those of a repository where the environment wants that, waits until they have ended
    /// what they were at, and answers with all of them. Again it does nothing.
    pub(crate) async fn pause_keepers(
        &self,
        run: &RunId,
        applications: &[ApplicationId],
        autoscalers: &ByTarget,
    ) -> Result<BTreeSet<Keeper>, PortError> {
        let found = self.found_for_a_run().await?;
        self.pause_those(run, applications, autoscalers, &found).await
    }

    /// Pauses the keepers of applications once more that act though the run has them paused: somebody lets them go on, or has
    /// made them anew.
    pub(crate) async fn pause_keepers_again(
        &self,
        run: &RunId,
        applications: &[ApplicationId],
    ) -> Result<(), PortError> {
        if !self.settings.pause_git_ops {
            return Ok(());
        }
        let found = self.found_keepers().await?;
        let acts = |found: &&Found| found.acts && found.keeper.kind.is_git_ops();
        let acting: Vec<Found> = found.iter().filter(acts).cloned().collect();
        if acting.is_empty() {
            return Ok(());
        }
        let autoscalers = self.autoscalers(applications).await?;
        self.pause_those(run, applications, &autoscalers, &acting).await.map(drop)
    }

    /// Pauses those of some keepers that keep something of these applications.
    async fn pause_those(
        &self,
        run: &RunId,
        applications: &[ApplicationId],
        autoscalers: &ByTarget,
        found: &[Found],
    ) -> Result<BTreeSet<Keeper>, PortError> {
        if found.is_empty() {
            return Ok(BTreeSet::new());
        }
        let applications = self.found(applications).await?;
        let keepers = self.keepers_of(&applications, autoscalers, found);
        let all: BTreeSet<Keeper> = keepers.all().into_iter().cloned().collect();
        let pauses: Vec<_> = all.iter().cloned().map(|keeper| self.pause(run, keeper)).collect();
        iter(pauses).buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
        let begun = Instant::now();
        let rests: Vec<_> = all.iter().map(|keeper| self.await_rest(keeper, &keepers, begun)).collect();
        iter(rests).buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
        Ok(all)
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
        let found: K = match self.reader.get_in(namespace, name).await {
            // It has gone meanwhile, and keeps nothing any more.
            Err(error) if error.kind == FailureKind::NotFound => return Ok(()),
            found => found?,
        };
        let named = Named::of(&(), &found);
        let act = || format!("could not pause {named}");
        let unreadable = |error| PortError::because(FailureKind::Rejected, act(), error);
        admit(holder(&found).as_ref(), &self.holder(run))
            .map_err(|error| PortError::because(FailureKind::Rejected, act(), error))?;
        let changes = found.pause().map_err(unreadable)?;
        if changes.is_empty() {
            return Ok(());
        }
        let wish = Wish { way: Way::There, changes, contested: BTreeSet::new() };
        let written = match self.writer.write(named, &self.holder(run), &wish).await {
            Err(error) if error.kind == FailureKind::NotFound => return Ok(()),
            written => written?,
        };
        // A field that the cluster's version of the kind does not have is dropped without a word.
        match written.pause().map_err(unreadable)?.first() {
            None => Ok(()),
            Some(change) => {
                let why = format!("the cluster's {} has no field for {}", K::kind(&()), change.field);
                Err(PortError::because(FailureKind::Rejected, act(), why))
            }
        }
    }

    /// Lets nothing come any more of a first write to what keeps applications of the environment, whoever has sent it for the
    /// run. What a run has left on one goes when it is resumed.
    pub(crate) async fn fence_keepers(&self, run: &RunId) -> Result<(), PortError> {
        let (flux, helm, argo, vertical) = futures::try_join!(
            self.in_doubt::<Kustomization>(),
            self.in_doubt::<HelmRelease>(),
            self.in_doubt::<Application>(),
            self.in_doubt::<VerticalPodAutoscaler>()
        )?;
        let found = flux.iter().filter_map(Found::of).chain(helm.iter().filter_map(Found::of));
        let found = found.chain(argo.iter().filter_map(Found::of)).chain(vertical.iter().filter_map(Found::of));
        let found: Vec<Found> = found.collect();
        if found.is_empty() {
            return Ok(());
        }
        // A run freezes applications that it has nothing to change of, too.
        let applications: Vec<ApplicationId> = self.places.keys().cloned().collect();
        let (applications, autoscalers) = self.readable(&applications).await?;
        let keepers = self.keepers_of(&applications, &autoscalers, &found);
        let all = keepers.all();
        let mut failures = self.fence_all(run, flux, &all).await;
        failures.extend(self.fence_all(run, helm, &all).await);
        failures.extend(self.fence_all(run, argo, &all).await);
        // One whose workload has gone is still known by what it is aimed at.
        let is_its = |one: &VerticalPodAutoscaler| {
            let is_kept = Found::of(one).is_some_and(|it| all.contains(&it.keeper));
            is_kept || one.target().is_some_and(|target| self.places.values().any(|place| *place == target))
        };
        failures.extend(self.part(run, &(), vertical, is_its, |_| BTreeSet::new()).await);
        all_failed(&failures)
    }

    /// What is at applications and scales them, as far as it can be looked at: what of an environment cannot, no run has paused
    /// anything for.
    async fn readable(
        &self,
        applications: &[ApplicationId],
    ) -> Result<(BTreeMap<ApplicationId, look::Found>, ByTarget), PortError> {
        match futures::try_join!(self.found(applications), self.autoscalers(applications)) {
            Err(error) if !error.kind.is_transient() => {}
            all => return all,
        }
        let looks: Vec<_> = applications.iter().map(|application| self.readable_one(application)).collect();
        let found: Vec<_> = iter(looks).buffer_unordered(CONCURRENCY).try_collect().await?;
        let (mut all, mut scaling) = (BTreeMap::new(), ByTarget::new());
        for (found, autoscalers) in found.into_iter().flatten() {
            all.extend(found);
            scaling.extend(autoscalers);
        }
        Ok((all, scaling))
    }

    async fn readable_one(
        &self,
        application: &ApplicationId,
    ) -> Result<Option<(BTreeMap<ApplicationId, look::Found>, ByTarget)>, PortError> {
        let one = std::slice::from_ref(application);
        match futures::try_join!(self.found(one), self.autoscalers(one)) {
            Err(error) if !error.kind.is_transient() => {
                tracing::warn!(%application, %error, "what keeps it cannot be looked for");
                Ok(None)
            }
            found => found.map(Some),
        }
    }

    /// The keepers of a kind that no run has marked, and that a run would write to: one of its conductors may have.
    async fn in_doubt<K: Keeps>(&self) -> Result<Vec<K>, PortError> {
        if K::KIND.is_git_ops() && !self.settings.pause_git_ops {
            return Ok(Vec::new());
        }
        let is_in_doubt = |one: &K| {
            let would_be = Found::of(one).is_some_and(|it| it.holder.is_none() && (it.acts || it.sizes));
            would_be && self.is_in_doubt(Named::of(&(), one))
        };
        self.keepers_kept::<K, K>(|one| is_in_doubt(one).then(|| one.clone())).await
    }

    async fn fence_all<K: Keeps>(&self, run: &RunId, objects: Vec<K>, keepers: &BTreeSet<&Keeper>) -> Vec<PortError> {
        let is_its = |one: &K| Found::of(one).is_some_and(|it| keepers.contains(&it.keeper));
        self.part(run, &(), objects, is_its, |_| BTreeSet::new()).await
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
        let told = held.iter().filter_map(|one| Some((Named::of(&(), one), marker(one).err()?)));
        let mut failures: Vec<PortError> = told
            .map(|(named, error)| {
                let act = format!("could not read what a load test has left on {named}, which stays paused");
                PortError::because(FailureKind::Rejected, act, error)
            })
            .collect();
        let readable = held.into_iter().filter(|one| marker(one).is_ok()).collect();
        failures.extend(self.part(run, &(), readable, |_| true, |_| BTreeSet::new()).await);
        failures
    }
}
