//! Which application was at its limit first when a target was not held, as far as the data shows it.

use super::window::Window;
use super::{Evidence, Facts, Hold, HoldFigures, clock};
use crate::saturation::{First, Reached, Used, first as first_of};

const SOURCE: &str = "the environment's saturation";
/// Intervals after the breakdown in which an application that brought it about may still be seen at its limit for the first time: what
/// is measured of it is a mean over some time before.
const LATE_INTERVALS: f64 = 2.0;

/// The words that a reason adds for it, and the evidence. Neither where there was more than the target.
pub(super) fn first(
    facts: &Facts<'_>,
    windows: &[Window<'_>],
    hold: &Hold,
    figures: &HoldFigures,
) -> (Option<String>, Option<Evidence>) {
    let Some((from_s, to_s)) = breakdown(facts, windows, hold, figures) else { return (None, None) };
    let until_s = (to_s + LATE_INTERVALS * facts.spec.interval.as_secs_f64()).min(hold.to_s.max(to_s));
    match first_of(facts.ticks, from_s, until_s) {
        First::NotAsked => {
            let message = "which application was at its limit first is not known: the environment does not say how saturation is \
                           measured";
            (None, Some(Evidence::fact(message, SOURCE)))
        }
        First::Unread(why) => {
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            let message =
                format!("which application was at its limit first is not known: nothing was read by then{why}");
            (None, Some(Evidence::fact(message, SOURCE)))
        }
        First::Nobody { most, threshold } => {
            let most = most.map_or_else(String::new, |used| format!(", {} used most", share(&used)));
            let told =
                format!("no application was seen at {:.0} % of what it may have by then{most}", threshold * 100.0);
            (Some(told.clone()), Some(Evidence::fact(told, SOURCE).during(from_s, until_s)))
        }
        First::Known(Reached { used, threshold, from_s, to_s, others }) => {
            let others = match others {
                0 => String::new(),
                1 => ", and one other application by then".to_owned(),
                more => format!(", and {more} other applications by then"),
            };
            let told = format!("{} was saturated first, at {} of the load{others}", share(&used), clock(from_s));
            let what = format!("{} was saturated first{others}", used.application);
            let evidence = Evidence::figure(what, used.ratio * 100.0, "%", SOURCE);
            (Some(told), Some(evidence.against(threshold * 100.0).during(from_s, to_s)))
        }
    }
}

fn share(used: &Used) -> String {
    format!("{} ({:.0} % of what it may have)", used.application, used.ratio * 100.0)
}

/// When the system broke down: where the control law found its limit first, or the first window of the hold fell short, whichever was
/// earlier; the whole hold where neither tells. `None` where the hold did not fall short.
fn breakdown(facts: &Facts<'_>, windows: &[Window<'_>], hold: &Hold, figures: &HoldFigures) -> Option<(f64, f64)> {
    let until = windows.iter().take_while(|window| window.from_s < hold.to_s);
    let limit = until
        .clone()
        .find(|window| window.tick.advice.as_ref().is_some_and(|advice| advice.knee.is_some()))
        .map(|window| (window.from_s, window.to_s));
    let fell_short = |window: &&Window<'_>| {
        let expected = hold.level_per_min * window.seconds() / 60.0;
        let tolerance = facts.spec.verdict.window_tolerance.max(3.0 / expected.sqrt());
        let short = |count: u64| (count as f64) < expected * (1.0 - tolerance);
        window.from_s >= hold.from_s && window.tick.count.is_some_and(short)
    };
    let short = until.clone().find(fell_short).map(|window| (window.from_s, window.to_s));
    let found = limit.into_iter().chain(short).min_by(|a, b| a.0.total_cmp(&b.0));
    found.or_else(|| (figures.mean_error < 0.0).then_some((hold.from_s, hold.to_s)))
}

#[cfg(test)]
#[path = "saturated_tests.rs"]
mod tests;
