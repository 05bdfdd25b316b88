//! What is said of a Rollout: its conditions, and its phase in one word.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DeploymentCondition, ReplicaSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use crate::rollouts::minimal::sets;
use crate::rollouts::rollout::{Rollout, RolloutStatus};

const DEADLINE_S: u32 = 600;
const TIMED_OUT: &str = "ProgressDeadlineExceeded";
const ABORTED: &str = "RolloutAborted";
const AVAILABLE: &str = "NewReplicaSetAvailable";
pub(super) const INVALID: &str = "InvalidSpec";

/// Says something, unless it is said.
pub(super) fn say(status: &mut RolloutStatus, kind: &str, value: &str, reason: &str, message: &str) {
    let now = Some(Time(Timestamp::now()));
    let before = status.condition(kind).cloned();
    let same = |one: &DeploymentCondition| one.status == value && one.reason.as_deref() == Some(reason);
    if before.as_ref().is_some_and(same) {
        return;
    }
    let since = before.filter(|before| before.status == value).and_then(|before| before.last_transition_time);
    status.conditions.retain(|condition| condition.type_ != kind);
    status.conditions.push(DeploymentCondition {
        type_: kind.to_owned(),
        status: value.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_update_time: now.clone(),
        last_transition_time: since.or(now),
    });
}

/// Says everything of the state that a Rollout is in; answers with the time until it counts as failed.
pub(super) fn judge(
    rollout: &Rollout,
    before: &RolloutStatus,
    status: &mut RolloutStatus,
    all: &[ReplicaSet],
    newest: &ReplicaSet,
) -> Option<Duration> {
    let replicas = sets::wanted(rollout);
    let is_stable = !status.stable.is_empty() && status.stable == status.current_pod_hash;
    let is_paused = !status.pause_conditions.is_empty() || rollout.spec.paused == Some(true);
    let is_at_its_end = match &rollout.spec.strategy.blue_green {
        // Replicas of an older version may stay for a while.
        Some(spec) => is_switched(status) && (spec.preview_service.is_none() || is_previewed(status)),
        None => is_stable && status.replicas == replicas,
    };
    let is_healthy =
        !is_paused && is_at_its_end && [status.updated_replicas, status.available_replicas] == [replicas; 2];
    let named = |flag: bool| if flag { "True" } else { "False" };
    if is_healthy || status.condition("Healthy").is_some() {
        let said = if is_healthy { "Rollout is healthy" } else { "Rollout is not healthy" };
        say(status, "Healthy", named(is_healthy), "RolloutHealthy", said);
    }
    let has_enough = status.available_replicas >= replicas;
    say(status, "Available", named(has_enough), "AvailableReason", "Rollout has minimum availability, or not");
    say(status, "Completed", named(is_stable), "RolloutCompleted", "RolloutCompleted");
    let mut failures = all.iter().filter_map(|set| set.status.as_ref()?.conditions.as_ref()).flatten();
    match failures.find(|condition| condition.type_ == "ReplicaFailure" && condition.status == "True") {
        Some(found) => {
            let [reason, message] = [&found.reason, &found.message].map(|text| text.as_deref().unwrap_or_default());
            say(status, "ReplicaFailure", "True", reason, message);
        }
        None => status.conditions.retain(|condition| condition.type_ != "ReplicaFailure"),
    }
    if is_paused || status.condition("Paused").is_some() {
        say(status, "Paused", named(is_paused), "RolloutPaused", "Rollout is paused");
    }
    let name = newest.name_any();
    let has_moved = status.updated_replicas != before.updated_replicas
        || status.replicas - status.updated_replicas < before.replicas - before.updated_replicas
        || status.ready_replicas > before.ready_replicas
        || status.available_replicas > before.available_replicas
        || status.current_step_index != before.current_step_index
        || status.stable != before.stable
        || status.blue_green != before.blue_green
        || status.current_pod_hash != before.current_pod_hash;
    if status.abort {
        let message = format!("Rollout aborted update to revision {}", sets::revision(rollout));
        say(status, "Progressing", "False", ABORTED, &message);
    } else if is_healthy {
        let message = format!("ReplicaSet \"{name}\" has successfully progressed.");
        say(status, "Progressing", "True", AVAILABLE, &message);
    } else if is_paused {
        say(status, "Progressing", "Unknown", "RolloutPaused", "Rollout is paused");
    } else if has_moved {
        status.conditions.retain(|condition| condition.type_ != "Progressing");
        say(status, "Progressing", "True", "ReplicaSetUpdated", &format!("ReplicaSet \"{name}\" is progressing."));
    } else {
        return wait(rollout, status, &name);
    }
    None
}

/// True when users get the newest version.
fn is_switched(status: &RolloutStatus) -> bool {
    !status.current_pod_hash.is_empty() && status.blue_green.active_selector == status.current_pod_hash
}

/// True when the newest version is the one that can be looked at.
fn is_previewed(status: &RolloutStatus) -> bool {
    status.blue_green.preview_selector == status.current_pod_hash
}

/// Gives it up when nothing has moved for too long.
fn wait(rollout: &Rollout, status: &mut RolloutStatus, name: &str) -> Option<Duration> {
    let progressing = status.condition("Progressing")?;
    if [Some(TIMED_OUT), Some(AVAILABLE)].contains(&progressing.reason.as_deref()) {
        return None;
    }
    let since = progressing.last_update_time.as_ref()?.0;
    let passed = Duration::try_from(Timestamp::now().duration_since(since)).unwrap_or_default();
    let deadline = Duration::from_secs(rollout.spec.progress_deadline_seconds.unwrap_or(DEADLINE_S).into());
    if passed <= deadline {
        return Some(deadline - passed + Duration::from_millis(10));
    }
    say(status, "Progressing", "False", TIMED_OUT, &format!("ReplicaSet \"{name}\" has timed out progressing."));
    None
}

/// Phase and message.
pub(super) fn phase(rollout: &Rollout, status: &RolloutStatus) -> (&'static str, String) {
    for condition in &status.conditions {
        let message = condition.message.as_deref().unwrap_or_default();
        if condition.type_ == INVALID {
            return ("Degraded", format!("{INVALID}: {message}"));
        }
        if let Some(reason) = condition.reason.as_deref().filter(|reason| [ABORTED, TIMED_OUT].contains(reason)) {
            return ("Degraded", format!("{reason}: {message}"));
        }
    }
    let replicas = sets::wanted(rollout);
    let is_canary = rollout.spec.strategy.blue_green.is_none();
    let progressing = |why: &str| ("Progressing", why.to_owned());
    if rollout.spec.paused == Some(true) {
        return ("Paused", "manually paused".to_owned());
    }
    match status.pause_conditions.first() {
        Some(pause) => ("Paused", pause.reason.clone()),
        None if status.updated_replicas < replicas => progressing("more replicas need to be updated"),
        None if status.available_replicas < status.updated_replicas => {
            progressing("updated replicas are still becoming available")
        }
        None if is_canary && status.replicas > status.updated_replicas => {
            progressing("old replicas are pending termination")
        }
        None if !is_canary && !is_switched(status) => progressing("active service cutover pending"),
        None if status.stable.is_empty() || status.stable != status.current_pod_hash => {
            progressing("waiting for all steps to complete")
        }
        None => ("Healthy", String::new()),
    }
}
