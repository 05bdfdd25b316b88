//! A server of archives on loopback.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use conductor_bed::{Error, accept, loopback};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::error::BedError;

/// The archives, in the order in which they came.
type Shelf = Arc<Mutex<Vec<Bytes>>>;

/// The server, and what it has to give away.
#[derive(Debug)]
pub(super) struct Server {
    listener: TcpListener,
    port: u16,
    shelf: Shelf,
}

impl Server {
    /// Listens on a port that the kernel gives. Nobody is answered before it serves.
    ///
    /// # Errors
    /// When there is no port.
    pub(super) async fn bind() -> Result<Self, BedError> {
        let (listener, port) = loopback::listen()?;
        let listener = TcpListener::from_std(listener).map_err(Error::Port)?;
        Ok(Self { listener, port, shelf: Shelf::default() })
    }

    /// Has an archive from now on, and says where.
    pub(super) fn add(&self, archive: Vec<u8>) -> String {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.push(archive.into());
        format!("http://127.0.0.1:{}/{}.tgz", self.port, shelf.len() - 1)
    }

    /// Serves until it is dropped.
    pub(super) async fn serve(&self) -> Infallible {
        accept(&self.listener, |stream| drop(tokio::spawn(connection(stream, Arc::clone(&self.shelf))))).await
    }
}

/// Answers one request. Who has not heard the answer asks again.
async fn connection(stream: TcpStream, shelf: Shelf) {
    let service = service_fn(|request| std::future::ready(Ok::<_, Infallible>(answer(&request, &shelf))));
    let _ = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service).await;
}

fn answer(request: &Request<Incoming>, shelf: &Shelf) -> Response<Full<Bytes>> {
    let number = request.uri().path().trim_start_matches('/').trim_end_matches(".tgz").parse::<usize>();
    let archive = number.ok().and_then(|number| {
        let shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.get(number).cloned()
    });
    let status = if archive.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let mut response = Response::new(Full::new(archive.unwrap_or_default()));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn what_it_has_is_given_away_by_its_url_and_nothing_else() {
        let server = Server::bind().await.unwrap();
        let urls = [server.add(b"first".to_vec()), server.add(b"second".to_vec())];
        let get = async |path: String| {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).await.unwrap();
            stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: bed\r\n\r\n").as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            (head.lines().next().unwrap().to_owned(), body.to_owned())
        };
        let asked = async {
            for (url, text) in urls.iter().zip(["first", "second"]) {
                let path = url.strip_prefix(&format!("http://127.0.0.1:{}", server.port)).unwrap();
                assert_eq!(get(path.to_owned()).await, ("HTTP/1.1 200 OK".to_owned(), text.to_owned()));
            }
            for path in ["/2.tgz", "/", "/first"] {
                assert_eq!(get(path.to_owned()).await, ("HTTP/1.1 404 Not Found".to_owned(), String::new()));
            }
        };
        tokio::select! {
            () = asked => {}
            never = server.serve() => match never {},
        }
    }
}
