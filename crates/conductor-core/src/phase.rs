//! The phases of a run: states, events and commands. The transition function is in [`step`](fn@step).
//!
//! States carry exactly what is true in them. Every state after the baseline carries it, and every ending passes through
//! [`State::StoppingLoad`], [`State::ScalingDown`], [`State::Thawing`] and [`State::CleaningUp`].

mod command;
mod deadline;
mod event;
mod load;
mod retarget;
mod step;
mod workers;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use command::Command;
pub use deadline::{Deadlines, PhaseDeadline};
pub use event::{Event, Level, Measurement, Note};
pub use load::Load;
pub use retarget::Retarget;
pub use step::{Refused, Transition, step};
pub use workers::Workers;

use crate::app::ApplicationId;
use crate::failure::Failure;
use crate::guard::Drift;
use crate::mocks::{MockFault, MockSight};
use crate::ports::Production;
use crate::recheck::{LateChange, WayBack};
use crate::restore::ForeignChange;
use crate::scale::{Baseline, Plan};
use crate::search::Search;

/// The five phases the user sees, with what comes before and after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Phase {
    /// Checks and recording; nothing is changed yet.
    Prepare,
    /// Production's versions are rolled out.
    Deploy,
    /// Applications are scaled to production's allocation.
    ScaleUp,
    /// Load is generated, steered by the KPI.
    GenerateLoad,
    /// Everything the run changed is put back, versions included.
    ScaleDown,
    /// The data the run created is deleted.
    CleanUp,
    /// The run is over.
    Finished,
}

impl Phase {
    /// The five phases of the user, in order.
    pub const PUBLIC: [Self; 5] = [Self::Deploy, Self::ScaleUp, Self::GenerateLoad, Self::ScaleDown, Self::CleanUp];
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Prepare => "PREPARE",
            Self::Deploy => "DEPLOY",
            Self::ScaleUp => "SCALE_UP",
            Self::GenerateLoad => "GENERATE_LOAD",
            Self::ScaleDown => "SCALE_DOWN",
            Self::CleanUp => "CLEAN_UP",
            Self::Finished => "FINISHED",
        })
    }
}

/// What a run changes and what was there before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// The environment before the first change.
    pub baseline: Baseline,
    /// What the run changes. The load adds to it what it asks for of load workers, before that is done.
    pub plan: Plan,
}

/// Where a run is, with what is true there.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Accepted while its environment was in use: it waits for its turn, and nothing of it has begun.
    Waiting,
    /// Accepted, not begun.
    Accepted,
    /// Checking that everything the run needs is there.
    Preflight,
    /// Recording what the environment is, before the first change.
    RecordingBaseline {
        /// What production runs.
        production: BTreeMap<ApplicationId, Production>,
    },
    /// Keeping others from changing the applications.
    Freezing {
        /// The way back.
        changes: Changes,
    },
    /// Rolling out versions.
    Deploying {
        /// The way back.
        changes: Changes,
    },
    /// Scaling to production's allocation.
    ScalingUp {
        /// The way back.
        changes: Changes,
    },
    /// Proving that mocks answer what is tagged, and only that. Runs without mocks are never here.
    ProvingMocks {
        /// The way back.
        changes: Changes,
    },
    /// One tagged user proves that the KPI can be measured.
    Rehearsing {
        /// The way back.
        changes: Changes,
        /// The mocks as they were when they were proved.
        mocks: Vec<MockSight>,
    },
    /// Generating load, steered by the KPI.
    GeneratingLoad {
        /// The way back.
        changes: Changes,
        /// The load so far.
        load: Box<Load>,
    },
    /// Stopping the load.
    StoppingLoad {
        /// The way back.
        changes: Changes,
        /// Why the run ends.
        ending: Ending,
    },
    /// Putting back what the run changed.
    ScalingDown {
        /// The way back.
        changes: Changes,
        /// Why the run ends, and what went wrong since.
        ending: Ending,
    },
    /// Letting others change the applications again.
    Thawing {
        /// What the way back has come to.
        back: WayBack,
        /// Why the run ends, and what went wrong since.
        ending: Ending,
    },
    /// Deleting the data the run created.
    CleaningUp {
        /// What the way back has come to.
        back: WayBack,
        /// Why the run ends, and what went wrong since.
        ending: Ending,
    },
    /// Looking whether everything stays as it was put back.
    Rechecking {
        /// What the way back has come to.
        back: WayBack,
        /// Why the run ends, and what went wrong since.
        ending: Ending,
    },
    /// Putting back once more what has come back.
    PuttingBackAgain {
        /// What has come back, and what was found with it.
        back: WayBack,
        /// Why the run ends, and what went wrong since.
        ending: Ending,
    },
    /// Over.
    Finished {
        /// Why the run ended, and what is left dirty.
        ending: Ending,
    },
}

