//! The ports: what the conductor asks of the world. One adapter implements each for one foreign system.
//!
//! Every method is idempotent unless it says otherwise: after a crash the last commands are issued again. A lookup
//! answers with what exists; what is absent from a returned map does not exist there, while `Err` means that it could
//! not be found out.

mod all;
mod monitoring;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use all::{CheckingSource, Ports};
pub use monitoring::{FigureSource, SaturationSource};

pub use crate::failure::{FailureKind, PortError};

use crate::alert::Notice;
use crate::annotation::Annotation;
use crate::app::{Allocation, ApplicationId};
use crate::caller::{Identity, Reviewed, Role};
use crate::capacity::Shortage;
use crate::crosscheck::Counts;
use crate::guard::{Drift, Guarded, Pause};
use crate::layout::LayoutSight;
use crate::load::{GeneratorFacts, GeneratorStatus, KpiSample, LoadSetting, Tags};
use crate::mocks::{MockProof, MockSight, MockSpec};
use crate::parity::Sides;
use crate::phase::{Changes, Retarget};
use crate::release::{Release, Rollout};
use crate::requests::RequestWindow;
use crate::run::{Record, RequestId, Revision, RunId};
use crate::scale::{Baseline, ScaleStep};
use crate::spec::IfBusy;

/// What production runs now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Production {
    /// The versions.
    pub release: Release,
    /// Replicas and resources.
    pub allocation: Allocation,
    /// By what the delivery system knows the deployment that has put these versions there; `None` where nothing tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy_id: Option<String>,
}

impl Production {
    /// What nothing tells the deployment of.
    pub fn new(release: Release, allocation: Allocation) -> Self {
        Self { release, allocation, deploy_id: None }
    }
}

/// Tells what production runs now. It has no method that writes.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait ReleaseSource: Send + Sync {
    /// Versions and allocation of the applications in production.
    async fn production(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Production>, PortError>;
}

/// Which way an application is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Towards the state of the test. What was there before must not be lost.
    There,
    /// Back to what was there before the run.
    Back,
}

/// What an application runs in the test environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// The wanted versions, which a rollout may still be working on.
    pub release: Release,
    /// By what it is known whether it is still the same and not one of the same name; `None` where there is no such thing.
    pub identity: Option<String>,
}

/// How far an application is that is being rolled out or scaled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// Replicas that are ready.
    pub ready: u32,
    /// Replicas that there shall be.
    pub wanted: u32,
    /// The same and what else is missing, for people, such as `3 of 20 replicas ready`.
    pub text: String,
}

/// Hears how far rollouts and scaling are while they are waited for. Nothing of it is kept: it is for whoever looks now.
pub trait ProgressSink: fmt::Debug + Send + Sync {
    /// An application is so far now.
    fn told(&self, application: &ApplicationId, readiness: Readiness);
}

/// Puts versions into the test environment.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait Deployer: Send + Sync {
    /// What the applications run in the test environment.
    async fn deployed(&self, applications: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Deployed>, PortError>;

    /// Tries whether these rollouts can be done, and tells by what each is done, such as `a DeploymentTask of
    /// delivery.example/v1`, where it is not by setting the versions. Changes nothing.
    async fn try_out(&self, run: &RunId, rollouts: &[Rollout]) -> Result<BTreeMap<ApplicationId, String>, PortError> {
        let _ = (run, rollouts);
        Ok(BTreeMap::new())
    }

    /// Makes the application run `rollout.to` and waits until every wanted replica runs it and is ready.
    ///
    /// Fails early with [`FailureKind::Unsettled`], in the platform's own words, when that cannot come about.
    async fn roll_out(&self, run: &RunId, rollout: &Rollout, way: Way) -> Result<(), PortError>;
}

/// What a run has left at applications that it has not put back.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftBehind {
    /// What the run changed and what was there before, as far as it was done.
    pub changes: Changes,
    /// The highest epoch of a conductor that has written for the run.
    pub epoch: u64,
    /// Until when the run's conductor is taken to live, by the signs it has given; `None` where it has given none.
    pub alive_until: Option<Timestamp>,
}

