//! What can go wrong with a bed, by the name of what failed.

use std::path::PathBuf;
use std::time::Duration;

/// Why a bed does not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BedError {
    /// moto was not installed.
    #[error("moto's python is missing in {}: cargo verify installs it, and so does cargo xtask moto", python.display())]
    Program {
        /// Where it should be.
        python: PathBuf,
    },
    /// What can go wrong in every bed.
    #[error(transparent)]
    Common(#[from] conductor_bed::Error),
    /// moto is gone although nobody stopped it, or has never come.
    #[error("moto ended by itself; its log ends with\n{log}")]
    Ended {
        /// The last lines of its log.
        log: String,
    },
    /// moto did not listen in time.
    #[error("moto did not listen within {within:?}; its log ends with\n{log}")]
    Late {
        /// How long it was waited for.
        within: Duration,
        /// The last lines of its log.
        log: String,
    },
    /// There is no such service, or more than one.
    #[error("could not find one service {service} in a cluster {cluster}: there is none, or there are several")]
    Unknown {
        /// The name of the cluster.
        cluster: String,
        /// The name of the service.
        service: String,
    },
    /// There was no answer, or none that is understood.
    #[error("could not {act}: no answer")]
    Answer {
        /// What could not be done.
        act: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer is a refusal.
    #[error("could not {act}: {kind}: {message}")]
    Refused {
        /// What could not be done.
        act: String,
        /// The HTTP status.
        status: u16,
        /// The name of the error, as in `ClientException`.
        kind: String,
        /// What it says.
        message: String,
    },
}

impl BedError {
    /// The name of the error that was answered; none if there was no answer.
    pub fn kind(&self) -> Option<&str> {
        match self {
            Self::Refused { kind, .. } => Some(kind),
            Self::Program { .. }
            | Self::Common(_)
            | Self::Ended { .. }
            | Self::Late { .. }
            | Self::Unknown { .. }
            | Self::Answer { .. } => None,
        }
    }
}
