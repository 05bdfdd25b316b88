//! A server whose environment is a table of a database, called as people call servers.

use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::conductor::{Ended, Running, ended};
use crate::outside::program;
use crate::server::calling;

/// Such a server. It is killed when it is dropped.
#[derive(Debug)]
pub struct ModelServer {
    running: Running,
    address: String,
}

impl ModelServer {
    /// Starts one, and waits until it takes new runs. Its clock began then, in milliseconds since 1970.
    pub fn start(journal: &str, world: &str, since: u128) -> Self {
        let mut command = Command::new(program("model"));
        command.args(["--journal", journal, "--world", world, "--since", &since.to_string()]).stdin(Stdio::null());
        let mut running = Running::start(command);
        let line = running.line("listens on ");
        let address = line.rsplit(' ').next().unwrap().to_owned();
        running.line("ready");
        Self { running, address }
    }

    /// Starts a run, and answers with its id.
    pub fn start_run(&self, load_test: &Value) -> String {
        let started = self.call("StartLoadTest", &json!({ "loadTest": load_test })).json();
        started["run"]["id"].as_str().unwrap().to_owned()
    }

    /// A run as it is now.
    pub fn run(&self, run: &str) -> Value {
        self.call("GetLoadTest", &json!({ "id": run })).json()["run"].clone()
    }

    /// Kills it as a machine that dies would, and waits until it is gone.
    pub fn kill(self) {
        self.running.signal(Signal::SIGKILL);
        self.running.wait();
    }

    fn call(&self, method: &str, request: &Value) -> Ended {
        ended(calling(&self.address, method, request))
    }
}
