//! The point at which a test stops the world of a process: between two of its writes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Sender;

use crate::shared::Shared;

/// Where the requests of a stop are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
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
pub struct Stop {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: u64,
    pub(crate) gate: Arc<Sender<Gate>>,
}

impl Stop {
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

impl Drop for Stop {
    fn drop(&mut self) {
        self.shared.lift(self.id);
        self.gate.send_if_modified(|gate| {
            let decided = *gate == Gate::Passed;
            if !decided {
                *gate = Gate::Lost;
            }
            !decided
        });
    }
}

/// Holds a request until the test decides; true when it may go on. The first one tells the test.
pub(crate) async fn hold(gate: &Sender<Gate>, is_first: bool) -> bool {
    if is_first {
        gate.send_if_modified(|gate| {
            let comes_first = *gate == Gate::Open;
            if comes_first {
                *gate = Gate::Shut;
            }
            comes_first
        });
    }
    let mut decided = gate.subscribe();
    let decided = decided.wait_for(|gate| matches!(gate, Gate::Passed | Gate::Lost)).await;
    decided.is_ok_and(|gate| *gate == Gate::Passed)
}
