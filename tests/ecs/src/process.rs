//! Starting a process that ends with its parent. The only unsafe code of the bed is here.
#![allow(unsafe_code, reason = "a child's death signal can only be set between fork and exec")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

/// Starts a process in a group of its own, so that Ctrl-C in a terminal leaves its end to its parent.
///
/// On Linux the kernel kills it when the thread that called this ends, however that comes about.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    command.process_group(0);
    #[cfg(target_os = "linux")]
    {
        let parent = nix::unistd::getpid();
        let before_exec = move || {
            nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
            // A parent that died before the signal was set would not be noticed any more.
            if nix::unistd::getppid() == parent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
        };
        // SAFETY: between fork and exec only async-signal-safe functions may be called. `prctl` and `getppid` are bare
        // system calls, and neither the closure nor its errors allocate.
        unsafe { command.pre_exec(before_exec) };
    }
    command.spawn()
}
