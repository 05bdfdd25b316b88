//! Why the conductor could not do what it was asked. What goes wrong inside a run is in its journal instead.

use conductor_core::ports::{Holder, PortError, StoreError};
use conductor_core::run::{ReplayError, RequestId, RunId};
use conductor_core::spec::SpecError;
use conductor_core::units::Span;
use jiff::Timestamp;

/// Why a run was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process works on the environment.
    #[error("environment {environment} is in use by {holder}")]
    Claimed {
        /// The environment.
        environment: String,
        /// Who works on it.
        holder: Holder,
    },
    /// The environment's last run never ended and nobody drives it: it must be recovered first.
    #[error("run {run} of environment {environment} never ended; restore it first")]
    Unfinished {
        /// The environment.
        environment: String,
        /// The run.
        run: RunId,
    },
    /// Another run waits for the environment, and is the next there.
    #[error("run {run} waits for environment {environment} and is the next there")]
    Awaited {
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
    /// The environment is not as it has to be before a run can begin there.
    #[error("environment {environment} cannot be used")]
    Unusable {
        /// The environment.
        environment: String,
        /// What would have to be done first.
        #[source]
        source: PortError,
    },
    /// The caller has named another load test's request the same.
    #[error("request {request} has made run {run} of another load test; expected an id that was not used before")]
    RequestReused {
        /// The request.
        request: RequestId,
        /// The run that it has made.
        run: RunId,
    },
    /// The run that the same request has made before cannot be read.
    #[error("could not read run {run}, which request {request} has made before")]
    Unreadable {
        /// The request.
        request: RequestId,
        /// The run.
        run: RunId,
        /// Why.
        #[source]
        source: ViewError,
    },
    /// What the load test names as its baseline cannot be one.
    #[error("spec.baseline: {problem}; expected {expected}")]
    Baseline {
        /// The run that it names.
        run: RunId,
        /// What is wrong.
        problem: String,
        /// What would be right.
        expected: String,
    },
    /// Runs that others have left are taken over first.
    #[error("unfinished runs are being taken over, and no new one is started before that; try again in some seconds")]
    TakingOver,
    /// This conductor ends, and hands over what it has.
    #[error("this conductor is shutting down and takes no runs on; ask another one, or try again once it is back")]
    HandedOver,
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
        holder: Holder,
    },
    /// It has ended: there is nothing to recover.
    #[error("run {0} has ended")]
    Finished(RunId),
    /// It waits for its turn: it has changed nothing, and there is nothing to recover.
    #[error("run {0} waits for its turn and has changed nothing; conductor stop {0} takes it out of the queue")]
    Waits(RunId),
    /// It has a journal that leads back better than what it has left.
    #[error("run {0} has a journal here and has not ended; conductor restore {0} puts it back by that")]
    Journalled(RunId),
    /// It has left nothing at applications, or it is put back by now.
    #[error("run {0} has left nothing in the environment any more")]
    NothingLeft(RunId),
    /// Its conductor gives signs of life.
    #[error("run {run} is left alone: its conductor lives, or has until {until:.0} to say so")]
    Lives {
        /// The run.
        run: RunId,
        /// Until when it is taken to live.
        until: Timestamp,
    },
    /// No conductor has given any sign of life for it, so that one may drive it all the same.
    #[error(
        "run {0} is left alone: nothing tells whether its conductor lives; if none does, conductor restore {0} --from-cluster --settings FILE puts back what was before"
    )]
    NoSign(RunId),
    /// This conductor ends, and hands over what it has.
    #[error("this conductor is shutting down and takes no runs on; ask another one, or try again once it is back")]
    HandedOver,
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

/// Why nobody's turn was looked for.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// The journal of the run that is the next makes no sense.
    #[error("could not replay the journal of run {run}, which is the next")]
    Replay {
        /// The run.
        run: RunId,
        /// Why.
        #[source]
        source: ReplayError,
    },
    /// The store could not be used.
    #[error("could not look for the run that is the next, or let it begin")]
    Store(#[source] StoreError),
}

/// Why a run's target was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The change makes no sense for the run's test.
    #[error(transparent)]
    Change(SpecError),
    /// The load would go on for longer than the run may.
    #[error(
        "plateau: the load would not be over before the run's deadline of {deadline} (limits.deadline); expected less time to reach the target and to hold it"
    )]
    PastDeadline {
        /// The deadline, from the run's start.
        deadline: Span,
    },
    /// The run's test is a search, which moves the target itself.
    #[error("run {0} searches for the highest KPI, and there is no target to change")]
    Searches(RunId),
    /// The run is on its way back, or has ended.
    #[error("run {run} is in {state}: its load is over, and there is no target to change")]
    LoadIsOver {
        /// The run.
        run: RunId,
        /// The name of its state.
        state: &'static str,
    },
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
    #[error("could not read the run, or leave the request")]
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
