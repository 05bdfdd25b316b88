//! Starting a process that ends with its parent, and ending it. The only unsafe code of the bed is here.
#![allow(unsafe_code, reason = "a child's death signal can only be set between fork and exec")]

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How often it is looked whether a process has ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Starts a process in a group of its own, so that Ctrl-C in a terminal leaves its end to its parent.
///
/// On Linux the kernel kills it when the thread that called this ends, however that comes about.
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

/// How a process was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// It had ended before.
    Already(ExitStatus),
    /// It did so when asked.
    InOrder,
    /// It did not, and was killed.
    Killed,
}

/// Asks a process to end that nobody has waited for yet: the number is still its own.
pub(crate) fn ask_to_end(child: &Child) {
    if let Ok(pid) = i32::try_from(child.id()) {
        // It fails where the process has ended, which is as good.
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
}

/// Asks a process to end, and kills it if it takes too long. It is gone afterwards.
pub(crate) fn stop(child: &mut Child, within: Duration) -> Stopped {
    if let Ok(Some(status)) = child.try_wait() {
        return Stopped::Already(status);
    }
    ask_to_end(child);
    let begun = Instant::now();
    while begun.elapsed() < within {
        match child.try_wait() {
            // It was about to end already: nobody here has killed it.
            Ok(Some(status)) if status.signal() == Some(Signal::SIGKILL as i32) => return Stopped::Already(status),
            Ok(Some(_)) => return Stopped::InOrder,
            Ok(None) | Err(_) => {}
        }
        std::thread::sleep(LOOK_EVERY);
    }
    // Neither can fail for a child that has not been waited for.
    let _ = child.kill();
    let _ = child.wait();
    Stopped::Killed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Child {
        spawn(Command::new("sh").args(["-c", script]).stdout(std::process::Stdio::piped())).unwrap()
    }

    #[test]
    fn a_process_is_asked_first_and_killed_if_it_does_not_listen() {
        assert_eq!(stop(&mut shell("exec tail -f /dev/null"), Duration::from_secs(10)), Stopped::InOrder);
        let mut deaf = shell("trap '' TERM; echo deaf; while :; do sleep 1; done");
        let mut line = String::new();
        io::BufRead::read_line(&mut io::BufReader::new(deaf.stdout.take().unwrap()), &mut line).unwrap();
        assert_eq!(stop(&mut deaf, Duration::from_millis(50)), Stopped::Killed);
    }

    #[test]
    fn a_process_that_ended_by_itself_is_told_apart() {
        let mut child = shell("exit 3");
        let status = child.wait().unwrap();
        assert_eq!(stop(&mut child, Duration::ZERO), Stopped::Already(status));
    }
}
