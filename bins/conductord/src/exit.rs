//! Exit codes, and errors that carry one.

use std::fmt;

/// The server could not begin, or has broken down.
const FAILED: u8 = 1;
/// A file or an argument is wrong; nothing was begun.
const BAD_INPUT: u8 = 2;

/// The exit codes, for `--help`.
pub(crate) const TABLE: &str = "Exit codes:
  0  ended in order
  1  could not begin, or broke down: a port is in use, a journal does not answer
  2  bad input: an argument, the settings, an environment, or a file they name";

/// Why a server ends with an error.
#[derive(Debug)]
pub(crate) struct Failed {
    /// The exit code.
    pub(crate) code: u8,
    error: anyhow::Error,
}

impl Failed {
    /// An error of what somebody wrote.
    pub(crate) fn input(error: impl Into<anyhow::Error>) -> Self {
        Self { code: BAD_INPUT, error: error.into() }
    }

    /// An error of anything else.
    pub(crate) fn because(error: impl Into<anyhow::Error>) -> Self {
        Self { code: FAILED, error: error.into() }
    }
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self::because(error)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}
