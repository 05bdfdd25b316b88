//! One request over HTTP on loopback, and its whole answer.

use std::io;

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Sends a request to `127.0.0.1:port` on a connection of its own.
pub(crate) async fn send(port: u16, request: Request<Bytes>) -> Result<Response<Bytes>, io::Error> {
    let stream = TcpStream::connect((std::net::Ipv4Addr::LOCALHOST, port)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let answer = async {
        let response = sender.send_request(request.map(Full::new)).await?;
        let (parts, body) = response.into_parts();
        Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
    };
    tokio::pin!(answer);
    tokio::select! {
        answered = &mut answer => answered.map_err(|error: hyper::Error| io::Error::other(error)),
        // The connection may end first where its server closes it; what has come is read all the same.
        ended = connection => match ended {
            Ok(()) => answer.await.map_err(io::Error::other),
            Err(error) => Err(io::Error::other(error)),
        },
    }
}