/// Gives applications in the test environment their allocation.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait Scaler: Send + Sync {
    /// The wanted allocation of the applications in the test environment, before a run. Refuses what could not be put back.
    async fn allocated(&self, applications: &[ApplicationId])
    -> Result<BTreeMap<ApplicationId, Allocation>, PortError>;

    /// The same for a run that has begun: what only keeps runs from beginning is no error any more. No different where nothing
    /// does.
    async fn still_allocated(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        self.allocated(applications).await
    }

    /// Gives the application `step.to` and waits until exactly that many replicas are ready. Where an autoscaler then
    /// chooses between bounds, it is as many as that one wants.
    async fn scale(&self, run: &RunId, step: &ScaleStep, way: Way) -> Result<(), PortError>;

    /// What runs have left at applications that they have not put back, by run. Empty where nothing but the journal knows.
    async fn left_behind(&self, applications: &[ApplicationId]) -> Result<BTreeMap<RunId, LeftBehind>, PortError>;

    /// Takes away what the run has left at applications for its own way back, where nothing of the run is left there.
    /// Called when nothing more is put back.
    async fn let_go(&self, run: &RunId, applications: &[ApplicationId]) -> Result<(), PortError>;
}

/// Keeps others from changing an environment during a run, and tells when they have.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait EnvironmentGuard: Send + Sync {
    /// What changes these applications by itself and stands still during a run that takes these steps, with what is so
    /// already. Changes nothing.
    async fn pauses(&self, applications: &[ApplicationId], steps: &[ScaleStep]) -> Result<Vec<Pause>, PortError>;

    /// Keeps everybody but the run from changing these applications until a time, and proves it. It ends by itself then,
    /// whatever becomes of the conductor. What changes them by itself is paused before, and stays so until
    /// [`thaw`](Self::thaw).
    async fn freeze(&self, run: &RunId, applications: &[ApplicationId], until: Timestamp)
    -> Result<Guarded, PortError>;

    /// Puts off the time at which that ends by itself, and fails as [`FailureKind::NotFound`] where it has ended before, by
    /// somebody or by itself, or never began: it is not begun anew. That the conductor lives is told all the same.
    async fn extend(&self, run: &RunId, until: Timestamp) -> Result<(), PortError>;

    /// Lets others change the applications again. Where they can already it does nothing.
    async fn thaw(&self, run: &RunId) -> Result<(), PortError>;

    /// Pauses once more what changes these applications by itself and was paused by [`freeze`](Self::freeze), where somebody
    /// lets it go on or has made it anew. Where all of it stands still it does nothing.
    async fn pause_again(&self, run: &RunId, applications: &[ApplicationId]) -> Result<(), PortError>;

    /// Waits until an application is not what is expected of it, and tells how and, where that is known, who has changed
    /// it. What is `known` already is not told again. It fails when it has not seen some of them for a while, and is called
    /// again then.
    async fn drifted(&self, expected: &Baseline, known: &[Drift]) -> Result<Vec<Drift>, PortError>;
}

/// Tells beforehand whether there is room for what a run asks for.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait Capacity: Send + Sync {
    /// What there is not enough of for these steps. Changes nothing.
    async fn shortages(&self, steps: &[ScaleStep]) -> Result<Vec<Shortage>, PortError>;
}

/// Tells what production and the test environment are like. It has no method that writes.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait Parity: Send + Sync {
    /// What applications, and what they run on, are like on both sides; `None` where nothing tells what production is like.
    /// What cannot be read of a side is told in it.
    async fn sides(&self, applications: &[ApplicationId]) -> Result<Option<Sides>, PortError>;
}

/// Tells on which nodes things run. It has no method that writes.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait Layout: Send + Sync {
    /// Whether what makes load, or answers in place of others, is on nodes of the applications `under_test`: the applications
    /// `beside`, and whatever else the environment names as such. `None` where nothing of both is on nodes that could be
    /// shared. What may not be read is told in the sight.
    async fn look(
        &self,
        under_test: &[ApplicationId],
        beside: &[ApplicationId],
    ) -> Result<Option<LayoutSight>, PortError>;
}

/// Generates load.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait LoadGenerator: Send + Sync {
    /// Whether it can be used for a run: reachable, able to, and not busy with somebody else's load. Changes nothing.
    async fn check(&self) -> Result<GeneratorFacts, PortError>;

    /// Runs so many users from now on, every request tagged. Returns when the generator has taken it over, which is
    /// before all users run. Each call also re-arms the generator's dead man's switch, where it has one. `Rejected` where
    /// the generator tells that another run's users are on it.
    async fn set(&self, tags: &Tags, setting: &LoadSetting) -> Result<(), PortError>;

    /// What it does at the moment.
    async fn status(&self) -> Result<GeneratorStatus, PortError>;

    /// The requests of the run in the window that begins at `since` and ends where the data is complete, by name, with histograms of
    /// their response times. The window may be empty (`from == to`). `None` where it cannot tell them, as it never can where
    /// nothing else is said, or where those of the window are lost.
    async fn requests(&self, run: &RunId, since: Timestamp) -> Result<Option<RequestWindow>, PortError> {
        let _ = (run, since);
        Ok(None)
    }

    /// Stops all users and returns when it is proved that none of this run sends any more. Without load it does nothing,
    /// and neither where the generator tells that another run's users are on it: of this run there are none left.
    async fn stop(&self, run: &RunId) -> Result<(), PortError>;
}

