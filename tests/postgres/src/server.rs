//! A server, from its start to its end.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use conductor_bed::{
    Backend, Ending, Error, Folder, Front, Identity, Keeper, Signal, WhenOpened, log, loopback, program, ready,
};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use crate::error::BedError;
use crate::{FOLDERS, programs, template};

/// How often a server is started anew whose port somebody else was faster to take.
const TRIES: u32 = 5;
/// By SIGQUIT a server ends at once, with everything that it has started.
const ENDING: Ending = Ending { with_owner: Signal::SIGQUIT, asked: Signal::SIGQUIT, within: Duration::from_secs(10) };
/// The name of its first program.
const POSTGRES: &str = "postgres";
/// The name of its log.
const LOG: &str = "log";

/// How a server is started.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    /// Parameters of the server beside those of the bed, such as `("max_connections", "20")`.
    pub parameters: Vec<(&'static str, String)>,
    /// How long it may take until it answers.
    pub start_within: Duration,
}

impl PostgresSettings {
    /// Those of every server of the bed, with these parameters.
    pub fn with<const N: usize>(parameters: [(&'static str, &str); N]) -> Self {
        let parameters = parameters.map(|(name, value)| (name, value.to_owned())).to_vec();
        Self { parameters, ..Self::default() }
    }
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
    keeper: Keeper<&'static str>,
    process: u32,
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
        let identity = Identity::without_rights().ok_or(BedError::Nobody)?;
        let folder = FOLDERS.make(identity)?;
        template::copy_to(&folder.file("data"), identity)?;
        Self::on(folder, &settings, identity).await
    }

    /// Starts a standby of this server, which follows it from now on, and waits until it answers.
    ///
    /// # Errors
    /// When the server cannot be copied, or the standby does not answer in time.
    pub async fn standby(&self, settings: PostgresSettings) -> Result<Self, BedError> {
        let identity = Identity::without_rights().ok_or(BedError::Nobody)?;
        let folder = FOLDERS.make(identity)?;
        let mut copy = Command::new(programs::file("pg_basebackup")?);
        copy.arg("--pgdata").arg(folder.file("data")).arg("--host").arg(self.socket()).current_dir("/");
        copy.args(["--port", &self.port.to_string(), "--username=postgres", "--no-password", "--write-recovery-conf"]);
        copy.args(["--checkpoint=fast", "--no-sync"]);
        identity.run_as(&mut copy);
        program::run("pg_basebackup", &mut copy)?;
        Self::on(folder, &settings, identity).await
    }

    /// Starts a server whose data is in a folder.
    async fn on(folder: Folder, settings: &PostgresSettings, identity: Identity) -> Result<Self, BedError> {
        let mut tries = 1;
        loop {
            // It was free a moment ago.
            let (_, port) = loopback::listen()?;
            match begin(&folder, port, settings, identity).await {
                Ok((keeper, process)) => {
                    return Ok(Self { keeper, process, port, settings: settings.clone(), folder });
                }
                Err(BedError::Common(Error::Ended { log, .. })) if tries < TRIES && log.contains("could not bind") => {
                    tries += 1;
                }
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
        self.process
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
        let identity = Identity::without_rights().ok_or(BedError::Nobody)?;
        // Its port and its data are free once it has ended.
        self.keeper.stop();
        (self.keeper, self.process) = begin(&self.folder, self.port, &self.settings, identity).await?;
        Ok(())
    }

    /// A front of the server that can fail.
    ///
    /// # Errors
    /// When there is no port for it.
    pub async fn front(&self) -> Result<Front, BedError> {
        Ok(Front::before(Backend::Port(self.port), WhenOpened::StaySilent)?)
    }
}

/// Starts the server of a folder and waits until it answers.
async fn begin(
    folder: &Folder,
    port: u16,
    settings: &PostgresSettings,
    identity: Identity,
) -> Result<(Keeper<&'static str>, u32), BedError> {
    let command = command(folder, port, settings, identity)?;
    let keeper = Keeper::new(ENDING);
    let process = keeper.start(POSTGRES, command).map_err(Error::start(POSTGRES))?;
    let options = options(folder.path(), port, "postgres");
    let answers = async || answers(&options).await;
    ready(&keeper, &folder.file(LOG), settings.start_within, answers).await?;
    Ok((keeper, process))
}

fn command(folder: &Folder, port: u16, settings: &PostgresSettings, identity: Identity) -> Result<Command, BedError> {
    let mut command = Command::new(programs::file(POSTGRES)?);
    command.arg("-D").arg(folder.file("data"));
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
    command.current_dir("/").stdin(Stdio::null());
    log::attach(&mut command, &folder.file(LOG))?;
    identity.run_as(&mut command);
    Ok(command)
}

/// True for a server that lets somebody in.
async fn answers(options: &PgConnectOptions) -> bool {
    let Ok(connection) = options.connect().await else { return false };
    // It has shown that the server answers.
    let _ = connection.close().await;
    true
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
