//! A request of the conductor that is held, so that it can be killed between two of them.

use std::time::Duration;

use conductor_kubernetes_bed::{FaultProxy, Moment, Requests, Stop};

use super::clusters::runtime;

/// A way to the test cluster on which a request can be held. Dropping it closes the way.
pub struct Held {
    proxy: FaultProxy,
    stop: Option<Stop>,
}

impl Held {
    pub(super) const fn new(proxy: FaultProxy) -> Self {
        Self { proxy, stop: None }
    }

    /// Holds one of these requests, counted from now and from 1, and all of them that come after it.
    pub fn stop_at(&mut self, requests: Requests, number: u32, at: Moment) {
        self.stop = Some(self.proxy.stop_at(requests, number, at));
    }

    /// Waits until the request is held.
    pub fn reached(&self, within: Duration) {
        runtime().block_on(self.stop.as_ref().unwrap().reached(within));
    }

    /// Holds nothing any more.
    pub fn let_go(&mut self) {
        self.stop = None;
    }
}
