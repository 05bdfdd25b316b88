//! A deployment of a service: its tasks, and how far it is.

use std::time::Duration;

use super::images::Definition;
use super::task::Task;

/// `rolloutState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rollout {
    InProgress,
    Completed,
    Failed,
}

impl Rollout {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

/// One of a service's deployments; the first of them is the primary.
#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    /// As in `ecs-svc/1234567890123456789`.
    pub(crate) id: String,
    pub(crate) definition: Definition,
    /// The ARN of the service revision that it brings.
    pub(crate) revision: String,
    /// The ARN of the service deployment that it belongs to.
    pub(crate) effort: String,
    pub(crate) created: Duration,
    pub(crate) updated: Duration,
    pub(crate) tasks: Vec<Task>,
    /// Tasks that failed one after the other, until one has run: from then on failures are not counted.
    pub(crate) failed: u32,
    pub(crate) has_run: bool,
    pub(crate) rollout: Rollout,
    pub(crate) reason: String,
    /// It brings back what was before another.
    pub(crate) is_rollback: bool,
}

impl Deployment {
    pub(crate) fn running(&self) -> u32 {
        count(self.tasks.iter().filter(|task| task.is_running()).count())
    }

    pub(crate) fn pending(&self) -> u32 {
        count(self.tasks.iter().filter(|task| !task.is_running()).count())
    }

    pub(crate) fn total(&self) -> u32 {
        count(self.tasks.len())
    }

    /// A task has not come to run.
    pub(crate) fn fail(&mut self) {
        if !self.has_run {
            self.failed += 1;
        }
    }
}

/// A number of tasks; there are never as many as to be too many for it.
pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A service revision: what a deployment brings.
#[derive(Clone, Debug)]
pub(crate) struct Revision {
    pub(crate) arn: String,
    pub(crate) definition: Definition,
    pub(crate) created: Duration,
}

/// How a service deployment stands, in the words of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    InProgress,
    Successful,
    Stopped,
    RollbackInProgress,
    RollbackSuccessful,
    RollbackFailed,
}

impl Standing {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Successful => "SUCCESSFUL",
            Self::Stopped => "STOPPED",
            Self::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
            Self::RollbackSuccessful => "ROLLBACK_SUCCESSFUL",
            Self::RollbackFailed => "ROLLBACK_FAILED",
        }
    }
}

/// A service deployment: the effort to bring a revision, with the way back if there was one.
#[derive(Clone, Debug)]
pub(crate) struct Effort {
    pub(crate) arn: String,
    pub(crate) source: Option<String>,
    pub(crate) target: String,
    pub(crate) created: Duration,
    pub(crate) finished: Option<Duration>,
    pub(crate) standing: Standing,
    pub(crate) reason: Option<String>,
    /// The revision that was gone back to, since when.
    pub(crate) rollback: Option<(String, Duration)>,
    pub(crate) failed: u32,
}
