//! What happens to a run: each event goes into its journal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Changes, Retarget};
use crate::app::ApplicationId;
use crate::crosscheck::CrossCount;
use crate::failure::Failure;
use crate::figures::Figures;
use crate::guard::{Drift, Guarded};
use crate::layout::LayoutSeen;
use crate::learnt::Learnt;
use crate::load::{GeneratorFacts, GeneratorStatus, KpiSample};
use crate::mocks::{MockProof, MockSight};
use crate::parity::Report;
use crate::ports::{Production, TableCount};
use crate::recheck::LateChange;
use crate::requests::NamedRequests;
use crate::restore::ForeignChange;
use crate::run::Created;
use crate::saturation::Saturation;
use crate::scale::{Baseline, ScaleStep};

/// What happened. Each goes into the journal before anything is done about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type", content = "of")]
pub enum Event {
    /// The run was accepted; the first record of every journal.
    Created(Box<Created>),
    /// The turn of a run that has waited has come.
    Begun {
        /// What the last run of the same load test has learnt by now, which may be the one that was waited for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        learnt: Option<Box<Learnt>>,
    },
    /// The run begins.
    Started,
    /// Everything the run needs is there.
    PreflightPassed {
        /// What production runs.
        production: BTreeMap<ApplicationId, Production>,
        /// What will generate the load.
        generator: GeneratorFacts,
        /// In what the environment will differ from production; `None` in journals of before it was looked at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parity: Option<Box<Report>>,
    },
    /// The environment before the first change.
    BaselineRecorded {
        /// By application.
        baseline: Baseline,
    },
    /// Others are kept from changing the applications, or the environment has nothing to keep them from it.
    Frozen {
        /// Which of the two.
        guarded: Guarded,
    },
    /// Every wanted version runs.
    Deployed,
    /// Every application has its allocation.
    ScaledUp,
    /// It was tried whether the mocks answer what is tagged, and only that. What follows from it is decided then.
    MocksProbed {
        /// What was found of each mock.
        proofs: Vec<MockProof>,
    },
    /// One tagged user has produced the KPI.
    Rehearsed {
        /// The first window with a KPI event in it.
        sample: KpiSample,
    },
    /// One interval was measured.
    Measured(Box<Measurement>),
    /// Somebody asked for another target.
    Retargeted {
        /// The number of the request, by which it is known to be done; they grow.
        request: u64,
        /// What is asked for.
        change: Retarget,
        /// Who asked, and why if they said so.
        by: String,
    },
    /// The load workers are as was asked for.
    WorkersScaled(ScaleStep),
    /// The load workers could not be scaled; the load goes on.
    WorkersNotScaled(Failure),
    /// Somebody else has changed applications under test.
    Drifted {
        /// What they have changed.
        drifts: Vec<Drift>,
    },
    /// What others have changed is as the run needs it again.
    Reverted {
        /// What they have changed.
        drifts: Vec<Drift>,
    },
    /// What others have changed could not be put back as the run needs it.
    NotReverted {
        /// What they have changed.
        drifts: Vec<Drift>,
        /// Why.
        failure: Failure,
    },
    /// All users are stopped.
    LoadStopped,
    /// The environment is as it was before, as far as that was possible.
    Restored {
        /// What the applications that the run changed were when it looked for the last time.
        #[serde(default)]
        found: Baseline,
        /// What somebody else changed.
        foreign: Vec<ForeignChange>,
        /// What could not be put back.
        failures: Vec<Failure>,
    },
    /// Others may change the applications again.
    Thawed,
    /// The run's data is deleted, as far as that was possible.
    CleanedUp {
        /// Rows deleted, by store and table (`store/table`).
        deleted: Vec<TableCount>,
        /// What could not be deleted.
        failures: Vec<Failure>,
    },
    /// It was looked again, some time after the way back, whether everything stays as it was.
    Rechecked {
        /// What the applications that the run changed were.
        found: Baseline,
        /// What has changed since the way back.
        late: Vec<LateChange>,
        /// What could not be looked at.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        failures: Vec<Failure>,
    },
    /// What had come back is put back once more, as far as that was possible.
    PutBackAgain {
        /// What these applications were when it was looked for the last time.
        found: Baseline,
        /// What somebody else has changed meanwhile.
        late: Vec<LateChange>,
        /// What could not be put back.
        failures: Vec<Failure>,
    },
    /// The activity of the present state failed for good.
    Failed(Failure),
    /// Somebody asked for the run to end.
    StopRequested {
        /// Who, and why if they said so.
        by: String,
    },
    /// The run's deadline passed.
    DeadlineExceeded,
    /// Another conductor found the run unfinished and without an owner, and ends it.
    Abandoned,
    /// Another conductor found the run unfinished and without an owner, and goes on with it.
    Resumed,
    /// What a run has left at applications tells what it changed, and it is put back by that: its journal is lost, or tells
    /// that it has ended although not everything was put back.
    Adopted {
        /// What it changed, and what was there before.
        changes: Changes,
    },
    /// It was looked where load generators, mocks and applications under test run. It changes no state.
    LayoutSeen(Box<LayoutSeen>),
    /// Something worth telling that changes no state.
    Noted(Note),
}

