//! Streams of changes that can be ended from outside.

use conductor_bed::Dropped;
use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use kube::client::Body;
use tokio::sync::broadcast::Receiver;

use super::answer::expired_event;
use super::front::Outgoing;

/// How running watches end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    /// Their connections are dropped.
    Dropped,
    /// They get an `ERROR` event and the end of the stream.
    Expired,
}

/// The stream of a watch, until it ends or is ended.
pub(crate) fn endable(body: Body, ending: Receiver<Ending>) -> Outgoing {
    let parts = stream::unfold(Some((body, ending)), async |open| {
        let (mut body, mut ending) = open?;
        tokio::select! {
            biased;
            ending = ending.recv() => match ending {
                Ok(Ending::Expired) => Some((Ok(Frame::data(expired_event())), None)),
                Ok(Ending::Dropped) | Err(_) => Some((Err(Dropped.into()), None)),
            },
            part = body.frame() => part.map(|part| (part.map_err(Into::into), Some((body, ending)))),
        }
    });
    StreamBody::new(parts).boxed_unsync()
}
