//! What the objectives make of a run.

use super::{Evidence, Outcome, Rule, VerdictCause};
use crate::failure::FailureKind;
use crate::phase::Cause;
use crate::slo::{Judged, Slo, SloResult, SloStatus};
use crate::spec::LoadTestSpec;
use crate::units::three_digits;

const SOURCE: &str = "requests by name, as the load generator counts them";

pub(super) const UNMEASURED: Rule = Rule {
    outcome: Outcome::Invalid,
    code: "slo_unmeasured",
    when: "an objective could not be judged: its requests were not counted in enough of its part of the load, or were too few for \
           its figure",
    evidence: "the share of that part with counts",
    advice: "Name the requests as the load generator's statistics do, and take a longer window where they are few: p95 needs 20 of \
             them, p99 needs 100.",
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
pub(super) const NEAR_MISS: Rule = Rule {
    outcome: Outcome::Warned,
    code: "slo_near_miss",
    when: "an objective was met, but more than verdict.nearMiss of its limit, or of its error budget, was used up",
    evidence: "the figure against its limit",
    advice: "A little more load breaches it: find out what limits it before that.",
};

/// A reason for every objective that was not met, or hardly. What is judged as a whole, and what could not be judged, counts only
/// where the load came to its end.
pub(super) fn causes(spec: &LoadTestSpec, results: &[SloResult], ending: &Cause) -> Vec<VerdictCause> {
    let completed = *ending == Cause::Completed;
    let told = |(slo, result): (&Slo, &SloResult)| match result.status {
        SloStatus::Breached if completed || slo.judged != Judged::Whole => {
            let rule = if slo.has_budget() { BUDGET_SPENT } else { BREACHED };
            Some(rule.because(format!("{slo} was breached: {}", observed(result)), evidence(result)))
        }
        SloStatus::NearMiss if completed => {
            Some(NEAR_MISS.because(format!("{slo} was met, but hardly: {}", observed(result)), evidence(result)))
        }
        SloStatus::Unmeasured if completed => Some(unmeasured(spec, result)),
        SloStatus::Met | SloStatus::Breached | SloStatus::NearMiss | SloStatus::Unmeasured => None,
    };
    let mut causes: Vec<VerdictCause> = spec.slos.iter().zip(results).filter_map(told).collect();
    if let Cause::Failed(failure) = ending
        && failure.kind == FailureKind::SloBreached
        && causes.iter().all(|cause| cause.outcome != Outcome::Failed)
    {
        causes.push(BREACHED.because(failure.to_string(), Vec::new()));
    }
    causes
}

fn unmeasured(spec: &LoadTestSpec, result: &SloResult) -> VerdictCause {
    let share = result.measured * 100.0;
    let message = format!(
        "{} could not be judged: its requests were counted in {share:.0} % of its part of the load, and {} windows of that had enough \
         of them",
        result.slo, result.judged
    );
    let least = (1.0 - spec.verdict.unmeasured_share) * 100.0;
    let counted = Evidence::figure("part of the load with counts", share, "%", SOURCE).against(least);
    UNMEASURED.because(message, vec![counted])
}

fn observed(result: &SloResult) -> String {
    let figure = |figure: Option<f64>| {
        figure.map_or_else(|| "nothing".to_owned(), |figure| format!("{} {}", three_digits(figure), result.unit))
    };
    let (observed, limit) = (figure(result.observed), figure(result.limit));
    match result.budget_spent {
        Some(spent) => format!("{observed} against {limit}, {:.0} % of its error budget spent", spent * 100.0),
        None => format!("{observed} against {limit}, beyond it in {} of {} windows", result.broken, result.judged),
    }
}

fn evidence(result: &SloResult) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    if let Some(observed) = result.observed {
        let figure = Evidence::figure(result.slo.clone(), observed, &result.unit, SOURCE);
        evidence.push(match result.limit {
            Some(limit) => figure.against(limit),
            None => figure,
        });
    }
    if let Some((from_s, to_s)) = result.first_broken {
        evidence.push(Evidence::fact("first beyond its limit", SOURCE).during(from_s, to_s));
    }
    if let Some(spent) = result.budget_spent {
        evidence.push(Evidence::figure("error budget spent", spent * 100.0, "%", SOURCE).against(100.0));
    }
    if let Some(rate) = result.burn_rate {
        evidence.push(Evidence::figure("highest burn rate of a window", rate, "", SOURCE).against(1.0));
    }
    evidence
}
