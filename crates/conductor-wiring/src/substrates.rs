//! The applications of an environment may run on several substrates: each question goes to the one that has the
//! application.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::capacity::Shortage;
use conductor_core::failure::Failure;
use conductor_core::guard::{Drift, Guarded, Pause};
use conductor_core::ports::{
    Capacity, Deployed, Deployer, EnvironmentGuard, FailureKind, Layout, LeftBehind, Parity, PortError, Production,
    ReleaseSource, Scaler, Way,
};
use conductor_core::release::Rollout;
use conductor_core::run::RunId;
use conductor_core::scale::{Baseline, ScaleStep};
use futures::future::{BoxFuture, FutureExt, join_all, select_all, try_join_all};
use jiff::Timestamp;
use tokio::time::timeout;

/// How long the watch of other substrates goes on after that of one has failed.
const GRACE: Duration = Duration::from_secs(20);

/// All substrates of an environment.
pub(crate) struct Substrates {
    members: Vec<Member>,
}

/// One substrate, and the applications that run on it.
pub(crate) struct Member {
    applications: BTreeSet<ApplicationId>,
    releases: Arc<dyn ReleaseSource>,
    deployer: Arc<dyn Deployer>,
    scaler: Arc<dyn Scaler>,
    /// Absent where nobody else changes applications.
    guard: Option<Arc<dyn EnvironmentGuard>>,
    /// Absent where nobody knows whether there is room.
    capacity: Option<Arc<dyn Capacity>>,
    /// Absent where nobody knows what production is like beside versions and allocation.
    parity: Option<Arc<dyn Parity>>,
    /// Absent where nothing is on nodes that others could be on, too, or nobody tells.
    layout: Option<Arc<dyn Layout>>,
}

impl Member {
    pub(crate) fn new<S>(applications: BTreeSet<ApplicationId>, substrate: Arc<S>) -> Self
    where
        S: ReleaseSource + Deployer + Scaler + 'static,
    {
        Self {
            applications,
            releases: substrate.clone(),
            deployer: substrate.clone(),
            scaler: substrate,
            guard: None,
            capacity: None,
            parity: None,
            layout: None,
        }
    }

    /// One on which others may change applications, too, and of which nobody knows what production is like beside versions and
    /// allocation.
    pub(crate) fn watched<S>(applications: BTreeSet<ApplicationId>, substrate: Arc<S>) -> Self
    where
        S: ReleaseSource + Deployer + Scaler + EnvironmentGuard + Capacity + 'static,
    {
        let guard = Some(substrate.clone() as Arc<dyn EnvironmentGuard>);
        let capacity = Some(substrate.clone() as Arc<dyn Capacity>);
        Self { guard, capacity, ..Self::new(applications, substrate) }
    }

    /// One on which others may change applications, too, of which both sides can be compared, and which tells its nodes.
    pub(crate) fn guarded<S>(applications: BTreeSet<ApplicationId>, substrate: Arc<S>) -> Self
    where
        S: ReleaseSource + Deployer + Scaler + EnvironmentGuard + Capacity + Parity + Layout + 'static,
    {
        let parity = Some(substrate.clone() as Arc<dyn Parity>);
        let layout = Some(substrate.clone() as Arc<dyn Layout>);
        Self { parity, layout, ..Self::watched(applications, substrate) }
    }

    /// Those of the applications that are on it.
    fn own(&self, applications: &[ApplicationId]) -> Vec<ApplicationId> {
        applications.iter().filter(|application| self.applications.contains(*application)).cloned().collect()
    }
}

impl Substrates {
    pub(crate) fn new(members: Vec<Member>) -> Self {
        Self { members }
    }

    /// Asks every substrate for its own applications, and puts the answers together.
    async fn gather<'a, T>(
        &'a self,
        applications: &[ApplicationId],
        ask: impl Fn(&'a Member, Vec<ApplicationId>) -> BoxFuture<'a, Result<BTreeMap<ApplicationId, T>, PortError>>,
    ) -> Result<BTreeMap<ApplicationId, T>, PortError> {
        let owned = self.members.iter().map(|member| (member, member.own(applications)));
        let asked = owned.filter(|(_, own)| !own.is_empty()).map(|(member, own)| ask(member, own));
        Ok(try_join_all(asked).await?.into_iter().flatten().collect())
    }

    /// What tells in what applications differ from production: one substrate at most can, and leaves out those that it does
    /// not have.
    pub(crate) fn parity(&self) -> Option<Arc<dyn Parity>> {
        self.members.iter().find_map(|member| member.parity.clone())
    }

    /// What tells on which nodes things run: one substrate at most can, and leaves out applications that it does not have.
    pub(crate) fn layout(&self) -> Option<Arc<dyn Layout>> {
        self.members.iter().find_map(|member| member.layout.clone())
    }

