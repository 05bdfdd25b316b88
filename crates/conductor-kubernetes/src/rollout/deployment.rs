//! Where a Deployment stands.
//!
//! The rule is that of `kubectl rollout status`, and stricter where it answers "done" for what is not: the images and the
//! replicas are the wanted ones, no replica is too many, and none is still terminating. The condition `Progressing` with
//! reason `NewReplicaSetAvailable` alone would be wrong: it is still that of before right after a change.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, DeploymentSpec, DeploymentStatus};

use super::shown::{Missing, Shown};
use super::wanted::Wanted;
use super::{Progress, count, counted};
use crate::error::cut;
use crate::stack_set::is_carried;

/// Where a Deployment stands.
pub(crate) fn deployment(live: &Deployment, wanted: &Wanted) -> Progress {
    let Some(spec) = &live.spec else { return Progress::Failed("it has no spec".to_owned()) };
    let none = DeploymentStatus::default();
    let status = live.status.as_ref().unwrap_or(&none);
    let replicas = spec.replicas.map_or(1, |replicas| count(Some(replicas)));
    if wanted.generation_of_stack.is_some_and(|generation| !is_carried(&live.metadata, generation)) {
        // Whatever it shows, it shows of what its Stack was before.
        let why = "the change of its Stack is not carried to it yet".to_owned();
        return Progress::underway(count(status.ready_replicas), wanted.replicas.unwrap_or(replicas), Some(why));
    }
    let shown = Shown {
        metadata: &live.metadata,
        replicas,
        ready: count(status.ready_replicas),
        observed_generation: status.observed_generation,
        hopeless: wanted.changed_images(&spec.template),
        given_up: paused(spec, status).or_else(|| given_up(status, wanted)),
        missing: missing(replicas, wanted, status),
    };
    shown.judged(wanted)
}

/// A paused Deployment is scaled and not rolled out: it is no trouble where every replica is of its template already, as
/// when what had never been rolled out was taken back.
fn paused(spec: &DeploymentSpec, status: &DeploymentStatus) -> Option<String> {
    let [all, updated] = [status.replicas, status.updated_replicas].map(count);
    (spec.paused == Some(true) && all > updated)
        .then(|| "it is paused (spec.paused), so that nothing is rolled out".to_owned())
}

fn given_up(status: &DeploymentStatus, wanted: &Wanted) -> Option<String> {
    let fails = |condition: &&DeploymentCondition| match condition.type_.as_str() {
        "Progressing" => condition.reason.as_deref() == Some("ProgressDeadlineExceeded"),
        "ReplicaFailure" => condition.status == "True",
        _ => false,
    };
    let conditions = status.conditions.iter().flatten();
    // The one that says what is the matter goes first: a quota is why a deadline is exceeded.
    let new = conditions.filter(fails).filter(|condition| !wanted.before.had(condition));
    let worst = new.max_by_key(|condition| condition.type_ == "ReplicaFailure")?;
    let said = [&worst.reason, &worst.message].into_iter().flatten();
    let said: Vec<&str> = said.map(String::as_str).filter(|said| !said.is_empty()).collect();
    Some(cut(format!("{}: {}", worst.type_, said.join(": "))))
}

fn missing(replicas: u32, wanted: &Wanted, status: &DeploymentStatus) -> Option<Missing> {
    let [all, updated, ready, available, terminating] = [
        status.replicas,
        status.updated_replicas,
        status.ready_replicas,
        status.available_replicas,
        // Absent before Kubernetes 1.35.
        status.terminating_replicas,
    ]
    .map(count);
    let other = match wanted.other_replicas(replicas) {
        Some(other) => other,
        _ if updated < replicas => format!("{updated} of {replicas} updated"),
        _ if all > updated => format!("{} of an older template", counted(all - updated, "replica")),
        _ if all > replicas || updated > replicas || available > replicas => {
            format!("{} too many", counted(all.max(updated).max(available) - replicas, "replica"))
        }
        _ if ready < replicas => return Some(Missing::Readiness),
        // Ready, but not yet for `minReadySeconds`.
        _ if available < updated || available < replicas => format!("{available} of {replicas} available"),
        _ if terminating > 0 => format!("{} terminating", counted(terminating, "replica")),
        _ => return None,
    };
    Some(Missing::Other(other))
}

#[cfg(test)]
#[path = "deployment_tests.rs"]
mod tests;
