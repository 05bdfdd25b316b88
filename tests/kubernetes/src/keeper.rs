//! The processes of a cluster, kept by the names of its components.

use std::process::{Command, ExitStatus};
use std::time::Duration;

use conductor_bed::{Ending, Error, Folder, Signal, Stopped, log};

use crate::component::Component;
use crate::error::BedError;

/// How long a component has to stop when asked.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// The processes. Dropping it stops every one, the newest first.
#[derive(Debug)]
pub(crate) struct Keeper(conductor_bed::Keeper<Component>);

impl Keeper {
    pub(crate) fn new() -> Self {
        let ending = Ending { with_owner: Signal::SIGKILL, asked: Signal::SIGTERM, within: STOP_WITHIN };
        Self(conductor_bed::Keeper::new(ending))
    }

    /// Starts a component and answers with the number of its process.
    pub(crate) fn start(&self, component: Component, command: Command) -> Result<u32, BedError> {
        Ok(self.0.start(component, command).map_err(Error::start(component.name()))?)
    }

    /// # Errors
    /// When a component has ended, with the end of its log.
    pub(crate) fn check(&self, folder: &Folder) -> Result<(), BedError> {
        self.0.ended().map_or(Ok(()), |(component, status)| Err(ended(folder, component, status)))
    }

    /// Stops every process, the newest first. All are gone afterwards.
    ///
    /// # Errors
    /// When one had ended by itself or had to be killed; the first of them is told.
    pub(crate) fn stop(&mut self, folder: &Folder) -> Result<(), BedError> {
        let failure = |(component, stopped)| match stopped {
            Stopped::InOrder => None,
            Stopped::Already(status) => Some(ended(folder, component, status)),
            Stopped::Killed => Some(BedError::Killed { component, within: STOP_WITHIN }),
        };
        self.0.stop().into_iter().find_map(failure).map_or(Ok(()), Err)
    }
}

fn ended(folder: &Folder, component: Component, status: ExitStatus) -> BedError {
    BedError::Ended { component, status, log: log::end(&folder.file(&component.log())) }
}

#[cfg(test)]
mod tests {
    use conductor_bed::Identity;

    use super::*;
    use crate::FOLDERS;

    #[test]
    fn a_component_that_ends_by_itself_is_named_with_the_end_of_its_log() {
        let folder = FOLDERS.make(Identity::own()).unwrap();
        let lines: Vec<String> = (1..=30).map(|number| format!("line {number}")).collect();
        folder.write(&Component::Scheduler.log(), &lines.join("\n")).unwrap();
        let mut keeper = Keeper::new();
        let mut command = Command::new("sh");
        command.args(["-c", "exit 7"]);
        keeper.start(Component::Scheduler, command).unwrap();
        let error = loop {
            if let Err(error) = keeper.check(&folder) {
                break error.to_string();
            }
        };
        assert!(error.starts_with("kube-scheduler ended by itself with exit status: 7"), "{error}");
        assert!(
            error.contains("\nline 11\n") && error.ends_with("\nline 30") && !error.contains("line 10\n"),
            "{error}"
        );
        assert_eq!(keeper.stop(&folder).unwrap_err().to_string(), error);
    }
}
