//! The handle on the engine: starts, stops, shows and recovers runs. What drives a run is in `driver`.

mod adopt;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

pub use adopt::{Adoption, is_gone};
use conductor_core::learnt::Learnt;
use conductor_core::phase::{Event, Phase, Retarget, State};
use conductor_core::ports::{Claim, Clock, RunRequest, RunRequests, RunStore, RunSummary, StoreError};
use conductor_core::run::{Created, Record, Revision, Run, RunId};
use conductor_core::spec::{LoadShape, LoadTestSpec};
use conductor_core::view::RunView;
use futures::{Stream, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::Instrument;

use crate::activity::Equipment;
use crate::driver::Driver;
use crate::errors::{RecoverError, StartError, UpdateError, ViewError};
use crate::former;
use crate::journal::Journal;
use crate::options::EngineOptions;
use crate::ports::{Ports, PortsFactory};
use crate::progress::{Board, Progress};
use crate::spans::Spans;

/// The revision of a run's first record. A conductor's epoch is the revision of the record with which it begins.
const FIRST: Revision = 1;

/// Runs load tests. Cloning gives another handle on the same runs; dropping all handles stops none of them.
#[derive(Clone)]
pub struct Conductor {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn RunStore>,
    requests: Arc<dyn RunRequests>,
    factory: Arc<dyn PortsFactory>,
    clock: Arc<dyn Clock>,
    options: EngineOptions,
    local: Mutex<HashMap<RunId, Local>>,
}

/// A run that this process drives.
struct Local {
    views: watch::Receiver<RunView>,
    progress: watch::Receiver<Progress>,
    ask: mpsc::Sender<String>,
    task: JoinHandle<()>,
}

/// What becomes of a run whose conductor died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Everything is put back, and the run ends.
    TearDown,
    /// The run goes on where it was.
    Continue,
}

impl Conductor {
    /// A conductor that keeps its runs in `store`, hears requests of other processes by `requests` and makes each
    /// run's ports with `factory`.
    pub fn new(
        store: Arc<dyn RunStore>,
        requests: Arc<dyn RunRequests>,
        factory: Arc<dyn PortsFactory>,
        clock: Arc<dyn Clock>,
        options: EngineOptions,
    ) -> Self {
        let local = Mutex::new(HashMap::new());
        Self { shared: Arc::new(Shared { store, requests, factory, clock, options, local }) }
    }

    /// Claims the environment, records the run with what the last run of the same load test has learnt, and drives it
    /// in a task of its own. Not idempotent.
    ///
    /// # Errors
    /// When the environment is in use, or its last run never ended (see [`Conductor::recover`]), or the environment's
    /// ports cannot be made, or the store cannot be used. Then nothing was changed and no run was recorded.
    pub async fn start(&self, created: Created) -> Result<RunId, StartError> {
        let environment = created.spec.environment.clone();
        let claim = self.shared.store.claim(&environment).await.map_err(|error| match error {
            StoreError::Claimed { environment, holder } => StartError::Claimed { environment, holder },
            StoreError::Conflict { .. }
            | StoreError::UnknownRun(_)
            | StoreError::Lost { .. }
            | StoreError::Unavailable { .. } => StartError::Store(error),
        })?;
        let runs = self.shared.store.runs().await.map_err(StartError::Store)?;
        if let Some(open) = runs.iter().find(|run| run.environment == environment && !run.finished) {
            return Err(StartError::Unfinished { environment, run: open.id.clone() });
        }
        let learnt = former::learnt(&*self.shared.store, &runs, &created.spec).await;
        let created = Created { learnt, ..created };
        let board = Board::new();
        let connected = self.shared.factory.connect(&created, created.epoch(FIRST), board.clone()).await;
        let ports = connected.map_err(|source| StartError::Connect { environment, source })?;
        let id = fresh_id(&created.spec.name, self.shared.clock.now());
        let found = self.record(&id, &created).await.map_err(StartError::Store)?;
        self.spawn(self.equipment(&id, created, ports, board), found, claim, None);
        Ok(id)
    }

