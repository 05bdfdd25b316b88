//! Starting a process that ends with its parent. The only unsafe code of the beds is here.
#![allow(unsafe_code, reason = "a child's death signal can only be set between fork and exec")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use nix::sys::signal::Signal;

/// Starts a process in a group of its own, so that Ctrl-C in a terminal leaves its end to its parent.
///
/// On Linux the kernel sends it this signal when the *thread* that called this ends, however that comes about.
///
/// # Errors
/// When it cannot be started.
pub fn spawn(command: &mut Command, at_the_end: Signal) -> io::Result<Child> {
    command.process_group(0);
    #[cfg(target_os = "linux")]
    {
        let parent = nix::unistd::getpid();
        let before_exec = move || {
            // Another user's process loses a signal that was set before it became that user's; this comes after.
            nix::sys::prctl::set_pdeathsig(at_the_end)?;
            // A parent that died before the signal was set would not be noticed any more.
            if nix::unistd::getppid() == parent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
        };
        // SAFETY: between fork and exec only async-signal-safe functions may be called. `prctl` and `getppid` are bare
        // system calls, and neither the closure nor its errors allocate.
        unsafe { command.pre_exec(before_exec) };
    }
    command.spawn()
}

/// True while there is such a process that has not ended; one that nobody has waited for yet has. Linux tells it in `/proc`.
pub fn is_alive(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name of a program may have spaces and parentheses in it.
    let state = status.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;
    use std::time::Instant;

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_ends_with_the_thread_that_has_started_it() {
        let start = || spawn(Command::new("cat").stdin(Stdio::piped()), Signal::SIGKILL).unwrap();
        let mut child = std::thread::spawn(start).join().unwrap();
        // A thread that was joined may take a moment to be gone.
        let begun = Instant::now();
        while is_alive(child.id()) {
            assert!(begun.elapsed() < std::time::Duration::from_secs(60));
        }
        assert_eq!(child.wait().unwrap().to_string(), "signal: 9 (SIGKILL)");
        assert!(!is_alive(child.id()));
        assert!(is_alive(std::process::id()));
    }
}
