//! The thread that owns a server's process. The only unsafe code of the bed is here.
//!
//! A child's death signal comes when the *thread* that started it ends, and the threads of tests come and go. So each server has a thread
//! of its own, which ends when its server does. What a test server loses by a kill nobody misses.
#![allow(unsafe_code, reason = "a child's death signal can only be set between fork and exec")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use nix::sys::signal::Signal;

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Keeper {
    orders: Option<Sender<Sender<Option<ExitStatus>>>>,
    thread: Option<JoinHandle<()>>,
    number: u32,
}

impl Keeper {
    /// Starts a server.
    pub(crate) fn start(mut command: Command) -> io::Result<Self> {
        let (orders, inbox) = channel();
        let (started, answer) = channel();
        let thread = std::thread::spawn(move || match spawn(&mut command) {
            Ok(child) => {
                // Whoever has started it waits for the answer.
                let _ = started.send(Ok(child.id()));
                keep(child, &inbox);
            }
            Err(error) => drop(started.send(Err(error))),
        });
        let number = answer.recv().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))?;
        Ok(Self { orders: Some(orders), thread: Some(thread), number })
    }

    /// The number of its process.
    pub(crate) const fn number(&self) -> u32 {
        self.number
    }

    /// How it has ended, where it has.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        let (answer, inbox) = channel();
        self.orders.as_ref()?.send(answer).ok()?;
        inbox.recv().ok().flatten()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.orders.take());
        // It has ended by then, whatever became of its thread.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn keep(mut child: Child, inbox: &Receiver<Sender<Option<ExitStatus>>>) {
    while let Ok(answer) = inbox.recv() {
        // Nobody waits for it any more when it cannot be sent.
        let _ = answer.send(child.try_wait().ok().flatten());
    }
    // Neither can fail for a child that has not been waited for.
    let _ = child.kill();
    let _ = child.wait();
}

/// Starts a process in a group of its own, so that Ctrl-C in a terminal leaves its end to its parent.
fn spawn(command: &mut Command) -> io::Result<Child> {
    command.process_group(0);
    #[cfg(target_os = "linux")]
    {
        let parent = nix::unistd::getpid();
        let before_exec = move || {
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
            // A parent that died before the signal was set would not be noticed any more.
            if nix::unistd::getppid() == parent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
        };
        // SAFETY: between fork and exec only async-signal-safe functions may be called. `prctl` and `getppid` are bare
        // system calls, and neither the closure nor its errors allocate.
        unsafe { command.pre_exec(before_exec) };
    }
    command.spawn()
}
