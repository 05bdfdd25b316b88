//! The handle on the engine: starts, stops, shows and recovers runs. What drives a run is in `driver`.

mod adopt;
mod follow;
mod hand_over;
mod look;
mod start;
mod turn;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub use adopt::{Adoption, is_gone};
use conductor_core::learnt::Learnt;
use conductor_core::phase::{Event, Retarget};
use conductor_core::ports::{
    Annotator, Claim, Clock, PortError, Ports, RunRequest, RunRequests, RunStore, RunSummary, StoreError,
};
use conductor_core::run::{Created, Record, Revision, Run, RunId};
use conductor_core::spec::{LoadShape, LoadTestSpec};
use conductor_core::view::{Fold, RunView, Update};
pub use hand_over::HandOver;
use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio::task::JoinHandle;
use tracing::Instrument;
pub use turn::Turn;

use crate::activity::Equipment;
use crate::driver::Driver;
use crate::errors::{RecoverError, UpdateError};
use crate::feed::{Feed, Reader};
use crate::former;
use crate::gate::Gate;
use crate::journal::Journal;
use crate::options::EngineOptions;
use crate::ports::PortsFactory;
use crate::progress::{Board, Progress};
use crate::spans::Spans;

/// The revision of a run's first record. A conductor's epoch is the revision of the record with which it begins.
const FIRST: Revision = 1;

/// How many runs may begin before whoever is told of them has heard of the first.
const MOST_AT_ONCE: usize = 1024;

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
    /// What is told here of runs that other processes drive, while somebody follows them.
    tails: Mutex<HashMap<RunId, Reader>>,
    gate: watch::Sender<Gate>,
    /// How many runs were driven here so far.
    driven: AtomicU64,
    /// True while a steward takes over what others have left.
    tended: AtomicBool,
    /// Told when a turn may have come: a run has ended here, or has begun to wait.
    turns: Notify,
    /// Told of each run that begins to be driven here, and after which revision.
    begun: broadcast::Sender<(RunId, Revision)>,
    /// How many runs waited for each environment when it was last looked at the queues.
    waiting: Mutex<BTreeMap<String, usize>>,
}

/// A run that this process drives.
struct Local {
    views: watch::Receiver<RunView>,
    updates: Reader,
    progress: watch::Receiver<Progress>,
    ask: mpsc::Sender<String>,
    task: JoinHandle<()>,
    claim: Arc<dyn Claim>,
    /// Which of those that were driven here so far: one run may be driven again.
    number: u64,
}

