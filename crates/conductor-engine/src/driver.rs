//! The task of one run: takes events, journals them, steps the core, and lets activities do what it says.
//!
//! The loop has no early return but two: the run is over, or its journal belongs to somebody else. It is broken off
//! wherever it is for one reason alone: the claim on the environment is lost, so that another may drive the run. Ending
//! for any other reason would leave an environment scaled up.

use std::sync::Arc;
use std::time::Duration;

use conductor_core::failure::{Failure, FailureKind};
use conductor_core::guard::Guarded;
use conductor_core::phase::{Command, Event, Level, Note, State};
use conductor_core::ports::{Claim, RunRequests};
use conductor_core::run::{Record, Run};
use conductor_core::view::{EventView, RunView};
use futures::future::{BoxFuture, FutureExt};
use tokio::sync::{mpsc, watch};

use crate::activity::{Activity, Equipment, keep, take_over};
use crate::feed::Feed;
use crate::journal::{Journal, Lost, chain};
use crate::requests::Requests;

/// Drives one run.
pub(crate) struct Driver {
    pub(crate) equipment: Equipment,
    pub(crate) journal: Journal,
    pub(crate) run: Run,
    /// The run as people look at it now.
    pub(crate) views: watch::Sender<RunView>,
    pub(crate) updates: Feed,
    pub(crate) last_at: jiff::Timestamp,
    pub(crate) requests: Arc<dyn RunRequests>,
    pub(crate) asked: mpsc::Receiver<String>,
    /// Held until the run is over: given back before anybody can see that it is.
    pub(crate) claim: Arc<dyn Claim>,
}

/// What became of an event.
enum Taken {
    /// The core answered with these commands.
    Accepted(Vec<Command>),
    /// It does not belong to the state.
    Refused(String),
}

/// Where the next event comes from, besides the activity.
struct Interrupts {
    requests: Requests,
    deadline: BoxFuture<'static, ()>,
}

impl Driver {
    /// Drives the run to its end, beginning with `first` where it is recovered. When the claim on its environment is
    /// lost, everything is dropped at once, and nothing more is written.
    pub(crate) async fn drive(mut self, first: Option<Event>) {
        let claim = Arc::clone(&self.claim);
        let followed = tokio::select! {
            // Whoever wakes up after a long time looks at its claim before it does anything.
            biased;
            () = claim.lost() => None,
            followed = self.follow(first) => Some(followed),
        };
        match followed {
            Some(Ok(())) => {}
            Some(Err(lost)) => {
                tracing::error!(run = %self.equipment.run, error = chain(&lost.0), "the run is driven by somebody else; this conductor lets go");
            }
            None => {
                let environment = &self.equipment.created.spec.environment;
                tracing::error!(run = %self.equipment.run, environment, "the claim on the environment is lost; this conductor lets go of the run at once");
            }
        }
    }

    async fn follow(&mut self, first: Option<Event>) -> Result<(), Lost> {
        if let Some(event) = first
            && let Taken::Refused(reason) = self.take(event).await?
        {
            tracing::error!(run = %self.equipment.run, reason, "a recovery was refused");
        }
        // A run that begins here is not guarded yet.
        if self.run.state.is_guarded() {
            take_over(&self.equipment).await;
        }
        let commands = self.run.state.on_entry();
        let mut activity = Activity::begin(&self.equipment, &self.run.state, &commands);
        let mut interrupts = self.interrupts();
        let (lapses, mut lapsed) = mpsc::channel(1);
        let mut has_told = false;
        let mut keeper = keep(self.equipment.clone(), lapses.clone()).boxed();
        while !matches!(self.run.state, State::Finished { .. }) {
            let is_guarded = self.run.state.is_guarded();
            if !is_guarded {
                // What it was stopped in goes with it: whatever it held there would be waited for in vain.
                keeper = keep(self.equipment.clone(), lapses.clone()).boxed();
            }
            let event = tokio::select! {
                biased;
                event = self.next(&mut activity, &mut interrupts) => event,
                never = &mut keeper, if is_guarded => match never {},
                Some(lapse) = lapsed.recv(), if is_guarded => {
                    // A run that others could change all the time has said so.
                    let was_frozen = matches!(self.run.guarded, Some(Guarded::Frozen | Guarded::Partly { .. }));
                    let is_known = lapse.kind == FailureKind::NotFound && !was_frozen;
                    if is_known || std::mem::replace(&mut has_told, true) {
                        continue;
                    }
                    Event::Noted(Note { level: Level::Warning, message: lapse.to_string() })
                }
            };
            let is_request = matches!(event, Event::Retargeted { .. });
            // The journal may be away for long, and others take a conductor for dead that says nothing meanwhile.
            let taken = tokio::select! {
                biased;
                taken = self.take(event) => taken?,
                never = &mut keeper, if is_guarded => match never {},
            };
            let commands = match taken {
                Taken::Accepted(commands) => commands,
                // The activity knows nothing of it and goes on.
                Taken::Refused(_) if is_request => {
                    self.note("another target was asked for when it could not be taken").await?
                }
                Taken::Refused(reason) => self.fail(reason).await?,
            };
            if !commands.is_empty() && !activity.take(&commands) {
                activity = Activity::begin(&self.equipment, &self.run.state, &commands);
            }
        }
        Ok(())
    }

