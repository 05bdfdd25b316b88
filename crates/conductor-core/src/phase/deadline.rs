//! How long each activity may take before it counts as failed. The engine keeps the timers.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::State;
use crate::spec::LoadTestSpec;
use crate::units::Span;

/// The time limits of a run's activities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deadlines {
    /// Checks and recording, and the proof of mocks, each.
    pub prepare: Span,
    /// Keeping others from changing the applications, once they have ended what they are at.
    pub freeze: Span,
    /// All rollouts together.
    pub deploy: Span,
    /// All scale steps together.
    pub scale_up: Span,
    /// Scaling load workers, each time; `None` where the test does not let them be scaled.
    pub scale_workers: Option<Span>,
    /// The rehearsal by one user.
    pub rehearsal: Span,
    /// Stopping the load.
    pub stop_load: Span,
    /// Putting everything back.
    pub scale_down: Span,
    /// Letting others change the applications again.
    pub thaw: Span,
    /// Deleting the run's data.
    pub clean_up: Span,
    /// The second look, once it is time for it.
    pub recheck: Span,
    /// From the start of the run, once its turn has come, to the end of the load.
    pub run: Span,
}

/// One time limit, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseDeadline {
    /// What is limited.
    pub activity: Cow<'static, str>,
    /// The limit.
    pub limit: Span,
    /// What happens when it passes.
    pub then: Cow<'static, str>,
}

impl Deadlines {
    /// Putting every version in place.
    pub const DEPLOY: Span = Span::minutes(20);

    /// The limits of a spec: its own where it has some, else the defaults.
    pub fn of(spec: &LoadTestSpec) -> Self {
        Self {
            prepare: Span::minutes(2),
            freeze: Span::minutes(10),
            deploy: Self::DEPLOY,
            scale_up: Span::minutes(20),
            scale_workers: spec.load.workers.as_ref().map(|_| Span::minutes(10)),
            rehearsal: spec.limits.rehearsal,
            stop_load: Span::minutes(2),
            scale_down: Span::minutes(30),
            thaw: Span::minutes(2),
            clean_up: Span::minutes(30),
            recheck: Span::minutes(10),
            run: spec.limits.deadline,
        }
    }

    /// The limit of a state's activity; `None` where only the run's own deadline counts.
    pub fn limit(&self, state: &State) -> Option<Span> {
        match state {
            State::Waiting | State::Accepted | State::GeneratingLoad { .. } | State::Finished { .. } => None,
            State::Preflight | State::RecordingBaseline { .. } => Some(self.prepare),
            State::Freezing { .. } => Some(self.freeze),
            State::Deploying { .. } => Some(self.deploy),
            State::ScalingUp { .. } => Some(self.scale_up),
            State::ProvingMocks { .. } => Some(self.prepare),
            State::Rehearsing { .. } => Some(self.rehearsal),
            State::StoppingLoad { .. } => Some(self.stop_load),
            State::ScalingDown { .. } | State::PuttingBackAgain { .. } => Some(self.scale_down),
            State::Thawing { .. } => Some(self.thaw),
            State::CleaningUp { .. } => Some(self.clean_up),
            State::Rechecking { .. } => Some(self.recheck),
        }
    }

    /// All limits, in the order of the phases.
    pub fn table(&self) -> Vec<PhaseDeadline> {
        const BACK: &str = "the run ends and everything is put back";
        const ON: &str = "it is noted, and the next step of the way back follows";
        const OVER: &str = "it is noted, and the run is over";
        [
            ("checks", Some(self.prepare), "the run ends, nothing was changed"),
            ("freeze", Some(self.freeze), BACK),
            ("deploy", Some(self.deploy), BACK),
            ("scale up", Some(self.scale_up), BACK),
            ("rehearsal", Some(self.rehearsal), "the run is invalid and everything is put back"),
            ("scale load workers", self.scale_workers, "it is noted, and the load goes on with the workers there are"),
            ("start to end of load", Some(self.run), BACK),
            ("stop load", Some(self.stop_load), ON),
            ("scale down", Some(self.scale_down), ON),
            ("thaw", Some(self.thaw), ON),
            ("clean up", Some(self.clean_up), ON),
            ("second look", Some(self.recheck), OVER),
            ("put back again", Some(self.scale_down), OVER),
        ]
        .into_iter()
        .filter_map(|(activity, limit, then)| {
            Some(PhaseDeadline { activity: activity.into(), limit: limit?, then: then.into() })
        })
        .collect()
    }
}
