//! A connection to the server that is made again when it is lost, with limits for everything that is done on it.

use std::sync::Arc;
use std::time::Duration;

use conductor_core::ports::PortError;
use conductor_database::DatabaseServer;
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlRow};
use sqlx::{Arguments, AssertSqlSafe, ConnectOptions, Connection, MySqlConnection};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};

use super::key::{Key, KeyOf};
use super::kill::{Kill, Known};
use super::settings::MysqlTestDataSettings;
use super::statement::Statement;
use super::trouble::{Trouble, TroubleKind};

/// How long it may take to log in.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// For how long a lost connection is made again before it is the engine's turn.
const RECONNECT_WITHIN: Duration = Duration::from_secs(30);
/// The first pause between two tries, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// How long it may take to show something of the server.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);
/// How much longer than the server's own limit an answer is waited for.
const GRACE: Duration = Duration::from_secs(5);
/// How long counting and finding rows may take: it may read whole tables, and locks nobody out.
const LOOK_WITHIN: Duration = Duration::from_secs(600);

/// How many statements stay prepared. To close one costs more than to run it: there is no answer to that, and what follows
/// on the same connection waits until the network has confirmed it. Statements of large batches are large, too.
const STATEMENTS: usize = 32;

/// What holds in the session whatever the server's own settings are. Locks are those of rows that match, and never of what is
/// between them; keys are checked; char columns are without their blanks.
const PARAMETERS: [&str; 2] = [
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION autocommit = 1, foreign_key_checks = 1, unique_checks = 1, sql_safe_updates = 0, \
     sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
];

/// How long a statement may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Looking around, counting, and finding rows.
    Look,
    /// Deleting a batch.
    Delete,
}

/// A connection to the server.
pub(super) struct Session<'a> {
    settings: &'a MysqlTestDataSettings,
    options: Arc<MySqlConnectOptions>,
    /// Where it is, for people.
    place: String,
    connection: Option<Held>,
    mode: Mode,
}

/// A connection, what its server calls it, and the mode it is in.
struct Held {
    connection: MySqlConnection,
    known: Known,
    mode: Mode,
}

/// What deletes a batch: where rows point at the table, what is looked at before, in the same transaction.
pub(super) struct Batch<'a> {
    /// Locks the rows that are still the run's, and tells their keys.
    pub(super) lock: Option<Statement>,
    /// Those of them at which nobody points.
    pub(super) free: &'a (dyn Fn(&[KeyOf]) -> Statement + Sync),
    pub(super) delete: &'a (dyn Fn(&[KeyOf]) -> Statement + Sync),
    pub(super) key: &'a Key,
    pub(super) keys: &'a [KeyOf],
}

impl<'a> Session<'a> {
    /// A session that connects when it is first used.
    pub(super) fn new(settings: &'a MysqlTestDataSettings, password: Option<&str>) -> Self {
        Self::at(settings, password, &settings.host, settings.port)
    }

    /// A session with a replica.
    pub(super) fn at(settings: &'a MysqlTestDataSettings, password: Option<&str>, host: &str, port: u16) -> Self {
        let options = Arc::new(options(settings, password, host, port));
        Self { settings, options, place: format!("{host}:{port}"), connection: None, mode: Mode::Look }
    }

