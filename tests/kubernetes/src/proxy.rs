//! A front of one API server that fails when it is told to.

mod answer;
mod fault;
mod front;
mod seen;
mod shared;
mod stop;
mod watches;

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use kube::{Client, Config};
use tokio::sync::{oneshot, watch};

pub use self::answer::Answer;
pub use self::fault::{Effect, Fault, Moment, Requests, Then};
pub use self::seen::{Seen, Verb};
pub use self::stop::Stop;

use self::shared::Shared;
use self::stop::Gate;
use self::watches::Ending;
use crate::access;
use crate::error::BedError;
use crate::folder::Folder;

/// A proxy that acts as one user: plain HTTP on loopback before it, TLS with the user's certificate behind it. Without a
/// fault it does nothing but forward. It runs on a thread of its own, so that a test may block, and ends when it is dropped:
/// port, connections and kubeconfig are gone then.
///
/// It does not forward upgraded connections (`exec`, `port-forward`).
pub struct FaultProxy {
    shared: Arc<Shared>,
    url: String,
    kubeconfig: PathBuf,
    user: String,
    /// Ends the thread when it is dropped.
    running: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A fault that is switched on. Dropping the handle leaves it on.
pub struct Injected {
    shared: Arc<Shared>,
    id: u64,
}

impl Injected {
    /// How many requests it has happened to; none once it is switched off.
    pub fn met(&self) -> u32 {
        self.shared.met(self.id)
    }

    /// Switches the fault off. What it has begun to do to a request, it does to the end.
    pub fn lift(self) {
        self.shared.lift(self.id);
    }
}

impl FaultProxy {
    /// Starts one that acts with `behind`, the configuration of the user.
    pub(crate) async fn start(user: String, behind: Config, folder: &Folder) -> Result<Self, BedError> {
        let failed = |source| BedError::Start { program: "the fault proxy", source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(BedError::Port)?;
        listener.set_nonblocking(true).map_err(BedError::Port)?;
        let port = listener.local_addr().map_err(BedError::Port)?.port();
        let url = format!("http://127.0.0.1:{port}");
        let shared = Arc::new(Shared::new());
        let (running, ended) = oneshot::channel();
        let (tell, told) = oneshot::channel();
        let seen = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("fault-proxy".to_owned());
        let thread = thread.spawn(move || run(listener, behind, seen, ended, tell)).map_err(failed)?;
        let name = format!("proxy-{port}.kubeconfig");
        let kubeconfig = folder.file(&name);
        let (running, thread) = (Some(running), Some(thread));
        // From here on its end is that of the thread.
        let proxy = Self { shared, url, kubeconfig, user, running, thread };
        told.await.unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into())).map_err(failed)?;
        access::write_plain_kubeconfig(&proxy.url, &name, folder)?;
        Ok(proxy)
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
        Injected { shared: Arc::clone(&self.shared), id: self.shared.inject(fault) }
    }

    /// Switches all faults off.
    pub fn lift_all(&self) {
        self.shared.lift_all();
    }

    /// Holds one of these requests, counted from now and from 1, and all of them that come after it: so that a test can
    /// kill a process between two writes. At [`Moment::After`] it is done when it is held; the later ones are not.
    pub fn stop_at(&self, requests: Requests, number: u32, at: Moment) -> Stop {
        let gate = Arc::new(watch::Sender::new(Gate::Open));
        let fault = self.shared.stop(requests, number, at, Arc::clone(&gate));
        Stop { shared: Arc::clone(&self.shared), fault, gate }
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
        self.shared.seen()
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
        drop(self.running.take());
        // It ends at once. If it panicked, its clients have seen that.
        let _ = self.thread.take().map(JoinHandle::join);
        // There is none if it did not come that far.
        let _ = std::fs::remove_file(&self.kubeconfig);
    }
}

/// The thread. Its runtime ends with it, and so does every connection.
fn run(
    listener: TcpListener,
    behind: Config,
    shared: Arc<Shared>,
    ended: oneshot::Receiver<()>,
    tell: oneshot::Sender<io::Result<()>>,
) {
    let serve = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let context = runtime.enter();
        let client = Client::try_from(behind).map_err(io::Error::other)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        drop(context);
        Ok((runtime, front::serve(listener, client, shared)))
    };
    match serve() {
        // If nobody hears it, nobody waits for the proxy either.
        Err(error) => drop(tell.send(Err(error))),
        Ok((runtime, serving)) => {
            let _ = tell.send(Ok(()));
            runtime.block_on(async {
                tokio::select! {
                    () = serving => {}
                    _ = ended => {}
                }
            });
        }
    }
}
