//! Where a canary is among its steps.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::rollouts::rollout::{Pause, PauseCondition, Rollout, RolloutStatus, Step};

const PAUSE: &str = "CanaryPauseStep";

/// The steps of a Rollout.
pub(super) fn of(rollout: &Rollout) -> &[Step] {
    rollout.spec.strategy.canary.as_ref().map(|canary| canary.steps.as_slice()).unwrap_or_default()
}

/// How many of the steps there are, where there are any.
pub(super) fn end(steps: &[Step]) -> Option<i32> {
    i32::try_from(steps.len()).ok().filter(|end| *end > 0)
}

/// The step that it is at; `None` at the end.
fn current<'s>(steps: &'s [Step], status: &RolloutStatus) -> Option<&'s Step> {
    steps.get(usize::try_from(status.current_step_index.unwrap_or_default()).ok()?)
}

/// The weight of the newest version.
pub(super) fn weight(steps: &[Step], status: &RolloutStatus) -> i32 {
    let is_over = status.promote_full || status.stable.is_empty() || status.stable == status.current_pod_hash;
    if is_over {
        return 100;
    }
    if status.abort {
        return 0;
    }
    let index = usize::try_from(status.current_step_index.unwrap_or_default()).unwrap_or_default();
    if index >= steps.len() {
        return 100;
    }
    let mut weights = steps.iter().take(index + 1).rev().filter_map(|step| match step {
        Step::SetWeight(weight) => Some(*weight),
        Step::Pause(_) => None,
    });
    weights.next().unwrap_or_default()
}

/// Goes on by a step if the one that it is at is done: a weight by the replicas that are there, a pause by time or by
/// somebody who took it away. Answers with the time that a pause still takes.
pub(super) fn advance(
    steps: &[Step],
    status: &mut RolloutStatus,
    has_its_replicas: bool,
    now: Timestamp,
) -> Option<Duration> {
    let step = current(steps, status)?;
    let paused = status.pause_conditions.iter().find(|condition| condition.reason == PAUSE).cloned();
    let (is_done, rest) = match (step, paused) {
        (Step::SetWeight(_), _) => (has_its_replicas, None),
        (Step::Pause(_), None) if status.controller_pause => (true, None),
        (Step::Pause(_), None) => {
            status.pause_conditions.push(PauseCondition { reason: PAUSE.to_owned(), start_time: Time(now) });
            status.controller_pause = true;
            (false, None)
        }
        (Step::Pause(pause), Some(since)) => match rest(pause, &since, now) {
            Some(rest) => (rest.is_zero(), Some(rest).filter(|rest| !rest.is_zero())),
            None => (false, None),
        },
    };
    if is_done {
        status.current_step_index = Some(status.current_step_index.unwrap_or_default() + 1);
        clear(status);
    }
    rest
}

/// Ends a pause.
pub(super) fn clear(status: &mut RolloutStatus) {
    status.pause_conditions.clear();
    status.controller_pause = false;
}

/// How long a pause still takes; `None` where somebody has to end it.
fn rest(pause: &Pause, since: &PauseCondition, now: Timestamp) -> Option<Duration> {
    let duration = pause.duration.as_ref()?;
    let seconds = duration.as_u64().or_else(|| duration.as_str()?.trim_end_matches('s').parse().ok())?;
    let passed = Duration::try_from(now.duration_since(since.start_time.0)).unwrap_or_default();
    Some(Duration::from_secs(seconds).saturating_sub(passed))
}
