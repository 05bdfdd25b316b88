//! The server of a proxy: takes requests, lets happen to them what shall happen, and forwards them.

use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderName};
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Client;
use tokio::net::{TcpListener, TcpStream};

use super::fault::{Effect, Moment, Then};
use super::seen::{Seen, Verb};
use super::shared::{Act, Shared};
use super::stop;
use super::watches;
use crate::wait::LOOK_EVERY;

/// The body of an answer.
pub(crate) type Outgoing = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// Why there is no answer: the connection is dropped in its place.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the fault proxy drops this connection")]
pub(crate) struct Dropped;

/// Headers that are about one connection.
const OF_THE_CONNECTION: [HeaderName; 6] =
    [header::CONNECTION, header::HOST, header::TE, header::TRAILER, header::TRANSFER_ENCODING, header::UPGRADE];

/// Serves until it is dropped, and all its connections with the runtime.
pub(crate) async fn serve(listener: TcpListener, client: Client, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, client.clone(), Arc::clone(&shared)))),
            // There are too many open files, for example: others may be closed meanwhile.
            Err(_) => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

async fn connection(stream: TcpStream, client: Client, shared: Arc<Shared>) {
    let service = service_fn(move |request| take(request, client.clone(), Arc::clone(&shared)));
    // Answers shall not wait to be sent together. Without it they are late and nothing else.
    let _ = stream.set_nodelay(true);
    // An error is the end of a connection, wanted or not: its client sees it.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn take(request: Request<Incoming>, client: Client, shared: Arc<Shared>) -> Result<Response<Outgoing>, Dropped> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
    let seen = Seen::new(&parts, &body);
    let (index, act) = shared.arrive(seen.clone());
    let forward = Forward { request: Request::from_parts(parts, body), client, shared: Arc::clone(&shared), index };
    // What has begun goes on when its client has left: hence a task of its own.
    let response = tokio::spawn(answer(seen, act, forward)).await.unwrap_or(Err(Dropped))?;
    shared.note(index, |seen| seen.client = Some(response.status().as_u16()));
    Ok(response)
}

async fn answer(seen: Seen, act: Option<Act>, forward: Forward) -> Result<Response<Outgoing>, Dropped> {
    let at = match act {
        None => return forward.send(&seen).await,
        Some(Act::Effect(Effect::Answer(answer))) => return Ok(answer.response(&seen).map(whole)),
        Some(Act::Effect(Effect::Drop(at) | Effect::Silence { at, .. }) | Act::Hold { at, .. }) => at,
    };
    match at {
        Moment::Before => {
            pause(act).await?;
            forward.send(&seen).await
        }
        Moment::After => {
            let response = forward.send(&seen).await?;
            pause(act).await?;
            Ok(response)
        }
    }
}

/// Comes back when the request may go on.
async fn pause(act: Option<Act>) -> Result<(), Dropped> {
    let goes_on = match act {
        None | Some(Act::Effect(Effect::Answer(_))) => true,
        Some(Act::Effect(Effect::Drop(_))) => false,
        Some(Act::Effect(Effect::Silence { time, then, .. })) => {
            tokio::time::sleep(time).await;
            then == Then::GoOn
        }
        Some(Act::Hold { gate, is_first, .. }) => stop::hold(&gate, is_first).await,
    };
    if goes_on { Ok(()) } else { Err(Dropped) }
}

/// A request on its way to the API server.
struct Forward {
    request: Request<Bytes>,
    client: Client,
    shared: Arc<Shared>,
    /// Its place among all that were seen.
    index: usize,
}

impl Forward {
    /// An API server that cannot be reached is a dropped connection for the client, too.
    async fn send(mut self, seen: &Seen) -> Result<Response<Outgoing>, Dropped> {
        remove_connection(self.request.headers_mut());
        let response = self.client.send(self.request.map(Into::into)).await.map_err(|_| Dropped)?;
        self.shared.note(self.index, |seen| seen.server = Some(response.status().as_u16()));
        let (mut parts, body) = response.into_parts();
        remove_connection(&mut parts.headers);
        let body = if seen.verb == Verb::Watch && parts.status.is_success() {
            watches::endable(body, self.shared.watches.subscribe())
        } else {
            body.map_err(Into::into).boxed_unsync()
        };
        Ok(Response::from_parts(parts, body))
    }
}

fn remove_connection(headers: &mut HeaderMap) {
    for name in OF_THE_CONNECTION {
        headers.remove(name);
    }
}

fn whole(body: Bytes) -> Outgoing {
    Full::new(body).map_err(|never| match never {}).boxed_unsync()
}
