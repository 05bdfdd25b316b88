//! A connection to the server that is made again when it is lost, with limits for everything that is done on it.

use std::time::Duration;

use conductor_core::ports::PortError;
use conductor_database::DatabaseServer;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::{Arguments, AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};

use super::settings::PostgresTestDataSettings;
use super::statement::Deletion;
use super::trouble::{Trouble, TroubleKind};
use crate::declaration::Bind;

/// How long it may take to log in.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// For how long a lost connection is made again before it is the engine's turn.
const RECONNECT_WITHIN: Duration = Duration::from_secs(30);
/// The first pause between two tries, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// How much longer than the server's own limit an answer is waited for.
const GRACE: Duration = Duration::from_secs(5);
/// How long counting may take: it reads whole tables, and locks nobody out.
const COUNT_WITHIN: Duration = Duration::from_secs(600);

/// What the planner is told, and how long a statement may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Looking around and counting.
    Look,
    /// Deleting a batch. It is small, but its plan is made of figures of the whole table, which may be old: so nothing may be
    /// planned that reads all of a table.
    Delete,
}

/// A connection to the server.
pub(super) struct Session<'a> {
    settings: &'a PostgresTestDataSettings,
    options: PgConnectOptions,
    connection: Option<Held>,
    mode: Mode,
}

/// A connection, and the mode it is in.
type Held = (PgConnection, Mode);

/// What is bound to a statement: the values of a condition, and those after them. The server reads all of them from text, as
/// the type that the statement says.
#[derive(Clone, Debug)]
pub(super) struct Values<'a> {
    pub(super) binds: &'a [Bind],
    pub(super) run: &'a str,
    pub(super) extra: Vec<Extra>,
}

/// A value that is bound after those of a condition.
#[derive(Clone, Debug)]
pub(super) enum Extra {
    Text(String),
    Texts(Vec<String>),
}

impl<'a> Session<'a> {
    /// A session that connects when it is first used.
    pub(super) fn new(settings: &'a PostgresTestDataSettings, password: Option<&str>) -> Self {
        Self { settings, options: options(settings, password), connection: None, mode: Mode::Look }
    }

    pub(super) fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
    }

    /// Reads rows; a lost connection is made again, and it is read once more.
    pub(super) async fn rows(&mut self, what: &str, sql: &str, values: &Values<'_>) -> Result<Vec<PgRow>, PortError> {
        let begun = Instant::now();
        loop {
            let mut held = self.ready().await?;
            let read = sqlx::query_with(AssertSqlSafe(sql.to_owned()), values.arguments()).fetch_all(&mut held.0);
            let read = timeout(self.limit(), read).await;
            match self.keep(held, read) {
                Ok(rows) => return Ok(rows),
                Err(trouble) if trouble.kind == TroubleKind::Lost && begun.elapsed() < RECONNECT_WITHIN => {}
                Err(trouble) => return Err(self.failed(what, trouble)),
            }
        }
    }

    /// Waits until all that was deleted outlasts a crash of the server. Its batches do not wait for that, each by itself: a
    /// customer's commit would wait behind theirs.
    pub(super) async fn make_durable(&mut self) -> Result<(), PortError> {
        self.set_mode(Mode::Look);
        // A commit waits for all that was written before it, and has to have written something itself.
        let sql = "SELECT pg_logical_emit_message(true, 'loadtest-conductor', '')::text";
        let what = "could not make sure that what was deleted stays so in";
        self.rows(what, sql, &Values::only(Vec::new())).await.map(drop)
    }

    /// Deletes rows, after it has locked them by another statement where there is one.
    pub(super) async fn delete(
        &mut self,
        deletion: &Deletion,
        values: &Values<'_>,
    ) -> Result<Result<u64, Trouble>, PortError> {
        let mut held = self.ready().await?;
        let statements = if deletion.locked.is_some() { 2 } else { 1 };
        let deleted = timeout(self.limit() * statements, delete(&mut held.0, deletion, values)).await;
        Ok(self.keep(held, deleted))
    }

    /// The error of an act on the database.
    pub(super) fn failed(&self, act: &str, trouble: Trouble) -> PortError {
        trouble.because(self.act(act))
    }

    /// An act on the database, with the store and where it is.
    pub(super) fn act(&self, act: &str) -> String {
        let PostgresTestDataSettings { name, host, port, database, .. } = self.settings;
        format!("test data {name}: {act} {database} at {host}:{port}")
    }

    /// Ends the connection in order.
    pub(super) async fn close(mut self) {
        if let Some((connection, _)) = self.connection.take() {
            // What was asked of it is done and answered; it is gone either way.
            let _ = timeout(GRACE, connection.close()).await;
        }
    }

    const fn limit(&self) -> Duration {
        match self.mode {
            Mode::Look => COUNT_WITHIN.saturating_add(GRACE),
            Mode::Delete => self.settings.statement_timeout.as_duration().saturating_add(GRACE),
        }
    }

    /// Keeps the connection for what comes next, unless it is lost. Should the future that has it be dropped, or nobody
    /// answer, the connection goes with it.
    fn keep<T>(&mut self, held: Held, done: Result<Result<T, sqlx::Error>, Elapsed>) -> Result<T, Trouble> {
        let done = done.map_or_else(|_| Err(Trouble::silent()), |done| done.map_err(Trouble::from));
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
        let mut connection = match held {
            Some((connection, mode)) if mode == self.mode => return Ok((connection, mode)),
            Some((connection, _)) => connection,
            None => self.connect().await?,
        };
        sqlx::raw_sql(AssertSqlSafe(self.parameters())).execute(&mut connection).await?;
        Ok((connection, self.mode))
    }

    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        self.settings.tls.check()?;
        self.options.connect().await
    }

    fn parameters(&self) -> String {
        let PostgresTestDataSettings { statement_timeout, lock_timeout, .. } = self.settings;
        let milliseconds = |span: conductor_core::units::Span| span.as_duration().as_millis().min(i32::MAX as u128);
        let (whole_tables, commits_wait, limit) = match self.mode {
            Mode::Look => ("on", "DEFAULT", COUNT_WITHIN.as_millis()),
            Mode::Delete => ("off", "off", milliseconds(*statement_timeout)),
        };
        // With row security off a policy that hides rows is an error, not a row less.
        format!(
            "SET statement_timeout = {limit}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = 60000; \
             SET row_security = off; SET synchronous_commit = {commits_wait}; SET enable_seqscan = {whole_tables}; \
             SET enable_hashjoin = {whole_tables}; SET enable_mergejoin = {whole_tables}",
            milliseconds(*lock_timeout)
        )
    }
}

