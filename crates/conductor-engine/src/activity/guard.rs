//! Keeping others from changing the applications, and putting off the time at which that ends by itself.

use std::convert::Infallible;
use std::time::Duration;

use conductor_core::failure::{Failure, FailureKind, PortError};
use conductor_core::guard::{Guarded, Pause, Standing};
use conductor_core::phase::{Event, Level};
use conductor_core::ports::EnvironmentGuard;
use conductor_core::scale::ScaleStep;
use conductor_core::units::Span;
use jiff::{SignedDuration, Timestamp};

use super::context::Shared;
use super::{Equipment, unpanicking};

/// A freeze is put off this often in the time after which it ends by itself.
const SIGNS: u32 = 5;
/// The longest that a run waits to be told what stands still.
const TOLD_WITHIN: Duration = Duration::from_secs(60);

/// Freezes the applications, proves it, and tells what stands still for the run that takes these steps.
pub(super) async fn freeze(context: Shared, steps: Vec<ScaleStep>) -> Event {
    let Some(guard) = &context.ports.guard else { return Event::Frozen { guarded: Guarded::Alone } };
    let applications = context.applications();
    let frozen = context.retry(context.options.retry.patience, || {
        let until = until(&context);
        let (guard, run, applications) = (guard.clone(), context.run.clone(), applications.clone());
        async move { guard.freeze(&run, &applications, until).await }
    });
    match frozen.await {
        Ok(guarded) => {
            let pauses = pauses(&context, guard.as_ref(), &steps).await;
            let (paused, left): (Vec<Pause>, Vec<Pause>) = pauses.into_iter().partition(Pause::is_for_a_run);
            tell(&context, "paused for the run", &paused).await;
            tell(&context, "left as it is", &left).await;
            Event::Frozen { guarded }
        }
        Err(error) => Event::Failed(Failure::of("freeze the applications", &error)),
    }
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

/// Puts off the end of the freeze. It ends by being dropped.
pub(crate) async fn keep(equipment: Equipment) -> Infallible {
    let Some(guard) = &equipment.ports.guard else { return std::future::pending().await };
    loop {
        equipment.clock.sleep(equipment.options.freeze / SIGNS).await;
        let extended = unpanicking(guard.extend(&equipment.run, until(&equipment))).await;
        if let Err(failure) =
            extended.and_then(|extended| extended.map_err(|error| Failure::of("put off the end of the freeze", &error)))
        {
            tracing::warn!(run = %equipment.run, %failure, "it is tried again");
        }
    }
}

/// When a freeze is over if nobody puts it off any more.
fn until(equipment: &Equipment) -> Timestamp {
    let lease = SignedDuration::try_from(equipment.options.freeze).unwrap_or(SignedDuration::MAX);
    equipment.clock.now().saturating_add(lease).unwrap_or(Timestamp::MAX)
}
