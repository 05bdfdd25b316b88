//! The server of a front of HTTP, on loopback.

use std::io;

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::accept::accept;
use crate::error::Error;
use crate::loopback;
use crate::worker::Worker;

/// A server on a thread of its own, so that a test may block. With it all its connections end.
#[derive(Debug)]
pub struct Server {
    port: u16,
    _worker: Worker,
}

/// Why there is no answer: the connection is dropped in its place.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the front drops this connection")]
pub struct Dropped;

impl Server {
    /// Begins on the runtime of the new thread with what makes an answer of a request.
    ///
    /// # Errors
    /// When there is no port or thread for it, or the beginning fails.
    pub async fn start<Take, Taken, Answer>(
        name: &'static str,
        begin: impl FnOnce() -> io::Result<Take> + Send + 'static,
    ) -> Result<Self, Error>
    where
        Take: Fn(Request<Bytes>) -> Taken + Clone + Send + 'static,
        Taken: Future<Output = Result<Response<Answer>, Dropped>> + Send + 'static,
        Answer: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    {
        let (listener, port) = loopback::listen()?;
        let begin = move || {
            let take = begin()?;
            let listener = tokio::net::TcpListener::from_std(listener)?;
            Ok(async move {
                accept(&listener, |stream| drop(tokio::spawn(connection(stream, take.clone())))).await;
            })
        };
        let worker = Worker::start(name, begin).await.map_err(Error::start(name))?;
        Ok(Self { port, _worker: worker })
    }

    /// Its port of loopback.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

async fn connection<Take, Taken, Answer>(stream: TcpStream, take: Take)
where
    Take: Fn(Request<Bytes>) -> Taken + Clone,
    Taken: Future<Output = Result<Response<Answer>, Dropped>>,
    Answer: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let take = take.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
            take(Request::from_parts(parts, body)).await
        }
    });
    // Answers shall not wait to be sent together. Without it they are late and nothing else.
    let _ = stream.set_nodelay(true);
    // An error is the end of a connection, wanted or not: its client sees it.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::Ipv4Addr;

    use http_body_util::Full;

    use super::*;

    fn ask(port: u16, body: &str) -> String {
        let mut stream = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let length = body.len();
        let head = "POST / HTTP/1.1\r\nHost: bed\r\nConnection: close";
        write!(stream, "{head}\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Answers with what was asked, unless it shall drop that.
    async fn take(request: Request<Bytes>) -> Result<Response<Full<Bytes>>, Dropped> {
        let body = request.into_body();
        if body == "drop" { Err(Dropped) } else { Ok(Response::new(Full::new(body))) }
    }

    #[tokio::test]
    async fn a_server_answers_although_the_test_blocks_and_drops_what_it_shall() {
        let server = Server::start("a server", || Ok(take)).await.unwrap();
        let answer = ask(server.port(), "hello");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello"), "{answer}");
        assert_eq!(ask(server.port(), "drop"), "");
        let port = server.port();
        drop(server);
        assert!(std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    }

    #[tokio::test]
    async fn a_beginning_that_fails_is_told_with_the_name_of_the_server() {
        let refuse = || Err(io::Error::other("no")).map(|()| take);
        let error = Server::start("a server", refuse).await.unwrap_err();
        assert_eq!(error.to_string(), "could not start a server");
    }
}
