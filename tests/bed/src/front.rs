//! A front of a server, at a port of loopback, that loses connections, falls silent or refuses, when it is told to.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::accept::accept;
use crate::error::Error;
use crate::loopback;

/// Where the server behind a front listens.
#[derive(Clone, Debug)]
pub enum Backend {
    /// On a port of loopback.
    Port(u16),
    /// On a socket of this name.
    Socket(PathBuf),
}

/// What becomes of connections that have fallen silent when their front opens again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenOpened {
    /// What was held back is passed on.
    PassOn,
    /// They stay silent: only new ones are of use.
    StaySilent,
}

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

/// What a connection must know.
#[derive(Clone)]
struct Way {
    backend: Backend,
    when_opened: WhenOpened,
    states: watch::Receiver<State>,
}

impl Front {
    /// One that passes everything, on the runtime that it is made on.
    ///
    /// # Errors
    /// When there is no port for it.
    pub fn before(backend: Backend, when_opened: WhenOpened) -> Result<Self, Error> {
        let (listener, port) = loopback::listen()?;
        let listener = TcpListener::from_std(listener).map_err(Error::Port)?;
        let (state, states) = watch::channel(State::Open);
        let (cuts, cut) = watch::channel(0);
        let way = Way { backend, when_opened, states };
        let task = tokio::spawn(async move {
            accept(&listener, |client| drop(tokio::spawn(pass(client, way.clone(), cut.clone())))).await;
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

    /// Lets nothing pass any more, in either direction, and ends nothing.
    pub fn silence(&self) {
        self.state.send_replace(State::Silent);
    }

    /// Ends all connections, and every new one.
    pub fn close(&self) {
        self.state.send_replace(State::Closed);
        self.cut();
    }

    /// Lets everything pass again: on new connections, and on those that were silent as it was said when the front was made.
    pub fn open(&self) {
        self.state.send_replace(State::Open);
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(client: TcpStream, way: Way, mut cut: watch::Receiver<u64>) {
    if *way.states.borrow() == State::Closed {
        return;
    }
    cut.mark_unchanged();
    // What is small shall not wait for what follows it. Where this fails, it is slower.
    let _ = client.set_nodelay(true);
    let passed = async {
        match &way.backend {
            Backend::Port(port) => {
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).await else { return };
                both(client.into_split(), server.into_split(), &way).await;
            }
            Backend::Socket(path) => {
                let Ok(server) = UnixStream::connect(path).await else { return };
                both(client.into_split(), server.into_split(), &way).await;
            }
        }
    };
    tokio::select! {
        () = passed => {}
        // It also comes when the front is dropped.
        _ = cut.changed() => {}
    }
}

/// Passes bytes in both directions until either end closes.
async fn both(
    (from_client, to_client): (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    (from_server, to_server): (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    way: &Way,
) {
    tokio::select! {
        () = copy(from_client, to_server, way.clone()) => {}
        () = copy(from_server, to_client, way.clone()) => {}
    }
}

impl Way {
    /// Waits until a connection falls silent for good, whether something passes or not.
    async fn silent_for_good(&mut self) {
        match self.when_opened {
            // It fails when the front is dropped, by which the connection ends, too.
            WhenOpened::StaySilent => drop(self.states.wait_for(|state| *state == State::Silent).await),
            WhenOpened::PassOn => std::future::pending().await,
        }
    }
}

/// Copies until either end closes.
async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut way: Way) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = tokio::select! {
            biased;
            () = way.silent_for_good() => return std::future::pending().await,
            read = from.read(&mut buffer) => read,
        };
        let Ok(read @ 1..) = read else { return };
        if way.states.wait_for(|state| *state != State::Silent).await.is_err() {
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// How long anything may take on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(60);
    /// How long nothing must come where nothing shall.
    const SILENCE: Duration = Duration::from_millis(200);

    /// A server that says everything again.
    fn echo() -> u16 {
        let (listener, port) = loopback::listen().unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        tokio::spawn(async move {
            accept(&listener, |mut stream| {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            })
            .await
        });
        port
    }

    async fn connect(front: &Front) -> TcpStream {
        TcpStream::connect((Ipv4Addr::LOCALHOST, front.port())).await.unwrap()
    }

    /// What comes back; none at the end of the connection.
    async fn ask(stream: &mut TcpStream) -> Option<u8> {
        stream.write_all(b"x").await.ok()?;
        tokio::time::timeout(PATIENCE, stream.read_u8()).await.expect("nothing comes").ok()
    }

    #[tokio::test]
    async fn a_front_cuts_refuses_and_opens_again() {
        let front = Front::before(Backend::Port(echo()), WhenOpened::PassOn).unwrap();
        let mut stream = connect(&front).await;
        assert_eq!(ask(&mut stream).await, Some(b'x'));
        front.cut();
        assert_eq!(ask(&mut stream).await, None);
        let mut stream = connect(&front).await;
        assert_eq!(ask(&mut stream).await, Some(b'x'), "new ones are taken");
        front.close();
        assert_eq!((ask(&mut stream).await, ask(&mut connect(&front).await).await), (None, None));
        front.open();
        assert_eq!(ask(&mut connect(&front).await).await, Some(b'x'));
    }

    #[tokio::test]
    async fn what_was_held_back_is_passed_on_or_never_as_it_was_said() {
        let server = echo();
        for (when_opened, comes) in [(WhenOpened::PassOn, true), (WhenOpened::StaySilent, false)] {
            let front = Front::before(Backend::Port(server), when_opened).unwrap();
            let (mut busy, mut idle) = (connect(&front).await, connect(&front).await);
            assert_eq!((ask(&mut busy).await, ask(&mut idle).await), (Some(b'x'), Some(b'x')));
            front.silence();
            busy.write_all(b"y").await.unwrap();
            assert!(tokio::time::timeout(SILENCE, busy.read_u8()).await.is_err(), "something has passed");
            front.open();
            assert_eq!(ask(&mut connect(&front).await).await, Some(b'x'));
            // It has said nothing in the silence, and is one of its connections all the same.
            idle.write_all(b"y").await.unwrap();
            let within = if comes { PATIENCE } else { SILENCE };
            for mut stream in [busy, idle] {
                let passed = tokio::time::timeout(within, stream.read_u8()).await;
                assert_eq!(passed.is_ok_and(|read| read.is_ok_and(|byte| byte == b'y')), comes, "{when_opened:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_front_of_a_socket_and_its_connections_end_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let front = Front::before(Backend::Socket(path), WhenOpened::PassOn).unwrap();
        let mut stream = connect(&front).await;
        stream.write_all(b"z").await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'z');
        drop(front);
        assert_eq!(ask(&mut stream).await, None);
    }
}
