//! The steps of the demo that are its own, each one a command that anybody can type.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::checks::{self, Memory};
use crate::program;
use crate::shop::Shop;

impl Shop {
    /// Runs the load test and answers with the most memory that the conductor had meanwhile.
    pub(super) fn run_load_test(&self) -> Result<Memory, String> {
        const WATCH: &str = "import psutil, signal, sys, time\n\
            signal.signal(signal.SIGINT, signal.SIG_IGN)\n\
            resident = own = 0\n\
            try:\n\
            \x20   process = psutil.Process(int(sys.argv[1]))\n\
            \x20   while process.is_running():\n\
            \x20       now = process.memory_info()\n\
            \x20       files = now.shared if hasattr(now, 'shared') else now.rss - process.memory_full_info().uss\n\
            \x20       resident, own = max(resident, now.rss), max(own, now.rss - files)\n\
            \x20       time.sleep(1)\n\
            except psutil.Error: pass\n\
            print(resident, own)\n";
        let mut conductor = self.conductor(&["run"]);
        conductor.arg(self.folder.join("loadtest.yaml")).stdin(Stdio::null());
        let mut running = conductor.spawn().map_err(|error| format!("could not start the conductor: {error}"))?;
        let mut watch = Command::new(&self.locust.python);
        watch.args(["-c", WATCH, &running.id().to_string()]).stdin(Stdio::null()).stdout(Stdio::piped());
        let watching = watch.spawn();
        let status = running.wait().map_err(|error| format!("could not wait for the conductor: {error}"))?;
        if !status.success() {
            return Err(format!("conductor run ended with {status}: {}", self.told()));
        }
        let seen = watching.and_then(std::process::Child::wait_with_output);
        let seen = seen.map_err(|error| format!("could not look at the conductor's memory: {error}"))?;
        let text = String::from_utf8_lossy(&seen.stdout).into_owned();
        let figures: Vec<u64> = text.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
        match figures[..] {
            [resident, own] => Ok(Memory { resident, own }),
            _ => Err(format!("could not look at the conductor's memory: {text}")),
        }
    }

    /// What the run has come to, in one line, as far as there is one.
    fn told(&self) -> String {
        match self.view() {
            Ok(view) => checks::told(&view),
            Err(message) => message,
        }
    }

    /// Checks which version the shop runs, and how often.
    pub(super) fn expect_replicas(&self, version: &str, replicas: usize) -> Result<(), String> {
        let shop = self.status("shop")?;
        let found: Vec<&str> = shop["replicas"]
            .as_array()
            .ok_or("the shop has no replicas")?
            .iter()
            .filter(|replica| replica["state"] == "ready")
            .filter_map(|replica| replica["version"].as_str())
            .collect();
        if found == vec![version; replicas] {
            println!("✔ the shop is {version} × {replicas}");
            return Ok(());
        }
        Err(format!("the shop should be {version} × {replicas}, but its ready replicas are {found:?}"))
    }

    /// What the supervisor says of an application.
    pub(super) fn status(&self, name: &str) -> Result<Value, String> {
        let text = program::quietly(self.conductor(&["local", "status", "--output", "json"]).arg(self.environment()))?;
        let status: Value =
            serde_json::from_str(&text).map_err(|error| format!("could not read the status: {error}"))?;
        let applications = status["applications"].as_array().ok_or("the status names no applications")?;
        let found = applications.iter().find(|application| application["name"] == name);
        found.cloned().ok_or_else(|| format!("there is no {name}"))
    }

    /// The run as the conductor tells it.
    pub(super) fn view(&self) -> Result<Value, String> {
        let text = program::quietly(&mut self.conductor(&["get", "--output", "json"]))?;
        serde_json::from_str(&text).map_err(|error| format!("could not read the run: {error}"))
    }

    pub(super) fn report(&self) -> Result<PathBuf, String> {
        let view = self.view()?;
        let run = view["id"].as_str().ok_or("the run has no id")?;
        let file = self.folder.join("state").join("reports").join(format!("{run}.html"));
        if file.exists() { Ok(file) } else { Err(format!("there is no report {}", file.display())) }
    }

    /// All rows of the shop's database in order, as one text, read by another program than ours.
    pub(super) fn rows(&self) -> Result<String, String> {
        const DUMP: &str = "import sqlite3, sys\n\
            base = sqlite3.connect(sys.argv[1])\n\
            for table in ('orders', 'basket_lines', 'baskets'):\n\
            \x20   for row in base.execute(f'SELECT * FROM {table} ORDER BY id'): print(table, row)\n";
        program::quietly(Command::new(&self.locust.python).args(["-c", DUMP]).arg(self.folder.join("shop.db")))
    }
}
