//! The conductor's program: run to its end, or going on and signalled.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// A program that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub out: String,
    /// What it complained about.
    pub err: String,
}

impl Ended {
    /// What it printed, after asserting that it went well.
    pub fn succeeded(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.err);
        self.out
    }

    /// The JSON it printed, after asserting that it went well.
    pub fn json(self) -> Value {
        serde_json::from_str(&self.succeeded()).unwrap()
    }

    /// Asserts its exit code.
    pub fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }
}

pub(crate) fn ended(mut command: Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A program that goes on. It is killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: String,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = reader(child.stdout.take().unwrap());
        Self { child, lines, seen: String::new() }
    }

    /// Waits for a line that contains a text, and answers with it.
    pub fn line(&mut self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(120));
            let Ok(line) = line else {
                let complaints = self.complaints();
                panic!("no line with {text:?} in\n{}{complaints}", self.seen);
            };
            self.seen.push_str(&line);
            self.seen.push('\n');
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Waits until the load has gone on for so long, by the time that its lines begin with.
    pub fn load_for(&mut self, time: Duration) {
        while self.line(" target ").split_once(' ').and_then(|(clock, _)| passed(clock)) < Some(time) {}
    }

    /// Closes the pipe that it prints to.
    pub fn stop_reading(&mut self) {
        // The reading thread ends, and its end of the pipe with it, at the next line that nobody takes.
        self.lines = channel().1;
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Ended {
        let status: ExitStatus = self.child.wait().unwrap();
        self.seen.extend(self.lines.iter().map(|line| line + "\n"));
        Ended { code: status.code(), err: self.complaints(), out: std::mem::take(&mut self.seen) }
    }

    /// Its own memory, in bytes: without the pages of its program, which is not optimised in tests.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    fn complaints(&mut self) -> String {
        let mut text = String::new();
        if self.child.try_wait().unwrap().is_some()
            && let Some(mut stderr) = self.child.stderr.take()
        {
            stderr.read_to_string(&mut text).unwrap();
        }
        text
    }
}

/// The time that a clock of minutes and seconds shows, such as `1:15`.
fn passed(clock: &str) -> Option<Duration> {
    let (minutes, seconds) = clock.split_once(':')?;
    Some(Duration::from_secs(60 * minutes.parse::<u64>().ok()? + seconds.parse::<u64>().ok()?))
}

impl Drop for Running {
    fn drop(&mut self) {
        // It fails where the program has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn reader(stdout: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