/// One interval: what was measured, and by how many users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Measurement {
    /// The KPI's window; `None` when it could not be measured.
    pub sample: Option<KpiSample>,
    /// The generator at the time; `None` when it did not answer.
    pub generator: Option<GeneratorStatus>,
    /// The mocks at the time, where the environment names some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mocks: Vec<MockSight>,
    /// What a second source has counted; `None` where there is none, or it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cross: Option<CrossCount>,
    /// The requests that objectives name; `None` where there are none, or they could not be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<NamedRequests>,
    /// The figures that objectives name; `None` where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<Figures>,
    /// How much of what it may have each application used; `None` where the environment does not say how that is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saturation: Option<Saturation>,
}

impl Measurement {
    /// What was measured of the KPI and the generator, and nothing beside.
    pub const fn new(sample: Option<KpiSample>, generator: Option<GeneratorStatus>) -> Self {
        Self { sample, generator, mocks: Vec::new(), cross: None, requests: None, figures: None, saturation: None }
    }
}

/// Something worth telling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// How much it matters.
    pub level: Level,
    /// One sentence.
    pub message: String,
}

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// Good to know.
    Info,
    /// May need somebody's attention.
    Warning,
}

impl Event {
    /// The event's name, as the documentation gives it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Created(_) => "Created",
            Self::Begun { .. } => "Begun",
            Self::Started => "Started",
            Self::PreflightPassed { .. } => "PreflightPassed",
            Self::BaselineRecorded { .. } => "BaselineRecorded",
            Self::Frozen { .. } => "Frozen",
            Self::Deployed => "Deployed",
            Self::ScaledUp => "ScaledUp",
            Self::MocksProbed { .. } => "MocksProbed",
            Self::Rehearsed { .. } => "Rehearsed",
            Self::Measured(_) => "Measured",
            Self::Retargeted { .. } => "Retargeted",
            Self::WorkersScaled(_) => "WorkersScaled",
            Self::WorkersNotScaled(_) => "WorkersNotScaled",
            Self::Drifted { .. } => "Drifted",
            Self::Reverted { .. } => "Reverted",
            Self::NotReverted { .. } => "NotReverted",
            Self::LoadStopped => "LoadStopped",
            Self::Restored { .. } => "Restored",
            Self::Thawed => "Thawed",
            Self::CleanedUp { .. } => "CleanedUp",
            Self::Rechecked { .. } => "Rechecked",
            Self::PutBackAgain { .. } => "PutBackAgain",
            Self::Failed(_) => "Failed",
            Self::StopRequested { .. } => "StopRequested",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::Abandoned => "Abandoned",
            Self::Resumed => "Resumed",
            Self::Adopted { .. } => "Adopted",
            Self::LayoutSeen(_) => "LayoutSeen",
            Self::Noted(_) => "Noted",
        }
    }
}
