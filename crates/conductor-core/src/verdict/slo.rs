//! What the objectives make of a run.

use super::{Evidence, Facts, Outcome, Rule, VerdictCause};
use crate::failure::FailureKind;
use crate::phase::Cause;
use crate::slo::{Judged, Slo, SloResult, SloStatus, Then};
use crate::units::three_digits;

const REQUESTS: &str = "requests by name, as the load generator counts them";
const PROMETHEUS: &str = "Prometheus";

pub(super) const UNMEASURED: Rule = Rule {
    outcome: Outcome::Invalid,
    code: "slo_unmeasured",
    when: "an objective could not be judged: its requests were not counted in enough of its part of the load, or were too few for \
           its figure; or Prometheus had no value of its query there",
    evidence: "the share of that part with counts or values, and why there was no value at last",
    advice: "Name the requests as the load generator's statistics do, and take a longer window where they are few: p95 needs 20 of \
             them, p99 needs 100. Try a query in Prometheus at the time of the load: it must give one number.",
};
pub(super) const BREACHED: Rule = Rule {
    outcome: Outcome::Failed,
    code: "slo_breached",
    when: "an objective was breached",
    evidence: "the figure against its limit, and when it was first beyond that",
    advice: "Look at the requests and the applications in the time that the evidence names.",
};
pub(super) const BUDGET_SPENT: Rule = Rule {
    outcome: Outcome::Failed,
    code: "error_budget_spent",
    when: "an objective that allows for a share of failures, or of bad minutes, had more of them",
    evidence: "the figure against its limit, how much of the budget was spent, and the highest burn rate",
    advice: "Look at what failed in the time that the evidence names; a high burn rate tells of one burst, a low one of a steady loss.",
};
pub(super) const ALERTED: Rule = Rule {
    outcome: Outcome::Warned,
    code: "slo_alerted",
    when: "an objective with `then alert` was breached: receivers of alerts were told, and the run does not fail for it",
    evidence: "the figure against its limit, and when it was first beyond that",
    advice: "Look at the requests and the applications in the time that the evidence names; without `then alert` the run fails.",
};
pub(super) const UNMEASURED_WARNED: Rule =
    Rule { outcome: Outcome::Warned, when: "an objective with `then alert` could not be judged", ..UNMEASURED };
pub(super) const NEAR_MISS: Rule = Rule {
    outcome: Outcome::Warned,
    code: "slo_near_miss",
    when: "an objective was met, but more than verdict.nearMiss of its limit, or of its error budget, was used up",
    evidence: "the figure against its limit",
    advice: "A little more load breaches it: find out what limits it before that.",
};

/// A reason for every objective that was not met, or hardly. What is judged as a whole, and what could not be judged, counts only
/// where the load came to its end.
pub(super) fn causes(facts: &Facts<'_>, results: &[SloResult]) -> Vec<VerdictCause> {
    let ending = &facts.ending.cause;
    let completed = *ending == Cause::Completed;
    let told = |(slo, result): (&Slo, &SloResult)| match result.status {
        SloStatus::Breached if completed || slo.judged != Judged::Whole => {
            let rule = match slo.then {
                Then::Alert => ALERTED,
                Then::Mark | Then::Abort if slo.has_budget() => BUDGET_SPENT,
                Then::Mark | Then::Abort => BREACHED,
            };
            Some(rule.because(format!("{slo} was breached: {}", observed(slo, result)), evidence(slo, result)))
        }
        SloStatus::NearMiss if completed && slo.then != Then::Alert => {
            let message = format!("{slo} was met, but hardly: {}", observed(slo, result));
            Some(NEAR_MISS.because(message, evidence(slo, result)))
        }
        SloStatus::Unmeasured if completed => Some(unmeasured(facts, slo, result)),
        SloStatus::Met | SloStatus::Breached | SloStatus::NearMiss | SloStatus::Unmeasured => None,
    };
    let mut causes: Vec<VerdictCause> = facts.spec.slos.iter().zip(results).filter_map(told).collect();
    if let Cause::Failed(failure) = ending
        && failure.kind == FailureKind::SloBreached
        && causes.iter().all(|cause| cause.outcome != Outcome::Failed)
    {
        causes.push(BREACHED.because(failure.to_string(), Vec::new()));
    }
    causes
}

fn unmeasured(facts: &Facts<'_>, slo: &Slo, result: &SloResult) -> VerdictCause {
    let share = result.measured * 100.0;
    let least = (1.0 - facts.spec.verdict.unmeasured_share) * 100.0;
    let rule = if slo.then == Then::Alert { UNMEASURED_WARNED } else { UNMEASURED };
    if let Some(query) = slo.query() {
        let readings = facts.ticks.iter().rev().filter_map(|tick| tick.figures.as_ref()?.readings.get(query));
        let why = readings.into_iter().find_map(|reading| reading.failure.clone());
        let told = why.as_ref().map_or_else(String::new, |why| format!("; at last: {why}"));
        let message = format!(
            "{} could not be judged: Prometheus had a value in {share:.0} % of its part of the load, and {} of its measurements had \
             one for long enough{told}",
            result.slo, result.judged
        );
        let read = Evidence::figure("part of the load with values", share, "%", PROMETHEUS).against(least);
        let why = why.map(|why| Evidence::fact(format!("why there was none at last: {why}"), PROMETHEUS));
        return rule.because(message, std::iter::once(read).chain(why).collect());
    }
    let message = format!(
        "{} could not be judged: its requests were counted in {share:.0} % of its part of the load, and {} windows of that had enough \
         of them",
        result.slo, result.judged
    );
    let counted = Evidence::figure("part of the load with counts", share, "%", REQUESTS).against(least);
    rule.because(message, vec![counted])
}

fn observed(slo: &Slo, result: &SloResult) -> String {
    let figure = |figure: Option<f64>| match figure {
        None => "nothing".to_owned(),
        Some(figure) if result.unit.is_empty() => three_digits(figure),
        Some(figure) => format!("{} {}", three_digits(figure), result.unit),
    };
    let (observed, limit) = (figure(result.observed), figure(result.limit));
    match result.budget_spent {
        Some(spent) => format!("{observed} against {limit}, {:.0} % of its error budget spent", spent * 100.0),
        None => {
            let of = if slo.query().is_some() { "measurements" } else { "windows" };
            format!("{observed} against {limit}, beyond it in {} of {} {of}", result.broken, result.judged)
        }
    }
}

fn evidence(slo: &Slo, result: &SloResult) -> Vec<Evidence> {
    let source = if slo.query().is_some() { PROMETHEUS } else { REQUESTS };
    let mut evidence = Vec::new();
    if let Some(observed) = result.observed {
        let figure = Evidence::figure(result.slo.clone(), observed, &result.unit, source);
        evidence.push(match result.limit {
            Some(limit) => figure.against(limit),
            None => figure,
        });
    }
    if let Some((from_s, to_s)) = result.first_broken {
        evidence.push(Evidence::fact("first beyond its limit", source).during(from_s, to_s));
    }
    if let Some(spent) = result.budget_spent {
        evidence.push(Evidence::figure("error budget spent", spent * 100.0, "%", source).against(100.0));
    }
    if let Some(rate) = result.burn_rate {
        evidence.push(Evidence::figure("highest burn rate of a window", rate, "", source).against(1.0));
    }
    evidence
}
