//! What monitors the applications, asked beside each measurement: the figures that objectives name, and how much of what it may have
//! each application uses. The run never fails for what cannot be read of it while there is load; it is told and judged as unread.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use conductor_core::failure::{Failure, FailureKind, PortError};
use conductor_core::figures::{Figures, Reading};
use conductor_core::phase::Level;
use conductor_core::saturation::Saturation;
use conductor_core::units::Span;
use jiff::Timestamp;

use super::context::Context;

/// Intervals for which a figure tells what it was since it was read before.
pub(super) const KNOWN_INTERVALS: u32 = 2;
/// So long before a measurement monitoring is asked of that time: it does not steer, and is not waited for.
const AHEAD: Duration = Duration::from_secs(5);
/// The most that this may be of an interval.
const AHEAD_SHARE: u32 = 2;

/// How long monitoring has for an answer while there is load, and how long before a measurement it is asked.
pub(super) fn ahead(context: &Context) -> Duration {
    let interval = context.created.spec.interval.as_duration().max(Duration::from_millis(1));
    AHEAD.min(interval / AHEAD_SHARE)
}

/// Looks whether the figures that objectives name can be had, in the time that there is for them under load.
pub(super) async fn check_figures(context: &Context) -> Result<(), PortError> {
    let queries = queries(context);
    let Some(first) = queries.first() else { return Ok(()) };
    let Some(source) = &context.ports.figures else {
        let text = format!(
            "spec.slos has an objective of prometheus(\"{first}\"), and the environment does not say which Prometheus; expected \
             figures: {{ prometheus: {{ url: … }} }} in the environment's spec"
        );
        return Err(PortError::new(FailureKind::Rejected, text));
    };
    let patience = context.options.retry.check_patience;
    let limit = ahead(context);
    let check = || answered(context, limit, source.check(&context.run, &queries));
    let without = context.retry(patience, check).await.map_err(|error| match error.kind.is_transient() {
        true => {
            let act = format!("they were not read within {}, which is their time under load", Span::from(limit));
            PortError::because(error.kind, act, error)
        }
        false => error,
    })?;
    for query in without {
        let text = format!(
            "prometheus(\"{query}\") gives no data yet: without any under load, its objective cannot be judged"
        );
        context.note(Level::Warning, text).await;
    }
    Ok(())
}

/// Looks whether saturation can be read. It decides nothing of a run, so that only what never can be read refuses one.
pub(super) async fn check_saturation(context: &Context) -> Result<(), PortError> {
    let Some(source) = &context.ports.saturation else { return Ok(()) };
    let read = answered(context, ahead(context), source.read(&context.run, context.clock.now())).await;
    let unread = match read {
        Ok((_, used)) if !used.is_empty() => return Ok(()),
        Ok(_) => "it tells no application yet".to_owned(),
        Err(error) if error.kind == FailureKind::Rejected => return Err(error),
        Err(error) => Failure::of("", &error).message,
    };
    context.note(Level::Warning, format!("the saturation of the applications is not known: {unread}")).await;
    Ok(())
}

/// What monitoring says at one measurement.
#[derive(Default)]
pub(super) struct Monitored {
    /// The figures that objectives name; `None` where there are none, or none since they were read before.
    pub(super) figures: Option<Figures>,
    /// Why no figure at all could be read.
    pub(super) failure: Option<Failure>,
    /// How much of what it may have each application uses; `None` where nobody tells.
    pub(super) saturation: Option<Saturation>,
}

/// Looks at a time, after the figures were read of `from`. What does not answer within the patience was not read.
pub(super) async fn look(context: &Context, from: Timestamp, at: Timestamp, patience: Duration) -> Monitored {
    let patience = patience.min(context.options.answer);
    let ((figures, failure), saturation) =
        tokio::join!(figures(context, from, at, patience), saturation(context, at, patience));
    Monitored { figures, failure, saturation }
}

async fn figures(
    context: &Context,
    from: Timestamp,
    at: Timestamp,
    patience: Duration,
) -> (Option<Figures>, Option<Failure>) {
    let queries = queries(context);
    if queries.is_empty() {
        return (None, None);
    }
    // What was before that is not known any more.
    let known = context.created.spec.interval.as_duration() * KNOWN_INTERVALS;
    let from = from.max(at.saturating_sub(known).unwrap_or(at));
    let read = match &context.ports.figures {
        Some(source) => answered(context, patience, source.read(&context.run, &queries, at)).await,
        None => Err(PortError::new(FailureKind::NotFound, "the environment does not say which Prometheus")),
    };
    let (to, readings, failure) = match read {
        Ok((to, readings)) => (to, readings, None),
        Err(error) => {
            let failure = Failure::of("read the figures of the objectives", &error);
            let unread = |query: String| (query, Reading::failed(failure.message.clone()));
            (at, queries.into_iter().map(unread).collect(), Some(failure))
        }
    };
    ((to > from).then_some(Figures { from, to, readings }), failure)
}

async fn saturation(context: &Context, at: Timestamp, patience: Duration) -> Option<Saturation> {
    let source = context.ports.saturation.as_ref()?;
    let threshold = source.threshold();
    Some(match answered(context, patience, source.read(&context.run, at)).await {
        Ok((at, used)) => Saturation::of(at, threshold, used),
        Err(error) => Saturation::failed(at, threshold, Failure::of("", &error).message),
    })
}

/// The queries of all objectives, each once.
fn queries(context: &Context) -> Vec<String> {
    let queries: BTreeSet<&str> = context.created.spec.slos.iter().filter_map(|slo| slo.query()).collect();
    queries.into_iter().map(str::to_owned).collect()
}

/// An answer in time, so that nothing of the run waits for more.
async fn answered<T>(
    context: &Context,
    limit: Duration,
    call: impl Future<Output = Result<T, PortError>>,
) -> Result<T, PortError> {
    tokio::select! {
        biased;
        answer = call => answer,
        () = context.clock.sleep(limit) => {
            Err(PortError::new(FailureKind::Unavailable, "it did not answer in time"))
        }
    }
}
