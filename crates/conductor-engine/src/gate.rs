//! Whether a conductor takes runs on.

use crate::errors::{RecoverError, StartError};

/// What a conductor takes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Everything.
    Open,
    /// Runs that others have left, and no new one before that.
    TakingOver,
    /// Nothing any more: others shall have all of it.
    HandedOver,
}

impl Gate {
    /// Whether a new run is taken on.
    pub(crate) fn takes_new(self) -> Result<(), StartError> {
        match self {
            Self::Open => Ok(()),
            Self::TakingOver => Err(StartError::TakingOver),
            Self::HandedOver => Err(StartError::HandedOver),
        }
    }

    /// Whether a run that was left is taken on.
    pub(crate) fn takes_over(self) -> Result<(), RecoverError> {
        match self {
            Self::Open | Self::TakingOver => Ok(()),
            Self::HandedOver => Err(RecoverError::HandedOver),
        }
    }
}
