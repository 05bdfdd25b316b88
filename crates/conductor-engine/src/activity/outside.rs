//! Who else makes the KPI: before the run has its first user, a source that counts everybody's events counts those of others alone.

use std::time::Duration;

use conductor_core::crosscheck::{Counts, TOLERANCE, foreign_traffic};
use conductor_core::failure::{Failure, FailureKind};
use conductor_core::phase::Level;

use super::context::Context;

/// Intervals that a look lasts.
const INTERVALS: u32 = 2;
/// How long a look may take, in times of what it lasts: sources are late.
const PATIENCE: u32 = 2;
/// Looks until others are taken to stay: what is only left of something that is over has time to end.
const LOOKS: u32 = 3;

/// Looks for traffic of others that would make the run invalid. Where the source counts the run's own events there is none to be seen,
/// and what cannot be counted is none.
pub(super) async fn look(context: &Context) -> Option<Failure> {
    if context.ports.kpi.counts() == Counts::Run || has_users(context).await {
        return None;
    }
    let spec = &context.created.spec;
    let tolerance = context.ports.cross_check.as_ref().map_or(TOLERANCE, |source| source.check.tolerance);
    let mut foreign = None;
    for _ in 0..LOOKS {
        let counted = match counted(context).await {
            Ok(counted) => counted,
            Err(why) => {
                let text = format!("whether somebody else makes {} is not known before the load: {why}", spec.kpi);
                context.note(Level::Warning, text).await;
                return None;
            }
        };
        foreign = Some(foreign_traffic(&spec.kpi, counted, spec.target, tolerance)?);
    }
    foreign.map(|message| Failure {
        activity: "look for traffic of others".to_owned(),
        kind: FailureKind::ForeignTraffic,
        message,
    })
}

/// Whether the run has users already, as one has that is taken over while it rehearses.
async fn has_users(context: &Context) -> bool {
    tokio::select! {
        biased;
        status = context.ports.generator.status() => status.is_ok_and(|status| status.users > 0),
        () = context.clock.sleep(context.options.answer) => false,
    }
}

/// Events in a time of some intervals from now on, and its length in seconds; or why they could not be counted.
async fn counted(context: &Context) -> Result<(u64, f64), String> {
    let length = context.created.spec.interval.as_duration() * INTERVALS;
    let mut why = "its source has not counted that far in time".to_owned();
    tokio::select! {
        biased;
        counted = count(context, length, &mut why) => return Ok(counted),
        () = context.clock.sleep(length * PATIENCE) => {}
    }
    Err(why)
}

/// Asks until a window is so long. A source without a history begins with the first question.
async fn count(context: &Context, length: Duration, why: &mut String) -> (u64, f64) {
    let (source, since) = (&context.ports.kpi, context.clock.now());
    let mut pause = length;
    loop {
        match source.sample(&context.run, since).await {
            Ok(sample) => {
                let seconds = sample.to.duration_since(sample.from).as_secs_f64();
                if let Some(count) = sample.count.filter(|_| seconds > 0.0 && seconds >= length.as_secs_f64()) {
                    return (count, seconds);
                }
            }
            Err(error) => *why = Failure::of("", &error).message,
        }
        context.clock.sleep(pause).await;
        pause = context.options.rehearsal_poll;
    }
}
