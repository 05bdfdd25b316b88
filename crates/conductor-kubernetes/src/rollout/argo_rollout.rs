//! Where a Rollout of Argo Rollouts stands.
//!
//! That it says `Healthy` of the generation that was written is not enough: when replicas and template are changed at once,
//! its controller takes up the replicas first, and says so for a moment of the counts and the template of before. So every
//! count has to be that of the replicas, and the newest template the stable one. That the newest template is the one that was
//! written its ReplicaSet must show: see [`promotion`](crate::promotion).

use k8s_openapi::api::apps::v1::DeploymentCondition;

use super::shown::{Missing, Shown};
use super::wanted::Wanted;
use super::{Progress, count, counted};
use crate::argo_rollout::{ArgoRollout, ArgoRolloutStatus};
use crate::error::cut;
use crate::object::Object;

/// What it says once its controller has nothing left to do.
const HEALTHY: &str = "Healthy";
/// The pause after an analysis that says neither yes nor no.
const INCONCLUSIVE: &str = "InconclusiveAnalysisRun";

/// Where a Rollout stands.
pub(crate) fn argo_rollout(live: &ArgoRollout, wanted: &Wanted) -> Progress {
    let template = match live.fields().map(|_| live.template()) {
        Ok(template) => template,
        Err(error) => return Progress::Failed(error.to_string()),
    };
    let none = ArgoRolloutStatus::default();
    let status = live.status.as_ref().unwrap_or(&none);
    let replicas = live.spec.replicas.map_or(1, |replicas| count(Some(replicas)));
    let is_paused = live.spec.paused == Some(true);
    let shown = Shown {
        metadata: &live.metadata,
        replicas,
        ready: count(status.ready_replicas),
        observed_generation: status.observed(),
        hopeless: template.and_then(|template| wanted.changed_images(template)),
        given_up: given_up(is_paused, status, wanted),
        missing: missing(replicas, is_paused, wanted, status),
    };
    shown.judged(wanted)
}

/// The hash of the newest template; none while its controller has not seen its newest generation.
pub(crate) fn newest(live: &ArgoRollout) -> Option<&str> {
    let status = live.status.as_ref()?;
    let is_seen = status.observed() >= live.metadata.generation;
    is_seen.then_some(status.current_pod_hash.as_deref()).flatten()
}

fn given_up(is_paused: bool, status: &ArgoRolloutStatus, wanted: &Wanted) -> Option<String> {
    if is_paused && !status.is_promoted() {
        return Some("it is paused (spec.paused), so that nothing is rolled out".to_owned());
    }
    if status.pause_conditions.iter().flatten().any(|pause| pause.reason == INCONCLUSIVE) {
        return Some(format!("it is paused: {INCONCLUSIVE}"));
    }
    let fails = |condition: &&DeploymentCondition| match condition.type_.as_str() {
        "Progressing" => matches!(condition.reason.as_deref(), Some("ProgressDeadlineExceeded" | "RolloutAborted")),
        "ReplicaFailure" | "InvalidSpec" => condition.status == "True",
        _ => false,
    };
    let new = status.conditions.iter().flatten().filter(fails).filter(|condition| !wanted.before.had(condition));
    // The one that says what is the matter goes first.
    let worst = new.max_by_key(|condition| condition.type_ != "Progressing")?;
    let mut said: Vec<&str> = [&worst.reason, &worst.message].into_iter().flatten().map(String::as_str).collect();
    said.retain(|said| !said.is_empty() && *said != worst.type_);
    Some(cut(format!("{}: {}", worst.type_, said.join(": "))))
}

fn missing(replicas: u32, is_paused: bool, wanted: &Wanted, status: &ArgoRolloutStatus) -> Option<Missing> {
    let [all, updated, ready, available] =
        [status.replicas, status.updated_replicas, status.ready_replicas, status.available_replicas].map(count);
    let pause = status.pause_conditions.iter().flatten().next();
    let phase = status.phase.as_deref().unwrap_or(HEALTHY);
    let other = match wanted.other_replicas(replicas) {
        Some(other) => other,
        _ if let Some(pause) = pause => format!("{updated} of {replicas} updated, paused ({})", pause.reason),
        _ if updated < replicas => format!("{updated} of {replicas} updated"),
        _ if all > updated => format!("{} of an older template", counted(all - updated, "replica")),
        _ if all > replicas || updated > replicas || available > replicas => {
            format!("{} too many", counted(all.max(updated).max(available) - replicas, "replica"))
        }
        _ if all < replicas || ready < replicas => return Some(Missing::Readiness),
        _ if available < replicas => format!("{available} of {replicas} available"),
        _ if !status.is_promoted() => "not promoted yet".to_owned(),
        _ if phase != HEALTHY && !is_paused => {
            let said = [Some(phase), status.message.as_deref()].into_iter().flatten().filter(|said| !said.is_empty());
            cut(said.collect::<Vec<_>>().join(": "))
        }
        _ => return None,
    };
    Some(Missing::Other(other))
}

#[cfg(test)]
#[path = "argo_rollout_tests.rs"]
mod tests;
