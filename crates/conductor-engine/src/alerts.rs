//! Alerts of the runs that are driven here, told beside them: a run knows nothing of it, and waits for nobody.
//!
//! What fires is decided by the records of a run's journal ([`Alerts`]), read once more for that. So a conductor that takes a run
//! over knows what its predecessor has fired, and fires none of it again; what that one had not told yet when it died is lost
//! to receivers that are told once.

mod queue;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use conductor_core::alert::{Alerts, When};
use conductor_core::ports::Notifier;
use conductor_core::run::{Revision, RunId};
use conductor_core::view::Fold;
use futures::StreamExt;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;

use crate::beside::is_taken_over;
use crate::conductor::Conductor;
use crate::journal::chain;
use queue::{Message, Queue};

/// Who is told of alerts.
#[derive(Clone)]
pub struct AlertReceiver {
    /// Its name, for logs.
    pub name: String,
    /// What it gets.
    pub when: When,
    /// How it is told.
    pub notifier: Arc<dyn Notifier>,
}

/// Tells receivers of the runs that a conductor drives, from now on. It must be made before the conductor drives any.
pub struct Announcer {
    looking: JoinHandle<()>,
    /// Closed once nothing is followed any more.
    followed: mpsc::Receiver<()>,
    queues: Arc<[Queue]>,
}

impl Announcer {
    /// Begins to tell these receivers.
    pub fn begin(conductor: &Conductor, receivers: Vec<AlertReceiver>) -> Self {
        let queues = receivers.into_iter().map(|receiver| Queue::begin(receiver, conductor.clock_handle()));
        let queues: Arc<[Queue]> = queues.collect();
        let (following, followed) = mpsc::channel(1);
        let looking = tokio::spawn(look(conductor.clone(), conductor.begun(), Arc::clone(&queues), following));
        Self { looking, followed, queues }
    }

    /// Ends it as [`Announcer::end`] does, once the ends of the runs are read, which must be over.
    pub async fn finish(mut self, within: Duration) {
        self.looking.abort();
        // Nothing is ever sent: it is closed by the last one that follows a run.
        let all = self.followed.recv();
        if tokio::time::timeout(within, all).await.is_err() {
            tracing::warn!("the end of a run could not be read in time, and its alerts are not told");
        }
        self.end(within).await;
    }

    /// Ends it, and waits so long at most for what receivers were not told yet.
    pub async fn end(self, within: Duration) {
        self.looking.abort();
        let emptied = futures::future::join_all(self.queues.iter().map(Queue::emptied));
        if tokio::time::timeout(within, emptied).await.is_err() {
            for queue in self.queues.iter().filter(|queue| !queue.is_empty()) {
                tracing::warn!(receiver = queue.name(), "alerts that it was not told yet are lost");
            }
        }
    }
}

/// Follows each run that begins to be driven here.
async fn look(
    conductor: Conductor,
    mut begun: broadcast::Receiver<(RunId, Revision)>,
    queues: Arc<[Queue]>,
    following: mpsc::Sender<()>,
) {
    loop {
        match begun.recv().await {
            Ok((run, before)) => {
                let (conductor, queues, following) = (conductor.clone(), Arc::clone(&queues), following.clone());
                tokio::spawn(async move {
                    let _until_it_is_over = following;
                    if let Err(why) = follow(&conductor, &run, before, &queues).await {
                        tracing::error!(%run, why, "the run has no more alerts");
                    }
                });
            }
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                tracing::error!(missed, "runs have begun faster than they can be followed, and have no alerts");
            }
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

/// Tells of one run until it is over or another conductor drives it. What was fired up to a revision was told by its predecessor.
async fn follow(conductor: &Conductor, run: &RunId, before: Revision, queues: &[Queue]) -> Result<(), String> {
    let tell = |message: &Message| queues.iter().for_each(|queue| queue.put(message.clone()));
    let store = conductor.store();
    let updates = conductor.follow(run, before).await.map_err(|error| chain(&error))?;
    let journal = store.journal(run, 0).await.map_err(|error| chain(&error))?;
    let (first, rest) = journal.split_first().ok_or("its journal is empty")?;
    let mut fold = Fold::begin(run, first).map_err(|error| chain(&error))?;
    let mut alerts = Alerts::default();
    for record in rest.iter().filter(|record| record.revision <= before) {
        fold.take(record).map_err(|error| chain(&error))?;
        alerts.see(&fold, record);
    }
    for notice in alerts.firing(&fold) {
        tell(&Message::GoOn(Box::new(notice)));
    }
    let mut updates = pin!(updates);
    while let Some(update) = updates.next().await {
        if update.revision <= fold.run.revision {
            continue;
        }
        let records = match store.journal(run, fold.run.revision).await {
            Ok(records) => records,
            Err(error) => {
                tracing::warn!(%run, error = chain(&error), "alerts of the run are late");
                continue;
            }
        };
        for record in records {
            // The first record of this conductor may be one of these, too.
            if is_taken_over(&record) && record.revision > before + 1 {
                tell(&Message::Leave(run.clone()));
                return Ok(());
            }
            fold.take(&record).map_err(|error| chain(&error))?;
            for notice in alerts.see(&fold, &record) {
                tell(&Message::Tell(Box::new(notice)));
            }
        }
        if fold.is_over() {
            for notice in alerts.firing(&fold) {
                tell(&Message::GoOn(Box::new(notice)));
            }
            break;
        }
    }
    tell(&Message::Leave(run.clone()));
    Ok(())
}
