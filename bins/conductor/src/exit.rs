//! Exit codes, and errors that carry one.

use std::fmt;

use conductor_core::ports::StoreError;

/// Everything was as it should be; a run passed, perhaps with warnings.
pub(crate) const PASSED: u8 = 0;
/// A run failed, or something could not be done.
pub(crate) const FAILED: u8 = 1;
/// A file or an argument is wrong; nothing was changed.
pub(crate) const BAD_INPUT: u8 = 2;
/// Somebody ended it.
pub(crate) const CANCELLED: u8 = 4;
/// Something the run changed is not back.
pub(crate) const NOT_RESTORED: u8 = 5;

/// The server could not be reached, or could not do it now.
pub(crate) const UNREACHABLE: u8 = 6;
/// The server did not let the caller in, or the caller may not do that.
pub(crate) const NOT_LET_IN: u8 = 7;

/// The exit codes, for `--help`.
pub(crate) const TABLE: &str = "Exit codes:
  0  passed, or warned
  1  failed, or something could not be done
  2  bad input: nothing was changed
  3  invalid: the run could not have shown a problem
  4  cancelled
  5  not restored: something the run changed is not back
  6  of a server: it could not be reached, or could not do it now
  7  of a server: no valid credentials, or not allowed";

/// Why a command ends with an error.
#[derive(Debug)]
pub(crate) struct Failed {
    /// The exit code.
    pub(crate) code: u8,
    message: String,
}

impl Failed {
    /// An error of what somebody wrote.
    pub(crate) fn input(error: impl fmt::Display) -> Self {
        Self { code: BAD_INPUT, message: error.to_string() }
    }

    /// An error with all its sources. A run that does not exist is an argument that is wrong.
    pub(crate) fn because(error: impl Into<anyhow::Error>) -> Self {
        let error = error.into();
        let unknown = |cause: &(dyn std::error::Error + 'static)| {
            matches!(cause.downcast_ref::<StoreError>(), Some(StoreError::UnknownRun(_)))
        };
        let code = if error.chain().any(unknown) { BAD_INPUT } else { FAILED };
        Self { code, message: format!("{error:#}") }
    }

    /// An error of its own.
    pub(crate) fn with(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
