//! Another process that holds a claim: the example `hold_claim`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use conductor_core::run::{Record, RunId};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process that holds a claim. It is killed at the latest when it is dropped.
pub(crate) struct Holder {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Holder {
    /// Starts it, and waits until it holds the environment.
    pub(crate) fn of(store: &str, environment: &str) -> Self {
        // Cargo builds examples beside the tests of their package.
        let test = std::env::current_exe().unwrap();
        let example = test.parent().and_then(Path::parent).unwrap().join("examples").join("hold_claim");
        let mut command = Command::new(example);
        let mut child =
            command.args([store, environment]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut holder = Self { child, input, output };
        assert_eq!(holder.says(), "held");
        holder
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Lets it append a record, when it runs.
    pub(crate) fn append(&mut self, run: &RunId, record: &Record) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{}", serde_json::to_string(&(run, record)).unwrap()).unwrap();
    }

    /// The next line that it says.
    pub(crate) fn says(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub(crate) fn stop(&self) {
        self.signal(Signal::SIGSTOP);
    }

    pub(crate) fn go_on(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Kills it, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends its input, so that it ends in order.
    pub(crate) fn end(&mut self) {
        drop(self.input.take());
        assert!(self.child.wait().unwrap().success());
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It may have ended, and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
