//! The reasons of a verdict with what they rest on, as the report shows them.

use conductor_core::verdict::{Evidence, VerdictCause};

use crate::text::{clock, figure};

/// A reason.
pub(crate) struct CauseRow {
    pub(crate) outcome: String,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) evidence: Vec<EvidenceRow>,
    pub(crate) advice: String,
}

/// A figure or fact that a reason rests on.
pub(crate) struct EvidenceRow {
    pub(crate) what: String,
    /// The figure, with its limit where it has one; empty for a fact.
    pub(crate) figure: String,
    /// The time it is of, and its source.
    pub(crate) of: String,
}

impl CauseRow {
    pub(crate) fn of(cause: &VerdictCause) -> Self {
        Self {
            outcome: cause.outcome.to_string(),
            code: cause.code.clone(),
            message: cause.message.clone(),
            evidence: cause.evidence.iter().map(EvidenceRow::of).collect(),
            advice: cause.advice.clone(),
        }
    }
}

impl EvidenceRow {
    fn of(evidence: &Evidence) -> Self {
        let Evidence { what, value, limit, unit, from_s, to_s, source } = evidence;
        let limit = limit.map(|limit| format!("(limit {})", figure(limit, unit.as_deref())));
        let value = value.map(|value| figure(value, unit.as_deref()));
        let time = from_s.zip(*to_s).map(|(from, to)| format!("{} – {}", clock(from), clock(to)));
        let source = Some(source.clone()).filter(|source| !source.is_empty());
        Self {
            what: what.clone(),
            figure: value.into_iter().chain(limit).collect::<Vec<_>>().join(" "),
            of: time.into_iter().chain(source).collect::<Vec<_>>().join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_told_with_what_it_has() {
        let row = EvidenceRow::of(
            &Evidence::figure("mean", 1234.5, "/min", "samples of orders").against(1900.0).during(60.0, 240.0),
        );
        assert_eq!(row.figure, "1,234/min (limit 1,900/min)");
        assert_eq!(row.of, "1:00 – 4:00, samples of orders");
        let fact = EvidenceRow::of(&Evidence::fact("shop was changed", ""));
        assert_eq!((fact.what.as_str(), fact.figure.as_str(), fact.of.as_str()), ("shop was changed", "", ""));
    }
}
