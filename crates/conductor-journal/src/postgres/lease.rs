//! One lease, from its taking to its end: renewed by a task of its own, and lost by this process's own clock before the server
//! would let anybody else take it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::ports::{Claim, StoreError};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::leases::Loss;
use super::line::Line;
use crate::rows::in_its_words;

/// A lease that this process has taken.
pub(super) struct Lease {
    environment: String,
    epoch: i64,
    times: Times,
    state: watch::Sender<State>,
    /// False once it shall be given back.
    wanted: watch::Sender<bool>,
    /// True once nothing more is done about it.
    over: watch::Sender<bool>,
}

/// How this process stands to a lease.
#[derive(Clone, Debug)]
enum State {
    /// It may act until then, by the clock of this process: two thirds of the lease's time from when it last *asked* for it. The
    /// server counts from when it answered, so that nobody else can have it before the whole time is over.
    Held { until: Instant },
    /// It lets go of everything, for this reason, and never gets the lease back.
    Lost { reason: String },
    /// It has given it back.
    GivenBack,
}

/// The times of a lease, as parts of the time that it lasts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// For how long the server keeps it from others.
    pub(super) whole: Duration,
}

impl Times {
    /// Time from one renewal to the next.
    pub(super) fn between_renewals(self) -> Duration {
        self.whole / 3
    }

    /// For how long it may be acted on, after it was asked for.
    fn usable(self) -> Duration {
        self.whole * 2 / 3
    }

    /// How long the answer to one renewal is waited for. There is time for two that hang, on connections that are made anew.
    fn answer(self) -> Duration {
        self.whole / 7
    }

    /// The pause after a renewal that failed.
    fn pause(self) -> Duration {
        self.whole / 40
    }
}

impl Lease {
    /// A lease that was asked for at `asked`.
    pub(super) fn new(environment: &str, epoch: i64, times: Times, asked: Instant) -> Self {
        let state = watch::Sender::new(State::Held { until: asked + times.usable() });
        let (wanted, over) = (watch::Sender::new(true), watch::Sender::new(false));
        Self { environment: environment.to_owned(), epoch, times, state, wanted, over }
    }

    /// Its epoch, or that this process cannot act on it any more.
    pub(super) fn epoch(&self) -> Result<i64, StoreError> {
        let reason = match &*self.state.borrow() {
            State::Held { until } if Instant::now() < *until => return Ok(self.epoch),
            State::Held { .. } => self.overdue(),
            State::Lost { reason } => reason.clone(),
            State::GivenBack => "its lease was given back".to_owned(),
        };
        Err(self.is_lost(reason))
    }

    /// It was found lost, and cannot be acted on any more.
    pub(super) fn lose(&self, loss: Loss) -> StoreError {
        let reason = match loss {
            Loss::TakenBy(holder) => format!("its lease was taken by {holder}"),
            Loss::Gone => "its lease is not in the database any more".to_owned(),
        };
        self.turn(|state| matches!(state, State::Held { .. }).then(|| State::Lost { reason: reason.clone() }));
        self.is_lost(reason)
    }

    /// Waits until nothing more is done about it, if it is to be given back.
    pub(super) async fn settled(&self) {
        if *self.wanted.borrow() {
            return;
        }
        // Whoever sets it is this lease itself.
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }

    /// Renews it until it is lost or shall be given back, and then gives it back.
    pub(super) async fn keep(&self, line: &Line) {
        let mut wanted = self.wanted.subscribe();
        let mut next = Instant::now() + self.times.between_renewals();
        while *wanted.borrow_and_update() {
            tokio::select! {
                biased;
                _ = wanted.changed() => continue,
                () = self.lost() => {
                    let _ = wanted.wait_for(|wanted| !wanted).await;
                    break;
                }
                () = sleep_until(next) => {}
            }
            next = self.renew(line).await;
        }
        self.give_back(line).await;
    }

    /// Says that nothing more is done about it.
    pub(super) fn end(&self) {
        self.over.send_replace(true);
    }

    /// Renews it, or learns that it is lost; answers with when the next renewal is due.
    async fn renew(&self, line: &Line) -> Instant {
        let Times { whole, .. } = self.times;
        let asked = Instant::now();
        match line.renew(&self.environment, self.epoch, whole, self.times.answer()).await {
            Ok(Ok(())) => {
                let until = asked + self.times.usable();
                let reason = self.overdue();
                // What was overdue stays lost, since it was acted on as such, whatever the server says.
                self.turn(|state| match state {
                    State::Held { until: before } if Instant::now() < *before => Some(State::Held { until }),
                    State::Held { .. } => Some(State::Lost { reason }),
                    State::Lost { .. } | State::GivenBack => None,
                });
                asked + self.times.between_renewals()
            }
            Ok(Err(loss)) => {
                self.lose(loss);
                asked
            }
            Err(error) => {
                let (environment, error) = (&self.environment, in_its_words(error));
                tracing::warn!(
                    environment,
                    error,
                    "the lease of the environment could not be renewed; it is tried again"
                );
                Instant::now() + self.times.pause()
            }
        }
    }

    async fn give_back(&self, line: &Line) {
        let given = line.give_back(&self.environment, self.epoch, self.times.between_renewals()).await;
        if let Err(error) = given {
            let (environment, error) = (&self.environment, in_its_words(error));
            tracing::warn!(
                environment,
                error,
                "the lease of the environment could not be given back; it ends by itself"
            );
        }
    }

    async fn lost(&self) {
        let mut states = self.state.subscribe();
        loop {
            let state = states.borrow_and_update().clone();
            match state {
                State::Held { until } => tokio::select! {
                    biased;
                    () = passed(until) => return,
                    // It lives as long as this lease.
                    _ = states.changed() => {}
                },
                State::Lost { .. } => return,
                State::GivenBack => std::future::pending().await,
            }
        }
    }

    fn turn(&self, to: impl FnOnce(&State) -> Option<State>) {
        self.state.send_if_modified(|state| match to(state) {
            Some(next) => {
                *state = next;
                true
            }
            None => false,
        });
    }

    fn overdue(&self) -> String {
        format!("its lease could not be renewed within {:?}", self.times.usable())
    }

    fn is_lost(&self, reason: String) -> StoreError {
        StoreError::Lost { environment: self.environment.clone(), reason }
    }
}

/// Waits until a moment has passed. It looks at the clock whenever it is asked, for a process that was stopped may be asked before
/// its timers are.
async fn passed(moment: Instant) {
    let mut timer = pin!(sleep_until(moment));
    poll_fn(|context| if Instant::now() >= moment { Poll::Ready(()) } else { timer.as_mut().poll(context) }).await;
}

/// An environment that is held by a lease.
pub(super) struct Leased(pub(super) Arc<Lease>);

impl Leased {
    fn end(&self) {
        self.0.turn(|state| match state {
            State::Held { .. } => Some(State::GivenBack),
            State::Lost { .. } | State::GivenBack => None,
        });
        self.0.wanted.send_replace(false);
    }
}

#[async_trait]
impl Claim for Leased {
    async fn lost(&self) {
        self.0.lost().await;
    }

    async fn give_back(&self) {
        self.end();
        self.0.settled().await;
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        self.end();
    }
}
