//! What the bed's thread and its test share: the faults that are switched on, the rates, and the requests that were seen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use crate::fault::{Effect, Fault, Moment, Requests};
use crate::seen::Seen;
use crate::stop::Gate;
use crate::throttle::{Bucket, Rate};

/// What happens to one request.
#[derive(Clone)]
pub(crate) enum Act {
    Effect(Effect),
    /// It is held at a gate.
    Hold {
        at: Moment,
        gate: Arc<watch::Sender<Gate>>,
        /// It is the one that the test waits for.
        is_first: bool,
    },
}

enum Switched {
    Fault(Fault),
    /// Holds the request of this number, and those after it before they are done.
    Stop {
        requests: Requests,
        number: u32,
        at: Moment,
        gate: Arc<watch::Sender<Gate>>,
    },
}

struct On {
    id: u64,
    what: Switched,
    /// How many of its requests have come.
    count: u32,
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    on: Vec<On>,
    /// The id of the next fault.
    next: u64,
    buckets: HashMap<String, Bucket>,
    /// Sessions of roles by their access keys.
    roles: HashMap<String, String>,
}

/// See the module.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Counts what has changed, for those who wait.
    changes: watch::Sender<u64>,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default(), changes: watch::Sender::new(0) }
    }

    pub(crate) fn inject(&self, fault: Fault) -> u64 {
        self.switch_on(Switched::Fault(fault))
    }

    pub(crate) fn stop(&self, requests: Requests, number: u32, at: Moment, gate: Arc<watch::Sender<Gate>>) -> u64 {
        self.switch_on(Switched::Stop { requests, number, at, gate })
    }

    pub(crate) fn lift(&self, id: u64) {
        self.state().on.retain(|on| on.id != id);
    }

    /// Lifts faults, not stops: those belong to their handles.
    pub(crate) fn lift_all(&self) {
        self.state().on.retain(|on| matches!(on.what, Switched::Stop { .. }));
    }

    /// How many requests a fault has happened to.
    pub(crate) fn met(&self, id: u64) -> u32 {
        self.state().on.iter().find(|on| on.id == id).map_or(0, On::met)
    }

    pub(crate) fn throttle(&self, operation: &str, rate: Option<Rate>) {
        let mut state = self.state();
        match rate {
            Some(rate) => drop(state.buckets.insert(operation.to_owned(), Bucket::new(rate, Instant::now()))),
            None => drop(state.buckets.remove(operation)),
        }
    }

    /// How many requests for an operation were sent away by its rate.
    pub(crate) fn throttled(&self, operation: &str) -> u32 {
        self.state().buckets.get(operation).map_or(0, Bucket::refused)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    /// Whoever signs with this key acts in this session of a role.
    pub(crate) fn assumed(&self, access_key: String, session: String) {
        self.state().roles.insert(access_key, session);
    }

    /// The session of a role that a key belongs to.
    pub(crate) fn role(&self, access_key: &str) -> Option<String> {
        self.state().roles.get(access_key).cloned()
    }

    /// Notes a request and answers with its place among all of them and with what is to happen to it.
    pub(crate) fn arrive(&self, seen: Seen) -> (usize, Option<Act>) {
        let (index, act) = {
            let mut state = self.state();
            let act = state.on.iter_mut().find_map(|on| on.act(&seen));
            let act = act.or_else(|| {
                let bucket = state.buckets.get_mut(&seen.operation)?;
                (!bucket.take(Instant::now())).then(|| Act::Effect(Effect::throttle()))
            });
            state.seen.push(seen);
            (state.seen.len() - 1, act)
        };
        self.changes.send_modify(|count| *count += 1);
        (index, act)
    }

    /// Notes what the bed has done by itself.
    pub(crate) fn add(&self, seen: Seen) {
        self.state().seen.push(seen);
        self.changes.send_modify(|count| *count += 1);
    }

    /// Notes something of a request.
    pub(crate) fn note(&self, index: usize, note: impl FnOnce(&mut Seen)) {
        if let Some(seen) = self.state().seen.get_mut(index) {
            note(seen);
        }
        self.changes.send_modify(|count| *count += 1);
    }

    /// Tells whenever something has changed.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn switch_on(&self, what: Switched) -> u64 {
        let mut state = self.state();
        let id = state.next;
        state.next += 1;
        state.on.push(On { id, what, count: 0 });
        id
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl On {
    fn met(&self) -> u32 {
        match &self.what {
            Switched::Fault(fault) => {
                let came = self.count.saturating_sub(fault.spared);
                fault.times.map_or(came, |times| came.min(times))
            }
            Switched::Stop { number, .. } => (self.count + 1).saturating_sub(*number),
        }
    }

    fn act(&mut self, seen: &Seen) -> Option<Act> {
        let requests = match &self.what {
            Switched::Fault(fault) => &fault.requests,
            Switched::Stop { requests, .. } => requests,
        };
        if !requests.contain(seen) {
            return None;
        }
        self.count += 1;
        match &self.what {
            Switched::Fault(fault) => {
                let happened = self.count.checked_sub(fault.spared + 1)?;
                fault.times.is_none_or(|times| happened < times).then(|| Act::Effect(fault.effect.clone()))
            }
            Switched::Stop { number, at, gate, .. } => {
                let is_first = self.count == *number;
                let at = if is_first { *at } else { Moment::Before };
                (self.count >= *number).then(|| Act::Hold { at, gate: Arc::clone(gate), is_first })
            }
        }
    }
}
