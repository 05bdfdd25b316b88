//! Keeping others from changing the applications of a test cluster, and telling when they have.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use conductor_core::app::ApplicationId;
use conductor_core::guard::{Drift, Guarded, Pause};
use conductor_core::ports::{EnvironmentGuard, FailureKind, PortError};
use conductor_core::run::RunId;
use conductor_core::scale::{Baseline, ScaleStep};
use jiff::Timestamp;

use crate::autoscaler::{Autoscaler, ByTarget};
use crate::environment::KubernetesEnvironment;
use crate::freeze::{Freezer, Proof, Target};
use crate::keeper::Keeper;
use crate::sentinel::{Sentinel, Watched};
use crate::signs::Signs;

#[async_trait]
impl EnvironmentGuard for KubernetesEnvironment {
    async fn pauses(&self, applications: &[ApplicationId], steps: &[ScaleStep]) -> Result<Vec<Pause>, PortError> {
        self.told_keepers(applications, steps).await
    }

    async fn freeze(
        &self,
        run: &RunId,
        applications: &[ApplicationId],
        until: Timestamp,
    ) -> Result<Guarded, PortError> {
        let namespace = &self.settings.conductor_namespace;
        let lease = self.signs().give(run, until, false, None).await?;
        let is_told = lease.is_some();
        if let Some(lease) = lease {
            self.writer.life.begins(until, lease);
        }
        // What is denied by the freeze is a failure to a keeper, and may be the end of a release.
        let autoscalers = self.autoscalers(applications).await?;
        let keepers = self.pause_keepers(run, applications, &autoscalers).await?;
        if !is_told {
            return Ok(Guarded::Open { because: format!("there is no namespace {namespace} for the conductor") });
        }
        let freezer = self.freezer().await?;
        let missing = freezer.available().await?;
        if !missing.is_empty() {
            return Ok(Guarded::Open { because: missing.join(", ") });
        }
        let mut targets = self.targets(applications, &autoscalers, &keepers)?;
        targets.extend(self.stack_targets(applications).await?);
        targets.extend(self.scalable_targets(freezer, applications).await?);
        if targets.is_empty() {
            let because = "the policy is asked about none of the kinds of these applications".to_owned();
            return Ok(Guarded::Open { because });
        }
        freezer.freeze(run, &targets, until).await?;
        match freezer.prove(&targets).await? {
            Proof::Active => Ok(Guarded::Frozen),
            Proof::Inactive { because } => {
                freezer.lift(run).await?;
                Ok(Guarded::Open { because })
            }
        }
    }

    async fn extend(&self, run: &RunId, until: Timestamp) -> Result<(), PortError> {
        let life = &self.writer.life;
        life.check(&format!("could not renew the lease of run {run}"), Timestamp::now())?;
        let signs = self.signs();
        // Where it is taken over: whoever has put it back has ended its signs.
        if !life.has_begun() && signs.found(run).await?.is_none_or(|sign| sign.is_over) {
            life.was_ended();
        }
        if let Some(lease) = signs.give(run, until, life.is_over(), life.lease()).await? {
            life.goes_on(until, lease);
        }
        match self.freezer().await?.extend(run, until).await {
            // Whoever has lifted it means it: it is not made again.
            Err(error) if error.kind == FailureKind::NotFound => {
                let text = format!(
                    "the freeze of run {run} is gone: somebody has lifted it, or it ran out while the API server could not be \
                     reached; others can change the applications from now on"
                );
                Err(PortError::new(FailureKind::NotFound, text))
            }
            extended => extended,
        }
    }

    async fn thaw(&self, run: &RunId) -> Result<(), PortError> {
        let lifted = match self.freezer().await {
            Ok(freezer) => freezer.lift(run).await,
            Err(error) => Err(error),
        };
        // Before they go on: a pause that comes until then is found.
        let fenced = self.fence_keepers(run).await;
        let resumed = self.resume_keepers(run).await;
        // Whatever became of the freeze, which ends by itself.
        self.signs().end(run).await?;
        self.writer.life.ends();
        lifted.and(fenced).and(resumed)
    }

    async fn pause_again(&self, run: &RunId, applications: &[ApplicationId]) -> Result<(), PortError> {
        self.pause_keepers_again(run, applications).await
    }

    async fn drifted(&self, expected: &Baseline, known: &[Drift]) -> Result<Vec<Drift>, PortError> {
        let applications: Vec<ApplicationId> = expected.keys().cloned().collect();
        let (has_keda, has_vertical, keepers, scalables) = futures::try_join!(
            self.has_keda(),
            self.has_vertical(),
            self.paused_kinds(),
            self.scalables(&applications)
        )?;
        let custom = scalables.iter().map(|kind| Arc::clone(&kind.kind)).collect();
        let watched = Watched { has_keda, has_vertical, keepers, custom };
        Sentinel::new(&self.client, &self.places, expected, &watched, &self.blind).drifted(known).await
    }
}

impl KubernetesEnvironment {
    /// Lifts a freeze by its name, whoever has made it; false where there is none of that name.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn unfreeze(&self, name: &str) -> Result<bool, PortError> {
        self.freezer().await?.lift_by_name(name).await
    }

    /// The signs of life of conductors.
    pub(crate) fn signs(&self) -> Signs {
        Signs::new(self.client.clone(), &self.settings.conductor_namespace)
    }

    async fn freezer(&self) -> Result<&Freezer, PortError> {
        let settings = &self.settings.freeze;
        let make = || async {
            let freezer = Freezer::new(self.client.clone(), &self.settings.conductor_namespace).await?;
            let freezer =
                freezer.exempting(settings.controllers.clone()).with_break_glass(settings.break_glass.clone());
            Ok(match &settings.owner {
                Some(owner) => freezer.owned_by(owner),
                None => freezer,
            })
        };
        self.freezer.get_or_try_init(make).await
    }

    /// What must not be changed: the workloads of the applications, and the autoscalers of these.
    fn targets(
        &self,
        applications: &[ApplicationId],
        autoscalers: &ByTarget,
        keepers: &BTreeSet<Keeper>,
    ) -> Result<BTreeSet<Target>, PortError> {
        let mut targets: BTreeSet<Target> = keepers.iter().filter_map(Keeper::frozen).collect();
        for application in applications {
            let place = self.place(application)?;
            targets.extend(Target::of(place));
            targets.extend(autoscalers.get(place).into_iter().flatten().map(Autoscaler::frozen));
        }
        Ok(targets)
    }
}
