//! Where load generators, mocks and applications under test run, looked at beside the work: how a run goes on does not depend on
//! it, and what cannot be read of it is told.

use std::convert::Infallible;
use std::time::Duration;

use conductor_core::failure::{Failure, PortError};
use conductor_core::layout::{LayoutMoment, LayoutSeen, LayoutSight};
use conductor_core::phase::{Event, Load};
use conductor_core::ports::Ports;
use conductor_core::run::Created;
use jiff::Timestamp;

use super::context::{Context, Shared};
use super::unpanicking;

/// The longest that a look may take.
const WITHIN: Duration = Duration::from_secs(30);
/// The pause between two looks during the load: autoscalers and load workers may get pods on other nodes at any time.
const EVERY: Duration = Duration::from_secs(5 * 60);
/// How many intervals before its end the load is looked at for the last time.
const BEFORE_END: u32 = 2;

/// What is seen now; `None` where nothing tells.
pub(crate) async fn sight(ports: &Ports, created: &Created) -> Option<LayoutSight> {
    let layout = ports.layout.as_ref()?;
    told(layout.look(&created.under_test(), &created.beside()).await)
}

/// Looks once, with patience and not for ever, and tells what is seen.
pub(super) async fn look(context: &Context, when: LayoutMoment) {
    if let Some(sight) = patiently(context).await {
        tell(context, when, sight).await;
    }
}

/// Scales, and then looks once and tells what is seen: in time of its own, which scaling does not lack.
pub(super) async fn once_scaled(context: Shared, scaled: impl Future<Output = Event> + Send) -> Event {
    let event = scaled.await;
    if matches!(event, Event::ScaledUp) {
        look(&context, LayoutMoment::BeforeLoad).await;
    }
    event
}

/// Looks again and again while load is generated, and tells what is otherwise than it was. It ends by being dropped.
pub(super) fn watch(context: Shared, load: &Load) -> impl Future<Output = Infallible> + Send + use<> {
    let interval = context.created.spec.interval.as_duration();
    let last = load.ends().saturating_sub(interval * BEFORE_END).unwrap_or(Timestamp::MIN);
    async move {
        let mut known = None;
        loop {
            let now = context.clock.now();
            let left = Duration::try_from(last.duration_since(now)).unwrap_or_default();
            // After the last look there is none that could be in time.
            let pause = if left.is_zero() { EVERY } else { left.min(EVERY) };
            context.clock.sleep(pause).await;
            let Some(sight) = patiently(&context).await else { return std::future::pending().await };
            if known.as_ref() != Some(&sight.troubles()) {
                known = Some(sight.troubles());
                tell(&context, LayoutMoment::DuringLoad, sight).await;
            }
        }
    }
}

async fn tell(context: &Context, when: LayoutMoment, sight: LayoutSight) {
    context.tell(Event::LayoutSeen(Box::new(LayoutSeen { when, sight }))).await;
}

async fn patiently(context: &Context) -> Option<LayoutSight> {
    let layout = context.ports.layout.as_ref()?;
    let (tested, beside) = (context.created.under_test(), context.created.beside());
    // So that what keeps it from being read is told, and not only that it took too long.
    let patience = context.options.retry.check_patience.min(WITHIN / 2);
    let looked = context.retry(patience, || layout.look(&tested, &beside));
    let looked = unpanicking(context.within(WITHIN, looked)).await;
    told(looked.unwrap_or_else(|failure| Err(PortError::new(failure.kind, failure.message))))
}

fn told(looked: Result<Option<LayoutSight>, PortError>) -> Option<LayoutSight> {
    looked.unwrap_or_else(|error| Some(LayoutSight::unread(Failure::of("", &error).message)))
}
