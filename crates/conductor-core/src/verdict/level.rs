//! What the holds of a load come to: measured or not, held or not, held closely, or with the KPI gone for a time.

use super::window::Window;
use super::{
    Evidence, Facts, Hold, HoldFigures, Named, Outcome, Rule, VerdictCause, clock, generator, rate, saturated,
};
use crate::load::Mark;
use crate::ramp::Knee;

/// Events that must be missing in a row before nobody can call it chance: the probability of none is 2e-9 then.
pub const STALLED_EVENTS: f64 = 20.0;
/// Standard deviations that chance explains.
const CHANCE_SD: f64 = 3.0;
/// Standard deviations of an interval that is right in 95 of 100 cases.
const SURE_SD: f64 = 1.96;

/// The share of requests that may fail while nobody is said to have been refused.
const FEW_FAILURES: f64 = 0.01;

const CONTROL: &str = "control law";

pub(super) const KPI_UNMEASURED: Rule = Rule {
    outcome: Outcome::Invalid,
    code: "kpi_unmeasured",
    when: "more than `unmeasuredShare` of a hold is without samples of the KPI, no window lies within any hold, nobody \
           produced the KPI in the rehearsal, or the KPI was zero as for `stalled`, while the load generator made other requests, \
           of which at most 1 % failed, and not one of those that the KPI counts",
    evidence: "the share of the hold with samples, or for how long which requests were made",
    advice: "Look at the source of the KPI: its row, its query, the load generator behind it.",
};
pub(super) const STALLED: Rule = Rule {
    outcome: Outcome::Failed,
    code: "stalled",
    when: "the KPI was zero in a hold for two windows or more in a row that should have counted 20 events or more",
    evidence: "for how long, the events that should have been, the requests and failures meanwhile",
    advice: "Look at what the system did then: its logs, its errors, what it depends on.",
};
pub(super) const STALLED_ONCE: Rule = Rule {
    outcome: Outcome::Warned,
    when: "the KPI was zero in one window of a hold that should have counted 20 events or more",
    ..STALLED
};
pub(super) const STALLED_BESIDE: Rule = Rule {
    outcome: Outcome::Warned,
    when: "the KPI was zero outside of every hold, after it had been there, for two windows or more in a row that should \
           have counted 20 events or more",
    ..STALLED
};
pub(super) const TARGET_NOT_HELD: Rule = Rule {
    outcome: Outcome::Failed,
    code: "target_not_held",
    when: "the mean of a hold is further than `meanTolerance` from its level, or fewer than `windowShare` of its windows are \
           within `windowTolerance` or three standard deviations of counting, whichever is wider",
    evidence: "mean and level, the share of windows, the limit of the system with its interval where the control law has \
               found one, which application was at its limit first and since when, where the environment says how that is \
               measured, failed requests, the slowest window, users at limits.maxUsers",
    advice: "Compare the system's limit with the target, and begin with the application that was at its limit first; where \
             nothing has measured that, the environment's saturation lets it be told.",
};
pub(super) const NEAR_MISS: Rule = Rule {
    outcome: Outcome::Warned,
    code: "near_miss",
    when: "a hold was held, but its mean used up more than `nearMiss` of its tolerance, which chance does not explain, or \
           two windows or more were too far off and one more would have failed it",
    evidence: "the mean or the windows, beside their tolerance",
    advice: "There is little left: look at the report's chart before relying on it.",
};
pub(super) const NOTHING_JUDGED: Rule = Rule {
    outcome: Outcome::Warned,
    code: "nothing_judged",
    when: "the load was nowhere level for an interval or longer",
    evidence: "the interval",
    advice: "Let the load test hold a level for some intervals.",
};

/// What the holds come to.
pub(super) fn causes(facts: &Facts<'_>, windows: &[Window<'_>], holds: &[Hold]) -> Vec<VerdictCause> {
    let spec = facts.spec;
    let mut causes = Vec::new();
    for (position, hold) in holds.iter().enumerate() {
        of_hold(facts, windows, hold, &Named { position, of: holds.len() }, &mut causes);
    }
    let is_unmeasured = causes.iter().any(|cause| cause.code == KPI_UNMEASURED.code);
    if holds.is_empty() {
        let message = format!("the load was nowhere level for {} or longer, so that nothing was judged", spec.interval);
        let interval = Evidence::figure("interval", spec.interval.as_secs_f64(), "s", "load test");
        causes.push(NOTHING_JUDGED.because(message, vec![interval]));
    } else if !is_unmeasured && holds.iter().all(|hold| hold.figures.is_none()) {
        let message = format!("no window of {} lies within a level stretch of the load", spec.kpi);
        let judged = Evidence::figure("windows judged", 0.0, "windows", &samples(facts));
        causes.push(KPI_UNMEASURED.because(message, vec![judged]));
    }
    causes.extend(stalls(facts, windows, holds));
    causes
}

