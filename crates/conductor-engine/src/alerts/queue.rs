//! What one receiver is still to be told, in order. Whoever puts something in never waits, and learns nothing of the receiver.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use conductor_core::alert::{AlertKey, AlertStatus, Notice, Topic, When};
use conductor_core::ports::{Clock, FailureKind, Notifier, PortError};
use conductor_core::run::RunId;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::AlertReceiver;
use crate::journal::chain;
use crate::options::Retry;

/// How much may wait for a receiver: hours of a run that goes badly.
const WAITING: usize = 1024;
/// How long one call of a receiver may take, whatever its own patience.
const ANSWER: Duration = Duration::from_secs(30);
/// How long a receiver is tried with one notice. What is told later than that helps nobody.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// The first pause before another try, and the longest one.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What is put into a queue.
#[derive(Clone, Debug)]
pub(super) enum Message {
    /// An alert has fired, or is resolved.
    Tell(Box<Notice>),
    /// An alert that has fired before goes on: news only to a receiver that would think it over.
    GoOn(Box<Notice>),
    /// The run is over, or somebody else tells of it.
    Leave(RunId),
}

/// The way to one receiver.
pub(super) struct Queue {
    name: String,
    when: When,
    messages: mpsc::Sender<Message>,
    /// Messages that are not dealt with yet.
    left: Arc<watch::Sender<usize>>,
    lost: AtomicUsize,
    task: JoinHandle<()>,
}

impl Queue {
    pub(super) fn begin(receiver: AlertReceiver, clock: Arc<dyn Clock>) -> Self {
        let AlertReceiver { name, when, notifier } = receiver;
        let (messages, waiting) = mpsc::channel(WAITING);
        let left = Arc::new(watch::Sender::new(0));
        let worker = Worker {
            name: name.clone(),
            notifier,
            clock,
            left: Arc::clone(&left),
            firing: BTreeMap::new(),
            reached: AtomicBool::new(true),
        };
        let task = tokio::spawn(worker.work(waiting));
        Self { name, when, messages, left, lost: AtomicUsize::new(0), task }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Puts something in, if the receiver gets such things and there is room.
    pub(super) fn put(&self, message: Message) {
        match &message {
            Message::Tell(notice) | Message::GoOn(notice) if !self.when.takes(notice) => return,
            Message::Tell(_) | Message::GoOn(_) | Message::Leave(_) => {}
        }
        self.left.send_modify(|left| *left += 1);
        if self.messages.try_send(message).is_err() {
            self.left.send_modify(|left| *left -= 1);
            let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::error!(
                receiver = self.name,
                lost,
                "too much waits for a receiver of alerts: this one is lost to it"
            );
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        *self.left.borrow() == 0
    }

    /// Waits until nothing is left to be told.
    pub(super) async fn emptied(&self) {
        // Its sender is a field of this.
        let _ = self.left.subscribe().wait_for(|left| *left == 0).await;
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Worker {
    name: String,
    notifier: Arc<dyn Notifier>,
    clock: Arc<dyn Clock>,
    left: Arc<watch::Sender<usize>>,
    /// What is told again and again, to a receiver that wants it so.
    firing: BTreeMap<(RunId, AlertKey), Notice>,
    /// Whether the receiver has answered last, so that an outage is told once.
    reached: AtomicBool,
}

impl Worker {
    async fn work(mut self, mut waiting: mpsc::Receiver<Message>) {
        loop {
            let again = async {
                match self.notifier.repeats() {
                    Some(pause) if !self.firing.is_empty() => self.clock.sleep(pause).await,
                    Some(_) | None => std::future::pending().await,
                }
            };
            tokio::select! {
                message = waiting.recv() => {
                    let Some(message) = message else { return };
                    self.take(message).await;
                    self.left.send_modify(|left| *left -= 1);
                }
                () = again => {
                    for notice in self.firing.values() {
                        // It is told again soon.
                        let told = self.once(notice).await;
                        self.reported(notice, told.as_ref().err());
                    }
                }
            }
        }
    }

    async fn take(&mut self, message: Message) {
        let repeats = self.notifier.repeats().is_some();
        match message {
            Message::Tell(notice) => {
                self.remember(&notice);
                self.tell(&notice).await;
            }
            Message::GoOn(notice) if repeats => {
                self.remember(&notice);
                self.tell(&notice).await;
            }
            Message::GoOn(_) => {}
            Message::Leave(run) => self.firing.retain(|(of, _), _| *of != run),
        }
    }

    fn remember(&mut self, notice: &Notice) {
        let key = (notice.run.clone(), notice.alert.key.clone());
        match notice.status {
            AlertStatus::Firing if notice.alert.key.topic != Topic::RunOver => {
                drop(self.firing.insert(key, notice.clone()))
            }
            AlertStatus::Firing | AlertStatus::Resolved => drop(self.firing.remove(&key)),
        }
    }

    /// Tells the receiver until it has heard, or says that it never will, or it is too late.
    async fn tell(&self, notice: &Notice) {
        let retry = Retry { first: RETRY.0, longest: RETRY.1, ..Retry::default() };
        let begun = self.clock.now();
        for attempt in 1.. {
            let told = self.once(notice).await;
            self.reported(notice, told.as_ref().err());
            let Err(error) = told else { return };
            let tried = Duration::try_from(self.clock.now().duration_since(begun)).unwrap_or_default();
            if error.kind != FailureKind::Unavailable || tried >= PATIENCE {
                let (run, alert) = (&notice.run, notice.alert.key.topic.name());
                let error = chain(&error);
                tracing::error!(receiver = self.name, %run, alert, error, "an alert is lost to its receiver");
                return;
            }
            self.clock.sleep(retry.pause(attempt)).await;
        }
    }

    async fn once(&self, notice: &Notice) -> Result<(), PortError> {
        tokio::select! {
            told = self.notifier.notify(notice) => told,
            () = self.clock.sleep(ANSWER) => {
                let text = format!("no answer within {} s", ANSWER.as_secs());
                Err(PortError::new(FailureKind::Unavailable, text))
            }
        }
    }

    /// Says once when a receiver cannot be told, and when it can be again.
    fn reported(&self, notice: &Notice, error: Option<&PortError>) {
        let reached = self.reached.swap(error.is_none(), Ordering::Relaxed);
        match error {
            Some(error) if reached => {
                let (run, error) = (&notice.run, chain(error));
                tracing::warn!(receiver = self.name, %run, error, "a receiver of alerts cannot be told; it is tried again");
            }
            None if !reached => tracing::info!(receiver = self.name, "the receiver of alerts hears again"),
            Some(_) | None => {}
        }
    }
}
