//! A front of one API server that fails when it is told to.

mod answer;
mod fault;
mod front;
mod seen;
mod watches;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use conductor_bed::{Faults, Folder, Moment, Server};
use kube::{Client, Config};
use tokio::sync::broadcast;

pub use self::answer::Answer;
pub use self::fault::{Effect, Fault, Injected, Requests, Stop, Then};
pub use self::seen::{Seen, Verb};

use self::front::Shared;
use self::watches::Ending;
use crate::access;
use crate::error::BedError;

/// A proxy that acts as one user: plain HTTP on loopback before it, TLS with the user's certificate behind it. Without a
/// fault it does nothing but forward. It runs on a thread of its own, so that a test may block, and ends when it is dropped:
/// port, connections and kubeconfig are gone then.
///
/// It does not forward upgraded connections (`exec`, `port-forward`).
pub struct FaultProxy {
    shared: Shared,
    url: String,
    kubeconfig: PathBuf,
    user: String,
    _server: Server,
}

impl FaultProxy {
    /// Starts one that acts with `behind`, the configuration of the user.
    pub(crate) async fn start(user: String, behind: Config, folder: &Folder) -> Result<Self, BedError> {
        let shared = Shared { faults: Arc::new(Faults::default()), watches: broadcast::Sender::new(1) };
        let server = front::start(behind, shared.clone()).await?;
        let port = server.port();
        let url = format!("http://127.0.0.1:{port}");
        let name = format!("proxy-{port}.kubeconfig");
        let kubeconfig = folder.file(&name);
        access::write_plain_kubeconfig(&url, &name, folder)?;
        Ok(Self { shared, url, kubeconfig, user, _server: server })
    }

    /// The address, without TLS and without credentials.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A kubeconfig that leads here, for programs.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A client that goes this way. It works on the runtime that it was made on.
    ///
    /// As kube's clients do, it asks again by itself after 429, 503 and 504.
    ///
    /// # Errors
    /// When the kubeconfig cannot be read.
    pub async fn client(&self) -> Result<Client, BedError> {
        access::client(&self.user, &self.kubeconfig).await
    }

    /// Switches a fault on.
    pub fn inject(&self, fault: Fault) -> Injected {
        self.shared.faults.inject(fault)
    }

    /// Switches all faults off.
    pub fn lift_all(&self) {
        self.shared.faults.lift_all();
    }

    /// Holds one of these requests, counted from now and from 1, and all of them that come after it: so that a test can
    /// kill a process between two writes. At [`Moment::After`] it is done when it is held; the later ones are not.
    pub fn stop_at(&self, requests: Requests, number: u32, at: Moment) -> Stop {
        self.shared.faults.stop_at(requests, number, at)
    }

    /// How many watches are open.
    pub fn open_watches(&self) -> usize {
        self.shared.watches.receiver_count()
    }

    /// Drops the connections of all open watches.
    pub fn drop_watches(&self) {
        self.end_watches(Ending::Dropped);
    }

    /// Ends all open watches with an `ERROR` event 410 Expired.
    pub fn expire_watches(&self) {
        self.end_watches(Ending::Expired);
    }

    /// Every request so far, in the order in which they came.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.faults.seen()
    }

    /// The requests so far that were to change something: see [`Seen::is_write`].
    pub fn writes(&self) -> Vec<Seen> {
        self.requests().into_iter().filter(Seen::is_write).collect()
    }

    fn end_watches(&self, ending: Ending) {
        // It is refused when no watch is open: then there is nothing to end.
        let _ = self.shared.watches.send(ending);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        // The folder may be gone before it.
        let _ = std::fs::remove_file(&self.kubeconfig);
    }
}
