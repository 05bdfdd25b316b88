//! A server, from its start to its end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, MySqlConnection};

use crate::error::BedError;
use crate::folder::Folder;
use crate::front::Front;
use crate::keeper::Keeper;
use crate::programs::Programs;
use crate::template;

/// How often it is looked whether it answers.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How much of a log is shown.
const LOG_LINES: usize = 20;

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
    keeper: Keeper,
    folder: Folder,
}

impl Mariadb {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// When MariaDB is not installed, or the server does not answer in time.
    pub async fn start(settings: MariadbSettings) -> Result<Self, BedError> {
        let programs = Programs::find()?;
        let folder = Folder::make(programs.identity)?;
        let data = folder.path().join("data");
        template::copy_to(&data, &programs)?;
        let path = log_file(folder.path());
        let failed = |source| BedError::File { act: "write", path: path.clone(), source };
        let log = File::create(&path).map_err(failed)?;
        let errors = log.try_clone().map_err(failed)?;
        let mut command = programs.server(folder.path());
        command.arg("--skip-networking").arg(format!("--socket={}", socket(folder.path()).display()));
        command.args(&settings.options).stdin(Stdio::null()).stdout(log).stderr(errors);
        let keeper = Keeper::start(command).map_err(|source| BedError::Start { program: "mariadbd", source })?;
        let server = Self { keeper, folder };
        server.ready(settings.start_within).await?;
        Ok(server)
    }

    /// The number of its process.
    pub const fn process(&self) -> u32 {
        self.keeper.number()
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
        Front::before(&socket(self.folder.path())).await
    }

    async fn ready(&self, within: Duration) -> Result<(), BedError> {
        let begun = Instant::now();
        loop {
            if let Ok(connection) = options(self.folder.path()).connect().await {
                // It has shown that the server answers.
                let _ = connection.close().await;
                return Ok(());
            }
            if let Some(status) = self.keeper.ended() {
                return Err(BedError::Ended { program: "mariadbd", status, log: log(self.folder.path()) });
            }
            if begun.elapsed() > within {
                return Err(BedError::Late { within, log: log(self.folder.path()) });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
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

fn log_file(folder: &Path) -> PathBuf {
    folder.join("log")
}

fn log(folder: &Path) -> String {
    let text = fs::read_to_string(log_file(folder)).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}