    /// True when others may change some of the applications.
    pub(crate) fn is_guarded(&self) -> bool {
        self.members.iter().any(|member| member.guard.is_some())
    }

    /// The substrates on which others may change applications.
    fn guards(&self) -> impl Iterator<Item = (&Member, &Arc<dyn EnvironmentGuard>)> {
        self.members.iter().filter_map(|member| Some((member, member.guard.as_ref()?)))
    }

    fn member(&self, application: &ApplicationId) -> Result<&Member, PortError> {
        let found = self.members.iter().find(|member| member.applications.contains(application));
        let absent = || format!("{application} is not an application of the environment");
        found.ok_or_else(|| PortError::new(FailureKind::NotFound, absent()))
    }
}

#[async_trait]
impl ReleaseSource for Substrates {
    async fn production(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Production>, PortError> {
        self.gather(applications, |member, own| async move { member.releases.production(&own).await }.boxed()).await
    }
}

#[async_trait]
impl Deployer for Substrates {
    async fn deployed(&self, applications: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Deployed>, PortError> {
        self.gather(applications, |member, own| async move { member.deployer.deployed(&own).await }.boxed()).await
    }

    async fn try_out(&self, run: &RunId, rollouts: &[Rollout]) -> Result<BTreeMap<ApplicationId, String>, PortError> {
        let mut all = BTreeMap::new();
        for member in &self.members {
            let own = rollouts.iter().filter(|rollout| member.applications.contains(&rollout.application));
            all.extend(member.deployer.try_out(run, &own.cloned().collect::<Vec<_>>()).await?);
        }
        Ok(all)
    }

    async fn roll_out(&self, run: &RunId, rollout: &Rollout, way: Way) -> Result<(), PortError> {
        self.member(&rollout.application)?.deployer.roll_out(run, rollout, way).await
    }
}

#[async_trait]
impl Scaler for Substrates {
    async fn allocated(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        self.gather(applications, |member, own| async move { member.scaler.allocated(&own).await }.boxed()).await
    }

    async fn still_allocated(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        self.gather(applications, |member, own| async move { member.scaler.still_allocated(&own).await }.boxed()).await
    }

    async fn scale(&self, run: &RunId, step: &ScaleStep, way: Way) -> Result<(), PortError> {
        self.member(&step.application)?.scaler.scale(run, step, way).await
    }

    async fn left_behind(&self, applications: &[ApplicationId]) -> Result<BTreeMap<RunId, LeftBehind>, PortError> {
        let mut all: BTreeMap<RunId, LeftBehind> = BTreeMap::new();
        for member in &self.members {
            for (run, found) in member.scaler.left_behind(&member.own(applications)).await? {
                match all.entry(run) {
                    Entry::Vacant(place) => drop(place.insert(found)),
                    Entry::Occupied(mut place) => {
                        let LeftBehind { changes, epoch, alive_until } = place.get_mut();
                        *alive_until = found.alive_until.max(*alive_until);
                        *epoch = found.epoch.max(*epoch);
                        changes.baseline.extend(found.changes.baseline);
                        changes.plan.rollouts.extend(found.changes.plan.rollouts);
                        changes.plan.scale_steps.extend(found.changes.plan.scale_steps);
                    }
                }
            }
        }
        Ok(all)
    }

    async fn let_go(&self, run: &RunId, applications: &[ApplicationId]) -> Result<(), PortError> {
        let owned = self.members.iter().map(|member| (member, member.own(applications)));
        let asked = owned.filter(|(_, own)| !own.is_empty());
        let asked = asked.map(|(member, own)| async move { member.scaler.let_go(run, &own).await });
        // All of them, whatever becomes of one.
        all_failures(join_all(asked).await)
    }
}

#[async_trait]
impl Capacity for Substrates {
    async fn shortages(&self, steps: &[ScaleStep]) -> Result<Vec<Shortage>, PortError> {
        let asked = self.members.iter().filter_map(|member| {
            let capacity = member.capacity.as_ref()?;
            let own = steps.iter().filter(|step| member.applications.contains(&step.application)).cloned();
            let own: Vec<ScaleStep> = own.collect();
            Some(async move { capacity.shortages(&own).await })
        });
        let found = try_join_all(asked.collect::<Vec<_>>()).await?;
        Ok(found.into_iter().flatten().collect())
    }
}

#[async_trait]
impl EnvironmentGuard for Substrates {
    async fn pauses(&self, applications: &[ApplicationId], steps: &[ScaleStep]) -> Result<Vec<Pause>, PortError> {
        let asked = self.guards().map(|(member, guard)| {
            let own = member.own(applications);
            async move { if own.is_empty() { Ok(Vec::new()) } else { guard.pauses(&own, steps).await } }
        });
        Ok(try_join_all(asked.collect::<Vec<_>>()).await?.into_iter().flatten().collect())
    }

