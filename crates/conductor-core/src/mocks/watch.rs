//! What shows during the load that a mock does not do its work: at the latest two measurements after it began.
//!
//! Routers count a request when it is over, and simulators when it comes. So what has arrived at the simulators by one sight must
//! have been counted by the mock's route at the next one, or it came another way: nobody but a router sends to a mock.

use super::{FaultKind, LeakPolicy, MockFault, MockSight, MockSpec};

/// Sights in a row that may fail before a mock counts as not watched.
const UNREAD_SIGHTS: u32 = 2;

/// What is known of the mocks while load is generated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watch {
    mocks: Vec<Watched>,
    faults: Vec<MockFault>,
    ends: bool,
}

/// One mock.
#[derive(Clone, Debug, PartialEq)]
struct Watched {
    spec: MockSpec,
    /// What is compared with: the sight of the proof, or the first one after a simulator or a router has begun anew.
    base: Option<MockSight>,
    /// The last whole sight.
    last: Option<MockSight>,
    /// Sights in a row that were not whole.
    unread: u32,
}

impl Watch {
    /// Watches these mocks from these sights on.
    pub fn begin(specs: &[MockSpec], proved: &[MockSight]) -> Self {
        let watched = |spec: &MockSpec| {
            let sight = proved.iter().find(|sight| sight.name == spec.name && sight.unread.is_none()).cloned();
            Watched { spec: spec.clone(), base: sight.clone(), last: sight, unread: 0 }
        };
        Self { mocks: specs.iter().map(watched).collect(), faults: Vec::new(), ends: false }
    }

    /// All that was found so far, each kind of fault of a mock once, with the time it was seen in.
    pub fn faults(&self) -> &[MockFault] {
        &self.faults
    }

    /// True once the run is to end for what was found.
    pub const fn ends(&self) -> bool {
        self.ends
    }

    /// Takes in what was seen at `at_s`, in seconds since the load began, while the KPI was counted or was not.
    pub fn see(&mut self, sights: &[MockSight], at_s: f64, kpi_counted: bool) {
        for mock in &mut self.mocks {
            let Some(sight) = sights.iter().find(|sight| sight.name == mock.spec.name) else { continue };
            for found in mock.see(sight, kpi_counted) {
                self.ends |= mock.spec.on_leak == LeakPolicy::Abort;
                note(&mut self.faults, &mock.spec.name, found, at_s);
            }
        }
    }
}

/// One thing that was found: of the same sort as another where its key is the same.
struct Found {
    kind: FaultKind,
    message: String,
    requests: Option<u64>,
}

fn note(faults: &mut Vec<MockFault>, mock: &str, found: Found, at_s: f64) {
    let Found { kind, message, requests } = found;
    let same = |fault: &&mut MockFault| fault.mock == mock && fault.kind == kind && fault.message == message;
    match faults.iter_mut().find(same) {
        Some(fault) => {
            fault.requests = fault.requests.map(|before| before + requests.unwrap_or_default());
            fault.to_s = Some(at_s);
        }
        None => faults.push(MockFault {
            mock: mock.to_owned(),
            kind,
            message,
            requests,
            from_s: Some(at_s),
            to_s: Some(at_s),
        }),
    }
}

impl Watched {
    fn see(&mut self, sight: &MockSight, kpi_counted: bool) -> Vec<Found> {
        let mut found = Vec::new();
        let mut add = |kind, message: &str, requests| found.push(Found { kind, message: message.to_owned(), requests });
        for (kind, message) in sight.faults() {
            add(kind, &message, None);
        }
        if sight.unread.is_some() {
            self.unread += 1;
            if self.unread >= UNREAD_SIGHTS {
                let what = "it could not be watched: Hoverfly or the router did not tell what they have counted; expected both to";
                add(FaultKind::Broken, what, None);
            }
            return found;
        }
        self.unread = 0;
        let (Some(base), Some(last)) = (&self.base, &self.last) else {
            (self.base, self.last) = (Some(sight.clone()), Some(sight.clone()));
            return found;
        };
        let counts = |sight: &MockSight| [sight.routes.mock, sight.routes.leak, sight.routes.real, sight.arrived];
        let began_anew = counts(sight).into_iter().zip(counts(last)).any(|(now, before)| now < before);
        let added = sight.routes.since(&last.routes);
        let some = |count: u64| Some(count).filter(|count| *count > 0);
        if let Some(count) = some(added.leak) {
            let what =
                "tagged requests were stopped by the leak trap; expected the route to the mock to take all of them";
            add(FaultKind::Bypassed, what, Some(count));
        }
        if let Some(count) = some(added.real).filter(|_| !self.spec.other_traffic) {
            let what = "requests took the route to the real dependency during the load; expected none, since nobody else sends any \
                        (otherTraffic: true where somebody does)";
            add(FaultKind::Bypassed, what, Some(count));
        }
        if let Some(count) = some(added.real).filter(|_| self.spec.other_traffic && kpi_counted && added.mock == 0) {
            let what = "the route to the mock took nothing while the KPI was counted, and the route to the real dependency did; \
                        expected the load's requests at the mock";
            add(FaultKind::Bypassed, what, Some(count));
        }
        if let Some(count) = some(added.missed) {
            let what =
                "the simulation had no answer for requests of the load (status 502); expected a pair for each of them";
            add(FaultKind::Broken, what, Some(count));
        }
        if began_anew {
            (self.base, self.last) = (Some(sight.clone()), Some(sight.clone()));
            return found;
        }
        let arrived = last.arrived - base.arrived;
        let routed = sight.routes.mock - base.routes.mock;
        if let Some(count) = some(arrived.saturating_sub(routed)) {
            let what = "requests came to the mock that its route has not taken; expected tagged ones by the route only";
            add(FaultKind::Broken, what, Some(count));
            // They are told once.
            let base = MockSight { arrived: base.arrived + count, ..base.clone() };
            self.base = Some(base);
        }
        self.last = Some(sight.clone());
        found
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
