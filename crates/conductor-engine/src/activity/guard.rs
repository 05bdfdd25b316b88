//! Keeping others from changing the applications, and putting off the time at which that ends by itself.

use std::convert::Infallible;
use std::time::Duration;

use conductor_core::failure::{Failure, FailureKind, PortError};
use conductor_core::guard::{Guarded, Pause, Standing, drift};
use conductor_core::phase::{Event, Level};
use conductor_core::ports::EnvironmentGuard;
use conductor_core::scale::{Baseline, ScaleStep};
use conductor_core::units::Span;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::context::Shared;
use super::{Equipment, unpanicking};

/// A freeze is put off this often in the time after which it ends by itself.
const SIGNS: u32 = 5;
/// The longest that a run waits to be told what stands still.
const TOLD_WITHIN: Duration = Duration::from_secs(60);

/// Freezes the applications, proves it, looks whether they still are what was recorded, and tells what stands still for the run
/// that takes these steps.
pub(super) async fn freeze(context: Shared, baseline: Baseline, steps: Vec<ScaleStep>) -> Event {
    let Some(guard) = &context.ports.guard else { return Event::Frozen { guarded: Guarded::Alone } };
    let applications = context.applications();
    // Others may have to end first what they are at.
    context.board.begin("frozen", 0);
    let frozen = context.retry(context.options.retry.patience, || {
        let until = until(&context);
        let (guard, run, applications) = (guard.clone(), context.run.clone(), applications.clone());
        async move { guard.freeze(&run, &applications, until).await }
    });
    let frozen = frozen.await;
    context.board.begin("", 0);
    match frozen {
        Ok(guarded) => {
            if let Some(failure) = changed_since(&context, &baseline).await {
                return Event::Failed(failure);
            }
            let pauses = pauses(&context, guard.as_ref(), &steps).await;
            let (paused, left): (Vec<Pause>, Vec<Pause>) = pauses.into_iter().partition(Pause::is_for_a_run);
            tell(&context, "paused for the run", &paused).await;
            tell(&context, "left as it is", &left).await;
            Event::Frozen { guarded }
        }
        Err(error) => Event::Failed(Failure::of("freeze the applications", &error)),
    }
}

/// Why the run cannot go on where the applications are not what was recorded: others had time until the freeze, and some of them
/// were waited for.
async fn changed_since(context: &Shared, baseline: &Baseline) -> Option<Failure> {
    let activity = "look whether everything is as it was recorded";
    let found = match context.observe(&context.applications(), context.options.retry.patience).await {
        Ok(found) => found,
        Err(error) => return Some(Failure::of(activity, &error)),
    };
    let drifts = baseline.iter().flat_map(|(name, recorded)| drift(name, recorded, found.get(name)));
    let told: Vec<String> = drifts.map(|drift| drift.to_string()).collect();
    (!told.is_empty()).then(|| Failure {
        activity: activity.to_owned(),
        kind: FailureKind::Rejected,
        message: format!("{}; expected no change until the freeze: start the run again", told.join("; ")),
    })
}

/// Lets others change the applications again, and tells what goes on.
pub(super) async fn thaw(context: Shared) -> Event {
    let Some(guard) = &context.ports.guard else { return Event::Thawed };
    let mut paused = pauses(&context, guard.as_ref(), &[]).await;
    paused.retain(|pause| pause.standing == Standing::Paused { by: context.run.clone() });
    match context.retry(context.options.retry.teardown_patience, || guard.thaw(&context.run)).await {
        Ok(()) => {
            let names: Vec<&String> = paused.iter().map(|pause| &pause.name).collect();
            tell(&context, "goes on as before the run", &names).await;
            Event::Thawed
        }
        Err(error) => Event::Failed(Failure::of("let others change the applications again", &error)),
    }
}

/// What stands still, for people: where that cannot be found out the run goes on, and says so.
async fn pauses(context: &Shared, guard: &dyn EnvironmentGuard, steps: &[ScaleStep]) -> Vec<Pause> {
    let applications = context.applications();
    let look = unpanicking(guard.pauses(&applications, steps));
    let failed = |error: PortError| Failure::of("look what stands still for the run", &error);
    let looked = tokio::select! {
        biased;
        looked = look => looked.and_then(|looked| looked.map_err(failed)),
        () = context.clock.sleep(TOLD_WITHIN) => {
            Err(failed(PortError::new(FailureKind::TimedOut, format!("not told within {}", Span::from(TOLD_WITHIN)))))
        }
    };
    match looked {
        Ok(pauses) => pauses,
        Err(failure) => {
            context.note(Level::Warning, failure.to_string()).await;
            Vec::new()
        }
    }
}

async fn tell(context: &Shared, what: &str, all: &[impl ToString]) {
    if !all.is_empty() {
        let all: Vec<String> = all.iter().map(ToString::to_string).collect();
        context.note(Level::Info, format!("{what}: {}", all.join("; "))).await;
    }
}

/// Gives a sign of life for a run that was taken over, before anything else is done for it: others take it for dead, and what
/// is frozen may still be so for somebody else.
pub(crate) async fn take_over(equipment: &Equipment) {
    let Some(guard) = &equipment.ports.guard else { return };
    let sign = equipment.within(TOLD_WITHIN, guard.extend(&equipment.run, until(equipment)));
    let failed = |error| Failure::of("take the freeze over", &error);
    if let Err(failure) = unpanicking(sign).await.and_then(|signed| signed.map_err(failed)) {
        tracing::warn!(run = %equipment.run, %failure, "the run goes on without it");
    }
}

/// Puts off the end of the freeze, and tells where that cannot be done any more. It ends by being dropped.
pub(crate) async fn keep(equipment: Equipment, lapses: mpsc::Sender<Failure>) -> Infallible {
    let Some(guard) = &equipment.ports.guard else { return std::future::pending().await };
    loop {
        equipment.clock.sleep(equipment.options.freeze / SIGNS).await;
        let extended = unpanicking(guard.extend(&equipment.run, until(&equipment))).await;
        if let Err(failure) =
            extended.and_then(|extended| extended.map_err(|error| Failure::of("put off the end of the freeze", &error)))
        {
            tracing::warn!(run = %equipment.run, %failure, "it is tried again");
            if matches!(failure.kind, FailureKind::NotFound | FailureKind::Rejected) {
                // One that waits to be told is enough.
                drop(lapses.try_send(failure));
            }
        }
    }
}

/// When a freeze is over if nobody puts it off any more.
fn until(equipment: &Equipment) -> Timestamp {
    let lease = SignedDuration::try_from(equipment.options.freeze).unwrap_or(SignedDuration::MAX);
    equipment.clock.now().saturating_add(lease).unwrap_or(Timestamp::MAX)
}
