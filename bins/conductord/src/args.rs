//! What can be said on the command line, and the settings that come of it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

use crate::exit;
use crate::listen::Listen;
use crate::settings::ServerSettings;

/// Serves load tests over gRPC: StartLoadTest and what belongs to it, with reflection, health, metrics and probes.
///
/// With environments alone it listens on this machine, and everybody on it may do everything. Whatever else a server needs
/// (who may call, TLS, where it listens) stands in the file of --settings: see docs/server.md. SIGTERM, Ctrl-C and a terminal
/// that is closed end it in order: runs are handed over, and go on with another server of the same journal, or with this one when it starts again.
#[derive(Parser)]
#[command(name = "conductord", version, after_help = exit::TABLE)]
pub(crate) struct Arguments {
    /// Environments that load tests may name, YAML or JSON files, beside those of --settings.
    #[arg(value_name = "ENVIRONMENT", required_unless_present = "settings")]
    pub(crate) environments: Vec<PathBuf>,
    /// The server's settings, a YAML or JSON file: see docs/server.md.
    #[arg(long, env = "CONDUCTORD_SETTINGS", value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// Where to listen, such as 0.0.0.0:7400 or localhost:7400, in place of what the settings say. Port 0 is one that is free;
    /// which one it is, is told.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<Listen>,
    /// Where metrics and probes are, in place of what the settings say. Port 0 is one that is free; it is told, too.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics: Option<SocketAddr>,
    /// Folder of this machine's journal and of the supervisors of local applications.
    /// Default: loadtest-conductor in the platform's folder for state.
    #[arg(long, env = "CONDUCTOR_STATE_DIR", value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// The journal that several servers share, a YAML or JSON file, in place of what the settings say: see docs/journal.md.
    #[arg(long, env = "CONDUCTOR_JOURNAL", value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
}

/// A variable of the process environment, which only the program itself reads.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Arguments {
    /// The settings, of the file and of the command line.
    pub(crate) fn settings(self) -> anyhow::Result<ServerSettings> {
        let mut settings = match &self.settings {
            Some(file) => ServerSettings::read(file)?,
            None => ServerSettings::default(),
        };
        settings.environments.extend(self.environments);
        settings.journal = self.journal.or(settings.journal);
        settings.listen = self.listen.unwrap_or(settings.listen);
        settings.telemetry.metrics.address = self.metrics.unwrap_or(settings.telemetry.metrics.address);
        let folder = conductor_wiring::state_dir(self.state_dir.or(settings.state_dir.take()).as_deref())?;
        Ok(ServerSettings { state_dir: Some(folder), ..settings })
    }
}
