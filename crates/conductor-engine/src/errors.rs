//! Why the conductor could not do what it was asked. What goes wrong inside a run is in its journal instead.

use conductor_core::ports::{PortError, StoreError};
use conductor_core::run::{ReplayError, RunId};

/// Why a run was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process works on the environment.
    #[error("environment {environment} is in use by {holder}")]
    Claimed {
        /// The environment.
        environment: String,
        /// Who works on it.
        holder: String,
    },
    /// The environment's last run never ended and nobody drives it: it must be recovered first.
    #[error("run {run} of environment {environment} never ended; restore it first")]
    Unfinished {
        /// The environment.
        environment: String,
        /// The run.
        run: RunId,
    },
    /// The environment's ports could not be made.
    #[error("could not connect to environment {environment}")]
    Connect {
        /// The environment.
        environment: String,
        /// Why.
        #[source]
        source: PortError,
    },
    /// The store could not be used.
    #[error("could not record the run")]
    Store(#[source] StoreError),
}

/// Why a run was not recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// A process drives it.
    #[error("environment {environment} is in use by {holder}")]
    Claimed {
        /// The environment.
        environment: String,
        /// Who works on it.
        holder: String,
    },
    /// It has ended: there is nothing to recover.
    #[error("run {0} has ended")]
    Finished(RunId),
    /// Its journal makes no sense.
    #[error("could not replay the journal of run {run}")]
    Replay {
        /// The run.
        run: RunId,
        /// Why.
        #[source]
        source: ReplayError,
    },
    /// The environment's ports could not be made.
    #[error("could not connect to environment {environment}")]
    Connect {
        /// The environment.
        environment: String,
        /// Why.
        #[source]
        source: PortError,
    },
    /// The store could not be used.
    #[error("could not read the run")]
    Store(#[source] StoreError),
}

/// Why a run cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// Its journal makes no sense.
    #[error("could not replay the journal of run {run}")]
    Replay {
        /// The run.
        run: RunId,
        /// Why.
        #[source]
        source: ReplayError,
    },
    /// The store could not be used.
    #[error("could not read the run")]
    Store(#[source] StoreError),
}
