//! Starting a process that ends with its parent. The only unsafe code of the programs is here.
#![allow(unsafe_code, reason = "a child's death signal can only be set between fork and exec")]

use std::io;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

/// Starts a process as the leader of a group of its own.
///
/// On Linux the kernel kills it when the thread that called this ends, however that comes about; so this must be called
/// from a thread that lives as long as the supervisor does.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
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

/// Sends a signal to a whole group. One whose processes are all gone is as good.
pub(crate) fn signal_group(leader: u32, signal: Signal) {
    if let Ok(leader) = i32::try_from(leader) {
        // The only error that can be is that nobody is left.
        let _ = killpg(Pid::from_raw(leader), signal);
    }
}
