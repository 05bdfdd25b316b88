//! The point at which a test stops the world of a process: between two of its writes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Sender;

use super::{Condition, Faults, Moment};

/// Where the requests of a stop are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// The one that is waited for has not come that far.
    Open,
    /// It is held.
    Shut,
    /// All that were held go on.
    Passed,
    /// The connections of all that were held are dropped.
    Lost,
}

/// A request that is waited for, and is held when it comes, with all that come after it. Dropping it drops the connections
/// of those that are held, and lets others pass from then on.
#[must_use = "dropping it lifts the stop"]
pub struct Stop<C: Condition> {
    pub(super) faults: Arc<Faults<C>>,
    pub(super) id: u64,
    pub(super) gate: Arc<Sender<Gate>>,
}

impl<C: Condition> Stop<C> {
    /// Waits until the request is held.
    ///
    /// # Panics
    /// When it is not in time.
    pub async fn reached(&self, within: Duration) {
        let mut gate = self.gate.subscribe();
        let shut = tokio::time::timeout(within, gate.wait_for(|gate| *gate == Gate::Shut)).await;
        assert!(matches!(shut, Ok(Ok(_))), "no request came to the stop within {within:?}");
    }

    /// Lets what is held go on, and everything that comes from then on.
    pub fn go_on(self) {
        self.gate.send_replace(Gate::Passed);
    }
}

impl<C: Condition> Drop for Stop<C> {
    fn drop(&mut self) {
        self.faults.lift(self.id);
        self.gate.send_if_modified(|gate| {
            let decided = *gate == Gate::Passed;
            if !decided {
                *gate = Gate::Lost;
            }
            !decided
        });
    }
}

/// A request at a stop.
#[derive(Clone, Debug)]
pub struct Hold {
    pub(super) at: Moment,
    pub(super) gate: Arc<Sender<Gate>>,
    /// It is the one that the test waits for.
    pub(super) is_first: bool,
}

impl Hold {
    /// When it is held.
    pub const fn at(&self) -> Moment {
        self.at
    }

    /// Holds the request until the test decides; true when it may go on. The first one tells the test.
    pub async fn goes_on(&self) -> bool {
        if self.is_first {
            self.gate.send_if_modified(|gate| {
                let comes_first = *gate == Gate::Open;
                if comes_first {
                    *gate = Gate::Shut;
                }
                comes_first
            });
        }
        let mut decided = self.gate.subscribe();
        let decided = decided.wait_for(|gate| matches!(gate, Gate::Passed | Gate::Lost)).await;
        decided.is_ok_and(|gate| *gate == Gate::Passed)
    }
}
