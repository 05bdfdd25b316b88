//! Whether the probes prove that a mock answers what is tagged, and only that.

use super::{Answer, FaultKind, MOCKED_HEADER, MockFault, MockProof, MockSpec};
use crate::spec::LOAD_TEST_HEADER;

/// The status by which Hoverfly says that its simulation has no answer.
const NO_ANSWER: u16 = 502;

impl MockProof {
    /// What keeps this from being a proof; empty where it is one.
    pub fn faults(&self, spec: &MockSpec) -> Vec<MockFault> {
        let mut found = Found(Vec::new());
        found.0.extend(self.before.faults());
        if found.0.is_empty()
            && let Some(unread) = self.unread.as_ref().or(self.before.unread.as_ref()).or(self.after.unread.as_ref())
        {
            found.broken(format!("it could not be proved: {unread}"));
        }
        if found.0.is_empty() {
            match &self.tagged {
                Some(answer) => found.tagged(answer, spec),
                None => found.broken("no tagged probe was sent".to_owned()),
            }
        }
        if found.0.is_empty() {
            match &self.untagged {
                Some(answer) => found.untagged(answer, spec),
                None => found.broken("no untagged probe was sent".to_owned()),
            }
        }
        if found.0.is_empty() {
            found.0.extend(self.after.faults());
        }
        let fault = |(kind, message)| MockFault {
            mock: spec.name.clone(),
            kind,
            message,
            requests: None,
            from_s: None,
            to_s: None,
        };
        found.0.into_iter().map(fault).collect()
    }

    /// True where what was found so far is reason enough to send the untagged probe: it reaches the real dependency.
    pub fn allows_untagged(&self, spec: &MockSpec) -> bool {
        let mut found = Found(self.before.faults());
        match &self.tagged {
            Some(answer) => found.tagged(answer, spec),
            None => return false,
        }
        found.0.is_empty()
    }

    /// True where the set-up is reason enough to send a tagged probe.
    pub fn allows_tagged(&self) -> bool {
        self.before.faults().is_empty() && self.before.unread.is_none()
    }
}

/// What was found to be wrong.
struct Found(Vec<(FaultKind, String)>);

impl Found {
    fn bypassed(&mut self, message: String) {
        self.0.push((FaultKind::Bypassed, message));
    }

    fn broken(&mut self, message: String) {
        self.0.push((FaultKind::Broken, message));
    }

    /// All of it must hold: the routes, what the simulators have written down, and what came back.
    fn tagged(&mut self, answer: &Answer, spec: &MockSpec) {
        let (header, value) = LOAD_TEST_HEADER;
        let Answer { status, mocked_by, fetched, journal, routes, .. } = answer;
        if routes.leak > 0 {
            self.bypassed(format!(
                "the probe with {header}: {value} was stopped by the leak trap (status {status}); expected the route to the mock to \
                 be there, to match exactly this value, and to come before the trap"
            ));
        } else if routes.mock == 0 && routes.real > 0 && (!spec.other_traffic || journal.is_empty()) {
            self.bypassed(format!(
                "the probe with {header}: {value} took the route to the real dependency; expected the one to the mock, and a leak \
                 trap before the real one"
            ));
        } else if routes.mock == 0 {
            self.bypassed(format!(
                "the probe with {header}: {value} was counted by no route to the mock (status {status}); expected exactly that \
                 route to take it"
            ));
        }
        if !self.0.is_empty() {
            return;
        }
        if *fetched {
            self.bypassed(
                "the answer to the tagged probe was fetched from the real dependency (header Hoverfly); expected a simulated one"
                    .to_owned(),
            );
        }
        match journal.as_slice() {
            [] => self.bypassed(
                "no simulator has seen the tagged probe, although its route was taken; expected the route to lead to Hoverfly"
                    .to_owned(),
            ),
            [one] if one.mode != "simulate" => self.broken(format!(
                "Hoverfly answered the tagged probe in mode {}; expected simulate",
                one.mode
            )),
            [one] if *status == NO_ANSWER && one.status == NO_ANSWER => self.broken(
                "the simulation has no answer for the tagged probe (status 502); expected a pair that matches it".to_owned(),
            ),
            [one] if one.status != *status => self.broken(format!(
                "Hoverfly answered the tagged probe with status {}, and {status} came back; expected the same",
                one.status
            )),
            [_] => {}
            several => self.broken(format!(
                "simulators have seen the tagged probe {} times; expected exactly once: a simulator that calls itself loops",
                several.len()
            )),
        }
        if self.0.is_empty() && *status == NO_ANSWER {
            self.broken("the tagged probe came back with status 502; expected an answer of the simulation".to_owned());
        }
        if self.0.is_empty() && mocked_by.is_none() {
            self.broken(format!(
                "the answer to the tagged probe has no header {MOCKED_HEADER}; expected the simulation to set it in each of its \
                 answers"
            ));
        }
        if self.0.is_empty() && !spec.other_traffic && routes.mock != 1 {
            self.broken(format!(
                "the route to the mock took {} requests while one tagged probe was sent; expected one, with no load",
                routes.mock
            ));
        }
    }

    /// All of it must hold: nothing of the mock, and all of the real one.
    fn untagged(&mut self, answer: &Answer, spec: &MockSpec) {
        let Answer { status, mocked_by, fetched, real_marker, journal, routes } = answer;
        let by_mock = mocked_by.is_some() || *fetched || !journal.is_empty();
        if by_mock {
            self.broken(format!(
                "the mock answered the probe without {} (status {status}); expected the real dependency to answer what is not \
                 tagged",
                LOAD_TEST_HEADER.0
            ));
        } else if routes.real == 0 {
            self.broken(format!(
                "the untagged probe was not counted by the route to the real dependency (status {status}); expected that route \
                 to take it"
            ));
        } else if *real_marker == Some(false) {
            self.broken(format!(
                "the answer to the untagged probe (status {status}) does not bear the mark of the real dependency; expected \
                 probe.realMarker in it"
            ));
        } else if routes.leak > 0 {
            self.broken("the leak trap took the untagged probe; expected it to stop what is tagged only".to_owned());
        } else if routes.mock > 0 && !spec.other_traffic {
            self.broken(
                "the route to the mock took a request while an untagged probe was sent; expected none".to_owned(),
            );
        }
    }
}

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;
