//! A request of the conductor that is held, so that it can be killed between two of them.

use std::path::Path;
use std::time::Duration;

use conductor_kubernetes_bed::{Cluster, FaultProxy, Moment, Requests, Stop};

use super::clusters::{CONDUCTOR, runtime, user};

/// A way to the test cluster on which a request is held. Dropping it closes the way.
pub struct Held {
    proxy: FaultProxy,
    stop: Option<Stop>,
}

impl Held {
    pub(super) fn new(cluster: &Cluster, requests: Requests, number: u32, at: Moment) -> Self {
        let proxy = runtime().block_on(cluster.fault_proxy(&user(CONDUCTOR))).unwrap();
        let stop = Some(proxy.stop_at(requests, number, at));
        Self { proxy, stop }
    }

    /// The kubeconfig of the way.
    pub(super) fn kubeconfig(&self) -> &Path {
        self.proxy.kubeconfig()
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
