//! One task of a service.

use std::time::Duration;

/// A task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// 32 hexadecimal digits.
    pub(crate) id: String,
    pub(crate) created: Duration,
    /// Since when it runs; absent while it is pending.
    pub(crate) started: Option<Duration>,
}

impl Task {
    pub(crate) const fn is_running(&self) -> bool {
        self.started.is_some()
    }
}

/// Why a task is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The scheduler needed it no more.
    Scheduled,
    /// Its image could not be pulled.
    NoPull,
    /// Its container exited.
    Exited,
}

impl Why {
    /// As `stopCode` has it.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Scheduled => "ServiceSchedulerInitiated",
            Self::NoPull => "TaskFailedToStart",
            Self::Exited => "EssentialContainerExited",
        }
    }
}

/// A task that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stopped {
    pub(crate) task: Task,
    pub(crate) at: Duration,
    pub(crate) why: Why,
    /// The id of its deployment.
    pub(crate) deployment: String,
    pub(crate) definition: super::images::Definition,
}

impl Stopped {
    /// As `stoppedReason` has it.
    pub(crate) fn reason(&self) -> String {
        let image = self.definition.containers.first().map_or("", |container| &container.image);
        match self.why {
            Why::Scheduled => format!("Scaling activity initiated by (deployment {})", self.deployment),
            Why::NoPull => format!(
                "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref {image}: not found"
            ),
            Why::Exited => "Essential container in task exited".to_owned(),
        }
    }
}
