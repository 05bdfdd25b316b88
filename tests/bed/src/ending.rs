//! Ending a process.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How often it is looked whether a process has ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How a process was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It had ended before.
    Already(ExitStatus),
    /// It did so when asked.
    InOrder,
    /// It did not, and was killed.
    Killed,
}

/// Asks a process to end that nobody has waited for yet: the number is still its own.
pub fn ask_to_end(child: &Child, by: Signal) {
    if let Ok(pid) = i32::try_from(child.id()) {
        // It fails where the process has ended, which is as good.
        let _ = kill(Pid::from_raw(pid), by);
    }
}

/// Asks a process to end, and kills it if it takes too long. It is gone afterwards.
pub fn stop(child: &mut Child, by: Signal, within: Duration) -> Stopped {
    if let Ok(Some(status)) = child.try_wait() {
        return Stopped::Already(status);
    }
    ask_to_end(child, by);
    let begun = Instant::now();
    while begun.elapsed() < within {
        match child.try_wait() {
            // It was about to end already: nobody here has killed it.
            Ok(Some(status)) if by != Signal::SIGKILL && status.signal() == Some(Signal::SIGKILL as i32) => {
                return Stopped::Already(status);
            }
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
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use super::*;
    use crate::process::spawn;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Child {
        spawn(Command::new("sh").args(["-c", script]).stdout(Stdio::piped()), Signal::SIGKILL).unwrap()
    }

    #[test]
    fn a_process_is_asked_first_and_killed_if_it_does_not_listen() {
        // Shells let what they start in the background ignore SIGINT and SIGQUIT, which is inherited.
        for by in [Signal::SIGTERM, Signal::SIGUSR1, Signal::SIGKILL] {
            assert_eq!(stop(&mut shell("exec tail -f /dev/null"), by, PATIENCE), Stopped::InOrder);
        }
        let mut deaf = shell("trap '' TERM; echo deaf; while :; do sleep 1; done");
        let mut line = String::new();
        BufReader::new(deaf.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(stop(&mut deaf, Signal::SIGTERM, Duration::from_millis(50)), Stopped::Killed);
    }

    #[test]
    fn a_process_that_ended_by_itself_is_told_apart() {
        let mut child = shell("exit 3");
        let status = child.wait().unwrap();
        assert_eq!(stop(&mut child, Signal::SIGTERM, Duration::ZERO), Stopped::Already(status));
    }
}
