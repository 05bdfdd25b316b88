//! What the engine shall do. Every command is idempotent: after a crash those of the last state are issued again.

use serde::{Deserialize, Serialize};

use super::{Changes, State};
use crate::guard::Drift;
use crate::load::LoadSetting;
use crate::recheck::WayBack;
use crate::release::Rollout;
use crate::scale::ScaleStep;

/// Something to do through the ports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Command {
    /// Begin.
    Start,
    /// Check generator, KPI and test data stores, and read what production runs. Changes nothing.
    Check,
    /// Read what the environment is. Changes nothing.
    RecordBaseline,
    /// Keep others from changing applications, and prove it. What is frozen already stays so.
    Freeze,
    /// Roll out versions. Rolling out what already runs changes nothing.
    RollOut(Vec<Rollout>),
    /// Scale applications. Scaling to what is already there changes nothing.
    Scale(Vec<ScaleStep>),
    /// Try whether the mocks answer what is tagged, and only that. It sends two probes each time.
    ProveMocks,
    /// Run one tagged user until it has produced the KPI.
    Rehearse,
    /// Run so many users. The same setting again only re-arms the dead man's switch.
    SetLoad(LoadSetting),
    /// Scale the load workers beside the measuring, which goes on whatever becomes of it. Scaling to what is already
    /// there changes nothing.
    ScaleWorkers(ScaleStep),
    /// Put in place again what others have changed, beside the measuring. What is in place already is left alone.
    Revert(Vec<Drift>),
    /// Measure every interval until the state is left.
    Measure,
    /// Stop all users. Without load it does nothing.
    StopLoad,
    /// Put back what the run changed. Where nothing differs it does nothing.
    Restore(Changes),
    /// Let others change the applications again. Where they can already it does nothing.
    Thaw,
    /// Delete the run's data. Where there is none it does nothing.
    CleanUp,
    /// Look, some time after the way back, whether everything stays as it was. Changes nothing.
    Recheck(WayBack),
    /// Put back once more what has come back, and nothing of anybody else's. Where nothing differs it does nothing.
    RestoreAgain(WayBack),
}

impl State {
    /// What to do when the state is entered, or found after a crash.
    pub fn on_entry(&self) -> Vec<Command> {
        match self {
            Self::Waiting | Self::Finished { .. } => Vec::new(),
            Self::Accepted => vec![Command::Start],
            Self::Preflight => vec![Command::Check],
            Self::RecordingBaseline { .. } => vec![Command::RecordBaseline],
            Self::Freezing { .. } => vec![Command::Freeze],
            Self::Deploying { changes } => vec![Command::RollOut(changes.plan.rollouts.clone())],
            Self::ScalingUp { changes } => vec![Command::Scale(changes.plan.scale_steps.clone())],
            Self::ProvingMocks { .. } => vec![Command::ProveMocks],
            Self::Rehearsing { .. } => vec![Command::Rehearse],
            Self::GeneratingLoad { load, .. } => {
                let workers = load.workers_asked().cloned().map(Command::ScaleWorkers);
                [Command::SetLoad(load.setting())].into_iter().chain(workers).chain([Command::Measure]).collect()
            }
            Self::StoppingLoad { .. } => vec![Command::StopLoad],
            Self::ScalingDown { changes, .. } => vec![Command::Restore(changes.clone())],
            Self::Thawing { .. } => vec![Command::Thaw],
            Self::CleaningUp { .. } => vec![Command::CleanUp],
            Self::Rechecking { back, .. } => vec![Command::Recheck(back.clone())],
            Self::PuttingBackAgain { back, .. } => vec![Command::RestoreAgain(back.clone())],
        }
    }
}
