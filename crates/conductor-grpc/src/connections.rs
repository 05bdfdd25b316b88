//! The connections of a server: as many as there may be, with or without TLS, and who is at their other end.

use std::io;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use conductor_access::{Peer, TlsAcceptor};
use futures::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Sleep;
use tonic::transport::server::Connected;

/// What a client of HTTP/2 says first. Until then nobody asks whether it is still there.
const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
/// How long it may take a client to say that.
const GREETING: Duration = Duration::from_secs(10);
/// How long nothing is accepted where that has failed, as it does for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// A connection that the server has taken on.
pub(crate) struct Connection {
    stream: Box<dyn Transport>,
    peer: Peer,
    greeting: Option<Greeting>,
    /// Given back when the connection ends.
    _place: OwnedSemaphorePermit,
}

struct Greeting {
    said: usize,
    late: Pin<Box<Sleep>>,
}

trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// Connections that others have made.
pub(crate) fn made<T: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    streams: impl Stream<Item = (T, Peer)> + Send,
    most: NonZeroU32,
) -> impl Stream<Item = io::Result<Connection>> + Send {
    let places = Arc::new(Semaphore::new(most.get() as usize));
    streams.filter_map(move |(stream, peer)| {
        let place = Arc::clone(&places).try_acquire_owned().ok();
        std::future::ready(place.map(|place| Ok(Connection::new(Box::new(stream), peer, place))))
    })
}

/// The connections that a listener gets. A slow handshake keeps no other one waiting.
pub(crate) fn connections(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    most: NonZeroU32,
) -> impl Stream<Item = io::Result<Connection>> + Send {
    let tls = tls.map(Arc::new);
    let places = Arc::new(Semaphore::new(most.get() as usize));
    let mut handshakes = JoinSet::new();
    let (mut full, mut failing) = (false, false);
    async_stream::stream! {
        loop {
            let next = tokio::select! {
                accepted = listener.accept() => Next::Accepted(accepted.map(|(tcp, _)| tcp)),
                Some(done) = handshakes.join_next() => Next::Done(done.ok().flatten()),
            };
            match next {
                Next::Accepted(Ok(tcp)) => match Arc::clone(&places).try_acquire_owned() {
                    Ok(place) => {
                        (full, failing) = (false, false);
                        handshakes.spawn(opened(tcp, tls.clone(), place));
                    }
                    Err(_) if full => {}
                    Err(_) => {
                        full = true;
                        tracing::warn!("there are {most} connections, the most that there may be; more are closed at once");
                    }
                },
                Next::Accepted(Err(error)) => {
                    // It goes on and on where it is for want of file descriptors, and is told once.
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "connections cannot be accepted; it is tried again and again");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                Next::Done(Some(connection)) => yield Ok(connection),
                Next::Done(None) => {}
            }
        }
    }
}

enum Next {
    Accepted(io::Result<TcpStream>),
    /// A handshake has ended, with a connection where it was one.
    Done(Option<Connection>),
}

async fn opened(tcp: TcpStream, tls: Option<Arc<TlsAcceptor>>, place: OwnedSemaphorePermit) -> Option<Connection> {
    match open(tcp, tls).await {
        Ok((stream, peer)) => Some(Connection::new(stream, peer, place)),
        Err(error) => {
            tracing::debug!(%error, "a connection was not opened");
            None
        }
    }
}

async fn open(tcp: TcpStream, tls: Option<Arc<TlsAcceptor>>) -> io::Result<(Box<dyn Transport>, Peer)> {
    // Messages are small, and somebody waits for each.
    tcp.set_nodelay(true)?;
    match tls {
        Some(tls) => {
            let opened = tls.accept(tcp).await?;
            Ok((Box::new(opened.stream), opened.peer))
        }
        None => {
            let peer = Peer { address: tcp.peer_addr()?, certificate_names: Vec::new() };
            Ok((Box::new(tcp), peer))
        }
    }
}

impl Connection {
    fn new(stream: Box<dyn Transport>, peer: Peer, place: OwnedSemaphorePermit) -> Self {
        let greeting = Some(Greeting { said: 0, late: Box::pin(tokio::time::sleep(GREETING)) });
        Self { stream, peer, greeting, _place: place }
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        if let Some(greeting) = &mut self.greeting {
            greeting.said += into.filled().len() - before;
            if greeting.said >= PREFACE {
                self.greeting = None;
            } else if read.is_pending() && greeting.late.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not begin")));
            }
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::time::Instant;

    use super::*;

    fn connection() -> (Connection, DuplexStream) {
        let (client, server) = tokio::io::duplex(1024);
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let peer = Peer { address: "192.0.2.1:4711".parse().unwrap(), certificate_names: Vec::new() };
        (Connection::new(Box::new(server), peer, place), client)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_who_does_not_begin_in_time_is_let_go_of_whatever_it_says_in_between() {
        let (mut connection, mut client) = connection();
        let begin = Instant::now();
        client.write_all(b"PRI").await.unwrap();
        assert_eq!(connection.read(&mut [0; 64]).await.unwrap(), 3);
        let error = connection.read(&mut [0; 64]).await.unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (io::ErrorKind::TimedOut, "the client does not begin"));
        assert!((GREETING..GREETING * 2).contains(&begin.elapsed()), "{:?}", begin.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_who_has_begun_may_say_nothing_for_long() {
        let (mut connection, mut client) = connection();
        client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        connection.read_exact(&mut [0; PREFACE]).await.unwrap();
        let later = async {
            tokio::time::sleep(GREETING * 100).await;
            client.write_all(b"x").await.unwrap();
        };
        let (read, ()) = tokio::join!(connection.read_u8(), later);
        assert_eq!(read.unwrap(), b'x');
    }
}
