//! Runs whose journal is lost: what they have left at applications tells the way back.

use std::collections::BTreeMap;

use conductor_core::phase::Event;
use conductor_core::ports::LeftBehind;
use conductor_core::run::{Created, RunId};

use super::{Conductor, FIRST};
use crate::errors::RecoverError;
use crate::progress::Board;

impl Conductor {
    /// Ends a run whose journal is lost, by what it has left at applications: it gets a new journal, which begins there.
    ///
    /// # Errors
    /// When the run has a journal after all, or the environment is in use or its ports
    /// cannot be made, or the store cannot be used.
    pub async fn adopt(&self, run: &RunId, created: Created, left: LeftBehind) -> Result<(), RecoverError> {
        let environment = created.spec.environment.clone();
        let claim = self.claim(&environment).await?;
        let known = self.shared.store.runs().await.map_err(RecoverError::Store)?;
        if known.iter().any(|known| known.id == *run) {
            return Err(RecoverError::Journalled(run.clone()));
        }
        let created = Created { former_epoch: left.epoch, ..created };
        let board = Board::new();
        let connected = self.shared.factory.connect(&created, created.epoch(FIRST), board.clone()).await;
        let ports = connected.map_err(|source| RecoverError::Connect { environment, source })?;
        let found = self.record(run, &created).await.map_err(RecoverError::Store)?;
        self.spawn(
            self.equipment(run, created, ports, board),
            found,
            claim,
            Some(Event::Adopted { changes: left.changes }),
        );
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
}
