//! Connections to the server: a pool for journals, which begins anew when nobody answers, and limits for every answer.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use conductor_database::DatabaseServer;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgConnection, PgPool, Postgres};

use super::settings::PostgresStoreSettings;

/// How long an answer is waited for, with the connection where it is made first.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// For how long the server itself works on a statement: whoever asked does not wait any more then.
const STATEMENT_WITHIN: Duration = Duration::from_secs(30);
/// How many work at the same time; more than a server has processors would only wait there instead of here.
const AT_ONCE: u32 = 8;

/// A pool of connections.
pub(super) struct Connections {
    options: PgConnectOptions,
    pool: Mutex<Pool>,
}

#[derive(Clone)]
struct Pool {
    pool: PgPool,
    /// Which one this is, counted from the first.
    number: u64,
}

/// A connection of the pool. Dropping it without [`Connections::keep`], as when whoever asks is cancelled, gives it to the
/// pool, which looks whether it is still of use.
struct Held {
    connection: PoolConnection<Postgres>,
    of: u64,
}

impl Connections {
    /// A pool that connects when it is first used.
    pub(super) fn new(options: PgConnectOptions) -> Self {
        let pool = Mutex::new(Pool { pool: pool(&options), number: 0 });
        Self { options, pool }
    }

    /// Asks for something on a connection, and waits no longer than [`ANSWER_WITHIN`] for the answer.
    pub(super) async fn ask<T>(
        &self,
        ask: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let mut held = self.take().await?;
        let answer = within(ANSWER_WITHIN, ask(&mut held.connection)).await;
        self.keep(held, &answer);
        answer
    }

    async fn take(&self) -> Result<Held, sqlx::Error> {
        let Pool { pool, number } = self.lock().clone();
        match pool.acquire().await {
            Ok(connection) => Ok(Held { connection, of: number }),
            Err(error) => {
                // What was idle in it may be dead without a word, and each would be waited for in vain.
                if matches!(error, sqlx::Error::PoolTimedOut) {
                    self.begin_anew(number);
                }
                Err(error)
            }
        }
    }

    /// Keeps a connection for others, unless something went wrong on it: whatever it was, the next one shall have a
    /// connection without a past.
    fn keep<T>(&self, held: Held, done: &Result<T, sqlx::Error>) {
        let Err(error) = done else { return };
        // To end it in order would be to wait for an answer once more.
        drop(held.connection.detach());
        if is_silence(error) {
            self.begin_anew(held.of);
        }
    }

    /// Ends all connections in order.
    pub(super) async fn close(&self) {
        let Pool { pool, .. } = self.lock().clone();
        pool.close().await;
    }

    /// Where one connection fell silent, those beside it may have, too: a pool of new ones takes the place of this one.
    fn begin_anew(&self, number: u64) {
        let mut present = self.lock();
        if present.number == number && !present.pool.is_closed() {
            *present = Pool { pool: pool(&self.options), number: number + 1 };
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pool(options: &PgConnectOptions) -> PgPool {
    PgPoolOptions::new().max_connections(AT_ONCE).acquire_timeout(ANSWER_WITHIN).connect_lazy_with(options.clone())
}

/// The same work, which fails when it takes longer than `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(silence(limit)))
}

fn silence(limit: Duration) -> sqlx::Error {
    let text = format!("the server does not answer within {limit:?}");
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, text))
}

fn is_silence(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut)
}

/// How the server is reached, and what holds on every connection.
pub(super) fn options(settings: &PostgresStoreSettings, password: Option<&str>) -> PgConnectOptions {
    let PostgresStoreSettings { host, port, database, user, tls, schema, lease_time, .. } = settings;
    let third = (lease_time.as_duration() / 3).as_millis();
    let parameters = [
        ("search_path", schema.clone()),
        // A record is durable when its append returns, and the lease is looked at as it is now.
        ("synchronous_commit", "on".to_owned()),
        ("default_transaction_isolation", "read committed".to_owned()),
        ("statement_timeout", STATEMENT_WITHIN.as_millis().to_string()),
        // A conductor that stops in the middle of an append must not keep the lease from others by its locks.
        ("idle_in_transaction_session_timeout", third.to_string()),
        ("lock_timeout", third.to_string()),
    ];
    DatabaseServer { host, port: *port, database, user, password, tls }.postgres().options(parameters)
}
