//! The thread that owns a cluster's processes.
//!
//! A child's death signal comes when the *thread* that started it ends, and the threads of tests and of their runtimes
//! come and go. So each cluster has a thread of its own, which ends when its cluster does.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::component::Component;
use crate::error::BedError;
use crate::folder::Folder;
use crate::process::{self, Stopped};

/// How long a component has to stop when asked.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// How many lines of a log are shown.
const LOG_LINES: usize = 20;

enum Order {
    Start(Component, Box<Command>, Sender<io::Result<u32>>),
    /// Asks for one that has ended by itself.
    Look(Sender<Option<(Component, std::process::ExitStatus)>>),
}

/// The handle of the thread. Dropping it stops every process, the newest first.
#[derive(Debug)]
pub(crate) struct Keeper {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<Vec<(Component, Stopped)>>>,
}

impl Keeper {
    pub(crate) fn new() -> Self {
        let (orders, inbox) = channel();
        Self { orders: Some(orders), thread: Some(std::thread::spawn(move || keep(&inbox))) }
    }

    /// Starts a component and answers with the number of its process.
    pub(crate) fn start(&self, component: Component, command: Command) -> Result<u32, BedError> {
        let started = self.ask(|answer| Order::Start(component, Box::new(command), answer));
        let started = started.unwrap_or_else(|| Err(io::ErrorKind::BrokenPipe.into()));
        started.map_err(|source| BedError::Start { program: component.name(), source })
    }

    /// # Errors
    /// When a component has ended, with the end of its log.
    pub(crate) fn check(&self, folder: &Folder) -> Result<(), BedError> {
        match self.ask(Order::Look).flatten() {
            None => Ok(()),
            Some((component, status)) => Err(BedError::Ended { component, status, log: log(folder, component) }),
        }
    }

    /// Stops every process, the newest first. All are gone afterwards.
    ///
    /// # Errors
    /// When one had ended by itself or had to be killed; the first of them is told.
    pub(crate) fn stop(&mut self, folder: &Folder) -> Result<(), BedError> {
        drop(self.orders.take());
        let stopped = self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        let failure = |(component, stopped)| match stopped {
            Stopped::InOrder => None,
            Stopped::Already(status) => Some(BedError::Ended { component, status, log: log(folder, component) }),
            Stopped::Killed => Some(BedError::Killed { component, within: STOP_WITHIN }),
        };
        stopped.into_iter().find_map(failure).map_or(Ok(()), Err)
    }

    /// The thread answers at once: it does nothing but what it is asked.
    fn ask<T>(&self, order: impl FnOnce(Sender<T>) -> Order) -> Option<T> {
        let (answer, answered) = channel();
        self.orders.as_ref()?.send(order(answer)).ok()?;
        answered.recv().ok()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has taken its processes with it.
            let _ = thread.join();
        }
    }
}

/// Does what is asked until nobody can ask any more, then stops what runs.
fn keep(orders: &Receiver<Order>) -> Vec<(Component, Stopped)> {
    let mut running: Vec<(Component, Child)> = Vec::new();
    // An answer that nobody waits for any more is no loss.
    for order in orders {
        match order {
            Order::Start(component, mut command, answer) => {
                let started = process::spawn(&mut command).map(|child| {
                    let number = child.id();
                    running.push((component, child));
                    number
                });
                let _ = answer.send(started);
            }
            Order::Look(answer) => {
                let ended = running.iter_mut().find_map(|(component, child)| match child.try_wait() {
                    Ok(Some(status)) => Some((*component, status)),
                    Ok(None) | Err(_) => None,
                });
                let _ = answer.send(ended);
            }
        }
    }
    let newest_first = running.iter_mut().rev();
    newest_first.map(|(component, child)| (*component, process::stop(child, STOP_WITHIN))).collect()
}

/// The end of a component's log.
pub(crate) fn log(folder: &Folder, component: Component) -> String {
    let text = std::fs::read(folder.file(&component.log())).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_that_ends_by_itself_is_named_with_the_end_of_its_log() {
        let folder = Folder::make().unwrap();
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
