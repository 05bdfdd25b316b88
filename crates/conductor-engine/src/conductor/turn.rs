//! Runs that wait for their environment: how they line up, take their turn and are taken out.
//!
//! A waiting run is a journal of one record and nothing else: nobody drives it, and nothing of it is in any process, so that it
//! outlives all of them. Whoever holds the claim on the environment may let the next one begin, by its second record; taking it
//! out writes the same record, so that only one of the two can be.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use conductor_core::failure::Failure;
use conductor_core::phase::Event;
use conductor_core::ports::{Claim, Holder, RunRequest, RunSummary, StoreError};
use conductor_core::run::{Created, Record, Run, RunId, Waits, active, queue};
use conductor_core::spec::IfBusy;
use conductor_core::view::{Fold, Update};

use super::{Conductor, FIRST, Found};
use crate::errors::{StartError, TurnError};
use crate::former;
use crate::journal::{Lost, chain};
use crate::progress::Board;

/// What has become of the turn of those that wait for an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nobody waits, or not the one that was asked for.
    Nobody,
    /// This run has begun, and is driven here.
    Begun(RunId),
    /// The one that was asked for, or the next one, has to wait, for this reason.
    Waits(String),
    /// The environment has an active run that no process drives: it must be recovered first.
    Left(RunId),
}

/// What has become of a run whose turn it is.
enum Taken {
    /// It has begun.
    Begun,
    /// It does not wait any more: it was taken out, or cannot begin and is over.
    Gone,
    /// It cannot begin now, for this reason.
    NotNow(String),
}

impl Conductor {
    /// Records a run that waits for its turn. What it needs is tried before, so that nobody waits for what cannot be.
    pub(super) async fn line_up(&self, created: Created) -> Result<RunId, StartError> {
        let environment = created.spec.environment.clone();
        let connected = self.shared.factory.connect(&created, created.epoch(FIRST), Board::new()).await;
        connected.map_err(|source| StartError::Connect { environment: environment.clone(), source })?;
        let runs = self.shared.store.runs().await.map_err(StartError::Store)?;
        let run = active(&runs, &environment).map(|run| run.id.clone());
        let replaces = run.is_some() && created.spec.if_busy == IfBusy::Replace;
        let created = Created { waits: Some(Waits { run, replaces }), learnt: None, ..created };
        let id = self.fresh_id(&created.spec.name);
        self.record(&id, &created).await.map_err(StartError::Store)?;
        if let Some(Waits { run: Some(run), replaces: true }) = &created.waits
            && let Err(error) = self.make_way(run, &id).await
        {
            // Whoever looks at the queue next asks again.
            tracing::warn!(run = %id, error = chain(&error), "the active run cannot be asked to end");
        }
        self.shared.turns.notify_one();
        Ok(id)
    }

    /// Lets the next run of an environment begin here, if its turn has come: no run is active there, and the environment can be
    /// claimed. With `only`, it is no other than this one. Of many conductors that do so at the same time, one begins it.
    ///
    /// # Errors
    /// When the store cannot be used, or the journal of the next run makes no sense.
    pub async fn take_turn(&self, environment: &str, only: Option<&RunId>) -> Result<Turn, TurnError> {
        loop {
            let runs = self.shared.store.runs().await.map_err(TurnError::Store)?;
            let line = queue(&runs, environment);
            let Some(next) = line.first() else { return Ok(Turn::Nobody) };
            if only.is_some_and(|only| line.iter().all(|run| run.id != *only)) {
                return Ok(Turn::Nobody);
            }
            if let Err(closed) = self.gate().borrow().takes_new() {
                return Ok(Turn::Waits(closed.to_string()));
            }
            if let Some(active) = active(&runs, environment) {
                self.see_to(active, next).await?;
                if self.is_tended() {
                    return Ok(Turn::Waits(format!("run {} is active", active.id)));
                }
            }
            let claim = match self.shared.store.claim(environment).await {
                Ok(claim) => claim,
                Err(StoreError::Claimed { holder, .. }) => return Ok(Turn::Waits(in_use(&runs, environment, &holder))),
                Err(error) => return Err(TurnError::Store(error)),
            };
            // Looked at again: until the claim was ours, another may have begun, or have been taken out.
            let runs = self.shared.store.runs().await.map_err(TurnError::Store)?;
            if let Some(left) = active(&runs, environment) {
                return Ok(Turn::Left(left.id.clone()));
            }
            let line = queue(&runs, environment);
            let Some(next) = line.first() else { return Ok(Turn::Nobody) };
            if only.is_some_and(|only| *only != next.id) {
                return Ok(Turn::Waits(format!("run {} is the next", next.id)));
            }
            match self.begin(&next.id, &runs, claim).await? {
                Taken::Begun => return Ok(Turn::Begun(next.id.clone())),
                Taken::NotNow(because) => return Ok(Turn::Waits(because)),
                Taken::Gone => {}
            }
        }
    }

    /// How many runs of the store waited for each environment when this conductor's steward last looked. Those for which none
    /// did are absent.
    pub fn waiting(&self) -> BTreeMap<String, usize> {
        self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The environments for which runs wait, which is kept for whoever asks.
    pub(crate) fn awaited(&self, runs: &[RunSummary]) -> Vec<String> {
        let mut waiting = BTreeMap::new();
        for run in runs.iter().filter(|run| run.waiting.is_some()) {
            *waiting.entry(run.environment.clone()).or_default() += 1;
        }
        let environments = waiting.keys().cloned().collect();
        *self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner) = waiting;
        environments
    }