impl State {
    /// The phase the user sees.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Waiting | Self::Accepted | Self::Preflight | Self::RecordingBaseline { .. } => Phase::Prepare,
            Self::Freezing { .. } | Self::Deploying { .. } => Phase::Deploy,
            Self::ScalingUp { .. } => Phase::ScaleUp,
            Self::ProvingMocks { .. }
            | Self::Rehearsing { .. }
            | Self::GeneratingLoad { .. }
            | Self::StoppingLoad { .. } => Phase::GenerateLoad,
            Self::ScalingDown { .. } | Self::Thawing { .. } => Phase::ScaleDown,
            Self::CleaningUp { .. } | Self::Rechecking { .. } | Self::PuttingBackAgain { .. } => Phase::CleanUp,
            Self::Finished { .. } => Phase::Finished,
        }
    }

    /// The state's name, as the documentation gives it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "Waiting",
            Self::Accepted => "Accepted",
            Self::Preflight => "Preflight",
            Self::RecordingBaseline { .. } => "RecordingBaseline",
            Self::Freezing { .. } => "Freezing",
            Self::Deploying { .. } => "Deploying",
            Self::ScalingUp { .. } => "ScalingUp",
            Self::ProvingMocks { .. } => "ProvingMocks",
            Self::Rehearsing { .. } => "Rehearsing",
            Self::GeneratingLoad { .. } => "GeneratingLoad",
            Self::StoppingLoad { .. } => "StoppingLoad",
            Self::ScalingDown { .. } => "ScalingDown",
            Self::Thawing { .. } => "Thawing",
            Self::CleaningUp { .. } => "CleaningUp",
            Self::Rechecking { .. } => "Rechecking",
            Self::PuttingBackAgain { .. } => "PuttingBackAgain",
            Self::Finished { .. } => "Finished",
        }
    }

    /// Why the run ends, once it does.
    pub fn ending(&self) -> Option<&Ending> {
        match self {
            Self::Waiting
            | Self::Accepted
            | Self::Preflight
            | Self::RecordingBaseline { .. }
            | Self::Freezing { .. }
            | Self::Deploying { .. }
            | Self::ScalingUp { .. }
            | Self::ProvingMocks { .. }
            | Self::Rehearsing { .. }
            | Self::GeneratingLoad { .. } => None,
            Self::StoppingLoad { ending, .. }
            | Self::ScalingDown { ending, .. }
            | Self::Thawing { ending, .. }
            | Self::CleaningUp { ending, .. }
            | Self::Rechecking { ending, .. }
            | Self::PuttingBackAgain { ending, .. }
            | Self::Finished { ending } => Some(ending),
        }
    }

    /// What the run changes, until it is put back.
    pub fn changes(&self) -> Option<&Changes> {
        match self {
            Self::Freezing { changes }
            | Self::Deploying { changes }
            | Self::ScalingUp { changes }
            | Self::ProvingMocks { changes }
            | Self::Rehearsing { changes, .. }
            | Self::GeneratingLoad { changes, .. }
            | Self::StoppingLoad { changes, .. }
            | Self::ScalingDown { changes, .. } => Some(changes),
            Self::Waiting
            | Self::Accepted
            | Self::Preflight
            | Self::RecordingBaseline { .. }
            | Self::Thawing { .. }
            | Self::CleaningUp { .. }
            | Self::Rechecking { .. }
            | Self::PuttingBackAgain { .. }
            | Self::Finished { .. } => None,
        }
    }

    /// The load, while it is generated.
    pub fn load(&self) -> Option<&Load> {
        if let Self::GeneratingLoad { load, .. } = self { Some(load) } else { None }
    }

    /// True while others are to be kept from changing the applications.
    pub fn is_guarded(&self) -> bool {
        match self {
            Self::Freezing { .. }
            | Self::Deploying { .. }
            | Self::ScalingUp { .. }
            | Self::ProvingMocks { .. }
            | Self::Rehearsing { .. }
            | Self::GeneratingLoad { .. }
            | Self::StoppingLoad { .. }
            | Self::ScalingDown { .. } => true,
            Self::Waiting
            | Self::Accepted
            | Self::Preflight
            | Self::RecordingBaseline { .. }
            | Self::Thawing { .. }
            | Self::CleaningUp { .. }
            | Self::Rechecking { .. }
            | Self::PuttingBackAgain { .. }
            | Self::Finished { .. } => false,
        }
    }

    /// True once the run is on its way back.
    pub fn is_tearing_down(&self) -> bool {
        self.ending().is_some()
    }
}

/// Why a run ends and what is left of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ending {
    /// Why it ends.
    pub cause: Cause,
    /// What went wrong on the way back: each is something left dirty.
    pub teardown_failures: Vec<Failure>,
    /// What somebody else changed during the run.
    pub foreign_changes: Vec<ForeignChange>,
    /// The search as it ended, where the test is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Box<Search>>,
    /// What somebody else changed while load was generated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drifts: Vec<Drift>,
    /// What has shown that mocks did not do their work, before the load or during it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mock_faults: Vec<MockFault>,
    /// What was no longer as it was put back, when it was looked at again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub late_changes: Vec<LateChange>,
}

/// How much of an environment is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exactness {
    /// All of it.
    Exact,
    /// All but for what somebody else has changed and was left alone.
    ButForOthers,
    /// Something of the run is left.
    Incomplete,
}

impl Ending {
    /// An ending of which nothing is known but its cause.
    pub fn because(cause: Cause) -> Self {
        Self {
            cause,
            teardown_failures: Vec::new(),
            foreign_changes: Vec::new(),
            search: None,
            drifts: Vec::new(),
            mock_faults: Vec::new(),
            late_changes: Vec::new(),
        }
    }

    /// How much of the environment is as it was before.
    pub fn exactness(&self) -> Exactness {
        let others = self.foreign_changes.iter().any(|change| !change.forced)
            || self.late_changes.iter().any(|change| !change.put_back);
        match (self.teardown_failures.is_empty(), others) {
            (false, _) => Exactness::Incomplete,
            (true, true) => Exactness::ButForOthers,
            (true, false) => Exactness::Exact,
        }
    }
}

/// Why a run ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// The load has come to its end.
    Completed,
    /// Somebody asked for it.
    Cancelled {
        /// Who, and why if they said so.
        by: String,
    },
    /// Something failed.
    Failed(Failure),
    /// The run's own deadline passed before the load was over.
    DeadlineExceeded,
    /// Somebody else changed an application under test, and the environment wants runs to end then.
    Drifted,
    /// A mock did not do its work: before the load, or during it where the environment wants runs to end then.
    Mocks,
    /// The conductor died and the run was torn down by another one.
    Abandoned,
}
