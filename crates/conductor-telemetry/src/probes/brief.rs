//! Connections to the probes: only so many, and none for long, since anybody may make them.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// More than scrapers and kubelets make at the same time. One more is closed at once.
const MOST: usize = 64;
/// How long a connection lasts; whoever keeps one for longer makes another one.
const LASTS: Duration = Duration::from_secs(30);
/// How long nothing is accepted where that has failed, as it does for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes connections for a while.
pub(super) struct BriefListener {
    listener: TcpListener,
    places: Arc<Semaphore>,
    lasts: Duration,
}

/// A connection that ends by itself.
pub(super) struct Brief {
    stream: TcpStream,
    end: Pin<Box<Sleep>>,
    /// Given back when the connection ends.
    _place: OwnedSemaphorePermit,
}

impl BriefListener {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(MOST)), lasts: LASTS }
    }
}

impl Listener for BriefListener {
    type Io = Brief;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Brief, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                        let end = Box::pin(tokio::time::sleep(self.lasts));
                        return (Brief { stream, end, _place: place }, address);
                    }
                }
                // Whoever wants to know is told by the probes, which do not answer.
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Brief {
    /// An error once the connection has lasted for long enough.
    fn is_over(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.end.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::Error::new(io::ErrorKind::TimedOut, "the connection has lasted for too long")),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Brief {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.is_over(context)?;
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Brief {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.is_over(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    async fn listener(lasts: Duration) -> BriefListener {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        BriefListener { lasts, ..BriefListener::new(listener) }
    }

    #[tokio::test]
    async fn a_connection_ends_by_itself() {
        let mut listener = listener(Duration::from_millis(50)).await;
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut brief, _) = listener.accept().await;
        let error = brief.read_u8().await.unwrap_err();
        assert_eq!(error.to_string(), "the connection has lasted for too long");
    }

    #[tokio::test]
    async fn one_more_than_there_may_be_is_closed_and_the_next_one_has_the_place_of_one_that_ended() {
        let mut listener = listener(LASTS).await;
        let address = listener.local_addr().unwrap();
        let (mut clients, mut taken) = (Vec::new(), Vec::new());
        for _ in 0..MOST {
            clients.push(TcpStream::connect(address).await.unwrap());
            taken.push(listener.accept().await);
        }
        let mut one_more = TcpStream::connect(address).await.unwrap();
        let accepting = tokio::spawn(async move { listener.accept().await.1 });
        assert_eq!(one_more.read(&mut [0]).await.unwrap_or(0), 0, "it is not closed");
        taken.pop();
        let next = TcpStream::connect(address).await.unwrap();
        assert_eq!(accepting.await.unwrap(), next.local_addr().unwrap());
    }
}
