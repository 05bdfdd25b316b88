//! A process that is measured: what it says first, what it takes, and its end with its owner's.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

/// Ticks of a processor's time in a second, as Linux counts them for programs.
const TICKS: f64 = 100.0;
/// How long a process may take to say its first word.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process. It is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    id: u32,
    /// What stands behind the words that were waited for.
    pub(crate) told: String,
    /// Its end is the other one's.
    input: Option<ChildStdin>,
}

impl Process {
    /// This very program with another argument, once it has said something.
    pub(crate) async fn of_this_program(argument: &str, said: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(argument);
        Self::start(command, said).await
    }

    /// A program, once it has printed a line with these words.
    pub(crate) async fn start(mut command: Command, said: &str) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("{command:?} has said nothing")).unwrap().unwrap_or_default();
        let told = line.split_once(said).unwrap_or_else(|| panic!("{command:?} has said: {line}")).1.to_owned();
        let (id, input) = (child.id().unwrap(), child.stdin.take());
        Self { child, id, told, input }
    }

    /// The memory that it has in use, in KiB.
    pub(crate) fn memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(Path::new("/proc").join(self.id.to_string()).join("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// The time that processors have worked for it, in seconds.
    pub(crate) fn cpu_s(&self) -> f64 {
        let stat = std::fs::read_to_string(Path::new("/proc").join(self.id.to_string()).join("stat")).unwrap();
        // Its name, in brackets, may have anything in it. Of the fields behind, the 12th and 13th are user and system.
        let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
        fields.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / TICKS
    }

    /// Ends it.
    pub(crate) async fn end(mut self) {
        drop(self.input.take());
        self.child.kill().await.unwrap();
    }
}