    pub(super) fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
    }

    /// Reads rows by texts that are bound.
    pub(super) async fn rows(&mut self, act: &str, sql: &str, texts: &[&str]) -> Result<Vec<MySqlRow>, PortError> {
        let read = self.rows_or(sql, texts).await?;
        read.map_err(|trouble| self.failed(act, trouble))
    }

    /// Reads rows of a run.
    pub(super) async fn of_run(
        &mut self,
        act: &str,
        statement: &Statement,
        run: &str,
    ) -> Result<Vec<MySqlRow>, PortError> {
        let read = self.read(&statement.sql, || statement.arguments(run)).await?;
        read.map_err(|trouble| self.failed(act, trouble))
    }

    /// Reads rows, or tells what the server says instead.
    pub(super) async fn rows_or(
        &mut self,
        sql: &str,
        texts: &[&str],
    ) -> Result<Result<Vec<MySqlRow>, Trouble>, PortError> {
        let arguments = || {
            let mut arguments = MySqlArguments::default();
            for text in texts {
                // Encoding texts cannot fail.
                let _ = arguments.add((*text).to_owned());
            }
            arguments
        };
        self.read(sql, arguments).await
    }

    /// Reads rows without values, in the words that statements of administration need.
    pub(super) async fn shown(&mut self, sql: &'static str) -> Result<Result<Vec<MySqlRow>, Trouble>, PortError> {
        let begun = Instant::now();
        loop {
            let mut held = self.ready().await?;
            let kill = self.kill(&held);
            let read = timeout(SHOWN_WITHIN, sqlx::raw_sql(sql).fetch_all(&mut held.connection)).await;
            match self.keep(held, read, kill) {
                Err(trouble) if trouble.kind == TroubleKind::Lost && begun.elapsed() < RECONNECT_WITHIN => {}
                read => return Ok(read),
            }
        }
    }

    /// A lost connection is made again, and it is read once more.
    async fn read(
        &mut self,
        sql: &str,
        arguments: impl Fn() -> MySqlArguments,
    ) -> Result<Result<Vec<MySqlRow>, Trouble>, PortError> {
        let begun = Instant::now();
        loop {
            let mut held = self.ready().await?;
            let kill = self.kill(&held);
            let query = sqlx::query_with(AssertSqlSafe(sql.to_owned()), arguments());
            let read = timeout(self.limit(), query.fetch_all(&mut held.connection)).await;
            match self.keep(held, read, kill) {
                Err(trouble) if trouble.kind == TroubleKind::Lost && begun.elapsed() < RECONNECT_WITHIN => {}
                read => return Ok(read),
            }
        }
    }

    /// Deletes a batch, in one transaction.
    pub(super) async fn delete(&mut self, batch: &Batch<'_>, run: &str) -> Result<Result<u64, Trouble>, PortError> {
        let mut held = self.ready().await?;
        let kill = self.kill(&held);
        let deleted = timeout(self.limit(), delete(&mut held.connection, batch, run)).await;
        Ok(self.keep(held, deleted, kill))
    }

    fn kill(&self, held: &Held) -> Kill {
        Kill::unless_answered(self.options.clone(), held.known.clone())
    }

    /// The error of an act on the database.
    pub(super) fn failed(&self, act: &str, trouble: Trouble) -> PortError {
        trouble.because(self.act(act))
    }

    /// An act on the database, with the store and where it is.
    pub(super) fn act(&self, act: &str) -> String {
        format!("test data {}: {act} {} at {}", self.settings.name, self.settings.database, self.place)
    }

    /// Ends the connection in order.
    pub(super) async fn close(mut self) {
        if let Some(Held { connection, .. }) = self.connection.take() {
            // What was asked of it is done and answered; it is gone either way.
            let _ = timeout(GRACE, connection.close()).await;
        }
    }

    const fn limit(&self) -> Duration {
        match self.mode {
            Mode::Look => LOOK_WITHIN,
            Mode::Delete => self.settings.statement_timeout.as_duration().saturating_add(GRACE),
        }
    }

    /// Keeps the connection for what comes next, unless it is lost. Should the future that has it be dropped, or nobody
    /// answer, the connection goes with it, and the server is told to end what it does.
    fn keep<T>(&mut self, held: Held, done: Result<Result<T, sqlx::Error>, Elapsed>, kill: Kill) -> Result<T, Trouble> {
        let done = match done {
            Ok(done) => {
                kill.answered();
                done.map_err(Trouble::from)
            }
            Err(_) => Err(Trouble::silent()),
        };
        if !matches!(&done, Err(trouble) if trouble.kind == TroubleKind::Lost) {
            self.connection = Some(held);
        }
        done
    }

    /// The connection in the session's mode, made again where it is lost.
    async fn ready(&mut self) -> Result<Held, PortError> {
        let begun = Instant::now();
        let (mut pause, longest) = PAUSES;
        loop {
            let held = self.connection.take();
            match timeout(CONNECT_WITHIN, self.prepare(held)).await.unwrap_or_else(|_| Err(Trouble::silent())) {
                Ok(held) => return Ok(held),
                Err(trouble) if trouble.kind == TroubleKind::Lost && begun.elapsed() < RECONNECT_WITHIN => {}
                Err(trouble) => return Err(self.failed("could not connect to", trouble)),
            }
            tokio::time::sleep(pause).await;
            pause = longest.min(pause * 2);
        }
    }

    async fn prepare(&self, held: Option<Held>) -> Result<Held, Trouble> {
        let mut held = match held {
            Some(held) if held.mode == self.mode => return Ok(held),
            Some(held) => held,
            None => self.connect().await?,
        };
        sqlx::raw_sql(AssertSqlSafe(self.limits())).execute(&mut held.connection).await?;
        Ok(Held { mode: self.mode, ..held })
    }

    async fn connect(&self) -> Result<Held, sqlx::Error> {
        self.settings.tls.check()?;
        let mut connection = self.options.connect().await?;
        for statement in PARAMETERS {
            sqlx::raw_sql(statement).execute(&mut connection).await?;
        }
        let known = Known::of(&mut connection).await?;
        Ok(Held { connection, known, mode: self.mode })
    }

    /// How long it is waited and worked in this mode, and how. Each server understands its own comment: MariaDB ends any
    /// statement, MySQL one that reads.
    ///
    /// Rows that are deleted are known by their keys, and each is looked at then: the other way round, all rows of the run would
    /// be read for each batch, and where the server's statistics are old, it would take that way.
    fn limits(&self) -> String {
        let (seconds, switch) = match self.mode {
            Mode::Look => (LOOK_WITHIN.as_secs(), "@@GLOBAL.optimizer_switch"),
            Mode::Delete => {
                (self.settings.statement_timeout.as_duration().as_secs(), "'semijoin=off,materialization=off'")
            }
        };
        let lock = self.settings.lock_timeout.as_duration().as_secs();
        format!(
            "SET SESSION innodb_lock_wait_timeout = {lock}, lock_wait_timeout = {lock}, optimizer_switch = {switch} \
             /*M!, max_statement_time = {seconds}, in_predicate_conversion_threshold = 0 */ \
             /*!80000, max_execution_time = {} */",
            seconds * 1000
        )
    }
}