    /// What a run of a load test would begin with: what its last run has learnt. `None` where there is none, or the load
    /// test does not want it.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub async fn learnt(&self, spec: &LoadTestSpec) -> Result<Option<Learnt>, StoreError> {
        let runs = self.shared.store.runs().await?;
        Ok(former::learnt(&*self.shared.store, &runs, spec).await)
    }

    /// Takes over a run whose conductor died.
    ///
    /// # Errors
    /// When a process drives the run, or it has ended, or its journal makes no sense, or its environment's ports cannot
    /// be made, or the store cannot be used.
    pub async fn recover(&self, run: &RunId, how: Recovery) -> Result<(), RecoverError> {
        let environment = self.found(run).await?.run.created.spec.environment;
        let claim = self.claim(&environment).await?;
        // Read again: until the claim was ours, another process may have written.
        let found = self.found(run).await?;
        if matches!(found.run.state, State::Finished { .. }) {
            return Err(RecoverError::Finished(run.clone()));
        }
        let created = &found.run.created;
        let board = Board::new();
        let epoch = created.epoch(found.run.revision + 1);
        let connected = self.shared.factory.connect(created, epoch, board.clone()).await;
        let ports = connected.map_err(|source| RecoverError::Connect { environment, source })?;
        let equipment = self.equipment(run, found.run.created.clone(), ports, board);
        let first = match how {
            Recovery::TearDown => Event::Abandoned,
            Recovery::Continue => Event::Resumed,
        };
        self.spawn(equipment, found, claim, Some(first));
        Ok(())
    }

    /// Asks a run to end; it then goes the whole way back. Idempotent. On a run that has ended it does nothing.
    ///
    /// # Errors
    /// When another process drives the run and the request cannot be left in the store.
    pub async fn stop(&self, run: &RunId, by: &str) -> Result<(), StoreError> {
        let asked = self.local(run, |local| local.ask.try_send(by.to_owned()));
        match asked {
            // A full channel holds a request already, and a closed one means that the run goes back as it is.
            Some(Ok(()) | Err(_)) => Ok(()),
            None => self.shared.requests.ask(run, &RunRequest::Stop { by: by.to_owned() }).await,
        }
    }

    /// True while some process, this one or another, drives the run; false when it has ended, or its conductor died
    /// and it waits for [`Conductor::recover`].
    ///
    /// # Errors
    /// When there is no such run, or the store cannot be used.
    pub async fn is_driven(&self, run: &RunId) -> Result<bool, StoreError> {
        if self.local(run, |_| ()).is_some() {
            return Ok(true);
        }
        let runs = self.shared.store.runs().await?;
        let found = runs.into_iter().find(|known| known.id == *run);
        let found = found.ok_or_else(|| StoreError::UnknownRun(run.clone()))?;
        if found.finished {
            return Ok(false);
        }
        // A claim that can be had is nobody's, and is given back at once.
        match self.shared.store.claim(&found.environment).await {
            Ok(claim) => {
                claim.give_back().await;
                Ok(false)
            }
            Err(StoreError::Claimed { .. }) => Ok(true),
            Err(
                error @ (StoreError::Conflict { .. }
                | StoreError::UnknownRun(_)
                | StoreError::Lost { .. }
                | StoreError::Unavailable { .. }),
            ) => Err(error),
        }
    }

    /// Asks a run to go for another target. It does so once it generates load, without a jump: see [`Retarget`].
    ///
    /// # Errors
    /// When the change makes no sense for the run's test, or its load would not end before the run's deadline, or the
    /// test is a search, or the run's load is over, or the run cannot be read, or the request cannot be left in the store.
    pub async fn update(&self, run: &RunId, change: Retarget, by: &str) -> Result<(), UpdateError> {
        let journal = self.shared.store.journal(run).await.map_err(UpdateError::Store)?;
        let found = Run::replay(&journal).map_err(|source| UpdateError::Replay { run: run.clone(), source })?;
        let spec = &found.created.spec;
        change.check(spec).map_err(UpdateError::Change)?;
        if found.state.is_tearing_down() {
            return Err(UpdateError::LoadIsOver { run: run.clone(), state: found.state.name() });
        }
        if let LoadShape::Search(_) = &spec.shape {
            return Err(UpdateError::Searches(run.clone()));
        }
        let now = self.shared.clock.now();
        let load = found.state.load();
        let began = load.map_or(now, |load| load.started);
        let line = load.map_or_else(|| spec.profile(), |load| load.profile.clone());
        let line = change.applied(spec, &line, load.map_or(0.0, |load| load.seconds(now)));
        let before_s = began.duration_since(found.created_at).as_secs_f64();
        if before_s + line.end_s() >= spec.limits.deadline.as_secs_f64() {
            return Err(UpdateError::PastDeadline { deadline: spec.limits.deadline });
        }
        let request = RunRequest::Retarget { change, by: by.to_owned() };
        self.shared.requests.ask(run, &request).await.map_err(UpdateError::Store)
    }

    /// A run as it is now.
    ///
    /// # Errors
    /// When there is no such run, or the store cannot be used.
    pub async fn get(&self, run: &RunId) -> Result<RunView, ViewError> {
        match self.local(run, |local| local.views.borrow().clone()) {
            Some(view) => Ok(view),
            None => self.read(run).await,
        }
    }

    /// How far rollouts and scaling of a run are, now and after every change; `None` where this process does not drive it.
    pub fn progress(&self, run: &RunId) -> Option<watch::Receiver<Progress>> {
        self.local(run, |local| local.progress.clone())
    }

    /// All runs, newest first.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub async fn list(&self) -> Result<Vec<RunSummary>, StoreError> {
        self.shared.store.runs().await
    }

    /// A run as it is now and after every change, until it has ended. A slow reader misses views in between, never the
    /// last one.
    ///
    /// # Errors
    /// When there is no such run, or the store cannot be used.
    pub async fn watch(&self, run: &RunId) -> Result<impl Stream<Item = RunView> + Send + use<>, ViewError> {
        let views = self.local(run, |local| local.views.clone());
        let present = self.get(run).await?;
        let (this, run) = (self.clone(), run.clone());
        Ok(async_stream::stream! {
            let mut shown = present.revision;
            let mut over = present.phase == Phase::Finished;
            yield present;
            if let Some(mut views) = views {
                views.mark_changed();
                while !over && views.changed().await.is_ok() {
                    let view = views.borrow_and_update().clone();
                    (shown, over) = (view.revision, view.phase == Phase::Finished);
                    yield view;
                }
            }
            // Another process drives the run, or this one has let go of it.
            while !over {
                this.shared.clock.sleep(this.shared.options.watch_poll).await;
                match this.read(&run).await {
                    Ok(view) if view.revision > shown => {
                        (shown, over) = (view.revision, view.phase == Phase::Finished);
                        yield view;
                    }
                    Ok(_) => {}
                    Err(error) => tracing::warn!(%run, error = crate::journal::chain(&error), "the run cannot be read"),
                }
            }
        })
    }

    /// Waits until a run has ended.
    ///
    /// # Errors
    /// When there is no such run, or the store cannot be used.
    pub async fn wait(&self, run: &RunId) -> Result<RunView, ViewError> {
        let mut views = std::pin::pin!(self.watch(run).await?);
        let mut last = None;
        while let Some(view) = views.next().await {
            last = Some(view);
        }
        match last {
            Some(view) => Ok(view),
            None => self.read(run).await,
        }
    }

    /// Lets go of a run as if this process had died: nothing is put back, and another conductor may recover the run.
    /// Returns once its work has ended here. On a run that is not driven here it does nothing.
    pub async fn let_go(&self, run: &RunId) {
        let local = self.shared.local.lock().unwrap_or_else(PoisonError::into_inner).remove(run);
        if let Some(local) = local {
            local.task.abort();
            // The only error is that the task was cancelled, which is what was asked for.
            local.task.await.unwrap_or_default();
        }
    }

    /// Claims the environment of a run that is to be put back.
    async fn claim(&self, environment: &str) -> Result<Box<dyn Claim>, RecoverError> {
        self.shared.store.claim(environment).await.map_err(|error| match error {
            StoreError::Claimed { environment, holder } => RecoverError::Claimed { environment, holder },
            StoreError::Conflict { .. }
            | StoreError::UnknownRun(_)
            | StoreError::Lost { .. }
            | StoreError::Unavailable { .. } => RecoverError::Store(error),
        })
    }

    /// Begins the journal of a run.
    async fn record(&self, id: &RunId, created: &Created) -> Result<Found, StoreError> {
        let at = self.shared.clock.now();
        let first = Record { revision: FIRST, at, event: Event::Created(Box::new(created.clone())) };
        self.shared.store.append(id, &first).await?;
        let created = created.clone();
        let run = Run { created, created_at: at, state: State::Accepted, revision: FIRST, guarded: None };
        let view = RunView::begin(id, &run);
        Ok(Found { run, view, last_at: at })
    }

    fn equipment(&self, run: &RunId, created: Created, ports: Ports, board: Arc<Board>) -> Equipment {
        let (clock, options) = (Arc::clone(&self.shared.clock), self.shared.options);
        let spans = Arc::new(Spans::begin(run, &created));
        Equipment { run: run.clone(), created: Arc::new(created), ports, clock, options, board, spans }
    }

    fn spawn(&self, equipment: Equipment, found: Found, claim: Box<dyn Claim>, first: Option<Event>) {
        let Found { run, view, last_at } = found;
        let (views, seen) = watch::channel(view.clone());
        let (ask, asked) = mpsc::channel(1);
        let (id, progress) = (equipment.run.clone(), equipment.board.subscribe());
        let Shared { store, requests, clock, options, .. } = &*self.shared;
        let journal =
            Journal { store: Arc::clone(store), run: id.clone(), clock: Arc::clone(clock), retry: options.retry };
        let requests = Arc::clone(requests);
        let claim = Arc::from(claim);
        let span = equipment.spans.run();
        let driver = Driver { equipment, journal, run, view, views, last_at, requests, asked, claim };
        let shared = Arc::clone(&self.shared);
        let mut local = self.shared.local.lock().unwrap_or_else(PoisonError::into_inner);
        let over = id.clone();
        // The lock is held until the run is entered, so that it cannot be taken out before that.
        let task = async move {
            driver.drive(first).await;
            shared.local.lock().unwrap_or_else(PoisonError::into_inner).remove(&over);
        };
        let task = tokio::spawn(task.instrument(span));
        local.insert(id, Local { views: seen, progress, ask, task });
    }

    fn local<T>(&self, run: &RunId, look: impl FnOnce(&Local) -> T) -> Option<T> {
        self.shared.local.lock().unwrap_or_else(PoisonError::into_inner).get(run).map(look)
    }

    async fn read(&self, run: &RunId) -> Result<RunView, ViewError> {
        let journal = self.shared.store.journal(run).await.map_err(ViewError::Store)?;
        RunView::of(run, &journal).map_err(|source| ViewError::Replay { run: run.clone(), source })
    }

    async fn found(&self, id: &RunId) -> Result<Found, RecoverError> {
        let journal = self.shared.store.journal(id).await.map_err(RecoverError::Store)?;
        let unreadable = |source| RecoverError::Replay { run: id.clone(), source };
        let run = Run::replay(&journal).map_err(unreadable)?;
        let view = RunView::of(id, &journal).map_err(unreadable)?;
        let last_at = view.updated_at;
        Ok(Found { run, view, last_at })
    }
}

/// A run as its journal tells it.
struct Found {
    run: Run,
    view: RunView,
    last_at: jiff::Timestamp,
}

/// A name that people can read and sort, such as `cyber-week-20261124-141500-x7k2`.
fn fresh_id(name: &str, at: jiff::Timestamp) -> RunId {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    const LONGEST_NAME: usize = 80;
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let name: String = name.chars().take(LONGEST_NAME).map(plain).collect();
    let chance: String = (0..4).map(|_| char::from(LETTERS[rand::random_range(0..LETTERS.len())])).collect();
    let text = format!("{name}-{}-{chance}", at.strftime("%Y%m%d-%H%M%S"));
    match text.parse() {
        Ok(id) => id,
        Err(error) => unreachable!("a valid test's name makes a valid id: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runs_id_is_made_of_its_name_the_time_and_chance() {
        let at: jiff::Timestamp = "2026-11-24T14:15:00Z".parse().unwrap();
        let id = fresh_id("team/cyber-week", at);
        assert!(id.as_str().starts_with("team-cyber-week-20261124-141500-"), "{id}");
        assert_ne!(id, fresh_id("team/cyber-week", at));
    }
}
