//! The thread that owns a server's process. The only unsafe code of the bed is here.
//!
//! A child's death signal comes when the *thread* that started it ends, and the threads of tests come and go. So each server has a thread
//! of its own, which ends when its server does.
#![allow(unsafe_code, reason = "a child's death signal can only be set between fork and exec")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// By this a server ends at once, with everything that it has started.
const END: Signal = Signal::SIGQUIT;
/// How long it has for that.
const END_WITHIN: Duration = Duration::from_secs(10);
/// How often it is looked whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

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

    /// Ends it now, and waits until it has ended.
    pub(crate) fn end(&mut self) {
        drop(self.orders.take());
        // It has ended by then, whatever became of its thread.
        let _ = self.thread.take().map(JoinHandle::join);
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
        self.end();
    }
}

fn keep(mut child: Child, inbox: &Receiver<Sender<Option<ExitStatus>>>) {
    while let Ok(answer) = inbox.recv() {
        // Nobody waits for it any more when it cannot be sent.
        let _ = answer.send(child.try_wait().ok().flatten());
    }
    if let (Ok(None), Ok(number)) = (child.try_wait(), i32::try_from(child.id())) {
        // It fails where the process has ended, which is as good.
        let _ = kill(Pid::from_raw(number), END);
    }
    let begun = Instant::now();
    while begun.elapsed() < END_WITHIN {
        if let Ok(Some(_)) = child.try_wait() {
            return;
        }
        std::thread::sleep(LOOK_EVERY);
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
            // Another user's process loses a signal that was set before it became that user's; this comes after.
            nix::sys::prctl::set_pdeathsig(END)?;
            // A parent that died before the signal was set would not be noticed any more.
            if nix::unistd::getppid() == parent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
        };
        // SAFETY: between fork and exec only async-signal-safe functions may be called. `prctl` and `getppid` are bare
        // system calls, and neither the closure nor its errors allocate.
        unsafe { command.pre_exec(before_exec) };
    }
    command.spawn()
}