/// Measures the KPI.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait KpiSource: Send + Sync {
    /// What happened in the window that begins at `since` and ends where the data is complete, a few seconds before
    /// now. The window may be empty (`from == to`).
    async fn sample(&self, run: &RunId, since: Timestamp) -> Result<KpiSample, PortError>;

    /// Whose events it counts: those of the run, unless it says otherwise.
    fn counts(&self) -> Counts {
        Counts::Run
    }
}

/// Looks at one mock and the routes to it. What follows from what it finds is decided elsewhere ([`crate::mocks`]).
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait MockProbe: Send + Sync {
    /// The mock's name.
    fn name(&self) -> String;

    /// Looks at the mock and sends a tagged and an untagged probe, each with an id of its own, through the routes that load
    /// will take. The tagged one is sent only where the mock's set-up allows it, and the untagged one, which reaches the real
    /// dependency, only after a tagged one that the mock has answered. Not idempotent: each call sends anew. What cannot be
    /// read before anything was sent is an error, and may be tried again; later on it is told in the proof.
    async fn prove(&self, tags: &Tags, spec: &MockSpec) -> Result<MockProof, PortError>;

    /// The mock and the routes at the moment. Sends nothing by the routes. What cannot be read is told in the sight.
    async fn look(&self) -> MockSight;
}

/// How many rows of a run a store holds in one of its tables (or collections).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableCount {
    /// The table.
    pub table: String,
    /// Rows tagged with the run.
    pub rows: u64,
}

/// A store in which runs leave test data.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait TestDataStore: Send + Sync {
    /// The store's name, for people.
    fn name(&self) -> String;

    /// Counts the rows of the run, by table. Changes nothing.
    async fn count(&self, run: &RunId) -> Result<Vec<TableCount>, PortError>;

    /// Deletes exactly the rows of the run, in batches, and tells how many there were, by table. Whatever has ended a former
    /// call, the next one goes on from there.
    async fn delete(&self, run: &RunId) -> Result<Vec<TableCount>, PortError>;

    /// Looks whether the store answers and is as its declaration says, and tells what is worth to know before a run: what will be
    /// slow, or cannot be checked. It counts no rows, however many there are, and changes nothing.
    async fn check(&self) -> Result<Vec<String>, PortError>;
}

/// Who works on an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Who it is, for people.
    pub name: String,
    /// Until when it is theirs if they do not renew that, for people; `None` where it is for as long as they live.
    pub until: Option<String>,
}

impl Holder {
    /// Whose it is for as long as they live.
    pub fn for_life(name: impl Into<String>) -> Self {
        Self { name: name.into(), until: None }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.until {
            Some(until) => write!(f, ", whose lease lasts until {until} and may be renewed"),
            None => Ok(()),
        }
    }
}

/// Why a record could not be appended, or a journal not be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else wrote to the run: its journal is not at the revision the writer believes.
    #[error("the journal of run {run} is at revision {found}, not {expected}: somebody else writes to it")]
    Conflict {
        /// The run.
        run: RunId,
        /// Where the writer believed it to be.
        expected: Revision,
        /// Where it is.
        found: Revision,
    },
    /// The run does not exist.
    #[error("there is no run {0}")]
    UnknownRun(RunId),
    /// The environment is being worked on.
    #[error("environment {environment} is in use by {holder}")]
    Claimed {
        /// The environment.
        environment: String,
        /// Who holds it.
        holder: Holder,
    },
    /// Whoever writes has no claim on the run's environment, or none any more: nothing was written.
    #[error("environment {environment} is not this conductor's to work on: {reason}")]
    Lost {
        /// The environment.
        environment: String,
        /// What became of the claim.
        reason: String,
    },
    /// A run was made of the same request before: nothing was written.
    #[error("request {request} has made run {run} before")]
    Requested {
        /// The request.
        request: RequestId,
        /// The run.
        run: RunId,
    },
    /// The store could not be reached, read or written.
    #[error("{act}")]
    Unavailable {
        /// The act that failed.
        act: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// One run of a store's listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// The run.
    pub id: RunId,
    /// The load test's name.
    pub name: String,
    /// Its environment.
    pub environment: String,
    /// When it was created.
    pub created: Timestamp,
    /// True when the run has come to its end.
    pub finished: bool,
    /// How the run waits for its turn, while it does: as its load test wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<IfBusy>,
    /// The request that has made it, where that has a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
}

