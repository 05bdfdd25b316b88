//! The server of a proxy: takes requests, lets happen to them what shall happen, and forwards them.

use std::io;
use std::sync::Arc;

use conductor_bed::{Act, Dropped, Faults, Moment, Server};
use http::header::{self, HeaderMap, HeaderName};
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use kube::{Client, Config};
use tokio::sync::broadcast;

use super::fault::{Effect, Requests, Then};
use super::seen::{Seen, Verb};
use super::watches::{self, Ending};
use crate::error::BedError;

/// The body of an answer.
pub(crate) type Outgoing = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// Headers that are about one connection.
const OF_THE_CONNECTION: [HeaderName; 6] =
    [header::CONNECTION, header::HOST, header::TE, header::TRAILER, header::TRANSFER_ENCODING, header::UPGRADE];

/// What a proxy's thread and its test share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) faults: Arc<Faults<Requests>>,
    /// Reaches every open watch.
    pub(crate) watches: broadcast::Sender<Ending>,
}

/// Starts it, for the user of a configuration.
pub(crate) async fn start(behind: Config, shared: Shared) -> Result<Server, BedError> {
    let begin = move || {
        let client = Client::try_from(behind).map_err(io::Error::other)?;
        Ok(move |request| take(request, client.clone(), shared.clone()))
    };
    Ok(Server::start("the fault proxy", begin).await?)
}

async fn take(request: Request<Bytes>, client: Client, shared: Shared) -> Result<Response<Outgoing>, Dropped> {
    let (parts, body) = request.into_parts();
    let seen = Seen::new(&parts, &body);
    let (index, act) = shared.faults.arrive(seen.clone());
    let forward = Forward { request: Request::from_parts(parts, body), client, shared: shared.clone(), index };
    // What has begun goes on when its client has left: hence a task of its own.
    let response = tokio::spawn(answer(seen, act, forward)).await.unwrap_or(Err(Dropped))?;
    shared.faults.note(index, |seen| seen.client = Some(response.status().as_u16()));
    Ok(response)
}

async fn answer(seen: Seen, act: Option<Act<Effect>>, forward: Forward) -> Result<Response<Outgoing>, Dropped> {
    let at = match act {
        None => return forward.send(&seen).await,
        Some(Act::Effect(Effect::Answer(answer))) => return Ok(answer.response(&seen).map(whole)),
        Some(Act::Effect(Effect::Drop(at) | Effect::Silence { at, .. })) => at,
        Some(Act::Hold(ref hold)) => hold.at(),
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
async fn pause(act: Option<Act<Effect>>) -> Result<(), Dropped> {
    let goes_on = match act {
        None | Some(Act::Effect(Effect::Answer(_))) => true,
        Some(Act::Effect(Effect::Drop(_))) => false,
        Some(Act::Effect(Effect::Silence { time, then, .. })) => {
            tokio::time::sleep(time).await;
            then == Then::GoOn
        }
        Some(Act::Hold(hold)) => hold.goes_on().await,
    };
    if goes_on { Ok(()) } else { Err(Dropped) }
}

/// A request on its way to the API server.
struct Forward {
    request: Request<Bytes>,
    client: Client,
    shared: Shared,
    /// Its place among all that were seen.
    index: usize,
}

impl Forward {
    /// An API server that cannot be reached is a dropped connection for the client, too.
    async fn send(mut self, seen: &Seen) -> Result<Response<Outgoing>, Dropped> {
        remove_connection(self.request.headers_mut());
        let response = self.client.send(self.request.map(Into::into)).await.map_err(|_| Dropped)?;
        self.shared.faults.note(self.index, |seen| seen.server = Some(response.status().as_u16()));
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
