//! What the load generator did to the run: whether it was at its limit, lost workers or counts, or told nothing new.

use super::window::Window;
use super::{Evidence, Facts, Hold, Outcome, Rule, VerdictCause, clock};
use crate::load::Mark;

const GENERATOR: &str = "load generator";
/// Requests that must be missing before nobody can call it chance: the probability of none is 5e-5 then.
const MISSING_REQUESTS: f64 = 10.0;

pub(super) const RESTARTED: Rule = Rule {
    outcome: Outcome::Invalid,
    code: "generator_disturbed",
    when: "the load generator was restarted in a hold, so that its users were gone for a time",
    evidence: "the windows in which that was seen",
    advice: "Look in the load generator's log for why it went down (memory is the usual reason), then run it again.",
};
pub(super) const RESTARTED_BESIDE: Rule = Rule {
    outcome: Outcome::Warned,
    when: "the load generator was restarted outside of every hold, where nothing is judged",
    ..RESTARTED
};
pub(super) const COUNTER_RESET: Rule = Rule {
    outcome: Outcome::Invalid,
    code: "counter_reset",
    when: "the load generator's counters went back in a hold, so that some of what happened is not counted",
    evidence: "the windows in which that was seen",
    advice: "Let nobody reset statistics while a run is on; with the conductor's plugin for Locust a reset loses nothing.",
};
pub(super) const COUNTER_RESET_BESIDE: Rule = Rule {
    outcome: Outcome::Warned,
    when: "the load generator's counters went back outside of every hold, where nothing is judged",
    ..COUNTER_RESET
};
pub(super) const WORKERS_LOST: Rule = Rule {
    outcome: Outcome::Invalid,
    code: "workers_lost",
    when: "a load worker was lost in a hold, or was missing there: its users and its last counts are gone",
    evidence: "the windows in which that was seen, and how many workers were left",
    advice: "Look at the lost worker's log and node; give workers memory enough and keep them from being evicted.",
};
pub(super) const WORKERS_LOST_BESIDE: Rule = Rule {
    outcome: Outcome::Warned,
    when: "a load worker was lost outside of every hold, and was back before the next one",
    ..WORKERS_LOST
};
pub(super) const BOUND: Rule = Rule {
    outcome: Outcome::Invalid,
    code: "generator_bound",
    when: "in more than `generatorBoundShare` of a hold a load worker used more than `generatorCpu` of its core or stood \
           still (the lag of its event loop), or the users that ran were short by more than `usersShort` of those asked \
           for; or a search ended for that",
    evidence: "the share of the hold, the highest CPU, the fewest users beside those asked for",
    advice: "Give the load generator more workers or more CPU (load.workers lets the conductor scale them).",
};
pub(super) const BOUND_BESIDE: Rule = Rule {
    outcome: Outcome::Warned,
    when: "the same in more than `generatorBoundShare` of the time outside of every hold, where nothing is judged",
    ..BOUND
};
pub(super) const STATS_STALE: Rule = Rule {
    outcome: Outcome::Invalid,
    code: "stats_stale",
    when: "in more than `unmeasuredShare` of a hold the load generator answered, but its statistics did not move although \
           users ran: their time stood still, or they have none of their own (without the conductor's plugin) and no request \
           was in them, so that nobody can tell them from a system that answers nothing",
    evidence: "the share of the hold, and the users that ran",
    advice: "Look whether the load generator's statistics are stuck; if it is the system that answers nothing at all, give \
             requests a timeout, so that they are counted as failed.",
};
pub(super) const LATE_ROWS: Rule = Rule {
    outcome: Outcome::Warned,
    code: "late_rows",
    when: "in more than `unmeasuredShare` of a hold load workers reported events after their seconds had been counted",
    evidence: "the share of the hold",
    advice: "Look at the network between load workers and their master, and at the master's CPU.",
};

