//! The front of an application whose replicas have ports of their own: connections in turn to those that are ready.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// An answer may come in parts, and its end cannot be seen without knowing the protocol: it is over when nothing more of it
/// has come for so long.
const SILENCE: Duration = Duration::from_millis(500);
const BUFFER: usize = 16 * 1024;

/// Listens on an application's port; dropping it ends that.
#[derive(Debug)]
pub(crate) struct Front {
    backends: Arc<Backends>,
    accepting: JoinHandle<()>,
}

/// Tells when a replica owes no client an answer any more.
pub(crate) type Owed = watch::Receiver<usize>;

impl Front {
    /// Listens on a port, without backends.
    pub(crate) async fn listen(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let backends = Arc::new(Backends::default());
        let accepting = tokio::spawn(accept(listener, Arc::clone(&backends)));
        Ok(Self { backends, accepting })
    }

    /// Sends new connections to these ports from now on; present ones go on where they are.
    pub(crate) fn set(&self, ports: &[u16]) {
        let mut backends = self.backends.lock();
        backends.retain(|backend| ports.contains(&backend.port));
        for &port in ports {
            if backends.iter().all(|backend| backend.port != port) {
                backends.push(Arc::new(Backend { port, owed: watch::Sender::new(0) }));
            }
        }
    }

    /// Sends no new connection to this port; the number of answers that its present ones wait for, while it changes.
    pub(crate) fn take_out(&self, port: u16) -> Option<Owed> {
        let mut backends = self.backends.lock();
        let position = backends.iter().position(|backend| backend.port == port)?;
        Some(backends.remove(position).owed.subscribe())
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Those that get connections.
#[derive(Debug, Default)]
struct Backends(Mutex<Vec<Arc<Backend>>>);

#[derive(Debug)]
struct Backend {
    port: u16,
    /// Connections on which an answer is due.
    owed: watch::Sender<usize>,
}

impl Backends {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Backend>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The backend whose turn it is. It owes an answer from here on, so that it is not stopped before it heard of that.
    fn choose(&self, turn: usize) -> Option<Debt> {
        let backends = self.lock();
        let index = turn.checked_rem(backends.len())?;
        Some(Debt::of(Arc::clone(&backends[index])))
    }
}

/// Whether a backend owes an answer on one connection.
struct Debt {
    backend: Arc<Backend>,
    answer: Mutex<Answer>,
}

/// The answer of a backend on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// The client has asked and heard nothing yet.
    Due,
    /// The backend has begun to answer.
    UnderWay,
    /// It has answered.
    Given,
}

impl Debt {
    fn of(backend: Arc<Backend>) -> Self {
        let debt = Self { backend, answer: Mutex::new(Answer::Given) };
        debt.becomes(Answer::Due);
        debt
    }

    fn becomes(&self, answer: Answer) {
        let before = std::mem::replace(&mut *self.answer.lock().unwrap_or_else(PoisonError::into_inner), answer);
        match (before == Answer::Given, answer == Answer::Given) {
            (true, false) => self.backend.owed.send_modify(|owed| *owed += 1),
            (false, true) => self.backend.owed.send_modify(|owed| *owed -= 1),
            (true, true) | (false, false) => {}
        }
    }

    /// Nothing has come from the backend for a while.
    fn is_silent(&self) {
        if *self.answer.lock().unwrap_or_else(PoisonError::into_inner) == Answer::UnderWay {
            self.becomes(Answer::Given);
        }
    }
}

impl Drop for Debt {
    fn drop(&mut self) {
        self.becomes(Answer::Given);
    }
}

async fn accept(listener: TcpListener, backends: Arc<Backends>) {
    let mut turn: usize = 0;
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                turn = turn.wrapping_add(1);
                tokio::spawn(forward(client, Arc::clone(&backends), turn));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

/// Forwards one connection to the backend whose turn it is, or to the next that takes it.
async fn forward(client: TcpStream, backends: Arc<Backends>, turn: usize) {
    let tries = backends.lock().len();
    for try_ in 0..tries {
        let Some(debt) = backends.choose(turn.wrapping_add(try_)) else { return };
        let port = debt.backend.port;
        if let Ok(backend) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
            if let Err(error) = exchange(client, backend, &debt).await {
                tracing::debug!(port, %error, "a connection broke");
            }
            return;
        }
    }
    // Closing the client's connection is all that can be said without knowing its protocol.
}

/// Copies in both directions. An answer is due from the client's last word until the backend falls silent after it.
async fn exchange(mut client: TcpStream, mut backend: TcpStream, debt: &Debt) -> io::Result<()> {
    let (from_client, to_client) = client.split();
    let (from_backend, to_backend) = backend.split();
    tokio::try_join!(ask(from_client, to_backend, debt), answer(from_backend, to_client, debt)).map(|_| ())
}

async fn ask(mut client: ReadHalf<'_>, mut backend: WriteHalf<'_>, debt: &Debt) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = client.read(&mut buffer).await?;
        if length == 0 {
            return backend.shutdown().await;
        }
        debt.becomes(Answer::Due);
        backend.write_all(&buffer[..length]).await?;
    }
}

async fn answer(mut backend: ReadHalf<'_>, mut client: WriteHalf<'_>, debt: &Debt) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = timeout(SILENCE, backend.read(&mut buffer)).await;
        let length = if let Ok(read) = read {
            read?
        } else {
            debt.is_silent();
            backend.read(&mut buffer).await?
        };
        if length == 0 {
            client.shutdown().await?;
            debt.becomes(Answer::Given);
            return Ok(());
        }
        debt.becomes(Answer::UnderWay);
        client.write_all(&buffer[..length]).await?;
    }
}
