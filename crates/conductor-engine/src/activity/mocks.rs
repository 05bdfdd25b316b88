//! Mocks: proved before the load, and looked at beside each measurement of it. What follows from either is decided by the core.

use std::sync::Arc;
use std::time::Duration;

use conductor_core::failure::{Failure, FailureKind, PortError};
use conductor_core::mocks::{MockProof, MockSight, MockSpec};
use conductor_core::phase::Event;
use conductor_core::ports::MockProbe;
use conductor_core::units::Span;
use futures::future::join_all;

use super::context::{Context, Shared};
use super::rehearse::tags;

/// How long a mock that was just scaled up may take until it can be asked.
const PATIENCE: Duration = Duration::from_secs(15);

/// Tries whether each mock answers what is tagged, and only that.
pub(super) async fn prove(context: Shared) -> Event {
    let proofs = join_all(context.created.mocks.iter().map(|spec| prove_one(&context, spec))).await;
    Event::MocksProbed { proofs }
}

/// A mock that cannot be asked is not proved; the proof says why.
async fn prove_one(context: &Shared, spec: &MockSpec) -> MockProof {
    let nothing = |error: &PortError| MockProof {
        before: MockSight { name: spec.name.clone(), ..MockSight::default() },
        unread: Some(Failure::of("", error).message),
        ..MockProof::default()
    };
    let Some(probe) = context.ports.mocks.iter().find(|probe| probe.name() == spec.name) else {
        return nothing(&PortError::new(FailureKind::NotFound, "nothing knows this mock"));
    };
    let tags = tags(context);
    context.retry(PATIENCE, || probe.prove(&tags, spec)).await.unwrap_or_else(|error| nothing(&error))
}

/// All mocks at the moment. One that does not answer in time has not been read.
pub(super) async fn look(context: &Context) -> Vec<MockSight> {
    let limit = context.options.answer;
    let look = |probe: &Arc<dyn MockProbe>| {
        let probe = Arc::clone(probe);
        async move {
            tokio::select! {
                biased;
                sight = probe.look() => sight,
                () = context.clock.sleep(limit) => MockSight {
                    name: probe.name(),
                    unread: Some(format!("it was not read within {}", Span::from(limit))),
                    ..MockSight::default()
                },
            }
        }
    };
    join_all(context.ports.mocks.iter().map(look)).await
}
