//! A run of a server as it changes, over lost connections and servers that are followed by others.

use std::time::Duration;

use conductor_core::run::{Revision, RunId};
use conductor_core::view::RunView;
use conductor_proto::v1;
use futures::{Stream, stream};
use tokio::time::Instant;
use tonic::Streaming;

use super::client::{Client, Pauses, Stub};
use super::refusal::Refusal;
use crate::exit::Failed;

/// The whole run is asked for at most so often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is new of a run.
pub(super) enum News {
    /// It has changed.
    View(Box<RunView>),
    /// The server is not there for now, for this reason; it is tried again.
    Lost(Failed),
    /// It is there again.
    Back,
    /// The run cannot be watched any more.
    Failed(Failed),
}

/// A run now and after its changes, until it is over. Views in between may be missed, never the last one.
pub(super) fn watch<'a>(client: &'a Client, run: &'a RunId) -> impl Stream<Item = News> + 'a {
    let watch = Watch {
        client,
        run,
        updates: None,
        told: 0,
        shown: 0,
        looked: None,
        is_changed: true,
        is_lost: false,
        is_over: false,
        kept: None,
        refused: None,
        pauses: Pauses::default(),
    };
    stream::unfold(watch, |mut watch| async move {
        let news = watch.next().await?;
        Some((news, watch))
    })
}

struct Watch<'a> {
    client: &'a Client,
    run: &'a RunId,
    updates: Option<Streaming<v1::WatchLoadTestResponse>>,
    /// The last revision that the server has told of: a watch goes on after it.
    told: Revision,
    /// The revision of the last view.
    shown: Revision,
    /// When the run was asked for.
    looked: Option<Instant>,
    /// True where there is something that the last view does not have.
    is_changed: bool,
    is_lost: bool,
    is_over: bool,
    /// What is to be shown once it is told that the server answers again.
    kept: Option<Box<RunView>>,
    /// Why the next attempt has to wait.
    refused: Option<Refusal>,
    pauses: Pauses,
}

impl Watch<'_> {
    async fn next(&mut self) -> Option<News> {
        if let Some(view) = self.kept.take() {
            return Some(self.seen(view));
        }
        while !self.is_over {
            if let Some(refusal) = self.refused.take() {
                self.pauses.wait(&refusal).await;
            }
            match self.step().await {
                Ok(Some(view)) if self.is_lost => {
                    (self.is_lost, self.kept) = (false, Some(view));
                    return Some(News::Back);
                }
                Ok(Some(view)) => return Some(self.seen(view)),
                Ok(None) => {}
                Err(refusal) if refusal.may_pass() => {
                    // A look is the first thing that shows that the server is there again.
                    (self.updates, self.is_changed) = (None, true);
                    let told = (!self.is_lost).then(|| self.client.failed(&refusal));
                    (self.is_lost, self.refused) = (true, Some(refusal));
                    if let Some(why) = told {
                        return Some(News::Lost(why));
                    }
                }
                Err(refusal) => {
                    self.is_over = true;
                    return Some(News::Failed(self.client.failed(&refusal)));
                }
            }
        }
        None
    }

    fn seen(&mut self, view: Box<RunView>) -> News {
        self.is_over = view.verdict.is_some();
        News::View(view)
    }

    /// One thing that is to be done: looks at the run where it has changed, or waits until it does.
    async fn step(&mut self) -> Result<Option<Box<RunView>>, Refusal> {
        let due = self.looked.map(|looked| looked + LOOK_EVERY);
        // Where nothing is told meanwhile there is nothing else to wait for.
        if self.is_changed && (self.updates.is_none() || due.is_none_or(|due| due <= Instant::now())) {
            if let Some(due) = due {
                tokio::time::sleep_until(due).await;
            }
            self.looked = Some(Instant::now());
            let view = self.client.look(self.run).await?;
            (self.is_changed, self.shown) = (false, view.revision);
            self.told = self.told.max(view.revision);
            return Ok(Some(Box::new(view)));
        }
        let Some(updates) = &mut self.updates else {
            let request = v1::WatchLoadTestRequest { id: self.run.to_string(), after_revision: self.told };
            let call = async |mut stub: Stub, request| stub.watch_load_test(request).await;
            self.updates = Some(self.client.once(&request, call).await?);
            return Ok(None);
        };
        let update = match due.filter(|_| self.is_changed) {
            Some(due) => match tokio::time::timeout_at(due, updates.message()).await {
                Ok(update) => update,
                Err(_) => return Ok(None),
            },
            None => updates.message().await,
        };
        match update.map_err(|status| Refusal::Status(Box::new(status))) {
            // A token has a time, which a run may outlast: the look that follows comes with another one, where there is one.
            Err(refusal) if refusal.is_unauthenticated() => (self.updates, self.is_changed) = (None, true),
            Err(refusal) => return Err(refusal),
            Ok(Some(update)) => {
                // A server that goes on telling is well; one that only answers may be about to end.
                (self.told, self.pauses) = (update.revision, Pauses::default());
                self.is_changed |= update.revision > self.shown;
            }
            // The run is over, or so it seems: a look tells.
            Ok(None) => (self.updates, self.is_changed) = (None, true),
        }
        Ok(None)
    }
}
