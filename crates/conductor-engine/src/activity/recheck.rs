//! The second look: some time after the way back, whether everything stays as it was, and who has changed what does not.

use std::collections::BTreeMap;
use std::time::Duration;

use conductor_core::app::ApplicationId;
use conductor_core::failure::Failure;
use conductor_core::guard::Drift;
use conductor_core::phase::{Event, Level};
use conductor_core::recheck::{LateChange, WayBack};
use jiff::{SignedDuration, Timestamp};

use super::context::{Shared, Surroundings};
use super::look::{Sight, look};
use super::unpanicking;

/// How long the look is tried, whatever the error is, before each application is looked at by itself.
const LOOK: Duration = Duration::from_secs(300);

/// Waits until it is time for the second look at a way back that ended then.
pub(super) async fn wait(context: &Shared, back_at: Timestamp) {
    let after = context.created.recheck_after;
    let due = SignedDuration::try_from(after.as_duration()).unwrap_or(SignedDuration::MAX);
    let due = back_at.saturating_add(due).unwrap_or(Timestamp::MAX);
    let Ok(left) = Duration::try_from(due.duration_since(context.clock.now())) else { return };
    if !left.is_zero() {
        let message = format!("{after} after the way back it is looked again whether everything stays as it was");
        context.note(Level::Info, message).await;
        context.clock.sleep(left).await;
    }
}

/// Looks at what was put back, and tells what is no longer as it was.
pub(super) async fn recheck(context: Shared, back: WayBack) -> Event {
    let applications: Vec<ApplicationId> = back.changes.plan.applications().into_iter().cloned().collect();
    let Sight { found, unseen } = look(&context, &applications, LOOK).await;
    let back = back.of_seen(|name| !unseen.contains_key(name));
    let mut late = back.late(&found);
    if !late.is_empty() {
        name(&context, &back, &mut late).await;
        leave_to_other_runs(&context, &applications, &mut late).await;
    }
    Event::Rechecked { found, late, failures: unseen.into_values().collect() }
}

/// Finds out who has made the changes, where the environment knows.
async fn name(context: &Shared, back: &WayBack, late: &mut [LateChange]) {
    let Some(guard) = &context.ports.guard else { return };
    let is_late = |name: &ApplicationId| late.iter().any(|change| change.drift.application == *name);
    let there = back.found.iter().filter(|(name, _)| is_late(name));
    let expected: Surroundings = there.map(|(name, observed)| (name.clone(), observed.clone())).collect();
    // It waits for something that is not as expected: for the answer to be that there is nothing, for ever.
    let asked = tokio::select! {
        biased;
        asked = unpanicking(guard.drifted(&expected, &[])) => asked,
        () = context.clock.sleep(context.options.answer) => return,
    };
    match asked.and_then(|drifts| drifts.map_err(|error| Failure::of("find out who has changed it", &error))) {
        Ok(drifts) => {
            for change in late {
                let same = drifts.iter().find(|drift| are_of_one_field(drift, &change.drift));
                change.drift.by = same.and_then(|drift| drift.by.clone());
            }
        }
        Err(failure) => context.note(Level::Warning, failure.to_string()).await,
    }
}

/// What another run has begun to change since then is left to it: it will put back what it has found.
async fn leave_to_other_runs(context: &Shared, applications: &[ApplicationId], late: &mut [LateChange]) {
    let scaler = &context.ports.scaler;
    let patience = context.options.retry.check_patience;
    let left = match context.retry(patience, || scaler.left_behind(applications)).await {
        Ok(left) => left,
        Err(error) => {
            let failure = Failure::of("look for what other runs do", &error);
            return context.note(Level::Warning, failure.to_string()).await;
        }
    };
    let others = left.iter().filter(|(run, _)| **run != context.run);
    let theirs: BTreeMap<&ApplicationId, String> = others
        .flat_map(|(run, left)| {
            left.changes.plan.applications().into_iter().map(move |name| (name, format!("run {run}")))
        })
        .collect();
    for change in late {
        if let Some(run) = theirs.get(&change.drift.application) {
            change.put_back = false;
            change.drift.by = Some(run.clone());
        }
    }
}

/// Bounds of an autoscaler are told as a whole by some and by their ends by others.
fn are_of_one_field(one: &Drift, other: &Drift) -> bool {
    const BOUNDS: &str = "autoscaling";
    let bounds = one.field.starts_with(BOUNDS) && other.field.starts_with(BOUNDS);
    one.application == other.application && (one.field == other.field || bounds)
}
