//! The comparison with production. What cannot be read is told in the report, and stops nothing.

use std::time::Duration;

use conductor_core::failure::{Failure, FailureKind, PortError};
use conductor_core::parity::{Day, Report, Sides, compare};
use conductor_core::run::Created;
use conductor_core::scale::Plan;
use conductor_core::units::Span;
use jiff::Timestamp;

use super::context::Context;
use super::unpanicking;
use conductor_core::ports::Ports;

/// The longest that a run waits for it; a run's checks may take twice as long.
const WITHIN: Duration = Duration::from_secs(60);

/// Both sides, where anything tells what production is like.
pub(crate) type Read = Result<Option<Sides>, PortError>;

/// Reads both sides, without retries.
pub(crate) async fn sides(ports: &Ports, created: &Created) -> Read {
    match &ports.parity {
        Some(parity) => parity.sides(&created.under_test()).await,
        None => Ok(None),
    }
}

/// Reads both sides with patience, and not for ever.
pub(super) async fn look(context: &Context) -> Read {
    let patience = context.options.retry.check_patience;
    let read = unpanicking(context.retry(patience, || sides(&context.ports, &context.created)));
    tokio::select! {
        biased;
        read = read => read.unwrap_or_else(|failure| Err(PortError::new(failure.kind, failure.message))),
        () = context.clock.sleep(WITHIN) => {
            Err(PortError::new(FailureKind::TimedOut, format!("not read within {}", Span::from(WITHIN))))
        }
    }
}

/// In what the environment differs from production while the plan is in place.
pub(crate) fn report(read: Read, created: &Created, plan: &Plan, now: Timestamp) -> Report {
    match read {
        Ok(Some(sides)) => compare(&sides, &created.scope, plan, created.parity_rules(), Day::of(now)),
        Ok(None) => Report::incomparable("nothing in the environment tells what production is like"),
        Err(error) => Report::unread(Failure::of("", &error).message),
    }
}
