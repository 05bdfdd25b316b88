//! What a search has come to. A limit that was found is what it is for: each level that failed belongs to it.

use super::{Evidence, Facts, Outcome, Rule, VerdictCause, generator, level};
use crate::search::{Search, SearchEnd};

pub(super) const USERS_CAPPED: Rule = Rule {
    outcome: Outcome::Invalid,
    code: "users_capped",
    when: "a search had limits.maxUsers running while the system was not at its limit",
    evidence: "the levels tried",
    advice: "Raise limits.maxUsers.",
};
pub(super) const CUT_SHORT: Rule = Rule {
    outcome: Outcome::Invalid,
    code: "search_cut_short",
    when: "a search was not over in its longest time",
    evidence: "the levels tried",
    advice: "Begin nearer to the limit (search.from), or take larger steps.",
};
pub(super) const NOTHING_SUSTAINED: Rule = Rule {
    outcome: Outcome::Failed,
    code: "nothing_sustained",
    when: "not even the first level of a search was sustained",
    evidence: "the levels tried",
    advice: "Begin with a lower level (search.from).",
};
pub(super) const LIMIT_FOUND: Rule = Rule {
    outcome: Outcome::Passed,
    code: "limit_found",
    when: "a search has found the highest level that is sustained and the lowest that is not",
    evidence: "the levels tried",
    advice: "Nothing: this is the answer.",
};
pub(super) const NO_LIMIT_SEEN: Rule = Rule {
    outcome: Outcome::Passed,
    code: "no_limit_seen",
    when: "a search has sustained every level up to the highest",
    evidence: "the levels tried",
    advice: "Search further (search.to) if the limit is to be known.",
};

pub(super) fn cause(facts: &Facts<'_>, search: &Search) -> VerdictCause {
    let spec = facts.spec;
    let found = search.found();
    let (rule, message) = match search.end() {
        Some(SearchEnd::LimitFound) => (&LIMIT_FOUND, format!("{}: {found}", spec.kpi)),
        Some(SearchEnd::NoLimitSeen) => {
            let message =
                format!("no limit was seen, {} were sustained all the way up to {}: {found}", spec.kpi, spec.target);
            (&NO_LIMIT_SEEN, message)
        }
        Some(SearchEnd::NothingSustained) => {
            (&NOTHING_SUSTAINED, format!("not even the first level was sustained: {found}"))
        }
        Some(SearchEnd::GeneratorBound) => {
            let message = format!("the load generator was at its CPU limit or stood still, not the system: {found}");
            (&generator::BOUND, message)
        }
        Some(SearchEnd::UsersCapped) => {
            let message = format!("limits.maxUsers were running, and the system was not at its limit: {found}");
            (&USERS_CAPPED, message)
        }
        Some(SearchEnd::Unmeasured) => {
            let message = format!("{:.0}/min of {} could not be measured: {found}", search.level_per_min(), spec.kpi);
            (&level::KPI_UNMEASURED, message)
        }
        None => (&CUT_SHORT, format!("it was not over in its longest time: {found}")),
    };
    let trials = search.trials().iter().map(|trial| Evidence::fact(trial.to_string(), "search"));
    rule.because(message, trials.collect())
}
