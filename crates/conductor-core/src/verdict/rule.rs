//! The codes of verdicts: what each makes of a run, when it is told, and what to do about it. `docs/verdict.md` is printed
//! of this table, and reasons are made of its rows, so that neither can say what the other does not.

use super::{Evidence, Outcome, VerdictCause, environment, generator, kpi, layout, level, mocks, search, slo, whole};

/// A row of the decision table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it makes of a run.
    pub outcome: Outcome,
    /// Its code.
    pub code: &'static str,
    /// When it is told.
    pub when: &'static str,
    /// What it rests on.
    pub evidence: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

impl Rule {
    /// A reason by this rule.
    pub(crate) fn because(&self, message: impl Into<String>, evidence: Vec<Evidence>) -> VerdictCause {
        VerdictCause {
            outcome: self.outcome,
            code: self.code.to_owned(),
            message: message.into(),
            evidence,
            advice: self.advice.to_owned(),
        }
    }
}

/// Every rule. Of the reasons that make the same of a run the one that stands higher here comes first: what stands higher is
/// what brings about the other.
const RULES: [&Rule; 52] = [
    &whole::CONDUCTOR_LOST,
    &whole::GENERATOR_LOST,
    &whole::PLATEAU_CUT_SHORT,
    &environment::DRIFTED,
    &layout::SHARED_NODES,
    &mocks::BYPASSED,
    &mocks::BROKEN,
    &kpi::FOREIGN_TRAFFIC,
    &generator::RESTARTED,
    &generator::COUNTER_RESET,
    &generator::WORKERS_LOST,
    &generator::BOUND,
    &search::USERS_CAPPED,
    &generator::STATS_STALE,
    &kpi::SOURCES_DISAGREE,
    &level::KPI_UNMEASURED,
    &slo::UNMEASURED,
    &search::CUT_SHORT,
    &environment::PARITY_GAP,
    &whole::CANCELLED,
    &whole::RUN_FAILED,
    &level::STALLED,
    &search::NOTHING_SUSTAINED,
    &level::TARGET_NOT_HELD,
    &slo::BREACHED,
    &slo::BUDGET_SPENT,
    &level::NOTHING_JUDGED,
    &level::STALLED_ONCE,
    &level::STALLED_BESIDE,
    &level::NEAR_MISS,
    &slo::ALERTED,
    &slo::UNMEASURED_WARNED,
    &slo::NEAR_MISS,
    &generator::RESTARTED_BESIDE,
    &generator::COUNTER_RESET_BESIDE,
    &generator::WORKERS_LOST_BESIDE,
    &generator::BOUND_BESIDE,
    &generator::LATE_ROWS,
    &kpi::CROSS_CHECK_MISSING,
    &environment::PARITY_GAP_WARNED,
    &environment::WAIVERS_USED,
    &layout::SHARED_NODES_WARNED,
    &layout::LAYOUT_UNREAD,
    &environment::FREEZE_UNAVAILABLE,
    &environment::DRIFT_REVERTED,
    &environment::RESTORE_INCOMPLETE,
    &environment::CHANGED_BY_OTHERS,
    &environment::RESTORED_BY_FORCE,
    &environment::RESTORED_AGAIN,
    &environment::CHANGED_AFTERWARDS,
    &search::LIMIT_FOUND,
    &search::NO_LIMIT_SEEN,
];

/// Every row of the decision table, the gravest outcome first.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.into_iter()
}

/// Where a reason stands among those that make the same of a run.
pub(super) fn rank(cause: &VerdictCause) -> usize {
    let is_it = |rule: &&Rule| rule.code == cause.code && rule.outcome == cause.outcome;
    RULES.iter().position(is_it).unwrap_or(RULES.len())
}