/// What happened to the generator: in a hold it makes the run invalid, elsewhere it is warned of.
pub(super) fn disturbances(windows: &[Window<'_>], holds: &[Hold]) -> Vec<VerdictCause> {
    let marked = |mark: Mark| move |window: &&Window<'_>| window.has(mark);
    let lost = |window: &&Window<'_>| window.has(Mark::WorkerLost) || window.fewer_workers.is_some();
    [
        disturbance(
            windows,
            holds,
            marked(Mark::GeneratorRestarted),
            "the load generator was restarted",
            [&RESTARTED, &RESTARTED_BESIDE],
        ),
        disturbance(
            windows,
            holds,
            marked(Mark::CounterReset),
            "the load generator's counters went back",
            [&COUNTER_RESET, &COUNTER_RESET_BESIDE],
        ),
        disturbance(windows, holds, lost, "a load worker was lost", [&WORKERS_LOST, &WORKERS_LOST_BESIDE]),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn disturbance<'a>(
    windows: &'a [Window<'a>],
    holds: &[Hold],
    is_it: impl Fn(&&Window<'a>) -> bool,
    what: &str,
    [inside, beside]: [&Rule; 2],
) -> Option<VerdictCause> {
    let seen: Vec<&Window<'_>> = windows.iter().filter(|window| is_it(window)).collect();
    let held: Vec<&Window<'_>> = seen.iter().copied().filter(|window| window.touches_any(holds)).collect();
    let (rule, of) = if held.is_empty() { (beside, &seen) } else { (inside, &held) };
    let (first, last) = (of.first()?, of.last()?);
    let mut evidence = vec![
        Evidence::figure(what, of.len() as f64, if of.len() == 1 { "window" } else { "windows" }, GENERATOR)
            .during(first.from_s, last.to_s),
    ];
    evidence.extend(of.iter().filter_map(|window| window.fewer_workers).min_by_key(|(_, left)| *left).map(
        |(most, left)| {
            Evidence::figure("fewest load workers", f64::from(left), "workers", GENERATOR).against(f64::from(most))
        },
    ));
    let message = format!("{what} during the load, between {} and {}", clock(first.from_s), clock(last.to_s));
    Some(rule.because(message, evidence))
}

/// Whether the generator was at its limit in a hold.
pub(super) fn bound(facts: &Facts<'_>, windows: &[Window<'_>], hold: &Hold, place: &str) -> Option<VerdictCause> {
    let thresholds = &facts.spec.verdict;
    let bound: Vec<&Window<'_>> =
        windows.iter().filter(|window| window.overlap_s(hold) > 0.0 && window.is_bound(thresholds)).collect();
    let share = bound.iter().map(|window| window.overlap_s(hold)).sum::<f64>() / hold.seconds();
    (share > thresholds.generator_bound_share).then(|| {
        let share = Evidence::figure("share at its limit", share * 100.0, "%", GENERATOR)
            .against(thresholds.generator_bound_share * 100.0)
            .during(hold.from_s, hold.to_s);
        told(facts, &BOUND, &bound, share, place)
    })
}

/// Whether it was at its limit while nothing is judged.
pub(super) fn bound_beside(facts: &Facts<'_>, windows: &[Window<'_>], holds: &[Hold]) -> Option<VerdictCause> {
    let thresholds = &facts.spec.verdict;
    let outside: Vec<&Window<'_>> = windows.iter().filter(|window| !window.touches_any(holds)).collect();
    let seconds = |windows: &[&Window<'_>]| windows.iter().map(|window| window.seconds()).sum::<f64>();
    let bound: Vec<&Window<'_>> = outside.iter().copied().filter(|window| window.is_bound(thresholds)).collect();
    let (first, last) = (outside.first()?, outside.last()?);
    let share = seconds(&bound) / seconds(&outside).max(f64::MIN_POSITIVE);
    (share > thresholds.generator_bound_share).then(|| {
        let share = Evidence::figure("share at its limit", share * 100.0, "%", GENERATOR)
            .against(thresholds.generator_bound_share * 100.0)
            .during(first.from_s, last.to_s);
        told(facts, &BOUND_BESIDE, &bound, share, "the load outside of its holds")
    })
}

fn told(facts: &Facts<'_>, rule: &Rule, bound: &[&Window<'_>], share: Evidence, place: &str) -> VerdictCause {
    let thresholds = &facts.spec.verdict;
    let short: Vec<(f64, f64)> = bound
        .iter()
        .filter(|window| window.is_short(thresholds))
        .filter_map(|window| Some((window.tick.users? as f64, window.commanded?)))
        .collect();
    let what = if short.len() < bound.len() {
        "was at its CPU limit or stood still"
    } else {
        "ran fewer users than it was told to"
    };
    let percent = share.value.unwrap_or_default();
    let message = format!("the load generator {what} in {percent:.0} % of {place}");
    let mut evidence = vec![share];
    let cpu = bound.iter().filter_map(|window| window.tick.cpu_percent).fold(0.0, f64::max);
    if cpu > 0.0 {
        let busiest = Evidence::figure("highest CPU of a load worker", cpu, "%", GENERATOR);
        evidence.push(busiest.against(thresholds.generator_cpu));
    }
    let lack = |(users, commanded): &(f64, f64)| users / commanded;
    if let Some((users, commanded)) = short.iter().min_by(|a, b| lack(a).total_cmp(&lack(b))) {
        evidence.push(Evidence::figure("users that ran", *users, "users", GENERATOR).against(commanded.round()));
    }
    rule.because(message, evidence)
}

