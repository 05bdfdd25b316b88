//! Runs whose journal is lost, or has ended although not everything was put back: what they have left at applications tells
//! the way back.

use std::collections::BTreeMap;

use conductor_core::phase::{Changes, Event};
use conductor_core::ports::{LeftBehind, StoreError};
use conductor_core::run::{Created, Record, RunId};
use jiff::Timestamp;

use super::{Conductor, FIRST, Found};
use crate::errors::RecoverError;
use crate::progress::Board;

/// Which run is put back by what it has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// The one that somebody has named: whether its conductor lives is theirs to know.
    Named,
    /// One whose conductor is gone: see [`is_gone`].
    Gone,
}

/// Whether nobody drives a run any more that has left this: by the signs of life of its conductor or, where there are none,
/// by a journal here.
///
/// # Errors
/// When its conductor lives, or nothing tells whether it does.
pub fn is_gone(run: &RunId, left: &LeftBehind, has_journal: bool, now: Timestamp) -> Result<(), RecoverError> {
    match left.alive_until {
        Some(until) if until > now => Err(RecoverError::Lives { run: run.clone(), until }),
        None if !has_journal => Err(RecoverError::NoSign(run.clone())),
        Some(_) | None => Ok(()),
    }
}

impl Conductor {
    /// Ends a run by what it has left at applications, which is looked at again once the environment is claimed. Where its
    /// journal is lost it gets a new one, which begins there; one that has ended goes on.
    ///
    /// # Errors
    /// When the run has left nothing any more, or may be driven by somebody, or has a journal here that has not ended, or
    /// the environment is in use or its ports cannot be made, or the store cannot be used.
    pub async fn adopt(&self, run: &RunId, created: Created, how: Adoption) -> Result<(), RecoverError> {
        self.gate().borrow().takes_over()?;
        let environment = created.spec.environment.clone();
        let claim = self.claim(&environment).await?;
        let former = match self.found(run).await {
            Ok(found) => Some(found),
            Err(RecoverError::Store(StoreError::UnknownRun(_))) => None,
            Err(error) => return Err(error),
        };
        if former.as_ref().is_some_and(|found| !found.fold.is_over()) {
            return Err(RecoverError::Journalled(run.clone()));
        }
        // Until the claim was ours, another conductor may have put it back, or taken it over.
        let left = self.left_behind(&created).await?.remove(run);
        let left = left.ok_or_else(|| RecoverError::NothingLeft(run.clone()))?;
        if how == Adoption::Gone {
            is_gone(run, &left, former.is_some(), self.shared.clock.now())?;
        }
        let created = Created { former_epoch: left.epoch, ..created };
        let by_journal =
            former.as_ref().map_or(FIRST, |found| found.fold.run.created.epoch(found.fold.run.revision + 1));
        let board = Board::new();
        let epoch = created.epoch(FIRST).max(by_journal);
        let connected = self.shared.factory.connect(&created, epoch, board.clone()).await;
        let ports = connected.map_err(|source| RecoverError::Connect { environment, source })?;
        let (found, first) = match former {
            Some(found) => (self.reopened(run, found, left.changes).await?, None),
            None => {
                let begun = self.record(run, &created).await.map_err(RecoverError::Store)?;
                (begun, Some(Event::Adopted { changes: left.changes }))
            }
        };
        self.spawn(self.equipment(run, created, ports, board), found, claim, first);
        Ok(())
    }

    /// What runs have left at applications of an environment that they have not put back, whoever started them.
    ///
    /// # Errors
    /// When the environment's ports cannot be made, or it cannot be looked at.
    pub async fn left_behind(&self, created: &Created) -> Result<BTreeMap<RunId, LeftBehind>, RecoverError> {
        let connect = |source| RecoverError::Connect { environment: created.spec.environment.clone(), source };
        let ports = self.shared.factory.connect(created, created.epoch(FIRST), Board::new()).await.map_err(connect)?;
        ports.scaler.left_behind(&created.applications()).await.map_err(connect)
    }

    /// Lets the journal of a run that has ended go on. It is written before anybody can see the run: who follows it would
    /// take its former end for this one.
    async fn reopened(&self, run: &RunId, mut found: Found, changes: Changes) -> Result<Found, RecoverError> {
        let Found { fold, updates, .. } = &mut found;
        let at = self.shared.clock.now().max(fold.view.updated_at);
        let record = Record { revision: fold.run.revision + 1, at, event: Event::Adopted { changes } };
        self.shared.store.append(run, &record).await.map_err(RecoverError::Store)?;
        let taken = fold.take(&record);
        let (_, update) = taken.map_err(|source| RecoverError::Replay { run: run.clone(), source })?;
        updates.push(update);
        Ok(found)
    }
}
