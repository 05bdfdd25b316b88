//! The thread that owns processes.
//!
//! A child's death signal comes when the *thread* that started it ends, and the threads of tests and of their runtimes
//! come and go. So whoever owns processes has a thread of its own for them, which ends when their owner does.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::ending::{self, Stopped};
use crate::process;

/// How processes end.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// By what the kernel ends them when their owner dies.
    pub with_owner: Signal,
    /// By what they are asked to end.
    pub asked: Signal,
    /// How long they have for that.
    pub within: Duration,
}

impl Ending {
    /// They are killed: what they lose by that nobody misses.
    pub const KILL: Self =
        Self { with_owner: Signal::SIGKILL, asked: Signal::SIGKILL, within: Duration::from_secs(10) };
}

enum Order<Name> {
    Start(Name, Box<Command>, Sender<io::Result<u32>>),
    /// Asks for one that has ended by itself.
    Look(Sender<Option<(Name, ExitStatus)>>),
}

/// Processes by their names. Dropping it stops every one, the newest first.
#[derive(Debug)]
pub struct Keeper<Name> {
    orders: Option<Sender<Order<Name>>>,
    thread: Option<JoinHandle<Vec<(Name, Stopped)>>>,
}

impl<Name: Copy + Send + 'static> Keeper<Name> {
    /// One that has no process yet.
    pub fn new(ending: Ending) -> Self {
        let (orders, inbox) = channel();
        Self { orders: Some(orders), thread: Some(std::thread::spawn(move || keep(&inbox, ending))) }
    }

    /// Starts a process and answers with its number.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self, name: Name, command: Command) -> io::Result<u32> {
        let started = self.ask(|answer| Order::Start(name, Box::new(command), answer));
        started.unwrap_or_else(|| Err(io::ErrorKind::BrokenPipe.into()))
    }

    /// A process that has ended by itself, and how.
    pub fn ended(&self) -> Option<(Name, ExitStatus)> {
        self.ask(Order::Look).flatten()
    }

    /// Stops every process, the newest first, and says how each has ended. All are gone afterwards.
    pub fn stop(&mut self) -> Vec<(Name, Stopped)> {
        drop(self.orders.take());
        // A thread that panicked has taken its processes with it.
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }

    /// The thread answers at once: it does nothing but what it is asked.
    fn ask<T>(&self, order: impl FnOnce(Sender<T>) -> Order<Name>) -> Option<T> {
        let (answer, answered) = channel();
        self.orders.as_ref()?.send(order(answer)).ok()?;
        answered.recv().ok()
    }
}

impl<Name> Drop for Keeper<Name> {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has taken its processes with it.
            let _ = thread.join();
        }
    }
}

/// Does what is asked until nobody can ask any more, then stops what runs.
fn keep<Name: Copy>(orders: &Receiver<Order<Name>>, ending: Ending) -> Vec<(Name, Stopped)> {
    let mut running: Vec<(Name, Child)> = Vec::new();
    // An answer that nobody waits for any more is no loss.
    for order in orders {
        match order {
            Order::Start(name, mut command, answer) => {
                let started = process::spawn(&mut command, ending.with_owner).map(|child| {
                    let number = child.id();
                    running.push((name, child));
                    number
                });
                let _ = answer.send(started);
            }
            Order::Look(answer) => {
                let ended = running.iter_mut().find_map(|(name, child)| match child.try_wait() {
                    Ok(Some(status)) => Some((*name, status)),
                    Ok(None) | Err(_) => None,
                });
                let _ = answer.send(ended);
            }
        }
    }
    let newest_first = running.iter_mut().rev();
    newest_first.map(|(name, child)| (*name, ending::stop(child, ending.asked, ending.within))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn processes_are_stopped_the_newest_first_and_one_that_has_ended_is_named() {
        let mut keeper = Keeper::new(Ending { asked: Signal::SIGTERM, ..Ending::KILL });
        keeper.start("first", shell("exec tail -f /dev/null")).unwrap();
        keeper.start("second", shell("exit 7")).unwrap();
        let third = keeper.start("third", shell("exec tail -f /dev/null")).unwrap();
        assert!(process::is_alive(third));
        let ended = loop {
            if let Some((name, status)) = keeper.ended() {
                break (name, status);
            }
        };
        assert_eq!((ended.0, ended.1.code()), ("second", Some(7)));
        let stopped = [("third", Stopped::InOrder), ("second", Stopped::Already(ended.1)), ("first", Stopped::InOrder)];
        assert_eq!(keeper.stop(), stopped);
        assert!(!process::is_alive(third));
        assert_eq!(keeper.start("late", shell("")).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_program_that_is_not_there_is_told() {
        let keeper = Keeper::new(Ending::KILL);
        let error = keeper.start("missing", Command::new("/nowhere/program")).unwrap_err();
        assert_eq!((error.kind(), keeper.ended()), (io::ErrorKind::NotFound, None));
    }
}