    async fn freeze(
        &self,
        run: &RunId,
        applications: &[ApplicationId],
        until: Timestamp,
    ) -> Result<Guarded, PortError> {
        let asked = self.guards().map(|(member, guard)| {
            let own = member.own(applications);
            async move { if own.is_empty() { Ok(Guarded::Alone) } else { guard.freeze(run, &own, until).await } }
        });
        let guarded = try_join_all(asked.collect::<Vec<_>>()).await?;
        let owned = self.guards().map(|(member, _)| member.own(applications)).zip(guarded);
        Ok(together(owned.filter(|(own, _)| !own.is_empty()).collect()))
    }

    async fn extend(&self, run: &RunId, until: Timestamp) -> Result<(), PortError> {
        let extended = self.guards().map(|(_, guard)| guard.extend(run, until)).collect::<Vec<_>>();
        all_failures(join_all(extended).await)
    }

    async fn thaw(&self, run: &RunId) -> Result<(), PortError> {
        // All of them, whatever becomes of one.
        all_failures(join_all(self.guards().map(|(_, guard)| guard.thaw(run)).collect::<Vec<_>>()).await)
    }

    async fn pause_again(&self, run: &RunId, applications: &[ApplicationId]) -> Result<(), PortError> {
        let asked = self.guards().map(|(member, guard)| {
            let own = member.own(applications);
            async move { if own.is_empty() { Ok(()) } else { guard.pause_again(run, &own).await } }
        });
        all_failures(join_all(asked.collect::<Vec<_>>()).await)
    }

    async fn drifted(&self, expected: &Baseline, known: &[Drift]) -> Result<Vec<Drift>, PortError> {
        let owned = self.guards().map(|(member, guard)| {
            let own = expected.iter().filter(|(application, _)| member.applications.contains(*application));
            let own: Baseline = own.map(|(application, observed)| (application.clone(), observed.clone())).collect();
            (own, guard)
        });
        let watched = owned.filter(|(own, _)| !own.is_empty());
        let watched: Vec<_> =
            watched.map(|(own, guard)| async move { guard.drifted(&own, known).await }.boxed()).collect();
        if watched.is_empty() {
            return std::future::pending().await;
        }
        let (first, _, others) = select_all(watched).await;
        match first {
            // Of a trouble, too: who waited for the others would not know that one is not watched. They have a while to see
            // something, or a trouble that comes at once would keep them from it again and again.
            Err(error) if !others.is_empty() => match timeout(GRACE, select_all(others)).await {
                Ok((Ok(drifts), ..)) => Ok(drifts),
                Ok((Err(_), ..)) | Err(_) => Err(error),
            },
            first => first,
        }
    }
}

/// How others are kept away from all applications, by how they are from those of each substrate.
fn together(guarded: Vec<(Vec<ApplicationId>, Guarded)>) -> Guarded {
    let mut is_frozen = false;
    let mut open: Vec<(Vec<ApplicationId>, String)> = Vec::new();
    for (applications, guarded) in guarded {
        match guarded {
            Guarded::Alone => {}
            Guarded::Frozen => is_frozen = true,
            Guarded::Open { because } => open.push((applications, because)),
            Guarded::Partly { because } => {
                is_frozen = true;
                open.push((applications, because));
            }
        }
    }
    let because = match open.as_slice() {
        [] => return if is_frozen { Guarded::Frozen } else { Guarded::Alone },
        [(_, only)] if !is_frozen => only.clone(),
        several => {
            let named = |(applications, because): &(Vec<ApplicationId>, String)| {
                let names: Vec<&str> = applications.iter().map(ApplicationId::as_str).collect();
                format!("{}: {because}", names.join(", "))
            };
            several.iter().map(named).collect::<Vec<_>>().join("; ")
        }
    };
    if is_frozen { Guarded::Partly { because } } else { Guarded::Open { because } }
}

/// One error of all; the gravest of their kinds is its kind.
fn all_failures(results: Vec<Result<(), PortError>>) -> Result<(), PortError> {
    let mut failures: Vec<PortError> = results.into_iter().filter_map(Result::err).collect();
    if failures.len() < 2 {
        return failures.pop().map_or(Ok(()), Err);
    }
    let gravest = failures.iter().map(|error| error.kind).max_by_key(|kind| !kind.is_transient());
    let texts: Vec<String> = failures.iter().map(|error| Failure::of("", error).message).collect();
    Err(PortError::new(gravest.unwrap_or(FailureKind::Rejected), texts.join("; ")))
}

#[cfg(test)]
#[path = "substrates_tests.rs"]
mod tests;
