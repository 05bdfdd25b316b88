//! What others did to the environment, what it lacks, in what it differs from production, and what of the run is left.

use super::{Evidence, Facts, Outcome, Rule, VerdictCause};
use crate::guard::{Drift, Guarded};
use crate::parity::{Report, WaiverState};
use crate::spec::ParityRule;

const WATCH: &str = "watch over the applications";
const RESTORE: &str = "way back";
const PARITY: &str = "comparison with production";

pub(super) const DRIFTED: Rule = Rule {
    outcome: Outcome::Invalid,
    code: "environment_drifted",
    when: "somebody else changed an application under test during the load, and it was not put back as the run needs it",
    evidence: "what is otherwise, and who changed it where that is known",
    advice: "Keep others away while load is generated (docs/environment.md, freeze), then run it again.",
};
pub(super) const PARITY_GAP: Rule = Rule {
    outcome: Outcome::Invalid,
    code: "parity_gap",
    when: "load was measured, a difference from production of severity `error` is waived by nobody, and `spec.verdict.parity` is \
           not `warn` or `report`",
    evidence: "each such difference",
    advice: "Make the test environment like production, or waive the difference with a reason and a day (docs/parity.md).",
};
pub(super) const PARITY_GAP_WARNED: Rule = Rule {
    outcome: Outcome::Warned,
    when: "`spec.verdict.parity: warn`, load was measured, and a difference from production of severity `error` is waived by nobody",
    ..PARITY_GAP
};
pub(super) const WAIVERS_USED: Rule = Rule {
    outcome: Outcome::Warned,
    code: "waivers_used",
    when: "differences from production were accepted by waivers",
    evidence: "each waiver with its last day",
    advice: "Keep in mind what is waived when this run is taken for what production does.",
};
pub(super) const FREEZE_UNAVAILABLE: Rule = Rule {
    outcome: Outcome::Warned,
    code: "freeze_unavailable",
    when: "the environment has nothing that keeps others from changing some or all of the applications",
    evidence: "what is lacking",
    advice: "Give the environment what is lacking (docs/environment.md, freeze); until then changes are only seen.",
};
pub(super) const DRIFT_REVERTED: Rule = Rule {
    outcome: Outcome::Warned,
    code: "drift_reverted",
    when: "somebody else changed an application during the load, and it was put back as the run needs it",
    evidence: "what was otherwise, and who changed it where that is known",
    advice: "Look whether the KPI moved then; keep others away while load is generated.",
};
pub(super) const RESTORE_INCOMPLETE: Rule = Rule {
    outcome: Outcome::Warned,
    code: "restore_incomplete",
    when: "something that the run changed or made is not back; the exit code is 5 then, whatever else there is",
    evidence: "which step of the way back failed",
    advice: "Mend what the message names, then `conductor restore RUN`.",
};
pub(super) const CHANGED_BY_OTHERS: Rule = Rule {
    outcome: Outcome::Warned,
    code: "changed_by_others",
    when: "somebody else changed what the run had changed, and it was left as they have it",
    evidence: "the field: before the run, by the run, found",
    advice: "Ask whose change it is; the run leaves it alone.",
};
pub(super) const RESTORED_BY_FORCE: Rule = Rule {
    outcome: Outcome::Warned,
    code: "restored_by_force",
    when: "somebody else changed what the run had changed, and it was put back all the same, since the environment wants that",
    evidence: "the field: before the run, by the run, found",
    advice: "Tell those whose change was overwritten.",
};
pub(super) const RESTORED_AGAIN: Rule = Rule {
    outcome: Outcome::Warned,
    code: "restored_again",
    when: "some time after the way back a value of the run had come back, and was put back once more",
    evidence: "the field",
    advice: "Look for the controller or the late write that brought it back.",
};
pub(super) const CHANGED_AFTERWARDS: Rule = Rule {
    outcome: Outcome::Warned,
    code: "changed_afterwards",
    when: "somebody else changed an application after the way back",
    evidence: "the field",
    advice: "Nothing, if the change is meant; the run leaves it alone.",
};