/// Keeps the journals of runs.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait RunStore: Send + Sync {
    /// Appends a record; it is durable when this returns. `record.revision` must be the journal's next one (1 for the
    /// first record, which creates the run). Not idempotent: a second append of the same revision is
    /// [`StoreError::Conflict`]. A run whose request has made another one, here or at any other user of the store, is
    /// not begun: [`StoreError::Requested`]. Where claims can be taken by others, whoever appends must hold the one on the run's
    /// environment: otherwise it is [`StoreError::Lost`]. Only of a run whose turn has not come, which nobody drives, it is written
    /// without: that it was created, and whatever befalls it until then.
    async fn append(&self, run: &RunId, record: &Record) -> Result<(), StoreError>;

    /// The records of a run's journal after a revision, oldest first; after 0 it is the whole of it. There is no record after
    /// one that is not there: that a run does not exist is told only by who asks for its whole journal.
    async fn journal(&self, run: &RunId, after: Revision) -> Result<Vec<Record>, StoreError>;

    /// All runs, newest first.
    async fn runs(&self) -> Result<Vec<RunSummary>, StoreError>;

    /// Claims an environment for this process, until the claim is given back or dropped, or the process dies, or it is
    /// lost. Not idempotent: while it is claimed, by whomever, it is [`StoreError::Claimed`].
    async fn claim(&self, environment: &str) -> Result<Box<dyn Claim>, StoreError>;
}

/// The right to work on an environment; it ends when this is given back or dropped, or the process dies, or it is lost.
#[async_trait]
pub trait Claim: Send + Sync {
    /// Returns when the claim is lost: another has it, or may soon have it. Whoever holds it lets go of everything in
    /// the environment then, and never gets it back by this claim. Waits for ever while it is held, after it was given
    /// back, and where a claim cannot be lost at all.
    async fn lost(&self);

    /// Gives the claim back, and waits until another can have it; where that cannot be told to the store now, until it
    /// will find out by itself. Idempotent. Dropping a claim does the same without waiting.
    async fn give_back(&self);
}

/// What somebody asks of a run that goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunRequest {
    /// To end, in order.
    Stop {
        /// Who asks, and why if they say so.
        by: String,
    },
    /// To go for another target.
    Retarget {
        /// What is asked for.
        change: Retarget,
        /// Who asks, and why if they say so.
        by: String,
    },
}

/// Requests to runs, left by one process for the one that drives the run.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait RunRequests: Send + Sync {
    /// Leaves a request. Not idempotent: asking twice leaves two.
    async fn ask(&self, run: &RunId, request: &RunRequest) -> Result<(), StoreError>;

    /// The requests left for a run whose number is above `after`, in the order they were left in. Numbers are above 0
    /// and grow.
    async fn asked(&self, run: &RunId, after: u64) -> Result<Vec<(u64, RunRequest)>, StoreError>;
}

/// Tells who calls and what they may do, where somebody else knows that. It has no method that writes, and nothing that it
/// answers holds the token, errors included.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait CallerReview: Send + Sync {
    /// Whose a bearer token is, if it is for one of these audiences. `Err` means that it could not be found out, which says
    /// nothing of the token.
    async fn review(&self, token: &str, audiences: &[String]) -> Result<Reviewed, PortError>;

    /// Whether somebody may do all that a role may in an environment, which need not exist.
    async fn may(&self, who: &Identity, role: Role, environment: &str) -> Result<bool, PortError>;
}

/// Tells somebody outside of alerts.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Tells of an alert once. Not idempotent unless the receiver knows an alert by its run and key: it is called again only
    /// where it has failed, or where [`Notifier::repeats`] says so. Nothing in its errors is secret.
    async fn notify(&self, notice: &Notice) -> Result<(), PortError>;

    /// How often an alert is told again for as long as it fires, to a receiver that would think it over otherwise; `None` to
    /// one that knows an alert until it is told that it is resolved.
    fn repeats(&self) -> Option<Duration>;
}

/// Writes what happens in a run beside its figures, where people look at them.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait Annotator: Send + Sync {
    /// Writes an annotation. Idempotent: one that is there already is not written again. Nothing in its errors is secret.
    async fn annotate(&self, annotation: &Annotation) -> Result<(), PortError>;
}

/// Time, as the engine and model environments see it.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait Clock: Send + Sync {
    /// The wall-clock time.
    fn now(&self) -> Timestamp;

    /// Waits so long. Dropping the future ends the wait.
    async fn sleep(&self, duration: Duration);
}
