//! What the bed's thread and its test share: the faults that are switched on, the rates, the roles, and the requests that were seen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use conductor_bed::{Act, Faults};

use crate::fault::{Effect, Requests};
use crate::seen::Seen;
use crate::throttle::{Bucket, Rate};

#[derive(Default)]
struct State {
    buckets: HashMap<String, Bucket>,
    /// Sessions of roles by their access keys.
    roles: HashMap<String, String>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) faults: Arc<Faults<Requests>>,
    state: Mutex<State>,
}

impl Shared {
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

    /// Whoever signs with this key acts in this session of a role.
    pub(crate) fn assumed(&self, access_key: String, session: String) {
        self.state().roles.insert(access_key, session);
    }

    /// The session of a role that a key belongs to.
    pub(crate) fn role(&self, access_key: &str) -> Option<String> {
        self.state().roles.get(access_key).cloned()
    }

    /// Notes a request and answers with its place among all of them and with what is to happen to it: a fault, else what its rate says.
    pub(crate) fn arrive(&self, seen: Seen) -> (usize, Option<Act<Effect>>) {
        let operation = seen.operation.clone();
        let (index, act) = self.faults.arrive(seen);
        (index, act.or_else(|| self.is_too_often(&operation).then(|| Act::Effect(Effect::throttle()))))
    }

    fn is_too_often(&self, operation: &str) -> bool {
        self.state().buckets.get_mut(operation).is_some_and(|bucket| !bucket.take(Instant::now()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