/// All of it.
pub(super) fn causes(facts: &Facts<'_>) -> Vec<VerdictCause> {
    let mut causes = drifts(facts);
    causes.extend(facts.guarded.and_then(freeze));
    if let Some(report) = facts.parity {
        // Where no load was measured, nothing was that production might show otherwise.
        let rule = if facts.ticks.is_empty() { ParityRule::Report } else { facts.spec.verdict.parity };
        causes.extend(parity(rule, report));
        causes.extend(waivers(report));
    }
    causes.extend(way_back(facts));
    causes
}

fn drifts(facts: &Facts<'_>) -> Vec<VerdictCause> {
    let told = |drift: &Drift| {
        let rule = if drift.reverted { DRIFT_REVERTED } else { DRIFTED };
        rule.because(format!("during the load, {drift}"), vec![Evidence::fact(drift.to_string(), WATCH)])
    };
    facts.ending.drifts.iter().map(told).collect()
}

fn freeze(guarded: &Guarded) -> Option<VerdictCause> {
    let (reach, because) = match guarded {
        Guarded::Frozen | Guarded::Alone => return None,
        Guarded::Open { because } => ("the applications", because),
        Guarded::Partly { because } => ("some of the applications", because),
    };
    let message = format!("nothing kept others from changing {reach}: {because}");
    Some(FREEZE_UNAVAILABLE.because(message, vec![Evidence::fact(because.clone(), "freeze")]))
}

fn parity(rule: ParityRule, report: &Report) -> Option<VerdictCause> {
    let rule = match rule {
        ParityRule::Report => return None,
        ParityRule::Warn => PARITY_GAP_WARNED,
        ParityRule::Invalid => PARITY_GAP,
    };
    let gaps: Vec<Evidence> = report
        .errors()
        .map(|difference| match &difference.application {
            Some(application) => Evidence::fact(format!("{application}: {difference}"), PARITY),
            None => Evidence::fact(difference.to_string(), PARITY),
        })
        .collect();
    let plural = if gaps.len() == 1 { "difference" } else { "differences" };
    let first = gaps.first()?.what.clone();
    let message =
        format!("{} {plural} from production of severity error that nobody has waived, such as {first}", gaps.len());
    Some(rule.because(message, gaps))
}

fn waivers(report: &Report) -> Option<VerdictCause> {
    let used: Vec<Evidence> = report
        .waivers
        .iter()
        .filter(|judged| judged.state == WaiverState::Applied)
        .map(|judged| {
            let waiver = &judged.waiver;
            Evidence::fact(format!("{}, until {}: {}", waiver.aspect, waiver.until, waiver.reason), PARITY)
        })
        .collect();
    let waived = report.differences.iter().filter(|difference| difference.waived.is_some()).count();
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let message = format!(
        "{waived} difference{} from production accepted by {} waiver{}",
        plural(waived),
        used.len(),
        plural(used.len())
    );
    (!used.is_empty()).then(|| WAIVERS_USED.because(message, used))
}

fn way_back(facts: &Facts<'_>) -> Vec<VerdictCause> {
    let ending = facts.ending;
    let failed = ending.teardown_failures.iter().map(|failure| {
        let step = Evidence::fact(format!("step that failed: {}", failure.activity), RESTORE);
        RESTORE_INCOMPLETE.because(failure.to_string(), vec![step])
    });
    let foreign = ending.foreign_changes.iter().map(|change| {
        let rule = if change.forced { RESTORED_BY_FORCE } else { CHANGED_BY_OTHERS };
        rule.because(change.to_string(), vec![Evidence::fact(change.to_string(), RESTORE)])
    });
    let late = ending.late_changes.iter().map(|change| {
        let rule = if change.put_back { RESTORED_AGAIN } else { CHANGED_AFTERWARDS };
        rule.because(format!("after the way back, {change}"), vec![Evidence::fact(change.to_string(), "second look")])
    });
    failed.chain(foreign).chain(late).collect()
}
