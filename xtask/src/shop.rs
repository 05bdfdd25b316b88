//! A shop in a folder of its own, with the programs to test it: made, brought up, taken down. What is done with it is
//! elsewhere.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::chain::Chain;
use crate::program;
use crate::tools::locust::Locust;

/// A folder with a shop, and the programs to test it with.
pub(crate) struct Shop {
    pub(crate) folder: PathBuf,
    programs: PathBuf,
    pub(crate) locust: Locust,
    /// How it pays; `None` where it calls its provider itself.
    chain: Option<Chain>,
}

impl Shop {
    pub(crate) fn new(folder: PathBuf, programs: PathBuf, locust: Locust) -> Self {
        Self { folder, programs, locust, chain: None }
    }

    /// The same with a mock in the place of its payment provider.
    pub(crate) fn paying_by(self, chain: Chain) -> Self {
        Self { chain: Some(chain), ..self }
    }

    /// Takes down and removes what an earlier one left.
    pub(crate) fn clear(&self) -> Result<(), String> {
        if self.environment().exists() {
            program::quietly(self.conductor(&["local", "down"]).arg(self.environment()))?;
        }
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)
                .map_err(|error| format!("could not remove {}: {error}", self.folder.display()))?;
        }
        Ok(())
    }

    pub(crate) fn make(&self) -> Result<(), String> {
        let mut init = Command::new(self.programs.join("shop"));
        init.arg("init").arg("--locust").arg(&self.locust.program).arg(&self.folder);
        if let Some(Chain { router, mock }) = &self.chain {
            init.arg("--router").arg(router).arg("--mock").arg(mock);
        }
        print!("{}", program::quietly(&mut init)?);
        let plugin = program::quietly(&mut self.conductor(&["locust-plugin"]))?;
        let file = self.folder.join("conductor_locust.py");
        fs::write(&file, plugin).map_err(|error| format!("could not write {}: {error}", file.display()))
    }

    pub(crate) fn up(&self) -> Result<(), String> {
        program::run(self.conductor(&["local", "up"]).arg(self.environment()))
    }

    /// Takes the environment down and proves that no process is left.
    pub(crate) fn down(&self) -> Result<(), String> {
        program::run(self.conductor(&["local", "down"]).arg(self.environment()))?;
        let left = self.processes()?;
        if left.is_empty() {
            println!("✔ no process is left");
            return Ok(());
        }
        Err(format!("processes are left:\n{left}"))
    }

    /// The command lines of all processes that mention the folder, but for the one that looks.
    fn processes(&self) -> Result<String, String> {
        const LOOK: &str = "import os, psutil, sys\n\
            for process in psutil.process_iter(['pid', 'cmdline']):\n\
            \x20   line = ' '.join(process.info['cmdline'] or [])\n\
            \x20   if sys.argv[1] in line and process.pid != os.getpid(): print(process.pid, line)\n";
        program::quietly(Command::new(&self.locust.python).args(["-c", LOOK]).arg(&self.folder))
    }

    pub(crate) fn environment(&self) -> PathBuf {
        self.folder.join("environment.yaml")
    }

    pub(crate) fn conductor(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.programs.join("conductor"));
        command.args(arguments).arg("--state-dir").arg(self.folder.join("state"));
        command
    }
}
