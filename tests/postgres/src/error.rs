//! What can go wrong with a server of the bed.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BedError {
    /// A program is not there.
    #[error("{program} is missing in {}: cargo verify installs it, and so does cargo xtask postgres", folder.display())]
    Program {
        /// Its name.
        program: &'static str,
        /// Where it should be.
        folder: PathBuf,
    },
    /// There is nobody to run it as.
    #[error("PostgreSQL does not run as root, and there is no user nobody")]
    Nobody,
    /// Something could not be done with a file or folder.
    #[error("could not {act} {}", path.display())]
    File {
        /// What could not be done.
        act: &'static str,
        /// With what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("could not start {program}")]
    Start {
        /// Its name.
        program: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A program has failed.
    #[error("{program} ended with {status}:\n{log}")]
    Ended {
        /// Its name.
        program: &'static str,
        /// How.
        status: ExitStatus,
        /// The end of what it said.
        log: String,
    },
    /// The server does not answer.
    #[error("the server was not ready within {within:?}; its log ends with\n{log}")]
    Late {
        /// How long it was waited for.
        within: Duration,
        /// The end of its log.
        log: String,
    },
    /// No port could be had.
    #[error("could not get a port of loopback")]
    Port(#[source] io::Error),
    /// A statement has failed.
    #[error("could not {act}")]
    Sql {
        /// What could not be done.
        act: String,
        /// Why.
        source: sqlx::Error,
    },
}
