//! What can go wrong with a bed, by the name of what failed.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::component::Component;

/// Why a bed does not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BedError {
    /// A program was not built.
    #[error("{program} is missing in {}: {built_by}", folder.display())]
    Program {
        /// Its name.
        program: &'static str,
        /// Where it should be.
        folder: PathBuf,
        /// How it gets there.
        built_by: String,
    },
    /// What can go wrong in every bed.
    #[error(transparent)]
    Common(#[from] conductor_bed::Error),
    /// A key or certificate could not be made.
    #[error("could not make a certificate for {name}")]
    Certificate {
        /// Whom it is for.
        name: String,
        /// Why.
        source: rcgen::Error,
    },
    /// A component is gone although nobody stopped it.
    #[error("{component} ended by itself with {status}; its log ends with\n{log}")]
    Ended {
        /// Which.
        component: Component,
        /// How.
        status: std::process::ExitStatus,
        /// The last lines of its log.
        log: String,
    },
    /// A real controller can be reached from elsewhere.
    #[error("{component} listens on {address}; expected loopback and nothing else")]
    Exposed {
        /// Which.
        component: Component,
        /// Where.
        address: SocketAddr,
    },
    /// A component had to be killed.
    #[error("{component} did not stop within {within:?} and was killed")]
    Killed {
        /// Which.
        component: Component,
        /// How long it was waited for.
        within: Duration,
    },
    /// A component could not be made to stand still.
    #[error("could not pause {component}")]
    Pause {
        /// Which.
        component: Component,
        /// Why.
        source: io::Error,
    },
    /// A component did not do its part in time.
    #[error("{component}: {what} did not happen within {within:?}; its log ends with\n{log}")]
    Late {
        /// Which.
        component: Component,
        /// What was waited for.
        what: &'static str,
        /// How long.
        within: Duration,
        /// The last lines of its log.
        log: String,
    },
    /// A client could not be made.
    #[error("could not make a client for {user}")]
    Client {
        /// The name of its user.
        user: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The API server refused.
    #[error("could not {act}")]
    Api {
        /// What could not be done.
        act: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// A program did not do what it was asked for.
    #[error("could not {act}: {program} says\n{complaint}")]
    Refused {
        /// Its name.
        program: &'static str,
        /// What could not be done.
        act: String,
        /// What it says.
        complaint: String,
    },
    /// The selector of a workload means nothing.
    #[error("could not {of}: its selector cannot be used")]
    Selector {
        /// What was done.
        of: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A pod is ready and its process does not run.
    #[error("the process of {pod} {trouble}")]
    Replica {
        /// The pod.
        pod: String,
        /// What became of it.
        trouble: String,
    },
    /// A line of the audit log is not understood.
    #[error("line {line} of the audit log is no event")]
    Audit {
        /// Which, from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
}

/// What the API server says, or why it was not heard.
pub(crate) fn in_words(error: kube::Error) -> String {
    if let kube::Error::Api(status) = error { status.message } else { error.to_string() }
}
