//! The router and the mock by which a shop pays in a load test: Skipper and Hoverfly, both built once for this machine.

use std::path::PathBuf;

use crate::tools::{hoverfly, skipper};

/// The programs.
pub(crate) struct Chain {
    /// Skipper, which sends payments of load tests to the mock.
    pub(crate) router: PathBuf,
    /// Hoverfly, which answers them.
    pub(crate) mock: PathBuf,
}

impl Chain {
    /// Whether both are there, or can be built.
    ///
    /// # Errors
    /// What is missing to build them.
    pub(crate) fn possible() -> Result<(), String> {
        skipper::possible()?;
        hoverfly::possible()
    }

    /// Builds what is not there yet.
    pub(crate) fn install() -> Result<Self, String> {
        Ok(Self { mock: hoverfly::install()?, router: skipper::install()? })
    }
}