fn of_hold(facts: &Facts<'_>, windows: &[Window<'_>], hold: &Hold, named: &Named, causes: &mut Vec<VerdictCause>) {
    let place = named.hold(hold);
    let stale = generator::stale(facts, windows, hold, &place);
    let is_stale = stale.is_some();
    causes.extend(stale);
    causes.extend(generator::bound(facts, windows, hold, &place));
    let least = 1.0 - facts.spec.verdict.unmeasured_share;
    if hold.measured < least {
        if !is_stale {
            let message = format!("only {:.0} % of {place} has samples of {}", hold.measured * 100.0, facts.spec.kpi);
            let share = Evidence::figure("share with samples", hold.measured * 100.0, "%", &samples(facts));
            let share = share.against(least * 100.0).during(hold.from_s, hold.to_s);
            causes.push(KPI_UNMEASURED.because(message, vec![share]));
        }
        return;
    }
    causes.extend(generator::late(facts, windows, hold, &place));
    let Some(figures) = hold.figures else { return };
    if figures.is_held() {
        causes.extend(near_miss(facts, hold, &figures, &place));
    } else {
        causes.push(not_held(facts, windows, hold, &figures, named));
    }
}

fn not_held(
    facts: &Facts<'_>,
    windows: &[Window<'_>],
    hold: &Hold,
    figures: &HoldFigures,
    named: &Named,
) -> VerdictCause {
    let told = format!(
        "{} held a mean of {:.0}/min, {:+.1} % of the target of {}; {:.0} % of {} windows were close enough, {:.0} % must be",
        facts.spec.kpi,
        figures.mean_per_min,
        figures.mean_error * 100.0,
        rate(hold.level_per_min),
        figures.windows_within * 100.0,
        figures.windows,
        facts.spec.verdict.window_share * 100.0
    );
    let mut message = if named.of > 1 { format!("{}: {told}", named.hold(hold)) } else { told };
    let mut evidence = vec![mean(facts, hold, figures), within(facts, hold, figures)];
    let inside: Vec<&Window<'_>> = windows.iter().filter(|window| window.overlap_s(hold) > 0.0).collect();
    if let Some((knee, margin)) = limit(&inside) {
        message.push_str(&format!("; {knee}, ± {margin:.0}/min"));
        evidence.push(Evidence::figure("limit of the system", knee.kpi_per_min, "/min", CONTROL));
        evidence.push(Evidence::figure("half of its 95 % interval", margin, "/min", CONTROL));
        evidence.push(Evidence::figure("users at the limit", knee.users, "users", CONTROL));
    }
    let (told, first) = saturated::first(facts, windows, hold, figures);
    let symptoms = symptoms(facts, &inside, hold);
    match told {
        Some(told) => {
            message.push_str(&format!("; {told}"));
            evidence.extend(first.into_iter().chain(symptoms));
        }
        // That it is not known is the least telling.
        None => evidence.extend(symptoms.into_iter().chain(first)),
    }
    TARGET_NOT_HELD.because(message, evidence)
}

/// The limit that the control law had found last, with half the width of its 95 % interval, events per minute: that of
/// what users are worth, by which it was told.
fn limit(windows: &[&Window<'_>]) -> Option<(Knee, f64)> {
    let advice = windows.iter().rev().find_map(|window| window.tick.advice.as_ref().filter(|it| it.knee.is_some()))?;
    let knee = advice.knee?;
    Some((knee, SURE_SD * advice.gain_sd * knee.kpi_per_min))
}

/// What else could be seen while the target was not held.
fn symptoms(facts: &Facts<'_>, windows: &[&Window<'_>], hold: &Hold) -> Vec<Evidence> {
    let sum = |figure: fn(&Window<'_>) -> u64| windows.iter().map(|window| figure(window) as f64).sum::<f64>();
    let (requests, failures) = (sum(|window| window.tick.requests), sum(|window| window.tick.failures));
    let slowest = windows.iter().filter_map(|window| Some(window.tick.latency?.p95_ms)).reduce(f64::max);
    let users = windows.iter().map(|window| window.tick.users_wanted).max();
    let capped = facts.spec.limits.max_users.filter(|most| users.is_some_and(|users| users >= *most));
    let during = |evidence: Evidence| evidence.during(hold.from_s, hold.to_s);
    let failed = (failures > 0.0 && requests > 0.0)
        .then(|| during(Evidence::figure("requests that failed", failures / requests * 100.0, "%", "load generator")));
    let slow = slowest.map(|p95_ms| {
        during(Evidence::figure("95th percentile of the slowest window", p95_ms, "ms", "load generator"))
    });
    let capped = capped.map(|most| {
        Evidence::figure("users asked for, as many as limits.maxUsers allows", most as f64, "users", CONTROL)
    });
    failed.into_iter().chain(slow).chain(capped).collect()
}

fn near_miss(facts: &Facts<'_>, hold: &Hold, figures: &HoldFigures, place: &str) -> Option<VerdictCause> {
    let thresholds = &facts.spec.verdict;
    let events = figures.mean_per_min * hold.seconds() / 60.0;
    let near = (thresholds.near_miss * thresholds.mean_tolerance).max(CHANCE_SD / events.max(1.0).sqrt());
    let within = (figures.windows_within * figures.windows as f64).round();
    let outside = figures.windows as f64 - within;
    let by_windows = outside >= 2.0 && (within - 1.0) / (figures.windows as f64) < thresholds.window_share;
    if figures.mean_error.abs() > near {
        let message = format!(
            "{place} was held, but its mean of {:.0}/min is {:+.1} % off, of {:.1} % that it may be",
            figures.mean_per_min,
            figures.mean_error * 100.0,
            thresholds.mean_tolerance * 100.0
        );
        return Some(NEAR_MISS.because(message, vec![mean(facts, hold, figures)]));
    }
    by_windows.then(|| {
        let message = format!(
            "{place} was held, but {outside:.0} of {} windows were too far off, and one more would have failed it",
            figures.windows
        );
        NEAR_MISS.because(message, vec![self::within(facts, hold, figures)])
    })
}

fn mean(facts: &Facts<'_>, hold: &Hold, figures: &HoldFigures) -> Evidence {
    Evidence::figure(format!("mean of {}", facts.spec.kpi), figures.mean_per_min, "/min", &samples(facts))
        .against(hold.level_per_min)
        .during(hold.from_s, hold.to_s)
}

fn within(facts: &Facts<'_>, hold: &Hold, figures: &HoldFigures) -> Evidence {
    Evidence::figure("windows close enough", figures.windows_within * 100.0, "%", &samples(facts))
        .against(facts.spec.verdict.window_share * 100.0)
        .during(hold.from_s, hold.to_s)
}

fn samples(facts: &Facts<'_>) -> String {
    format!("samples of {}", facts.spec.kpi)
}

/// Windows in a row in which nothing was counted that chance does not explain.
fn stalls(facts: &Facts<'_>, windows: &[Window<'_>], holds: &[Hold]) -> Vec<VerdictCause> {
    let counted = windows.iter().filter(|window| window.tick.count.is_some() && window.tick.to_s > window.tick.from_s);
    let begun: Vec<&Window<'_>> = counted.skip_while(|window| window.tick.count == Some(0)).collect();
    begun
        .chunk_by(|a, b| (a.tick.count == Some(0)) == (b.tick.count == Some(0)))
        .filter(|stretch| stretch[0].tick.count == Some(0))
        .filter_map(|stretch| stall(facts, stretch, holds))
        .collect()
}

fn stall(facts: &Facts<'_>, stretch: &[&Window<'_>], holds: &[Hold]) -> Option<VerdictCause> {
    let expected = |windows: &[&Window<'_>]| -> f64 {
        windows.iter().map(|window| window.tick.set_point_per_min * window.seconds() / 60.0).sum()
    };
    let held: Vec<&Window<'_>> =
        stretch.iter().copied().filter(|window| holds.iter().any(|hold| window.overlap_s(hold) > 0.0)).collect();
    let (rule, of) = match (held.len(), stretch.len()) {
        (0, 2..) => (&STALLED_BESIDE, stretch),
        (0, _) => return None,
        // One window of a hold and others beside it are one stretch of silence.
        (1, 1) => (&STALLED_ONCE, stretch),
        (_, _) => (&STALLED, stretch),
    };
    let missing = expected(of);
    if missing < STALLED_EVENTS {
        return None;
    }
    let (first, last) = (of.first()?, of.last()?);
    let (from, to) = (clock(first.from_s), clock(last.to_s));
    let message = format!("{} was zero from {from} to {to}, where {missing:.0} were to be counted", facts.spec.kpi);
    let during = |evidence: Evidence| evidence.during(first.from_s, last.to_s);
    let sum = |figure: fn(&Window<'_>) -> u64| of.iter().map(|window| figure(window) as f64).sum::<f64>();
    let requests = sum(|window| window.tick.requests);
    let failures = sum(|window| window.tick.failures);
    let nobody_asked = of.iter().all(|window| window.has(Mark::NoKpiRequest)) && failures <= FEW_FAILURES * requests;
    let (rule, message) = if rule.outcome == Outcome::Failed && nobody_asked {
        // Nobody was refused: whether the system would have done it was not tried.
        let why = format!(
            "of {requests:.0} requests meanwhile none was one that it counts: its row is gone, or users do not come there"
        );
        (&KPI_UNMEASURED, format!("{message}; {why}"))
    } else {
        (rule, message)
    };
    let evidence = vec![
        during(
            Evidence::figure(format!("{} counted", facts.spec.kpi), 0.0, "events", &samples(facts))
                .against(missing.round()),
        ),
        during(Evidence::figure("requests meanwhile", requests, "requests", "load generator")),
        during(Evidence::figure("of them failed", failures, "requests", "load generator")),
    ];
    Some(rule.because(message, evidence))
}
