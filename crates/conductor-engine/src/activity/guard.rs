//! Keeping others from changing the applications, and putting off the time at which that ends by itself.

use std::convert::Infallible;

use conductor_core::failure::Failure;
use conductor_core::guard::Guarded;
use conductor_core::phase::Event;
use jiff::{SignedDuration, Timestamp};

use super::context::Shared;
use super::{Equipment, unpanicking};

/// A freeze is put off this often in the time after which it ends by itself.
const SIGNS: u32 = 5;

/// Freezes the applications and proves it.
pub(super) async fn freeze(context: Shared) -> Event {
    let Some(guard) = &context.ports.guard else { return Event::Frozen { guarded: Guarded::Alone } };
    let applications = context.applications();
    let frozen = context.retry(context.options.retry.patience, || {
        let until = until(&context);
        let (guard, run, applications) = (guard.clone(), context.run.clone(), applications.clone());
        async move { guard.freeze(&run, &applications, until).await }
    });
    match frozen.await {
        Ok(guarded) => Event::Frozen { guarded },
        Err(error) => Event::Failed(Failure::of("freeze the applications", &error)),
    }
}

/// Lets others change the applications again.
pub(super) async fn thaw(context: Shared) -> Event {
    let Some(guard) = &context.ports.guard else { return Event::Thawed };
    match context.retry(context.options.retry.teardown_patience, || guard.thaw(&context.run)).await {
        Ok(()) => Event::Thawed,
        Err(error) => Event::Failed(Failure::of("let others change the applications again", &error)),
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
