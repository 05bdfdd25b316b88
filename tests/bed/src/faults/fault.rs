//! What a test may ask a front to do, to which requests, and how often.

use std::sync::Arc;
use std::time::Duration;

use super::{Condition, Faults};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// When something happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Before what is behind the front gets it: it is not done yet.
    Before,
    /// After that has answered and before the client is: it is done.
    After,
}

/// A fault to be switched on. It lasts until it is lifted, unless it says otherwise.
///
/// Of several that fit a request, the oldest happens and the others do not count it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault<C: Condition> {
    pub(super) requests: C,
    pub(super) effect: C::Effect,
    pub(super) spared: u32,
    pub(super) times: Option<u32>,
}

impl<C: Condition> Fault<C> {
    /// A fault that happens to these requests.
    pub fn new(requests: C, effect: C::Effect) -> Self {
        Self { requests, effect, spared: 0, times: None }
    }

    /// Spares the first so many of the requests.
    pub fn after(self, spared: u32) -> Self {
        Self { spared, ..self }
    }

    /// Happens so many times only.
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Happens one time only.
    pub fn once(self) -> Self {
        self.times(1)
    }
}

/// A fault that is switched on. Dropping the handle leaves it on.
pub struct Injected<C: Condition> {
    pub(super) faults: Arc<Faults<C>>,
    pub(super) id: u64,
}

impl<C: Condition> Injected<C> {
    /// How many requests it has happened to; none once it is switched off.
    pub fn met(&self) -> u32 {
        self.faults.met(self.id)
    }

    /// Waits until it has happened so often.
    ///
    /// # Panics
    /// When it has not in time.
    pub async fn happened(&self, times: u32) {
        let mut changes = self.faults.changes.subscribe();
        let happened = tokio::time::timeout(PATIENCE, changes.wait_for(|_| self.met() >= times)).await;
        assert!(matches!(happened, Ok(Ok(_))), "the fault did not happen {times} times within {PATIENCE:?}");
    }

    /// Switches the fault off. What it has begun to do to a request, it does to the end.
    pub fn lift(self) {
        self.faults.lift(self.id);
    }
}