    /// Journals an event, then lets it happen.
    async fn take(&mut self, event: Event) -> Result<Taken, Lost> {
        let at = self.equipment.clock.now().max(self.last_at);
        let record = Record { revision: self.run.revision + 1, at, event };
        let mut run = self.run.clone();
        let commands = match run.apply(&record) {
            Ok(commands) => commands,
            Err(error) => {
                tracing::warn!(run = %self.equipment.run, event = record.event.name(), %error, "an event was refused");
                return Ok(Taken::Refused(error.to_string()));
            }
        };
        let views = &self.views;
        let outage = |error: &conductor_core::ports::StoreError| {
            let message = format!("the journal cannot be written and is tried again: {}", chain(error));
            views.send_modify(|view| view.events.push(EventView { at, level: Level::Warning, message }));
        };
        self.journal.append(&record, outage).await?;
        tracing::info!(run = %self.equipment.run, revision = record.revision, event = record.event.name(), state = run.state.name());
        self.last_at = at;
        self.run = run;
        if let State::Finished { .. } = self.run.state {
            self.claim.give_back().await;
        }
        self.show(&record);
        Ok(Taken::Accepted(commands))
    }

    /// Shows what a record has changed. The view is changed where it stands: copying it for each record would cost more the
    /// longer the run goes on.
    fn show(&self, record: &Record) {
        let mut update = None;
        self.views.send_modify(|view| update = Some(view.record(&self.run, record)));
        if let Some(update) = update {
            self.updates.tell(update);
        }
    }

    /// An activity whose event was refused will not tell another one: the run must not wait for it for ever.
    async fn fail(&mut self, reason: String) -> Result<Vec<Command>, Lost> {
        let failure =
            Failure { activity: self.run.state.name().to_owned(), kind: FailureKind::Rejected, message: reason };
        match self.take(Event::Failed(failure)).await? {
            Taken::Accepted(commands) => Ok(commands),
            Taken::Refused(_) => Ok(Vec::new()),
        }
    }

    /// Tells people something that only a reader of the log would know otherwise.
    async fn note(&mut self, message: &str) -> Result<Vec<Command>, Lost> {
        let note = Note { level: Level::Warning, message: message.to_owned() };
        match self.take(Event::Noted(note)).await? {
            Taken::Accepted(commands) => Ok(commands),
            Taken::Refused(_) => Ok(Vec::new()),
        }
    }

    async fn next(&self, activity: &mut Activity, interrupts: &mut Interrupts) -> Event {
        // On the way back neither changes anything, so neither is journalled.
        let listens = !self.run.state.is_tearing_down();
        tokio::select! {
            biased;
            event = interrupts.requests.next(&self.run.state), if listens => event,
            () = &mut interrupts.deadline, if listens => {
                interrupts.deadline = std::future::pending().boxed();
                Event::DeadlineExceeded
            }
            event = activity.next() => event,
        }
    }

    fn interrupts(&mut self) -> Interrupts {
        let Equipment { run, clock, options, created, .. } = &self.equipment;
        let passed = Duration::try_from(clock.now().duration_since(self.run.begun_at.unwrap_or(self.run.created_at)))
            .unwrap_or_default();
        let left = created.spec.limits.deadline.as_duration().saturating_sub(passed);
        let (_, nobody) = mpsc::channel(1);
        let here = std::mem::replace(&mut self.asked, nobody);
        let requests = Arc::clone(&self.requests);
        // Requests are taken in their order: up to the last change of the target all of them are done.
        let done = self.run.state.load().map_or(0, |load| load.retargeted);
        let requests = Requests::new(run.clone(), here, requests, Arc::clone(clock), options.request_poll, done);
        let waiting = Arc::clone(clock);
        Interrupts { requests, deadline: async move { waiting.sleep(left).await }.boxed() }
    }
}
