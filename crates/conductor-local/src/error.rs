//! Why local applications could not be started, shown or stopped.

use std::path::PathBuf;

use conductor_core::ports::FailureKind;

/// Why local applications could not be started, shown or stopped.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The supervisor runs applications of other settings.
    #[error(
        "the environment is up with other settings; expected the file it was started with, or conductor local down first"
    )]
    OtherSettings,
    /// Another supervisor works in the folder.
    #[error("another supervisor works in {path}", path = .0.display())]
    AnotherSupervisor(PathBuf),
    /// The supervisor did not do what it was asked.
    #[error("{message}")]
    Refused {
        /// What code decides on.
        kind: FailureKind,
        /// What it said.
        message: String,
    },
    /// A file or a process could not be worked with.
    #[error("could not {act}")]
    Io {
        /// What was tried.
        act: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The supervisor's state cannot be read.
    #[error("could not read {path}", path = .path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The supervisor ended before it was ready.
    #[error("the supervisor ended before it was ready; its last words: {0}")]
    SupervisorEnded(String),
}

impl LocalError {
    /// A failed act on a file or a process.
    pub(crate) fn io(act: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let act = act.into();
        |source| Self::Io { act, source }
    }
}
