//! What can go wrong in every bed.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

/// Why something of a bed is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
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
    /// A program or a thread could not be started.
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
    /// A server does not answer.
    #[error("the server was not ready within {within:?}; its log ends with\n{log}")]
    Late {
        /// How long it was waited for.
        within: Duration,
        /// The end of its log.
        log: String,
    },
    /// The kernel gave no port.
    #[error("could not reserve a port of loopback")]
    Port(#[source] io::Error),
}

impl Error {
    /// Says with which file or folder something could not be done.
    pub fn file(act: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { act, path: path.as_ref().to_owned(), source }
    }

    /// Says which program could not be started.
    pub fn start(program: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Start { program, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_done_is_named_with_its_cause() {
        let cause = || io::Error::from(io::ErrorKind::NotFound);
        let error = Error::file("write", "/nowhere/log")(cause());
        assert_eq!(error.to_string(), "could not write /nowhere/log");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), cause().to_string());
        assert_eq!(Error::start("etcd")(cause()).to_string(), "could not start etcd");
    }
}
