//! A run by hand: what the engine does with the ports, in its order and without its journal.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::failure::Failure;
use conductor_core::phase::Changes;
use conductor_core::ports::{Deployer, PortError, Production, ReleaseSource, Scaler, Way};
use conductor_core::restore::{ForeignChange, ForeignPolicy, RestorePlan};
use conductor_core::run::RunId;
use conductor_core::scale::{Baseline, Observed, Plan};
use conductor_core::spec::{Intent, ScaleChoice, VersionChoice};
use futures::future::try_join_all;

use crate::bed::APPLICATIONS;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked for what comes about by itself.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A run, and what it changes.
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) changes: Changes,
}

impl Run {
    /// It makes everything like production. Nothing is changed yet.
    pub(crate) async fn like_production<C: ReleaseSource + Deployer + Scaler>(conductor: &C) -> Self {
        let production = fine(conductor.production(&names()).await);
        let intent = |name| Intent::new(name, VersionChoice::Production, ScaleChoice::Production);
        Self::planned(conductor, names().into_iter().map(intent).collect(), &production).await
    }

    /// It gives one application this version, and changes nothing else.
    pub(crate) async fn of_version<C: Deployer + Scaler>(conductor: &C, name: ApplicationId, version: String) -> Self {
        let intent = Intent::new(name, VersionChoice::Release(version), ScaleChoice::Keep);
        Self::planned(conductor, vec![intent], &BTreeMap::new()).await
    }

    async fn planned<C: Deployer + Scaler>(
        conductor: &C,
        scope: Vec<Intent>,
        production: &BTreeMap<ApplicationId, Production>,
    ) -> Self {
        let id = "one".parse().unwrap();
        let allocated = fine(conductor.allocated(&names()).await);
        let baseline = observed(conductor, allocated).await;
        let plan = Plan::make(&scope, production, &baseline).unwrap_or_else(|error| panic!("{error}"));
        fine(conductor.try_out(&id, &plan.rollouts).await);
        Self { id, changes: Changes { baseline, plan } }
    }

    /// The way there.
    pub(crate) async fn there<C: Deployer + Scaler>(&self, conductor: &C) -> Result<(), PortError> {
        self.roll_out(conductor).await?;
        self.scale(conductor).await
    }

    /// The first half of it.
    pub(crate) async fn roll_out<C: Deployer>(&self, conductor: &C) -> Result<(), PortError> {
        let rollouts = self.changes.plan.rollouts.iter();
        try_join_all(rollouts.map(|rollout| conductor.roll_out(&self.id, rollout, Way::There))).await.map(drop)
    }

    /// The second half of it.
    pub(crate) async fn scale<C: Scaler>(&self, conductor: &C) -> Result<(), PortError> {
        let steps = self.changes.plan.scale_steps.iter();
        try_join_all(steps.map(|step| conductor.scale(&self.id, step, Way::There))).await.map(drop)
    }

    /// The way back by what the journal would know; what somebody else has changed.
    pub(crate) async fn back<C: Deployer + Scaler>(&self, conductor: &C) -> Vec<ForeignChange> {
        self.back_by(conductor, &self.changes).await
    }

    /// The same by something else that tells what is to be put back.
    pub(crate) async fn back_by<C: Deployer + Scaler>(&self, conductor: &C, changes: &Changes) -> Vec<ForeignChange> {
        let plan = self.restore_plan(conductor, changes).await;
        assert!(plan.missing.is_empty(), "{:?}", plan.missing);
        fine(self.put_back(conductor, &plan).await);
        let names: Vec<ApplicationId> = changes.plan.applications().into_iter().cloned().collect();
        fine(conductor.let_go(&self.id, &names).await);
        let left = self.restore_plan(conductor, changes).await;
        assert!(left.is_done(), "it is still to be put back: {left:?}");
        plan.foreign
    }

    /// What is to be done on the way back.
    pub(crate) async fn restore_plan<C: Deployer + Scaler>(&self, conductor: &C, changes: &Changes) -> RestorePlan {
        RestorePlan::make(changes, &look_again(conductor).await, ForeignPolicy::Report)
    }

    /// The way back, up to its last word.
    pub(crate) async fn put_back<C: Deployer + Scaler>(
        &self,
        conductor: &C,
        plan: &RestorePlan,
    ) -> Result<(), PortError> {
        try_join_all(plan.scale_steps.iter().map(|step| conductor.scale(&self.id, step, Way::Back))).await?;
        try_join_all(plan.rollouts.iter().map(|one| conductor.roll_out(&self.id, one, Way::Back))).await.map(drop)
    }
}

/// The applications of every bed.
pub(crate) fn names() -> Vec<ApplicationId> {
    APPLICATIONS.iter().map(|name| name.parse().unwrap()).collect()
}

/// What the applications are since a run has begun.
pub(crate) async fn look_again<C: Deployer + Scaler>(conductor: &C) -> Baseline {
    let allocated = fine(conductor.still_allocated(&names()).await);
    observed(conductor, allocated).await
}

async fn observed<C: Deployer>(conductor: &C, mut allocated: BTreeMap<ApplicationId, Allocation>) -> Baseline {
    let deployed = fine(conductor.deployed(&names()).await);
    let all = deployed.into_iter().map(|(name, deployed)| {
        let allocation = allocated.remove(&name).unwrap();
        (name, Observed { release: deployed.release, allocation, identity: deployed.identity })
    });
    all.collect()
}

/// What came of a call that must not fail.
#[track_caller]
pub(crate) fn fine<T>(result: Result<T, PortError>) -> T {
    result.unwrap_or_else(|error| panic!("{:?}: {}", error.kind, text(&error)))
}

/// Every message of an error.
pub(crate) fn text(error: &PortError) -> String {
    Failure::of("", error).message
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "{what}: did not happen within {PATIENCE:?}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
