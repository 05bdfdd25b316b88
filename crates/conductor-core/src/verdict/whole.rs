//! What the end of a run says of it, whatever was measured.

use super::{Evidence, Outcome, Rule, VerdictCause, kpi, level};
use crate::failure::FailureKind;
use crate::phase::Cause;

const JOURNAL: &str = "journal";

pub(super) const CONDUCTOR_LOST: Rule = Rule {
    outcome: Outcome::Invalid,
    code: "conductor_lost",
    when: "the conductor that drove the run died, and another one put everything back",
    evidence: "the ending in the journal",
    advice: "Run it again; look in the conductor's log, and at its memory and its node, for why it died.",
};
pub(super) const GENERATOR_LOST: Rule = Rule {
    outcome: Outcome::Invalid,
    code: "generator_lost",
    when: "the load generator did not answer for three intervals, and a minute at least, so that the run was ended",
    evidence: "for how long, and its last error",
    advice: "Look whether the load generator's master runs and answers (memory and CPU are the usual reasons), then run it again.",
};
pub(super) const PLATEAU_CUT_SHORT: Rule = Rule {
    outcome: Outcome::Invalid,
    code: "plateau_cut_short",
    when: "the run's deadline passed before the load was over",
    evidence: "how much of the load there was, of how much",
    advice: "Raise limits.deadline, or look at which phase took so long.",
};
pub(super) const CANCELLED: Rule = Rule {
    outcome: Outcome::Cancelled,
    code: "cancelled",
    when: "somebody ended the run before it could tell",
    evidence: "who",
    advice: "Run it again when there is time for all of it.",
};
pub(super) const RUN_FAILED: Rule = Rule {
    outcome: Outcome::Failed,
    code: "run_failed",
    when: "a step of the run failed for good",
    evidence: "which step",
    advice: "Mend what the message names, then run it again.",
};

/// What an ending says by itself; a completed load is judged by its samples, a drift by what has drifted, mocks by their
/// faults, and a breach by the objectives.
pub(super) fn causes(cause: &Cause, measured_s: f64, planned_s: f64) -> Option<VerdictCause> {
    Some(match cause {
        Cause::Completed | Cause::Drifted | Cause::Mocks => return None,
        Cause::Failed(failure) if failure.kind == FailureKind::SloBreached => return None,
        Cause::Cancelled { by } => {
            CANCELLED.because(format!("stopped by {by}"), vec![Evidence::fact(format!("asked by {by}"), JOURNAL)])
        }
        Cause::Failed(failure) => {
            let rule = match failure.kind {
                FailureKind::KpiUnmeasured => level::KPI_UNMEASURED,
                FailureKind::GeneratorLost => GENERATOR_LOST,
                FailureKind::ForeignTraffic => kpi::FOREIGN_TRAFFIC,
                FailureKind::Unavailable
                | FailureKind::NotFound
                | FailureKind::Rejected
                | FailureKind::Unsettled
                | FailureKind::TimedOut
                | FailureKind::SloBreached => RUN_FAILED,
            };
            let step = Evidence::fact(format!("step that failed: {}", failure.activity), JOURNAL);
            rule.because(failure.to_string(), vec![step])
        }
        Cause::DeadlineExceeded => {
            let load = Evidence::figure("load generated", measured_s, "s", JOURNAL).against(planned_s);
            PLATEAU_CUT_SHORT.because("the run's deadline passed before the load was over", vec![load])
        }
        Cause::Abandoned => {
            let load = Evidence::figure("load measured before that", measured_s, "s", JOURNAL);
            let message = "the conductor that drove the run died; another one put everything back";
            CONDUCTOR_LOST.because(message, vec![load])
        }
    })
}

/// A load that did not come to its end, of which nothing else says why: it is never called passed.
pub(super) fn unfinished() -> VerdictCause {
    RUN_FAILED.because("the load did not come to its end", Vec::new())
}
