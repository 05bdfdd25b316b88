//! What went wrong: the error of a port, and its serialisable shadow that goes into the journal.

use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds of failure that code decides on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FailureKind {
    /// The other side did not answer, or said it cannot now: trying again may help.
    Unavailable,
    /// The other side has no such thing.
    NotFound,
    /// The other side understood and refused, or what it said makes no sense: trying again does not help.
    Rejected,
    /// It was done, but did not settle: crash loop, image pull, users that never start.
    Unsettled,
    /// It took longer than its deadline.
    TimedOut,
    /// The KPI was never seen: the run cannot be valid.
    KpiUnmeasured,
    /// An objective of the load test was breached that ends the run.
    SloBreached,
    /// The load generator did not answer for so long that nobody knows what load there was.
    GeneratorLost,
    /// Somebody else makes so much of the KPI that the run cannot be valid.
    ForeignTraffic,
}

impl FailureKind {
    /// True when the same call may succeed later without anybody changing anything.
    pub fn is_transient(self) -> bool {
        match self {
            Self::Unavailable => true,
            Self::NotFound
            | Self::Rejected
            | Self::Unsettled
            | Self::TimedOut
            | Self::KpiUnmeasured
            | Self::SloBreached
            | Self::GeneratorLost
            | Self::ForeignTraffic => false,
        }
    }
}

/// The error of a port. Its message names the act that failed and the thing it failed on; the source says why.
#[derive(Debug, thiserror::Error)]
#[error("{act}")]
pub struct PortError {
    /// What code decides on.
    pub kind: FailureKind,
    /// The act that failed, such as `could not read the workers of Locust at http://…`.
    pub act: String,
    /// Why, when a lower layer knows.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl PortError {
    /// An error without a lower layer's reason: the act says it all.
    pub fn new(kind: FailureKind, act: impl Into<String>) -> Self {
        Self { kind, act: act.into(), source: None }
    }

    /// An error with a lower layer's reason.
    pub fn because(kind: FailureKind, act: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, act: act.into(), source: Some(source.into()) }
    }
}

/// What went wrong, as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What the conductor was doing, such as `scale checkout`.
    pub activity: String,
    /// What code decides on.
    pub kind: FailureKind,
    /// The whole chain of messages, outermost first.
    pub message: String,
}

impl Failure {
    /// The shadow of a port's error.
    pub fn of(activity: impl Into<String>, error: &PortError) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let told = cause.to_string();
            // Errors of some libraries tell their sources themselves.
            if !message.ends_with(&told) {
                message.push_str(": ");
                message.push_str(&told);
            }
            source = cause.source();
        }
        Self { activity: activity.into(), kind: error.kind, message }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.activity, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_keeps_the_whole_chain_and_says_each_part_once() {
        let lower = std::io::Error::other("connection refused");
        let error = PortError::because(FailureKind::Unavailable, "could not reach the supervisor", lower);
        let failure = Failure::of("scale checkout", &error);
        assert_eq!(failure.to_string(), "scale checkout: could not reach the supervisor: connection refused");
        assert!(failure.kind.is_transient());
    }

    #[test]
    fn a_cause_that_an_error_tells_itself_is_said_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("service error: {0}")]
        struct Telling(#[source] std::io::Error);

        let lower = Telling(std::io::Error::other("connection closed"));
        let error = PortError::because(FailureKind::Unavailable, "could not list pods", lower);
        assert_eq!(Failure::of("", &error).message, "could not list pods: service error: connection closed");
    }
}
