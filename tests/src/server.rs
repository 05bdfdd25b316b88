//! The server's program, called as people call it.

use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::bed::{Bed, until};
use crate::conductor::{Ended, Running, ended};
use crate::outside::{answer, grpcurl, program};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server of a bed's environment. It is killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    running: Running,
    /// Where it listens, as `127.0.0.1:PORT`.
    pub address: String,
    /// Where its metrics and probes are, as `127.0.0.1:PORT`.
    pub probes: String,
}

impl Server {
    /// Starts one in the bed's state folder, and waits until it listens.
    pub fn start(bed: &Bed, arguments: &[&str]) -> Self {
        Self::start_at(bed, "127.0.0.1:0", arguments)
    }

    /// The same where it is told to listen there.
    pub fn start_at(bed: &Bed, listen: &str, arguments: &[&str]) -> Self {
        let free = ["--listen", listen, "--metrics", "127.0.0.1:0"];
        Self::listening(command(bed, &[&free, arguments].concat()))
    }

    /// Starts one by a command of its own, and waits until it listens.
    pub fn listening(command: Command) -> Self {
        let mut running = Running::start(command);
        let line = running.line("conductord listens on ");
        let told = |before: &str| {
            let (_, rest) = line.split_once(before).unwrap();
            rest.split([',', ';', ' ']).next().unwrap().to_owned()
        };
        Self { address: told("://"), probes: told("probes on http://"), running }
    }

    /// Starts one of the bed's environment, and waits until it takes new runs.
    pub fn ready(bed: &Bed) -> Self {
        let server = Self::start(bed, &[&bed.path("environment.yaml")]);
        server.wait_until_ready();
        server
    }

    /// One that does not begin, since something is wrong with it.
    pub fn refused(bed: &Bed, arguments: &[&str]) -> Ended {
        ended(command(bed, arguments))
    }

    /// Waits until it takes new runs.
    pub fn wait_until_ready(&self) {
        until("the server is ready", PATIENCE, || self.probe("/readyz").starts_with("ready"));
    }

    /// What it answers on a path beside metrics.
    pub fn probe(&self, path: &str) -> String {
        answer(&self.probes, path)
    }

    /// Calls grpcurl with these arguments before the server's address, and those after it.
    pub fn grpcurl(&self, before: &[&str], after: &[&str]) -> Ended {
        let mut command = Command::new(grpcurl());
        command.arg("-plaintext").args(before).arg(&self.address).args(after).stdin(Stdio::null());
        ended(command)
    }

    /// Calls a method, and answers with what grpcurl prints.
    pub fn call(&self, method: &str, request: &Value) -> Ended {
        ended(calling(&self.address, method, request))
    }

    /// Starts a program that reads a stream of the server's answers.
    pub fn stream(&self, method: &str, request: &Value) -> Running {
        Running::start(calling(&self.address, method, request))
    }

    /// The run as it is now.
    pub fn get(&self, run: &str) -> Value {
        self.call("GetLoadTest", &serde_json::json!({ "id": run })).json()["run"].clone()
    }

    /// Waits until a run has ended, and answers with it.
    pub fn ended(&self, run: &str, within: Duration) -> Value {
        let mut view = Value::Null;
        until("the run ends", within, || {
            view = self.get(run);
            view["verdict"].is_object()
        });
        view
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        self.running.signal(signal);
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.running.process()
    }

    /// Kills it as a machine that dies would, and waits until it is gone.
    pub fn kill(self) {
        self.signal(Signal::SIGKILL);
        self.running.wait();
    }

    /// Ends it in order.
    pub fn terminate(self) -> Ended {
        self.signal(Signal::SIGTERM);
        self.running.wait()
    }
}

/// grpcurl, calling a method of the service at an address.
pub(crate) fn calling(address: &str, method: &str, request: &Value) -> Command {
    let mut command = Command::new(grpcurl());
    command.args(["-plaintext", "-d", &request.to_string(), address]);
    command.arg(format!("conductor.v1.LoadTestService/{method}")).stdin(Stdio::null());
    command
}

fn command(bed: &Bed, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("conductord"));
    command.args(arguments).env("CONDUCTOR_STATE_DIR", bed.state()).stdin(Stdio::null());
    command
}

/// Runs lines of a shell in which the programs of the conductor and grpcurl can be called by their names.
pub fn shell(bed: &Bed, lines: &str) -> Ended {
    let folders = [grpcurl(), program("conductor")].map(|program| program.parent().unwrap().to_owned());
    let others = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&others))).unwrap();
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", lines]).current_dir(bed.path("")).env("PATH", path);
    bash.env("CONDUCTOR_STATE_DIR", bed.state()).stdin(Stdio::null());
    ended(bash)
}
