//! The server of a bed: takes requests, lets happen to them what shall happen, and has them done.

use std::sync::Arc;

use conductor_bed::{Act, Dropped, Moment, Server};
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::account::{Account, Call};
use crate::error::BedError;
use crate::fault::Effect;
use crate::operations;
use crate::reply::Reply;
use crate::seen::Seen;
use crate::who::Who;

/// Starts it.
pub(crate) async fn start(account: Arc<Account>) -> Result<Server, BedError> {
    Ok(Server::start("the front of moto", || Ok(move |request| take(request, Arc::clone(&account)))).await?)
}

async fn take(request: Request<Bytes>, account: Arc<Account>) -> Result<Response<Full<Bytes>>, Dropped> {
    let mut who = Who::of(request.headers());
    who.role = account.shared.role(&who.access_key);
    let (prefix, operation, body) = read(request.headers(), request.body());
    // What came about before the request is in the log before it.
    let now = account.world().advance();
    let (index, act) = account.shared.arrive(Seen::new(&operation, who.clone(), body.clone(), now));
    let call = Call { who, prefix, operation, body, request };
    let shared = Arc::clone(&account.shared);
    // What has begun goes on when its client has left: hence a task of its own.
    let Reply { status, headers, body } =
        tokio::spawn(answer(account, call, index, act)).await.unwrap_or(Err(Dropped))?;
    shared.faults.note(index, |seen| seen.client = Some(status.as_u16()));
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

async fn answer(account: Arc<Account>, call: Call, index: usize, act: Option<Act<Effect>>) -> Result<Reply, Dropped> {
    if let Some(Act::Effect(Effect::Refuse { status, kind, message })) = &act {
        let status = http::StatusCode::from_u16(*status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        return Ok(Reply::error(status, kind, message));
    }
    pause(act.as_ref(), Moment::Before).await?;
    let reply = operations::answer(&account, call).await.map_err(|_| Dropped)?;
    account.shared.faults.note(index, |seen| seen.server = Some(reply.status.as_u16()));
    pause(act.as_ref(), Moment::After).await?;
    Ok(reply)
}

/// Comes back when the request may go on.
async fn pause(act: Option<&Act<Effect>>, moment: Moment) -> Result<(), Dropped> {
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
        Some(Act::Hold(hold)) => hold.at() != moment || hold.goes_on().await,
    };
    if goes_on { Ok(()) } else { Err(Dropped) }
}