fn options(settings: &PostgresTestDataSettings, password: Option<&str>) -> PgConnectOptions {
    let PostgresTestDataSettings { host, port, database, user, tls, .. } = settings;
    DatabaseServer { host, port: *port, database, user, password, tls }.postgres()
}

async fn delete(connection: &mut PgConnection, deletion: &Deletion, values: &Values<'_>) -> Result<u64, sqlx::Error> {
    // A kept statement would get a plan that knows nothing of its values. To forbid such plans by a parameter would have every
    // look that a foreign key takes planned anew, too, which takes longer than all else.
    let query = |sql: &str, arguments| sqlx::query_with(AssertSqlSafe(sql.to_owned()), arguments).persistent(false);
    let first = query(&deletion.sql, values.arguments());
    let Some(locked) = &deletion.locked else {
        return Ok(first.execute(connection).await?.rows_affected());
    };
    let mut transaction = connection.begin().await?;
    let (mut relations, mut places) = (Vec::new(), Vec::new());
    for row in first.fetch_all(&mut *transaction).await? {
        relations.push(row.try_get(0)?);
        places.push(row.try_get(1)?);
    }
    if places.is_empty() {
        transaction.rollback().await?;
        return Ok(0);
    }
    let chosen = Values::only(vec![Extra::Texts(relations), Extra::Texts(places)]);
    let done = query(locked, chosen.arguments()).execute(&mut *transaction).await?.rows_affected();
    transaction.commit().await?;
    Ok(done)
}

impl Values<'_> {
    /// Nothing but these.
    pub(super) const fn only(extra: Vec<Extra>) -> Self {
        Self { binds: &[], run: "", extra }
    }

    fn arguments(&self) -> PgArguments {
        let mut arguments = PgArguments::default();
        for bind in self.binds {
            let text = match bind {
                Bind::Run => self.run.to_owned(),
                Bind::Value(value) => value.to_string(),
            };
            // Encoding texts cannot fail.
            let _ = arguments.add(text);
        }
        for extra in &self.extra {
            let _ = match extra {
                Extra::Text(text) => arguments.add(text.clone()),
                Extra::Texts(texts) => arguments.add(texts.clone()),
            };
        }
        arguments
    }
}
