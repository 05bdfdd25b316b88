//! A front of a server that loses connections, falls silent or refuses, when it is told to.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::BedError;

/// How long it is waited when no connection can be taken, as with too many open files.
const PAUSE: Duration = Duration::from_millis(50);

/// What a front does with connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Bytes pass.
    Open,
    /// Connections stay, and nothing passes.
    Silent,
    /// New connections end at once.
    Closed,
}

/// A front of a server. With it all its connections end.
#[derive(Debug)]
pub struct Front {
    port: u16,
    state: watch::Sender<State>,
    /// Every change ends the connections of before.
    cuts: watch::Sender<u64>,
    task: JoinHandle<()>,
}

impl Front {
    pub(crate) async fn before(server: u16) -> Result<Self, BedError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(BedError::Port)?;
        let port = listener.local_addr().map_err(BedError::Port)?.port();
        let (state, states) = watch::channel(State::Open);
        let (cuts, cut) = watch::channel(0);
        let task = tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((client, _)) => drop(tokio::spawn(pass(client, server, states.clone(), cut.clone()))),
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
            }
        });
        Ok(Self { port, state, cuts, task })
    }

    /// Its port of loopback.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Ends all connections; new ones are taken.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Lets nothing pass any more, in either direction, and ends nothing. The connections that there are stay silent.
    pub fn silence(&self) {
        self.state.send_replace(State::Silent);
    }

    /// Ends all connections, and every new one.
    pub fn close(&self) {
        self.state.send_replace(State::Closed);
        self.cut();
    }

    /// Lets everything pass again on new connections.
    pub fn open(&self) {
        self.state.send_replace(State::Open);
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(client: TcpStream, server: u16, states: watch::Receiver<State>, mut cut: watch::Receiver<u64>) {
    if *states.borrow() == State::Closed {
        return;
    }
    cut.mark_unchanged();
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await else { return };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        () = copy(from_client, to_server, states.clone()) => {}
        () = copy(from_server, to_client, states) => {}
        // It also comes when the front is dropped.
        _ = cut.changed() => {}
    }
}

/// Waits until the front is silent.
async fn silence(states: &mut watch::Receiver<State>) {
    // It fails when the front is dropped, by which the connection ends, too.
    let _ = states.wait_for(|state| *state == State::Silent).await;
}

/// Copies until either end closes, or for ever nothing once it is silent.
async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut states: watch::Receiver<State>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = tokio::select! {
            biased;
            () = silence(&mut states) => return std::future::pending().await,
            read = from.read(&mut buffer) => read,
        };
        let Ok(read @ 1..) = read else { return };
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