/// A run's place among those that are driven here. However its task ends, the run is not driven here any more then.
struct Place {
    shared: Arc<Shared>,
    run: RunId,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut local = self.shared.local.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = local.get(&self.run).is_some_and(|known| known.number == self.number);
        let ended = if ended { local.remove(&self.run) } else { None };
        drop(local);
        // With it goes what is left of its claim, which is the store's matter.
        drop(ended);
        self.shared.turns.notify_one();
    }
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
        let (local, tails) = (Mutex::default(), Mutex::default());
        let (gate, driven) = (watch::Sender::new(Gate::Open), AtomicU64::new(0));
        let (tended, turns, waiting) = (AtomicBool::new(false), Notify::new(), Mutex::default());
        let begun = broadcast::Sender::new(MOST_AT_ONCE);
        let shared = Shared {
            store,
            requests,
            factory,
            clock,
            options,
            local,
            tails,
            gate,
            driven,
            tended,
            turns,
            begun,
            waiting,
        };
        Self { shared: Arc::new(shared) }
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
    /// When a process drives the run, or it has ended, or it waits for its turn, or its journal makes no sense, or its
    /// environment's ports cannot be made, or the store cannot be used.
    pub async fn recover(&self, run: &RunId, how: Recovery) -> Result<(), RecoverError> {
        let environment = self.found(run).await?.fold.run.created.spec.environment;
        let claim = self.claim(&environment).await?;
        // Read again: until the claim was ours, another process may have written.
        let found = self.found(run).await?;
        self.take_over(run, found, claim, how).await
    }

    /// Goes on with a run that was found once its environment was claimed.
    pub(crate) async fn take_over(
        &self,
        run: &RunId,
        found: Found,
        claim: Box<dyn Claim>,
        how: Recovery,
    ) -> Result<(), RecoverError> {
        self.gate().borrow().takes_over()?;
        if found.fold.is_over() {
            return Err(RecoverError::Finished(run.clone()));
        }
        if found.fold.run.is_waiting() {
            return Err(RecoverError::Waits(run.clone()));
        }
        let created = &found.fold.run.created;
        let environment = created.spec.environment.clone();
        let board = Board::new();
        let epoch = created.epoch(found.fold.run.revision + 1);
        let connected = self.shared.factory.connect(created, epoch, board.clone()).await;
        let ports = connected.map_err(|source| RecoverError::Connect { environment, source })?;
        let equipment = self.equipment(run, found.fold.run.created.clone(), ports, board);
        let first = match how {
            Recovery::TearDown => Event::Abandoned,
            Recovery::Continue => Event::Resumed,
        };
        self.spawn(equipment, found, claim, Some(first));
        Ok(())
    }

    /// Asks a run to end; it then goes the whole way back. One that waits for its turn ends at once. Idempotent. On a run that
    /// has ended it does nothing.
    ///
    /// # Errors
    /// When this process does not drive the run and the store cannot be used.
    pub async fn stop(&self, run: &RunId, by: &str) -> Result<(), StoreError> {
        let asked = self.local(run, |local| local.ask.try_send(by.to_owned()));
        match asked {
            // A full channel holds a request already, and a closed one means that the run goes back as it is.
            Some(Ok(()) | Err(_)) => Ok(()),
            None if self.take_out(run, by).await? => Ok(()),
            None => self.shared.requests.ask(run, &RunRequest::Stop { by: by.to_owned() }).await,
        }
    }

    /// Asks a run to go for another target. It does so once it generates load, without a jump: see [`Retarget`].
    ///
    /// # Errors
    /// When the change makes no sense for the run's test, or its load would not end before the run's deadline, or the
    /// test is a search, or the run's load is over, or the run cannot be read, or the request cannot be left in the store.
    pub async fn update(&self, run: &RunId, change: Retarget, by: &str) -> Result<(), UpdateError> {
        let journal = self.shared.store.journal(run, 0).await.map_err(UpdateError::Store)?;
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
        let before_s = began.duration_since(found.begun_at.unwrap_or(now)).as_secs_f64();
        if before_s + line.end_s() >= spec.limits.deadline.as_secs_f64() {
            return Err(UpdateError::PastDeadline { deadline: spec.limits.deadline });
        }
        let request = RunRequest::Retarget { change, by: by.to_owned() };
        self.shared.requests.ask(run, &request).await.map_err(UpdateError::Store)
    }

    /// All runs, newest first.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub async fn list(&self) -> Result<Vec<RunSummary>, StoreError> {
        self.shared.store.runs().await
    }

    /// Tells whether a steward takes over what others have left.
    pub(crate) fn set_tended(&self, tended: bool) {
        self.shared.tended.store(tended, Ordering::Relaxed);
    }

    fn is_tended(&self) -> bool {
        self.shared.tended.load(Ordering::Relaxed)
    }

    /// Waits until a turn may have come, as far as this process knows.
    pub(crate) async fn may_be_a_turn(&self) {
        self.shared.turns.notified().await;
    }

    /// Whether runs are taken on.
    pub(crate) fn gate(&self) -> &watch::Sender<Gate> {
        &self.shared.gate
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.shared.clock
    }

    /// True while this process drives the run.
    pub fn drives(&self, run: &RunId) -> bool {
        self.local(run, |_| ()).is_some()
    }

    /// The runs that this process drives.
    pub fn driven(&self) -> Vec<RunId> {
        self.shared.local.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Claims the environment of a run that is to be put back.
    pub(crate) async fn claim(&self, environment: &str) -> Result<Box<dyn Claim>, RecoverError> {
        self.shared.store.claim(environment).await.map_err(|error| match error {
            StoreError::Claimed { environment, holder } => RecoverError::Claimed { environment, holder },
            StoreError::Conflict { .. }
            | StoreError::UnknownRun(_)
            | StoreError::Lost { .. }
            | StoreError::Requested { .. }
            | StoreError::Unavailable { .. } => RecoverError::Store(error),
        })
    }

    /// Begins the journal of a run.
    async fn record(&self, id: &RunId, created: &Created) -> Result<Found, StoreError> {
        let at = self.shared.clock.now();
        let first = Record { revision: FIRST, at, event: Event::Created(Box::new(created.clone())) };
        self.shared.store.append(id, &first).await?;
        let created = created.clone();
        let run = Run::new(created, at, FIRST);
        let view = RunView::begin(id, &run);
        let updates = vec![view.begun()];
        Ok(Found { fold: Fold { run, view }, updates, fruitless: 0 })
    }

    fn equipment(&self, run: &RunId, created: Created, ports: Ports, board: Arc<Board>) -> Equipment {
        let (clock, options) = (Arc::clone(&self.shared.clock), self.shared.options);
        let spans = Arc::new(Spans::begin(run, &created));
        Equipment { run: run.clone(), created: Arc::new(created), ports, clock, options, board, spans }
    }

    fn spawn(&self, equipment: Equipment, found: Found, claim: Box<dyn Claim>, first: Option<Event>) {
        let Found { fold: Fold { run, view }, updates, .. } = found;
        let last_at = view.updated_at;
        let (views, seen) = watch::channel(view);
        let updates = Feed::new(updates);
        let reader = updates.reader();
        let (ask, asked) = mpsc::channel(1);
        let (id, progress) = (equipment.run.clone(), equipment.board.subscribe());
        let journal = self.journal(&id);
        let requests = Arc::clone(&self.shared.requests);
        let claim: Arc<dyn Claim> = Arc::from(claim);
        let held = Arc::clone(&claim);
        let span = equipment.spans.run();
        let driver = Driver { equipment, journal, run, views, updates, last_at, requests, asked, claim };
        let number = self.shared.driven.fetch_add(1, Ordering::Relaxed);
        let place = Place { shared: Arc::clone(&self.shared), run: id.clone(), number };
        let (news, begun) = ((id.clone(), driver.run.revision), &self.shared.begun);
        let mut local = self.shared.local.lock().unwrap_or_else(PoisonError::into_inner);
        if *self.gate().borrow() == Gate::HandedOver {
            // Its journal has begun, or goes on as it was: whoever finds it unfinished drives it.
            drop(local);
            return;
        }
        // The lock is held until the run is entered, so that it cannot be taken out before that.
        let task = async move {
            driver.drive(first).await;
            drop(place);
        };
        let task = tokio::spawn(task.instrument(span));
        local.insert(id, Local { views: seen, updates: reader, progress, ask, task, claim: held, number });
        drop(local);
        // It fails where nobody wants to hear of it.
        let _ = begun.send(news);
    }

    /// The runs that begin to be driven here from now on, each with the revision after which that is.
    pub(crate) fn begun(&self) -> broadcast::Receiver<(RunId, Revision)> {
        self.shared.begun.subscribe()
    }

    pub(crate) fn store(&self) -> Arc<dyn RunStore> {
        Arc::clone(&self.shared.store)
    }

    pub(crate) fn clock_handle(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.shared.clock)
    }

    pub(crate) fn annotator(&self, created: &Created) -> Result<Option<Arc<dyn Annotator>>, PortError> {
        self.shared.factory.annotator(created)
    }

    fn journal(&self, run: &RunId) -> Journal {
        let Shared { store, clock, options, .. } = &*self.shared;
        Journal { store: Arc::clone(store), run: run.clone(), clock: Arc::clone(clock), retry: options.retry }
    }

    fn local<T>(&self, run: &RunId, look: impl FnOnce(&Local) -> T) -> Option<T> {
        self.shared.local.lock().unwrap_or_else(PoisonError::into_inner).get(run).map(look)
    }

    pub(crate) async fn found(&self, id: &RunId) -> Result<Found, RecoverError> {
        let journal = self.shared.store.journal(id, 0).await.map_err(RecoverError::Store)?;
        let folded = Fold::of(id, &journal);
        let (fold, updates) = folded.map_err(|source| RecoverError::Replay { run: id.clone(), source })?;
        let others = |record: &&Record| matches!(record.event, Event::Resumed | Event::Abandoned);
        let fruitless = journal.iter().rev().take_while(others).count();
        Ok(Found { fold, updates, fruitless: u32::try_from(fruitless).unwrap_or(u32::MAX) })
    }
}

/// A run as its journal tells it.
pub(crate) struct Found {
    fold: Fold,
    updates: Vec<Update>,
    /// How many conductors have taken it over at last without anything coming of it.
    fruitless: u32,
}

impl Found {
    /// When its last record was written.
    pub(crate) const fn last_at(&self) -> jiff::Timestamp {
        self.fold.view.updated_at
    }

    pub(crate) const fn fruitless(&self) -> u32 {
        self.fruitless
    }
}
