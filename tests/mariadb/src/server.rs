//! A server, from its start to its end.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use conductor_bed::{Backend, Ending, Error, Folder, Front, Keeper, WhenOpened, log, ready};
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, MySqlConnection};

use crate::error::BedError;
use crate::programs::Programs;
use crate::{FOLDERS, template};

/// The name of its program.
const MARIADBD: &str = "mariadbd";
/// The name of its log.
const LOG: &str = "log";

/// How a server is started.
#[derive(Clone, Debug)]
pub struct MariadbSettings {
    /// Options of the server beside those of the bed, such as `--log-bin`.
    pub options: Vec<String>,
    /// How long it may take until it answers.
    pub start_within: Duration,
}

impl Default for MariadbSettings {
    fn default() -> Self {
        Self { options: Vec::new(), start_within: Duration::from_secs(60) }
    }
}

/// A MariaDB server.
#[derive(Debug)]
pub struct Mariadb {
    // It ends before its folder goes.
    _keeper: Keeper<&'static str>,
    process: u32,
    folder: Folder,
}

impl Mariadb {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// When MariaDB is not installed, or the server does not answer in time.
    pub async fn start(settings: MariadbSettings) -> Result<Self, BedError> {
        let programs = Programs::find()?;
        let folder = FOLDERS.make(programs.identity)?;
        template::copy_to(&folder.file("data"), &programs)?;
        let mut command = programs.server(folder.path());
        command.arg("--skip-networking").arg(format!("--socket={}", socket(folder.path()).display()));
        command.args(&settings.options).stdin(Stdio::null());
        log::attach(&mut command, &folder.file(LOG))?;
        let keeper = Keeper::new(Ending::KILL);
        let process = keeper.start(MARIADBD, command).map_err(Error::start(MARIADBD))?;
        let options = options(folder.path());
        ready(&keeper, &folder.file(LOG), settings.start_within, async || answers(&options).await).await?;
        Ok(Self { _keeper: keeper, process, folder })
    }

    /// The number of its process.
    pub const fn process(&self) -> u32 {
        self.process
    }

    /// The folder of its socket and its data.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A connection by its socket, as `root`; the database may be empty for none.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn connect(&self, database: &str) -> Result<MySqlConnection, BedError> {
        let mut options = options(self.folder.path());
        if !database.is_empty() {
            options = options.database(database);
        }
        let connected = options.connect().await;
        connected.map_err(|source| BedError::Sql { act: format!("connect to {database}"), source })
    }

    /// Runs statements as `root`.
    ///
    /// # Errors
    /// When the server refuses one of them.
    pub async fn run(&self, sql: &str) -> Result<(), BedError> {
        let mut connection = self.connect("").await?;
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await;
        done.map_err(|source| BedError::Sql { act: format!("run {sql}"), source })?;
        // All that was asked of it is done.
        let _ = connection.close().await;
        Ok(())
    }

    /// A front of the server that can fail.
    ///
    /// # Errors
    /// When there is no port for it.
    pub async fn front(&self) -> Result<Front, BedError> {
        Ok(Front::before(Backend::Socket(socket(self.folder.path())), WhenOpened::PassOn)?)
    }
}

/// True for a server that lets somebody in.
async fn answers(options: &MySqlConnectOptions) -> bool {
    let Ok(connection) = options.connect().await else { return false };
    // It has shown that the server answers.
    let _ = connection.close().await;
    true
}

fn options(folder: &Path) -> MySqlConnectOptions {
    MySqlConnectOptions::new()
        .socket(socket(folder))
        .username("root")
        .ssl_mode(sqlx::mysql::MySqlSslMode::Disabled)
        .disable_statement_logging()
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("socket")
}
