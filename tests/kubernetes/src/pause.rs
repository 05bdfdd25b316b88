//! Controllers that stand still: until they go on, nothing in the cluster changes but by its users.

use std::io;
use std::marker::PhantomData;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::cluster::Cluster;
use crate::component::Component;
use crate::error::BedError;

/// What acts by itself, in the order in which it is stopped.
const CONTROLLERS: [Component; 3] = [Component::ControllerManager, Component::Scheduler, Component::Kwok];

/// Controllers, scheduler and kwok of a cluster, stopped. They go on when this is dropped.
#[derive(Debug)]
pub struct Paused<'a> {
    stopped: Vec<Pid>,
    /// A cluster whose processes do not listen cannot be stopped in order.
    cluster: PhantomData<&'a Cluster>,
}

impl Cluster {
    /// Stops controllers, scheduler and kwok where they are, so that the API server answers and nobody acts.
    ///
    /// # Errors
    /// When one of them is gone.
    pub fn pause_controllers(&self) -> Result<Paused<'_>, BedError> {
        // A process that has ended is told here; the number of one that has not is its own.
        self.keeper.check(&self.folder)?;
        let mut paused = Paused { stopped: Vec::new(), cluster: PhantomData };
        for component in CONTROLLERS {
            for (_, number) in self.processes.iter().filter(|(running, _)| *running == component) {
                let refused = |source: io::Error| BedError::Pause { component, source };
                let process = i32::try_from(*number).map_err(|error| refused(io::Error::other(error)))?;
                kill(Pid::from_raw(process), Signal::SIGSTOP).map_err(|error| refused(error.into()))?;
                paused.stopped.push(Pid::from_raw(process));
            }
        }
        Ok(paused)
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        for process in &self.stopped {
            // One that is gone need not go on.
            let _ = kill(*process, Signal::SIGCONT);
        }
    }
}
