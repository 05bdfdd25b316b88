//! The server of a bed: takes requests, lets happen to them what shall happen, and has them done.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::account::{Account, Call};
use crate::fault::{Effect, Moment};
use crate::operations;
use crate::reply::Reply;
use crate::seen::Seen;
use crate::shared::Act;
use crate::stop;
use crate::wait::LOOK_EVERY;
use crate::who::Who;

/// Why there is no answer: the connection is dropped in its place.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the bed drops this connection")]
struct Dropped;

/// The thread of a bed's server. Its runtime ends with it, and so does every connection.
pub(crate) fn run(
    listener: TcpListener,
    account: Arc<Account>,
    ended: oneshot::Receiver<()>,
    tell: oneshot::Sender<io::Result<()>>,
) {
    let begin = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let context = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        drop(context);
        Ok((runtime, listener))
    };
    match begin() {
        Ok((runtime, listener)) => {
            // Nobody waits any more: the thread is told to end, then.
            let _ = tell.send(Ok(()));
            runtime.block_on(async {
                tokio::select! {
                    never = serve(listener, account) => match never {},
                    // The handle is gone.
                    _ = ended => {}
                }
            });
        }
        Err(error) => {
            let _ = tell.send(Err(error));
        }
    }
}

async fn serve(listener: tokio::net::TcpListener, account: Arc<Account>) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, Arc::clone(&account)))),
            // There are too many open files, for example: others may be closed meanwhile.
            Err(_) => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

async fn connection(stream: TcpStream, account: Arc<Account>) {
    let service = service_fn(move |request| take(request, Arc::clone(&account)));
    // Answers shall not wait to be sent together. Without it they are late and nothing else.
    let _ = stream.set_nodelay(true);
    // An error is the end of a connection, wanted or not: its client sees it.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn take(request: Request<Incoming>, account: Arc<Account>) -> Result<Response<Full<Bytes>>, Dropped> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
    let mut who = Who::of(&parts.headers);
    who.role = account.shared.role(&who.access_key);
    let (prefix, operation, body_read) = read(&parts.headers, &body);
    // What came about before the request is in the log before it.
    let now = account.world().advance();
    let (index, act) = account.shared.arrive(Seen::new(&operation, who.clone(), body_read.clone(), now));
    let request = Request::from_parts(parts, body);
    let call = Call { who, prefix, operation, body: body_read, request };
    let shared = Arc::clone(&account.shared);
    // What has begun goes on when its client has left: hence a task of its own.
    let Reply { status, headers, body } =
        tokio::spawn(answer(account, call, index, act)).await.unwrap_or(Err(Dropped))?;
    shared.note(index, |seen| seen.client = Some(status.as_u16()));
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// What a request wants: of JSON it is in a header, of others in the form that was sent.
fn read(headers: &HeaderMap, body: &Bytes) -> (String, String, Value) {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    if let Some((prefix, operation)) = target.split_once('.') {
        let value = if body.is_empty() { json!({}) } else { serde_json::from_slice(body).unwrap_or_default() };
        return (prefix.to_owned(), operation.to_owned(), value);
    }
    let text = String::from_utf8_lossy(body);
    let action = text.split('&').find_map(|part| part.strip_prefix("Action="));
    (String::new(), action.unwrap_or_default().to_owned(), Value::Null)
}

async fn answer(account: Arc<Account>, call: Call, index: usize, act: Option<Act>) -> Result<Reply, Dropped> {
    if let Some(Act::Effect(Effect::Refuse { status, kind, message })) = &act {
        let status = http::StatusCode::from_u16(*status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        return Ok(Reply::error(status, kind, message));
    }
    pause(act.as_ref(), Moment::Before).await?;
    let reply = operations::answer(&account, call).await.map_err(|_| Dropped)?;
    account.shared.note(index, |seen| seen.server = Some(reply.status.as_u16()));
    pause(act.as_ref(), Moment::After).await?;
    Ok(reply)
}

/// Comes back when the request may go on.
async fn pause(act: Option<&Act>, moment: Moment) -> Result<(), Dropped> {
    let goes_on = match act {
        None | Some(Act::Effect(Effect::Refuse { .. })) => true,
        Some(Act::Effect(Effect::Drop(at))) => *at != moment,
        Some(Act::Effect(Effect::Hang)) => std::future::pending().await,
        Some(Act::Effect(Effect::Delay(at, time))) => {
            if *at == moment {
                tokio::time::sleep(*time).await;
            }
            true
        }
        Some(Act::Hold { at, gate, is_first }) => *at != moment || stop::hold(gate, *is_first).await,
    };
    if goes_on { Ok(()) } else { Err(Dropped) }
}
