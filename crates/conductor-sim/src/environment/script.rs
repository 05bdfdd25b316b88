//! The faults of a model world: which of them are on at a time, and which calls they strike.

use conductor_core::app::ApplicationId;
use conductor_core::ports::FailureKind;

use crate::plant::{Call, CallFault, CallOutcome, Fault, FaultKind, Origin};

/// The faults, with what became of them.
pub(crate) struct Script {
    entries: Vec<Entry>,
}

struct Entry {
    fault: Fault,
    /// Calls struck, or changes made.
    used: u32,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It works.
    Works,
    /// It fails, and nothing is done.
    Fails(FailureKind),
    /// It is done, and the answer is lost.
    AnswerLost(FailureKind),
    /// It never answers.
    Hangs,
    /// It panics.
    Panics,
}

/// What somebody else changes: the application, its version, its replicas.
type Change = (ApplicationId, Option<String>, Option<u32>);

impl Script {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        Self { entries: faults.into_iter().map(|fault| Entry { fault, used: 0 }).collect() }
    }

    /// What becomes of a call now. It counts as struck.
    pub(crate) fn strike(&mut self, call: Call, subject: &str, at_ns: i128, load_ns: Option<i128>) -> Fate {
        for Entry { fault, used } in &mut self.entries {
            let FaultKind::Call(hit) = &fault.what else { continue };
            if is_on(fault, at_ns, load_ns) && strikes(hit, call, subject, *used) {
                *used += 1;
                return match hit.outcome {
                    CallOutcome::Fails(kind) => Fate::Fails(kind),
                    CallOutcome::FailsAfterwards(kind) => Fate::AnswerLost(kind),
                    CallOutcome::Hangs => Fate::Hangs,
                    CallOutcome::Panics => Fate::Panics,
                };
            }
        }
        Fate::Works
    }

    /// What the capacity is multiplied by.
    pub(crate) fn capacity(&self, at_ns: i128, load_ns: Option<i128>) -> f64 {
        let factor = |what: &FaultKind| if let FaultKind::Capacity(factor) = what { Some(*factor) } else { None };
        self.on(at_ns, load_ns).filter_map(factor).product()
    }

    /// Workers that are lost.
    pub(crate) fn workers_lost(&self, at_ns: i128, load_ns: Option<i128>) -> u32 {
        let lost = |what: &FaultKind| if let FaultKind::WorkersLost(workers) = what { Some(*workers) } else { None };
        self.on(at_ns, load_ns).filter_map(lost).sum()
    }

    /// True when the KPI cannot be counted.
    pub(crate) fn samples_lost(&self, at_ns: i128, load_ns: Option<i128>) -> bool {
        self.on(at_ns, load_ns).any(|what| *what == FaultKind::SamplesLost)
    }

    /// True when somebody else has yet to change something.
    pub(crate) fn has_changes(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.used == 0 && matches!(entry.fault.what, FaultKind::ChangedByOthers { .. }))
    }

    /// What somebody else changes until now and did not change before.
    pub(crate) fn due_changes(&mut self, at_ns: i128, load_ns: Option<i128>) -> Vec<Change> {
        let mut due = Vec::new();
        for Entry { fault, used } in self.entries.iter_mut().filter(|entry| entry.used == 0) {
            let FaultKind::ChangedByOthers { application, version, replicas } = &fault.what else { continue };
            if begin_ns(fault, load_ns).is_some_and(|begin| begin <= at_ns) {
                *used = 1;
                due.push((application.clone(), version.clone(), *replicas));
            }
        }
        due
    }

    fn on(&self, at_ns: i128, load_ns: Option<i128>) -> impl Iterator<Item = &FaultKind> {
        self.entries.iter().filter(move |entry| is_on(&entry.fault, at_ns, load_ns)).map(|entry| &entry.fault.what)
    }
}

fn strikes(hit: &CallFault, call: Call, subject: &str, used: u32) -> bool {
    hit.call == call
        && hit.only.as_ref().is_none_or(|only| subject.split(", ").any(|one| one == only))
        && hit.times.is_none_or(|times| used < times)
}

/// When a fault begins, nanoseconds since the world did; `None` while that is not known.
fn begin_ns(fault: &Fault, load_ns: Option<i128>) -> Option<i128> {
    let origin = match fault.from {
        Origin::Start => 0,
        Origin::Load => load_ns?,
    };
    Some(origin + fault.at.as_duration().as_nanos() as i128)
}

fn is_on(fault: &Fault, at_ns: i128, load_ns: Option<i128>) -> bool {
    let Some(begin) = begin_ns(fault, load_ns) else { return false };
    let lasts = fault.lasts.map(|lasts| lasts.as_duration().as_nanos() as i128);
    at_ns >= begin && lasts.is_none_or(|lasts| at_ns < begin + lasts)
}
