//! A server, from its start to its end.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use crate::error::BedError;
use crate::folder::Folder;
use crate::front::Front;
use crate::identity::Identity;
use crate::keeper::Keeper;
use crate::{programs, template};

/// How often a server is started anew whose port somebody else was faster to take.
const TRIES: u32 = 5;
/// How often it is looked whether it answers.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How much of a log is shown.
const LOG_LINES: usize = 20;

/// How a server is started.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    /// Parameters of the server beside those of the bed, such as `("max_connections", "20")`.
    pub parameters: Vec<(&'static str, String)>,
    /// How long it may take until it answers.
    pub start_within: Duration,
}

impl Default for PostgresSettings {
    fn default() -> Self {
        Self { parameters: Vec::new(), start_within: Duration::from_secs(60) }
    }
}

/// A PostgreSQL server.
#[derive(Debug)]
pub struct Postgres {
    // It ends before its folder goes.
    keeper: Keeper,
    port: u16,
    settings: PostgresSettings,
    folder: Folder,
}

impl Postgres {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or the server does not answer in time.
    pub async fn start(settings: PostgresSettings) -> Result<Self, BedError> {
        let identity = Identity::find()?;
        let folder = Folder::make(identity)?;
        template::copy_to(&folder.path().join("data"), identity)?;
        Self::on(folder, &settings, identity).await
    }

    /// Starts a standby of this server, which follows it from now on, and waits until it answers.
    ///
    /// # Errors
    /// When the server cannot be copied, or the standby does not answer in time.
    pub async fn standby(&self, settings: PostgresSettings) -> Result<Self, BedError> {
        let identity = Identity::find()?;
        let folder = Folder::make(identity)?;
        let mut copy = Command::new(programs::file("pg_basebackup")?);
        copy.arg("--pgdata").arg(folder.path().join("data")).arg("--host").arg(self.socket()).current_dir("/");
        copy.args(["--port", &self.port.to_string(), "--username=postgres", "--no-password", "--write-recovery-conf"]);
        copy.args(["--checkpoint=fast", "--no-sync"]);
        identity.run_as(&mut copy);
        template::finish("pg_basebackup", &mut copy)?;
        Self::on(folder, &settings, identity).await
    }

    /// Starts a server whose data is in a folder.
    async fn on(folder: Folder, settings: &PostgresSettings, identity: Identity) -> Result<Self, BedError> {
        let mut tries = 1;
        loop {
            let port = free_port()?;
            let keeper = Keeper::start(command(&folder, port, settings, identity)?)
                .map_err(|source| BedError::Start { program: "postgres", source })?;
            match ready(&keeper, folder.path(), port, settings.start_within).await {
                Ok(()) => return Ok(Self { keeper, port, settings: settings.clone(), folder }),
                Err(BedError::Ended { log, .. }) if tries < TRIES && log.contains("could not bind") => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Its port of loopback.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its socket, which stands for a host.
    pub fn socket(&self) -> &Path {
        self.folder.path()
    }

    /// The number of its first process.
    pub const fn process(&self) -> u32 {
        self.keeper.number()
    }

    /// A connection by its socket, as its superuser.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn connect(&self, database: &str) -> Result<PgConnection, BedError> {
        let connected = options(self.folder.path(), self.port, database).connect().await;
        connected.map_err(|source| BedError::Sql { act: format!("connect to {database}"), source })
    }

    /// Runs statements as its superuser.
    ///
    /// # Errors
    /// When the server refuses one of them.
    pub async fn run(&self, database: &str, sql: &str) -> Result<(), BedError> {
        let mut connection = self.connect(database).await?;
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await;
        done.map_err(|source| BedError::Sql { act: format!("run {sql}"), source })?;
        // All that was asked of it is done.
        let _ = connection.close().await;
        Ok(())
    }

    /// Ends the server at once, as when it crashes, starts it again on its port, and waits until it answers. What was committed is
    /// there again, and all connections are gone.
    ///
    /// # Errors
    /// When the server does not answer in time, or somebody else has taken its port meanwhile.
    pub async fn restart(&mut self) -> Result<(), BedError> {
        self.keeper.end();
        let command = command(&self.folder, self.port, &self.settings, Identity::find()?)?;
        self.keeper = Keeper::start(command).map_err(|source| BedError::Start { program: "postgres", source })?;
        ready(&self.keeper, self.folder.path(), self.port, self.settings.start_within).await
    }

    /// A front of the server that can fail.
    ///
    /// # Errors
    /// When there is no port for it.
    pub async fn front(&self) -> Result<Front, BedError> {
        Front::before(self.port).await
    }
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16, BedError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(BedError::Port)?;
    listener.local_addr().map(|address| address.port()).map_err(BedError::Port)
}

fn command(folder: &Folder, port: u16, settings: &PostgresSettings, identity: Identity) -> Result<Command, BedError> {
    let path = log_file(folder.path());
    let failed = |source| BedError::File { act: "write", path: path.clone(), source };
    let log = File::create(&path).map_err(failed)?;
    let errors = log.try_clone().map_err(failed)?;
    let mut command = Command::new(programs::file("postgres")?);
    command.arg("-D").arg(folder.path().join("data"));
    let socket = folder.path().display().to_string();
    let own = [
        ("listen_addresses", "127.0.0.1".to_owned()),
        ("port", port.to_string()),
        ("unix_socket_directories", socket),
        // What a test server loses with the machine is not missed.
        ("fsync", "off".to_owned()),
        ("full_page_writes", "off".to_owned()),
        ("shared_buffers", "32MB".to_owned()),
        ("log_checkpoints", "off".to_owned()),
    ];
    for (name, value) in own.iter().chain(&settings.parameters) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    command.current_dir("/").stdin(Stdio::null()).stdout(log).stderr(errors);
    identity.run_as(&mut command);
    Ok(command)
}

async fn ready(keeper: &Keeper, folder: &Path, port: u16, within: Duration) -> Result<(), BedError> {
    let begun = Instant::now();
    let options = options(folder, port, "postgres");
    loop {
        if let Ok(connection) = options.connect().await {
            // It has shown that the server answers.
            let _ = connection.close().await;
            return Ok(());
        }
        if let Some(status) = keeper.ended() {
            return Err(BedError::Ended { program: "postgres", status, log: log(folder) });
        }
        if begun.elapsed() > within {
            return Err(BedError::Late { within, log: log(folder) });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn options(folder: &Path, port: u16, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .host(&folder.display().to_string())
        .port(port)
        .username("postgres")
        .password("")
        .database(database)
        .ssl_mode(sqlx::postgres::PgSslMode::Disable)
        .disable_statement_logging()
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("log")
}

fn log(folder: &Path) -> String {
    let text = fs::read_to_string(log_file(folder)).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}
