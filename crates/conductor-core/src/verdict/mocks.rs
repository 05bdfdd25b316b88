//! What mocks say of a run: one whose requests may have gone elsewhere, or were answered by nobody knows what, says nothing.

use super::{Evidence, Outcome, Rule, VerdictCause};
use crate::mocks::{FaultKind, MockFault};

const COUNTERS: &str = "counters of routes and of Hoverfly";
const PROBES: &str = "probes before the load";

pub(super) const BYPASSED: Rule = Rule {
    outcome: Outcome::Invalid,
    code: FaultKind::Bypassed.code(),
    when: "tagged requests reached, or would have reached, somebody else than the mock, before the load or during it",
    evidence: "what the probes found, or how many requests other routes have taken, and when",
    advice: "Compare the routes in place with those of the environment's router.routes, see that the applications hand on the \
             header X-Load-Test, and look at what the real dependency has taken meanwhile (docs/mocks.md).",
};
pub(super) const BROKEN: Rule = Rule {
    outcome: Outcome::Invalid,
    code: FaultKind::Broken.code(),
    when: "a mock did not answer as one, answered what was not for it, or could not be watched, before the load or during it",
    evidence: "what the probes found, or how many requests were answered otherwise, and when",
    advice: "Bring Hoverfly and its simulation into the state that is expected, see who else changes or calls it, and run it \
             again (docs/mocks.md).",
};

/// A reason for each fault, in the order in which they were seen.
pub(super) fn causes(faults: &[MockFault]) -> Vec<VerdictCause> {
    faults.iter().map(cause).collect()
}

fn cause(fault: &MockFault) -> VerdictCause {
    let (rule, mock) = (rule(fault.kind), &fault.mock);
    let (Some(from_s), Some(to_s)) = (fault.from_s, fault.to_s) else {
        return rule.because(format!("before the load, {fault}"), vec![Evidence::fact(fault.to_string(), PROBES)]);
    };
    let evidence = match fault.requests {
        Some(requests) => Evidence::figure(format!("such requests of mock {mock}"), requests as f64, "", COUNTERS),
        None => Evidence::fact(fault.to_string(), COUNTERS),
    };
    rule.because(format!("during the load, {fault}"), vec![evidence.during(from_s, to_s)])
}

const fn rule(kind: FaultKind) -> Rule {
    match kind {
        FaultKind::Bypassed => BYPASSED,
        FaultKind::Broken => BROKEN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_makes_a_run_invalid_with_what_was_counted_and_when() {
        let fault = MockFault {
            mock: "psp".to_owned(),
            kind: FaultKind::Bypassed,
            message: "tagged requests were stopped".to_owned(),
            requests: Some(7),
            from_s: Some(60.0),
            to_s: Some(90.0),
        };
        let before = MockFault { kind: FaultKind::Broken, requests: None, from_s: None, to_s: None, ..fault.clone() };
        let causes = causes(&[fault, before]);
        let told: Vec<_> = causes.iter().map(|one| (one.outcome, one.code.as_str(), one.message.as_str())).collect();
        assert_eq!(
            told,
            [
                (Outcome::Invalid, "mocks_bypassed", "during the load, mock psp: tagged requests were stopped"),
                (Outcome::Invalid, "mocks_broken", "before the load, mock psp: tagged requests were stopped"),
            ]
        );
        let line = causes[0].evidence[0].to_string();
        assert_eq!(line, "such requests of mock psp: 7, from 1m to 1m30s; counters of routes and of Hoverfly");
    }
}