    /// Takes a run that waits for its turn out of the queue; false when it does not wait, or not any more.
    pub(super) async fn take_out(&self, run: &RunId, by: &str) -> Result<bool, StoreError> {
        let runs = self.shared.store.runs().await?;
        if !runs.iter().any(|known| known.id == *run && known.waiting.is_some()) {
            return Ok(false);
        }
        let journal = self.shared.store.journal(run, 0).await?;
        let (Some(last), true) = (journal.last(), Run::replay(&journal).is_ok_and(|run| run.is_waiting())) else {
            return Ok(false);
        };
        let at = self.shared.clock.now().max(last.at);
        let record = Record { revision: last.revision + 1, at, event: Event::StopRequested { by: by.to_owned() } };
        match self.shared.store.append(run, &record).await {
            Ok(()) => Ok(true),
            // It has begun meanwhile, or somebody else has taken it out.
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(
                error @ (StoreError::UnknownRun(_)
                | StoreError::Claimed { .. }
                | StoreError::Lost { .. }
                | StoreError::Requested { .. }
                | StoreError::Unavailable { .. }),
            ) => Err(error),
        }
    }

    /// Asks the active run to end, if it is the one that the next one replaces.
    async fn see_to(&self, active: &RunSummary, next: &RunSummary) -> Result<(), TurnError> {
        if next.waiting != Some(IfBusy::Replace) {
            return Ok(());
        }
        let fold = self.folded(&next.id).await?;
        match &fold.run.created.waits {
            Some(Waits { run: Some(run), replaces: true }) if *run == active.id => {
                self.make_way(run, &next.id).await.map_err(TurnError::Store)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Asks a run to end for another one, unless that was asked before.
    async fn make_way(&self, run: &RunId, newcomer: &RunId) -> Result<(), StoreError> {
        let request = RunRequest::Stop { by: format!("run {newcomer}, which replaces it") };
        let asked = self.shared.requests.asked(run, 0).await?;
        if asked.iter().any(|(_, known)| *known == request) {
            return Ok(());
        }
        self.shared.requests.ask(run, &request).await
    }

    /// Begins a waiting run, whose environment is claimed.
    async fn begin(&self, id: &RunId, runs: &[RunSummary], claim: Box<dyn Claim>) -> Result<Taken, TurnError> {
        let (mut fold, mut updates) = self.with_updates(id).await?;
        if !fold.run.is_waiting() {
            return Ok(Taken::Gone);
        }
        let learnt = former::learnt(&*self.shared.store, runs, &fold.run.created.spec).await;
        let created = Created { learnt: learnt.clone(), ..fold.run.created.clone() };
        let board = Board::new();
        let epoch = created.epoch(fold.run.revision + 1);
        let connected = self.shared.factory.connect(&created, epoch, board.clone()).await;
        let (event, ports) = match connected {
            Ok(ports) => (Event::Begun { learnt: learnt.map(Box::new) }, Some(ports)),
            Err(error) if error.kind.is_transient() => {
                let because = format!("environment {} cannot be reached: {}", created.spec.environment, chain(&error));
                tracing::warn!(run = %id, because, "the run cannot begin; it is tried again");
                return Ok(Taken::NotNow(because));
            }
            Err(error) => {
                let activity = format!("connect to environment {}", created.spec.environment);
                (Event::Failed(Failure::of(activity, &error)), None)
            }
        };
        let at = self.shared.clock.now().max(fold.view.updated_at);
        let record = Record { revision: fold.run.revision + 1, at, event };
        match self.journal(id).append(&record, |_| ()).await {
            Ok(()) => {}
            Err(Lost(StoreError::Conflict { .. })) => return Ok(Taken::Gone),
            Err(Lost(error)) => return Err(TurnError::Store(error)),
        }
        let replayed = fold.take(&record);
        let (_, update) = replayed.map_err(|source| TurnError::Replay { run: id.clone(), source })?;
        updates.push(update);
        match ports {
            Some(ports) => {
                let equipment = self.equipment(id, created, ports, board);
                self.spawn(equipment, Found { fold, updates, fruitless: 0 }, claim, None);
                Ok(Taken::Begun)
            }
            None => Ok(Taken::Gone),
        }
    }

    async fn folded(&self, id: &RunId) -> Result<Fold, TurnError> {
        self.with_updates(id).await.map(|(fold, _)| fold)
    }

    async fn with_updates(&self, id: &RunId) -> Result<(Fold, Vec<Update>), TurnError> {
        let journal = self.shared.store.journal(id, 0).await.map_err(TurnError::Store)?;
        Fold::of(id, &journal).map_err(|source| TurnError::Replay { run: id.clone(), source })
    }
}

/// Why a claim cannot be had.
fn in_use(runs: &[RunSummary], environment: &str, holder: &Holder) -> String {
    match active(runs, environment) {
        Some(active) => format!("run {} is active", active.id),
        None => format!("environment {environment} is in use by {holder}"),
    }
}
