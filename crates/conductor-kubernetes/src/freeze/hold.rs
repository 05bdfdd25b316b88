//! Freezing for a run, going on with it, and lifting it. Each does nothing where it is done already.

use std::collections::BTreeSet;

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;
use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::resource::{Freeze, FreezeSpec};
use super::{FIELD_MANAGER, Freezer, Target};
use crate::answer::{answer, attempt};
use crate::error::{failed, is_absent};
use crate::names;

impl Freezer {
    /// Freezes the targets for a run. Called again it freezes these targets until then, whatever was before.
    ///
    /// Two runs that freeze the same at the same moment may both succeed; the API server denies each what the other holds
    /// then, if they have different holders.
    ///
    /// # Errors
    /// When another run has frozen one of the targets, and when the API server refuses.
    pub(crate) async fn freeze(
        &self,
        run: &RunId,
        targets: &BTreeSet<Target>,
        until: Timestamp,
    ) -> Result<(), PortError> {
        let act = format!("could not freeze {} for run {run}", count(targets.len(), "target"));
        let targets: Vec<String> = targets.iter().map(Target::to_string).collect();
        if let Some(why) = self.list().await?.iter().find_map(|other| conflict(other, run, &targets)) {
            return Err(PortError::because(FailureKind::Rejected, act, why));
        }
        let name = names::of_run(run);
        let until = whole_seconds(until);
        let timer = self.start_timer(&name, until).await?;
        let spec = FreezeSpec {
            run: run.to_string(),
            owner: self.owner.clone(),
            holder: self.holder.clone(),
            expires_at: until,
            targets,
            controllers: self.controllers.clone(),
            break_glass: self.break_glass.clone(),
        };
        let mut freeze = Freeze::new(&name, spec);
        freeze.metadata.owner_references = Some(vec![timer]);
        let (freezes, params) = (self.freezes(), PatchParams::apply(FIELD_MANAGER).force());
        answer(&act, || async { freezes.patch(&name, &params, &Patch::Apply(&freeze)).await }).await.map(drop)
    }

    /// Puts off the end of a run's freeze: the heartbeat. From then on it holds for whoever calls this, who may have taken the
    /// run over from somebody else.
    ///
    /// # Errors
    /// When the API server refuses, or there is no such freeze (any more); [`Freezer::freeze`] makes it again.
    pub(crate) async fn extend(&self, run: &RunId, until: Timestamp) -> Result<(), PortError> {
        let (name, until) = (names::of_run(run), whole_seconds(until));
        // The timer first: a Freeze that says less than its timer does no harm.
        self.set_timer(&name, until).await?;
        let act = format!("could not put off the end of freeze {name}");
        let change = json!({ "spec": { "expiresAt": until, "holder": self.holder } });
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let freezes = self.freezes();
        answer(&act, || async { freezes.patch(&name, &params, &Patch::Merge(&change)).await }).await.map(drop)
    }

    /// Lifts the freeze of a run, if there is one.
    ///
    /// # Errors
    /// When the API server refuses.
    pub(crate) async fn lift(&self, run: &RunId) -> Result<(), PortError> {
        self.lift_by_name(&names::of_run(run)).await.map(drop)
    }

    /// Lifts a freeze by its name, whoever made it. False when there was none.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn lift_by_name(&self, name: &str) -> Result<bool, PortError> {
        let act = format!("could not lift freeze {name}");
        let freezes = self.freezes();
        let lifted = match attempt(&act, || async { freezes.delete(name, &DeleteParams::background()).await }).await? {
            Ok(_) => true,
            Err(error) if is_absent(&error) => false,
            Err(error) => return Err(failed(act, error)),
        };
        self.remove_timer(name).await?;
        Ok(lifted)
    }
}

/// Why a run cannot freeze these targets beside a Freeze.
fn conflict(other: &Freeze, run: &RunId, targets: &[String]) -> Option<String> {
    let live = other.metadata.deletion_timestamp.is_none() && other.spec.expires_at > Timestamp::now();
    if !live || other.spec.run == run.as_str() {
        return None;
    }
    let held: BTreeSet<&String> = other.spec.targets.iter().collect();
    let shared: Vec<&String> = targets.iter().filter(|target| held.contains(target)).collect();
    let first = shared.first()?;
    let others = match shared.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more of them"),
    };
    let FreezeSpec { run, owner, expires_at, .. } = &other.spec;
    let name = other.name_any();
    Some(format!(
        "{first}{others} is frozen by load test {run} until {expires_at}; to lift it: conductor unfreeze {name} --settings \
         environment.yaml ({owner})"
    ))
}

/// For people, who read it in every denial.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

pub(super) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("{number} {what}") } else { format!("{number} {what}s") }
}