fn options(settings: &MysqlTestDataSettings, password: Option<&str>, host: &str, port: u16) -> MySqlConnectOptions {
    let MysqlTestDataSettings { database, user, tls, .. } = settings;
    DatabaseServer { host, port, database, user, password, tls }.mysql().statement_cache_capacity(STATEMENTS)
}

async fn delete(connection: &mut MySqlConnection, batch: &Batch<'_>, run: &str) -> Result<u64, sqlx::Error> {
    let Some(lock) = &batch.lock else {
        let delete = (batch.delete)(batch.keys);
        return Ok(query(&delete, run).execute(connection).await?.rows_affected());
    };
    let mut transaction = connection.begin().await?;
    match locked(&mut transaction, batch, lock, run).await {
        Ok(done) => {
            transaction.commit().await?;
            Ok(done)
        }
        Err(error) => {
            // A statement that waited in vain ends alone: the locks of those before it would be held through all pauses.
            transaction.rollback().await?;
            Err(error)
        }
    }
}

async fn locked(
    connection: &mut MySqlConnection,
    batch: &Batch<'_>,
    lock: &Statement,
    run: &str,
) -> Result<u64, sqlx::Error> {
    let mut keys = read(batch.key, &query(lock, run).fetch_all(&mut *connection).await?)?;
    if !keys.is_empty() {
        let free = (batch.free)(&keys);
        keys = read(batch.key, &query(&free, run).fetch_all(&mut *connection).await?)?;
    }
    if keys.is_empty() {
        return Ok(0);
    }
    Ok(query(&(batch.delete)(&keys), run).execute(&mut *connection).await?.rows_affected())
}

fn read(key: &Key, rows: &[MySqlRow]) -> Result<Vec<KeyOf>, sqlx::Error> {
    rows.iter().map(|row| key.read(row)).collect()
}

fn query(statement: &Statement, run: &str) -> sqlx::query::Query<'static, sqlx::MySql, MySqlArguments> {
    sqlx::query_with(AssertSqlSafe(statement.sql.clone()), statement.arguments(run))
}