/// Whether its statistics stood still in a hold although users ran.
pub(super) fn stale(facts: &Facts<'_>, windows: &[Window<'_>], hold: &Hold, place: &str) -> Option<VerdictCause> {
    let limit = facts.spec.verdict.unmeasured_share;
    let moving = windows.iter().filter(|window| window.tick.requests > 0);
    let (requests, user_seconds) = moving.fold((0.0, 0.0), |(requests, time), window| {
        (requests + window.tick.requests as f64, time + window.users() * window.seconds())
    });
    // Where nothing has ever moved, users that run and tell nothing are enough.
    let per_user_s = if user_seconds > 0.0 { requests / user_seconds } else { f64::INFINITY };
    let stands = |window: &&Window<'_>| {
        let has_time = window.tick.to_s > window.tick.from_s;
        let is_still = window.tick.count == Some(0) && window.tick.requests == 0 && window.users() >= 1.0;
        // One without time of its own is covered by the next that has some, if there is one.
        let is_covered =
            || windows.iter().any(|other| other.tick.to_s >= window.to_s && other.tick.from_s < window.from_s);
        let missing = per_user_s * window.users() * window.seconds();
        // A time that goes on by itself shows that the statistics do, so that it is the system that answers nothing.
        let is_silent = || window.has(Mark::Approximate) && missing >= MISSING_REQUESTS;
        is_still && if has_time { is_silent() } else { !is_covered() }
    };
    let still: Vec<&Window<'_>> = windows.iter().filter(|window| window.overlap_s(hold) > 0.0).filter(stands).collect();
    let share = still.iter().map(|window| window.overlap_s(hold)).sum::<f64>() / hold.seconds();
    (share > limit).then(|| {
        let users = still.iter().map(|window| window.users()).fold(0.0, f64::max);
        let message = format!(
            "the load generator's statistics stood still in {:.0} % of {place}, although {users:.0} users ran",
            share * 100.0
        );
        let share = Evidence::figure("share without any request", share * 100.0, "%", GENERATOR);
        let users = Evidence::figure("users that ran", users, "users", GENERATOR);
        STATS_STALE.because(message, vec![share.against(limit * 100.0).during(hold.from_s, hold.to_s), users])
    })
}

/// Whether much of a hold was counted late.
pub(super) fn late(facts: &Facts<'_>, windows: &[Window<'_>], hold: &Hold, place: &str) -> Option<VerdictCause> {
    let limit = facts.spec.verdict.unmeasured_share;
    let late = windows.iter().filter(|window| window.has(Mark::LateRows));
    let share = late.map(|window| window.overlap_s(hold)).sum::<f64>() / hold.seconds();
    (share > limit).then(|| {
        let message = format!("load workers reported late in {:.0} % of {place}", share * 100.0);
        let share = Evidence::figure("share with late rows", share * 100.0, "%", GENERATOR);
        LATE_ROWS.because(message, vec![share.against(limit * 100.0).during(hold.from_s, hold.to_s)])
    })
}
